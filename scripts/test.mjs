// `npm test [-- vitest's arguments]`: sets up what is missing, then runs the tests.
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { root } from './setup/paths.mjs';
import { setUp } from './setup/setup.mjs';

await setUp();
const vitest = path.join(root, 'node_modules/vitest/vitest.mjs');
const { status } = spawnSync(process.execPath, [vitest, 'run', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
