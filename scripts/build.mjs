// Bundles the command line and the library into dist/ with esbuild (about 0.1 s). Types are checked by `npm run typecheck`.
// --release: without source maps, for the package.
import fs from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { browserPlugin } from './browser-plugin.mjs';
import { distDir, root } from './setup/paths.mjs';

const release = process.argv.includes('--release');
// tsc adds to it, and takes nothing away.
if (release) fs.rmSync(path.join(distDir, 'types'), { recursive: true, force: true });

const entryPoints = {
  index: 'src/index.ts',
  percpu: 'src/percpu/index.ts',
  engine: 'emu/unicorn/choose.ts',
  'boot-sim': 'scripts/boot-sim.ts',
  'boot-worker': 'src/experiments/boot-worker.ts',
  'gdb-socket': 'emu/gdb/socket-worker.ts',
  cli: 'src/cli.ts',
};

/** uPlot's licence goes with every page that holds it. */
const uplotLicence = {
  name: 'uplot-licence',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]uplot[\\/]dist[\\/]/ }, ({ path: file }) => {
      const licence = fs.readFileSync(path.join(path.dirname(file), '../LICENSE'), 'utf8');
      const contents = `/*! uPlot\n${licence}*/\n${fs.readFileSync(file, 'utf8')}`;
      return { contents, loader: path.extname(file).slice(1) };
    });
  },
};

// Scripts and styles of the HTML pages (src/report/html). They never change what cli.js is, so they are in place before it.
const pages = await build({
  absWorkingDir: root,
  entryPoints: {
    boot: 'src/report/html/page/boot.ts',
    table: 'src/report/html/page/table.ts',
    'boot-here': 'src/boot-page/page/main.ts',
    'boot-here-worker': 'src/boot-page/page/worker.ts',
  },
  outdir: 'dist/page',
  bundle: true,
  minify: true,
  platform: 'browser',
  target: 'es2023',
  format: 'iife',
  charset: 'utf8',
  legalComments: 'inline',
  plugins: [uplotLicence, browserPlugin],
  logLevel: 'warning',
  logOverride: { 'empty-import-meta': 'silent' }, // the package's folder: never asked for in a page
  write: false,
});

/** `percpu-malta/browser`: the library without Node. */
const browser = await build({
  absWorkingDir: root,
  entryPoints: { browser: 'src/browser.ts' },
  outdir: 'dist',
  bundle: true,
  platform: 'browser',
  target: 'es2022',
  format: 'esm',
  plugins: [browserPlugin],
  logLevel: 'warning',
  write: false,
});

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
  sourcemap: !release,
  logLevel: 'warning',
  write: false,
});

// Another process may be running from dist/: files change one by one and whole, the shared chunks before the entry points
// that name them, cli.js (whose age tells whether dist/ is stale) last.
const order = Object.keys(entryPoints).map((name) => `${name}.js`);
const rank = ({ path: file }) => order.indexOf(path.basename(file));
fs.mkdirSync(path.join(distDir, 'page'), { recursive: true });
for (const { path: file, contents } of [
  ...pages.outputFiles,
  ...browser.outputFiles,
  ...outputFiles.toSorted((a, b) => rank(a) - rank(b)),
]) {
  fs.writeFileSync(`${file}.${process.pid}`, contents);
  fs.renameSync(`${file}.${process.pid}`, file);
}
const current = new Set([...browser.outputFiles, ...outputFiles].map(({ path: file }) => path.basename(file)));
for (const name of fs.readdirSync(distDir))
  if (/\.js(\.map)?$/.test(name) && !current.has(name)) fs.rmSync(path.join(distDir, name), { force: true });
