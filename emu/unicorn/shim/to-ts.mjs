// Prints a WebAssembly module as the TypeScript source wasm-hooks.ts: it has to be in bundles and pages as it is.
import { createHash } from 'node:crypto';
import fs from 'node:fs';

const bytes = fs.readFileSync(process.argv[2]);
const DATA_SECTION = 11;
for (let at = 8, id; at < bytes.length;) {
  id = bytes[at++];
  let size = 0;
  for (let shift = 0, byte = 128; byte & 128; shift += 7) size |= ((byte = bytes[at++]) & 127) << shift;
  if (id === DATA_SECTION) throw new Error('the module has data: it would overwrite the engine’s');
  at += size;
}
const lines = bytes.toString('base64').match(/.{1,120}/g);
console.log(`// Made of shim.c and sanitizer.c by \`make -C emu/unicorn/shim install\`: not to be edited. ${bytes.length} bytes,
// sha256 ${createHash('sha256').update(bytes).digest('hex')}.

/** The module, in base64. */
export const WASM_HOOKS = [
${lines.map((line) => `  '${line}',`).join('\n')}
].join('');`);
