// Bundles the command line and the library into dist/ with esbuild (about 0.1 s). Types are checked by `npm run typecheck`.
import { build } from 'esbuild';
import { root } from './setup/paths.mjs';

await build({
  absWorkingDir: root,
  entryPoints: { cli: 'src/cli.ts', index: 'src/index.ts', 'boot-sim': 'scripts/boot-sim.ts' },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  packages: 'external',
  sourcemap: true,
  logLevel: 'warning',
});
