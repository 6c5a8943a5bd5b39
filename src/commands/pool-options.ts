// The options of commands that boot many times, and how such a command runs: progress line, Ctrl-C, end of the workers.
import os from 'node:os';
import { Command, Option } from 'commander';
import { type BootRunner, type LocalFiles, PoolClosed } from '../experiments/job.js';
import { BootPool } from '../experiments/pool.js';
import { Progress } from '../experiments/progress.js';
import type { KernelRecord } from '../experiments/kernel-job.js';
import type { BootRecord } from '../experiments/record.js';
import type { AnyRecord, RecordFile } from '../experiments/record-file.js';
import { RecordedBoots } from '../experiments/recorded.js';
import { parseShard } from '../experiments/shard.js';
import { UsageError } from '../errors.js';
import { parseQueue, type QueuePlace } from '../queue/place.js';
import { QueueBoots } from '../queue/queue-boots.js';
import { wholeNumber } from './boot-options.js';

export interface PoolFlags {
  jobs: number;
  engine?: string;
  shim: boolean;
  queue?: QueuePlace;
}

/** Exit code of a command ended by Ctrl-C: 128 + SIGINT. */
export const EXIT_INTERRUPTED = 130;
export const MAX_JOBS = 256;

export function addJobsOption(command: Command): Command {
  return command
    .addOption(
      new Option('--jobs <n>', 'boots at the same time, a process each; does not change results')
        .argParser(wholeNumber(1, MAX_JOBS))
        .default(os.availableParallelism(), 'one per core'),
    )
    .option('--queue <url>', 'boot on other machines: redis://HOST/NAME, with workers there', (text) =>
      parseQueue(text),
    );
}

/** Options of commands that keep what they have booted. */
export interface RecordFlags {
  out?: string;
  resume?: boolean;
}

export function addRecordOptions(command: Command): Command {
  return command
    .option('--out <file.ndjson>', 'write a record of each boot there, one JSON object a line')
    .option('--resume', 'go on with an interrupted --out file: boots that it has are not done again')
    .hook('preAction', () => {
      const { out, resume } = command.opts<RecordFlags>();
      if (resume && out === undefined) throw new UsageError('--resume: name the file to go on with by --out');
    });
}

export function addShardOption(command: Command): Command {
  return command.option(
    '--shard <i/n>',
    'boot every n-th seed only, from the i-th on (auto: as an array job says); merge joins the files',
    (text) => parseShard(text),
  );
}

/** What a command says that Ctrl-C has ended. @param done boots @param wanted boots */
export function stoppedText(done: number, wanted: number, { out }: RecordFlags): string {
  const how = out === undefined ? 'with --out FILE it could go on' : 'go on with --resume';
  return `stopped: ${done} of ${wanted} boots done (${how})\n`;
}

/** What `withPool` gives a command: where to boot, and whom to tell that a boot is done. */
export interface Running {
  pool: BootRunner;
  /** @param note for the progress line, in place of the number of crashes */
  done: (record: Pick<BootRecord, 'outcome'> | KernelRecord, note?: string) => void;
  /** Ctrl-C was pressed. */
  interrupted: () => boolean;
  /** A result that is there before the others, for a terminal. */
  say: (line: string) => void;
  /** A guess of the boots that are left. */
  expect: (left: number) => void;
}

/** Of these boots those that the file does not have yet. */
export function leftOf(
  file: RecordFile<AnyRecord> | undefined,
  setups: readonly object[],
  seeds: readonly number[],
): number {
  let left = 0;
  for (const setup of setups) for (const seed of seeds) if (file?.find({ setup, seed }) === undefined) left++;
  return left;
}

/**
 * Runs `work` with worker processes and, on a terminal, a progress line of `total` boots, where that is known. Ctrl-C closes the pool: boots not
 * finished reject with PoolClosed. A PoolClosed that `work` lets through ends the command silently with exit code 130.
 * @param file boots that it has are not done again, the others go into it; whose end is the caller's
 * @param files that the boots need
 */
export async function withPool<T>(
  { jobs, engine, shim, queue }: PoolFlags,
  total: number | undefined,
  work: (running: Running) => Promise<T>,
  file?: RecordFile<AnyRecord>,
  files?: LocalFiles,
): Promise<T | undefined> {
  const say = (line: string): void => {
    progress?.clear();
    process.stderr.write(`percpu-malta: ${line}\n`);
  };
  let progress: Progress | undefined;
  const runner: BootRunner =
    queue === undefined
      ? new BootPool({ jobs, engine, shim, files })
      : await QueueBoots.open(queue, { jobs, files, say });
  const pool = file ? new RecordedBoots(runner, file) : runner;
  const line = (progress = new Progress(process.stderr, total));
  let interrupted = false;
  let crashes = 0;
  const onInterrupt = (): void => {
    interrupted = true;
    process.exitCode = EXIT_INTERRUPTED;
    void pool.close();
  };
  process.once('SIGINT', onInterrupt);
  try {
    return await work({
      pool,
      done: (record, note) => {
        if (record.outcome !== 'clean') crashes++;
        if (!file?.earlier.has(record as AnyRecord)) line.step(note ?? `${crashes} crashed`);
      },
      say: (text) => line.say(text),
      expect: (left) => line.expect(left),
      interrupted: () => interrupted,
    });
  } catch (error) {
    if (error instanceof PoolClosed && interrupted) return undefined;
    throw error;
  } finally {
    line.clear();
    process.off('SIGINT', onInterrupt);
    await pool.close();
  }
}
