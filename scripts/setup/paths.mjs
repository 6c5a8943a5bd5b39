// Where things are in a checkout or an installed package.
import { fileURLToPath } from 'node:url';
import path from 'node:path';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
/** Everything set-up makes: private libunicorn, compiled shim. Removing it is always safe. */
export const cacheDir = path.join(root, '.cache');
export const distDir = path.join(root, 'dist');
