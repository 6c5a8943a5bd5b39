// Where set-up puts what it makes and fetches. scripts/setup/paths.mjs has the same rule for what runs before anything is built.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { packageRoot } from './package-root.js';

/** A checkout keeps it to itself; an installed package may lie where nobody can write. PERCPU_MALTA_CACHE names another place. */
export function cacheDir(): string {
  const { PERCPU_MALTA_CACHE, XDG_CACHE_HOME } = process.env;
  if (PERCPU_MALTA_CACHE) return path.resolve(PERCPU_MALTA_CACHE);
  if (isCheckout()) return path.join(packageRoot(), '.cache');
  return path.join(XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'percpu-malta');
}

/** What was compiled from this version's sources. */
export function buildDir(): string {
  return isCheckout() ? cacheDir() : path.join(cacheDir(), packageVersion());
}

export function isCheckout(): boolean {
  return fs.existsSync(path.join(packageRoot(), 'src', 'cli.ts'));
}

function packageVersion(): string {
  const text = fs.readFileSync(path.join(packageRoot(), 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** The compiled C hooks (shim/shim.c) below the folder of what is built; the name carries the platform it was built for. */
export function shimPath(cacheDir: string): string {
  return path.join(cacheDir, `shim-${process.platform}-${process.arch}.so`);
}
