// Runs `npm ci` when node_modules is missing or older than package-lock.json. An installed package has no lock file and is
// left alone.
import fs from 'node:fs';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { root } from './paths.mjs';
import { say } from './say.mjs';

const lock = path.join(root, 'package-lock.json');
/** npm writes it last. */
const installed = path.join(root, 'node_modules/.package-lock.json');

const modified = (file) => fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs;

export function ensureDependencies() {
  const lockTime = modified(lock);
  if (lockTime === undefined || (modified(installed) ?? 0) >= lockTime) return;
  say('installing the packages of package-lock.json (npm ci)');
  const options = { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' };
  const { status } = spawnSync('npm', ['ci', '--loglevel=error', '--no-fund', '--no-audit'], options);
  if (status !== 0) {
    say('npm ci failed; see above');
    process.exit(status ?? 1);
  }
}
