// Compiles the C hooks (emu/unicorn/shim) when there is a C compiler. Without them everything works, slower.
import { Buffer } from 'node:buffer';
import fs from 'node:fs';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { buildDir, root } from './paths.mjs';
import { say } from './say.mjs';

const folder = path.join(root, 'emu/unicorn/shim');
/** The portable hooks and the fast path, each a library of its own (names as in emu/unicorn). */
const parts = Object.entries({
  shim: ['shim.c', 'machine.h'],
  fast: ['fast.c', 'sanitizer.c', 'fast.h', 'machine.h'],
}).map(([name, files]) => {
  const compiled = path.join(buildDir, `${name}-${process.platform}-${process.arch}.so`);
  // A copy of the sources it was made from: npm gives files times that say nothing.
  return { sources: files.map((file) => path.join(folder, file)), compiled, compiledFrom: `${compiled}.c` };
});

const text = ({ sources }) => Buffer.concat(sources.map((source) => fs.readFileSync(source)));
const isStale = (part) =>
  !fs.existsSync(part.compiled) ||
  !fs.existsSync(part.compiledFrom) ||
  !fs.readFileSync(part.compiledFrom).equals(text(part));

/** @returns {{ complete: boolean, folder: string, how: string }} whether the compiled hooks are there, where, and how that came */
export function ensureShim() {
  const stale = parts.filter(isStale);
  const result = (complete, how) => ({ complete, folder: buildDir, how });
  if (stale.length === 0) return result(true, 'compiled before');
  const compiler = [process.env.CC, 'cc', 'gcc', 'clang'].find(
    (name) => name && spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0,
  );
  if (!compiler) {
    discard(stale);
    return result(false, 'no C compiler (cc, gcc or clang) found');
  }
  say(`compiling the hooks that run the guest (${compiler})`);
  try {
    fs.mkdirSync(buildDir, { recursive: true });
    const failed = stale.filter((part) => !compile(compiler, part));
    if (failed.length === 0) return result(true, `compiled by ${compiler}`);
    discard(failed);
    say('that failed: the hooks in TypeScript do the same work, slower');
    return result(false, `${compiler} failed`);
  } catch (error) {
    say(`that failed: ${error.message}`);
    return result(false, error.message);
  }
}

/** Hooks of other sources than these are not to be used. */
function discard(parts) {
  for (const { compiled, compiledFrom } of parts)
    for (const file of [compiled, compiledFrom]) fs.rmSync(file, { force: true });
}

function compile(compiler, part) {
  const { sources, compiled, compiledFrom } = part;
  const unfinished = `${compiled}.${process.pid}`;
  const units = sources.filter((source) => source.endsWith('.c'));
  try {
    const { status } = spawnSync(compiler, ['-shared', '-fPIC', '-O2', '-o', unfinished, ...units], {
      stdio: ['ignore', 2, 2],
    });
    if (status !== 0) return false;
    fs.renameSync(unfinished, compiled);
    fs.writeFileSync(compiledFrom, text(part));
    return true;
  } finally {
    fs.rmSync(unfinished, { force: true });
  }
}
