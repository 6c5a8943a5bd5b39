// One boot of an experiment as data: what a line of a sweep's NDJSON file holds.
import { decodeConsole, signature } from '../decode/index.js';
import type { BootCounters, BootResult, Outcome } from '../kernel/boot.js';
import type { Job } from './job.js';
import type { BootSetup } from './setup.js';

/** Field order is the order in the file. */
export interface BootRecord {
  /** Of percpu-malta. */
  version: string;
  options: BootSetup;
  seed: number;
  outcome: Outcome;
  /** As `decode` names the crash; '' for a clean boot. */
  signature: string;
  /** Text of the panic, '' without one. */
  panic: string;
  reachedInit: boolean;
  /** The boot was to end there (Job.stopAtForeignPage): its outcome means nothing. */
  stopAtForeignPage?: true;
  counters: BootCounters;
}

export function bootRecord(version: string, { setup, seed, stopAtForeignPage }: Job, result: BootResult): BootRecord {
  return {
    version,
    options: setup,
    seed,
    outcome: result.outcome,
    signature: result.outcome === 'clean' ? '' : signature(decodeConsole(result.console)),
    panic: result.panic ?? '',
    reachedInit: result.reachedInit,
    ...(stopAtForeignPage ? { stopAtForeignPage: true as const } : {}),
    counters: result.counters,
  };
}

export function crashed(record: BootRecord): boolean {
  return record.outcome !== 'clean';
}
