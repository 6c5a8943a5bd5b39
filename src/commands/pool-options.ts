// The options of commands that boot many times, and how such a command runs: progress line, Ctrl-C, end of the workers.
import os from 'node:os';
import { Command } from 'commander';
import { BootPool, PoolClosed } from '../experiments/pool.js';
import { Progress } from '../experiments/progress.js';
import { type BootRecord, crashed } from '../experiments/record.js';
import { wholeNumber } from './boot-options.js';

export interface PoolFlags {
  jobs: number;
  engine?: string;
  shim: boolean;
}

/** Exit code of a command ended by Ctrl-C: 128 + SIGINT. */
export const EXIT_INTERRUPTED = 130;
const MAX_JOBS = 256;

export function addJobsOption(command: Command): Command {
  return command.option(
    '--jobs <n>',
    'boots at the same time, a process each; does not change results (default: one per core)',
    wholeNumber(1, MAX_JOBS),
    os.availableParallelism(),
  );
}

/** What `withPool` gives a command: where to boot, and whom to tell that a boot is done. */
export interface Running {
  pool: BootPool;
  /** @param note for the progress line, in place of the number of crashes */
  done: (record: BootRecord, note?: string) => void;
  /** Ctrl-C was pressed. */
  interrupted: () => boolean;
}

/**
 * Runs `work` with worker processes and, on a terminal, a progress line of `total` boots, where that is known. Ctrl-C closes the pool: boots not
 * finished reject with PoolClosed. A PoolClosed that `work` lets through ends the command silently with exit code 130.
 */
export async function withPool<T>(
  { jobs, engine, shim }: PoolFlags,
  total: number | undefined,
  work: (running: Running) => Promise<T>,
): Promise<T | undefined> {
  const pool = new BootPool({ jobs, engine, shim });
  const progress = new Progress(process.stderr, total);
  let interrupted = false;
  let crashes = 0;
  const onInterrupt = (): void => {
    interrupted = true;
    process.exitCode = EXIT_INTERRUPTED;
    pool.close();
  };
  process.once('SIGINT', onInterrupt);
  try {
    return await work({
      pool,
      done: (record, note) => {
        if (crashed(record)) crashes++;
        progress.step(note ?? `${crashes} crashed`);
      },
      interrupted: () => interrupted,
    });
  } catch (error) {
    if (error instanceof PoolClosed && interrupted) return undefined;
    throw error;
  } finally {
    progress.clear();
    process.off('SIGINT', onInterrupt);
    pool.close();
  }
}
