// Console logs in, a count of crash signatures out, as a CI job would want it.
//   node examples/decode-pipeline.mjs LOG...
// Without arguments it decodes three boots that it makes itself.
import fs from 'node:fs';
import { boot, decodeConsole, signature } from 'percpu-malta';

async function logs() {
  const files = process.argv.slice(2);
  if (files.length > 0) return files.map((file) => [file, fs.readFileSync(file, 'latin1')]);
  const made = [];
  for (const seed of [1, 2, 8]) made.push([`seed ${seed}`, (await boot({ seed })).console.join('\n')]);
  return made;
}

const counts = new Map();
for (const [name, text] of await logs()) {
  const decoded = decodeConsole(text);
  const crash = decoded.outcome === 'clean' ? 'clean' : signature(decoded);
  console.log(`${name}: ${decoded.outcome}, ${crash}`);
  counts.set(crash, (counts.get(crash) ?? 0) + 1);
}
for (const [crash, count] of counts) console.log(`${count} x ${crash}`);
