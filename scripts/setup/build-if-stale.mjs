// Rebuilds dist/ when a source file is newer than it. A published package has no sources and is used as it is.
import fs from 'node:fs';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { root, distDir } from './paths.mjs';

function newest(dir) {
  let time = 0;
  for (const entry of fs.readdirSync(dir, { withFileTypes: true })) {
    const file = path.join(dir, entry.name);
    if (entry.isDirectory()) time = Math.max(time, newest(file));
    else if (entry.name.endsWith('.ts')) time = Math.max(time, fs.statSync(file).mtimeMs);
  }
  return time;
}

export function buildIfStale() {
  if (!fs.existsSync(path.join(root, 'src/cli.ts'))) return;
  const built = path.join(distDir, 'cli.js');
  const builtAt = fs.existsSync(built) ? fs.statSync(built).mtimeMs : 0;
  if (Math.max(...['src', 'emu', 'scripts'].map((dir) => newest(path.join(root, dir)))) <= builtAt) return;
  const result = spawnSync(process.execPath, [path.join(root, 'scripts/build.mjs')], { stdio: ['ignore', 2, 2] });
  if (result.status !== 0) process.exit(result.status ?? 1);
}
