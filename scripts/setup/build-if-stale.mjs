// Rebuilds dist/ when a source file is newer than it. A published package has no sources and is used as it is.
import fs from 'node:fs';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { root, distDir } from './paths.mjs';

/** Modification time of the newest source in a folder; the folders themselves count, they change when a file goes. */
function newest(dir) {
  let time = fs.statSync(dir).mtimeMs;
  for (const entry of fs.readdirSync(dir, { withFileTypes: true })) {
    const file = path.join(dir, entry.name);
    if (entry.isDirectory()) time = Math.max(time, newest(file));
    else if (/\.(ts|css)$/.test(entry.name) && !entry.name.endsWith('.test.ts'))
      time = Math.max(time, fs.statSync(file).mtimeMs);
  }
  return time;
}

export function buildIfStale() {
  if (!fs.existsSync(path.join(root, 'src/cli.ts'))) return;
  const built = fs.statSync(path.join(distDir, 'cli.js'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const recipe = fs.statSync(path.join(root, 'scripts/build.mjs')).mtimeMs;
  if (Math.max(recipe, ...['src', 'emu', 'scripts'].map((dir) => newest(path.join(root, dir)))) <= built) return;
  const result = spawnSync(process.execPath, [path.join(root, 'scripts/build.mjs')], { stdio: ['ignore', 2, 2] });
  if (result.status !== 0) process.exit(result.status ?? 1);
}
