// Bundles the command line and the library into dist/ with esbuild (about 0.1 s). Types are checked by `npm run typecheck`.
import fs from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { distDir, root } from './setup/paths.mjs';

const entryPoints = {
  index: 'src/index.ts',
  engine: 'emu/unicorn/choose.ts',
  'boot-sim': 'scripts/boot-sim.ts',
  'boot-worker': 'src/experiments/boot-worker.ts',
  cli: 'src/cli.ts',
};

const { outputFiles } = await build({
  absWorkingDir: root,
  entryPoints,
  outdir: 'dist',
  bundle: true,
  splitting: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  packages: 'external',
  sourcemap: true,
  logLevel: 'warning',
  write: false,
});

// Another process may be running from dist/: files change one by one and whole, the shared chunks before the entry points
// that name them, cli.js (whose age tells whether dist/ is stale) last.
const order = Object.keys(entryPoints).map((name) => `${name}.js`);
const rank = ({ path: file }) => order.indexOf(path.basename(file));
fs.mkdirSync(distDir, { recursive: true });
for (const { path: file, contents } of outputFiles.toSorted((a, b) => rank(a) - rank(b))) {
  fs.writeFileSync(`${file}.${process.pid}`, contents);
  fs.renameSync(`${file}.${process.pid}`, file);
}
const current = new Set(outputFiles.map(({ path: file }) => path.basename(file)));
for (const name of fs.readdirSync(distDir))
  if (/\.js(\.map)?$/.test(name) && !current.has(name)) fs.rmSync(path.join(distDir, name), { force: true });
