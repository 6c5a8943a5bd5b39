// What needs the fast path, and what is said where it is not in use.
import { executionPath, uncheckable } from '../../emu/mips/cpu.js';
import type { EngineLibrary } from '../../emu/unicorn/engine.js';
import { UsageError } from '../errors.js';

/** @throws UsageError in one line when `what` cannot be had, for it needs the fast path */
export function requireFastPath(engine: EngineLibrary, { shim }: { shim: boolean }, what: string): void {
  const { path, reason } = executionPath(engine, shim);
  if (path !== 'fast') throw new UsageError(`${what}: needs the fast path, which is not in use here: ${reason}`);
}

/** @throws UsageError in one line when `what` cannot be had, for it needs the checker of translations */
export function requireCheckable(engine: EngineLibrary, { shim }: { shim: boolean }, what: string): void {
  const reason = uncheckable(engine, shim);
  if (reason) throw new UsageError(`${what}: translations cannot be checked here: ${reason}`);
}
