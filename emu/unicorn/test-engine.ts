// For tests only: the engine that a run of the emu suite is on. vitest.config.ts runs the suite once for each that there is.
import { loadEngine } from './choose.js';
import type { EngineLibrary } from './engine.js';

/** libunicorn (UNICORN_LIB names another one), unless the project of vitest.config.ts says otherwise. */
export function loadTestEngine(): Promise<EngineLibrary> {
  return loadEngine(process.env.EMU_TEST_ENGINE ?? 'native');
}
