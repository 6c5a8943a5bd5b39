// scripts/setup, which a checkout runs before anything is built: loaded from where it lies.
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../../emu/unicorn/choose.js';

interface SetUpScripts {
  /** Compiles the C hooks if they are not those of these sources. */
  ensureShim(): { complete: boolean; folder: string; how: string };
  ensureLibunicorn(): Promise<void>;
}

export async function setUpScripts(): Promise<SetUpScripts> {
  const load = (name: string): Promise<unknown> =>
    import(pathToFileURL(path.join(packageRoot(), 'scripts', 'setup', name)).href);
  const { ensureShim } = (await load('shim.mjs')) as SetUpScripts;
  const { ensureLibunicorn } = (await load('libunicorn.mjs')) as SetUpScripts;
  return { ensureShim, ensureLibunicorn };
}
