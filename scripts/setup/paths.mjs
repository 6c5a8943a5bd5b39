// Where things are in a checkout or an installed package.
import fs from 'node:fs';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const isCheckout = fs.existsSync(path.join(root, 'src/cli.ts'));

function place() {
  const { PERCPU_MALTA_CACHE, XDG_CACHE_HOME } = process.env;
  if (PERCPU_MALTA_CACHE) return path.resolve(PERCPU_MALTA_CACHE);
  if (isCheckout) return path.join(root, '.cache');
  return path.join(XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'percpu-malta');
}

/** Everything set-up makes and fetches: private libunicorn, compiled shim. Removing it is always safe. As emu/unicorn/cache-dir.ts. */
export const cacheDir = place();
const { version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
/** What is compiled from this version's sources. */
export const buildDir = isCheckout ? cacheDir : path.join(cacheDir, version);
export const distDir = path.join(root, 'dist');
