// Compiles the C hooks (emu/unicorn/shim) when there is a C compiler. Without them everything works, slower.
import fs from 'node:fs';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { cacheDir, root } from './paths.mjs';
import { say } from './say.mjs';

const folder = path.join(root, 'emu/unicorn/shim');
/** The portable hooks and the fast path, each a library of its own (names as in shim.ts and fast.ts). */
const parts = ['shim', 'fast'].map((name) => ({
  source: path.join(folder, `${name}.c`),
  compiled: path.join(cacheDir, `${name}-${process.platform}-${process.arch}.so`),
}));

export function ensureShim() {
  const age = (file) => fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const stale = parts.filter(({ source, compiled }) => age(compiled) < age(source));
  if (stale.length === 0) return;
  const compiler = [process.env.CC, 'cc', 'gcc', 'clang'].find(
    (name) => name && spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0,
  );
  if (!compiler) return;
  say(`compiling the hooks that run the guest (${compiler})`);
  fs.mkdirSync(cacheDir, { recursive: true });
  for (const { source, compiled } of stale) {
    const unfinished = `${compiled}.${process.pid}`;
    const { status } = spawnSync(compiler, ['-shared', '-fPIC', '-O2', '-o', unfinished, source], {
      stdio: ['ignore', 2, 2],
    });
    if (status === 0) fs.renameSync(unfinished, compiled);
    else say('that failed: the hooks in TypeScript do the same work, slower');
  }
}
