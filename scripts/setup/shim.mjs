// Compiles the C hooks (emu/unicorn/shim/shim.c) when there is a C compiler. Without them everything works, slower.
import fs from 'node:fs';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { cacheDir, root } from './paths.mjs';
import { say } from './say.mjs';

const source = path.join(root, 'emu/unicorn/shim/shim.c');
/** As in emu/unicorn/shim/shim.ts. */
const compiled = path.join(cacheDir, `shim-${process.platform}-${process.arch}.so`);

export function ensureShim() {
  const age = fs.statSync(compiled, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (age >= fs.statSync(source).mtimeMs) return;
  const compiler = [process.env.CC, 'cc', 'gcc', 'clang'].find(
    (name) => name && spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0,
  );
  if (!compiler) return;
  say(`compiling the hooks that run at every guest instruction (${compiler})`);
  fs.mkdirSync(cacheDir, { recursive: true });
  const unfinished = `${compiled}.${process.pid}`;
  const { status } = spawnSync(compiler, ['-shared', '-fPIC', '-O2', '-o', unfinished, source], {
    stdio: ['ignore', 2, 2],
  });
  if (status === 0) fs.renameSync(unfinished, compiled);
  else say('that failed: the hooks in TypeScript do the same work, slower');
}
