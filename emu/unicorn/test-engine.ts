// For tests only: the engine that a run of the emu suite is on. vitest.config.ts runs the suite once for each that there is.
import { loadEngine } from './choose.js';
import type { EngineLibrary } from './engine.js';

/** libunicorn (UNICORN_LIB names another one), unless the project of vitest.config.ts says otherwise. */
export async function loadTestEngine(): Promise<EngineLibrary> {
  const name = process.env.EMU_TEST_ENGINE ?? 'native';
  if (name !== 'stand-in') return loadEngine(name);
  const { instantiateUnicornJs } = await import('./unicornjs/library.js');
  const { standIn } = await import('./unicornjs/stand-in/module.js');
  return instantiateUnicornJs(() => standIn({ ctl: false, heapu8: false }), 'stand-in');
}
