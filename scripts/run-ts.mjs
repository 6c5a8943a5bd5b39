#!/usr/bin/env node
// Runs a TypeScript script of this checkout: `node scripts/run-ts.mjs scripts/x.ts ARGS`. Bundled by esbuild into .cache, then imported.
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { cacheDir, root } from './setup/paths.mjs';
import { ensureShim } from './setup/shim.mjs';

const [script, ...args] = process.argv.slice(2);
if (script === undefined) {
  console.error('usage: node scripts/run-ts.mjs SCRIPT.ts [ARGS]');
  process.exit(2);
}
ensureShim(); // hooks of other sources would not fit
// One bundle per process, so that two runs at the same time never import each other's half-written file.
const outfile = path.join(cacheDir, 'scripts', `${path.basename(script, '.ts')}-${process.pid}.mjs`);
await build({
  absWorkingDir: root,
  entryPoints: [path.resolve(script)],
  inject: ['src/v8-flags.ts'],
  outfile,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  packages: 'external',
  sourcemap: 'inline',
  logLevel: 'warning',
});
process.argv = [process.argv[0], path.resolve(script), ...args];
try {
  await import(pathToFileURL(outfile).href);
} finally {
  const { rmSync } = await import('node:fs');
  rmSync(outfile, { force: true });
}
