// Many boots, in worker processes.
import os from 'node:os';
import { BootPool } from '../experiments/pool.js';
import type { BootRecord } from '../experiments/record.js';
import { type BootSetup, DEFAULT_SETUP } from '../experiments/setup.js';
import { sweepEach } from '../experiments/sweep.js';

export interface SweepOptions {
  /** What distinguishes the boots from `percpu-malta boot`'s: one setup, or several that boot the same seeds. */
  setups?: Partial<BootSetup> | readonly Partial<BootSetup>[];
  seeds: readonly number[];
  /** Processes. Default: one per core. Changes nothing about the results. */
  jobs?: number;
  /** As `--engine` names it. */
  engine?: string;
  /** Receives each record as its boot ends, in no order. */
  onRecord?: (record: BootRecord) => void;
  /** Ends the workers; the promise then rejects. */
  signal?: AbortSignal;
}

/**
 * Boots every seed with every setup. @returns the records of each setup in order of seeds.
 * Rejects with the first boot that cannot be made (UsageError, EngineMissingError, Error).
 */
export async function sweep({
  setups = {},
  seeds,
  jobs = os.availableParallelism(),
  engine,
  onRecord = () => {},
  signal,
}: SweepOptions): Promise<BootRecord[][]> {
  const list = Array.isArray(setups) ? (setups as readonly Partial<BootSetup>[]) : [setups as Partial<BootSetup>];
  const pool = new BootPool({ jobs, engine });
  const stop = (): void => void pool.close();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const all = list.map((setup) => ({ ...DEFAULT_SETUP, ...setup }));
    const records = await sweepEach(pool, all, seeds, onRecord);
    signal?.throwIfAborted();
    return records;
  } finally {
    signal?.removeEventListener('abort', stop);
    await pool.close();
  }
}
