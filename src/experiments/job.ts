// What is asked of a process that boots, on this machine or another, and what it answers: plain data.
import type { BootRecord } from './record.js';
import type { BootSetup } from './setup.js';

/** Field order is the order in text: equal jobs are equal as JSON. */
export interface Job {
  setup: BootSetup;
  seed: number;
  /** End the boot as BootOptions.stopAtForeignPage does. */
  stopAtForeignPage?: boolean;
}

/** Kinds of failure that the command line tells apart. */
export type FailureKind = 'usage' | 'engine' | 'crash' | 'error';

export type Answer = { record: BootRecord } | { failure: FailureKind; message: string };

/** Somewhere to boot: processes of this machine (pool.ts), or of others. Which of them runs a boot changes nothing about it. */
export interface BootRunner {
  /** Boots at the same time that a search may well ask for. */
  readonly jobs: number;
  /**
   * Boots once; jobs start in the order of the calls. Rejects with UsageError and EngineMissingError as a boot in this process would
   * throw them, with PoolClosed after `close`, with Error when the boot itself broke.
   */
  boot(job: Job): Promise<BootRecord>;
  /** Ends all boots; what waits is rejected with PoolClosed. */
  close(): Promise<void>;
}

export class PoolClosed extends Error {
  override readonly name = 'PoolClosed';
}

/** Names a boot in errors. */
export function jobText({ setup, seed }: Job): string {
  return `seed ${seed} and ${JSON.stringify(setup)}`;
}
