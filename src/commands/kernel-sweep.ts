// `percpu-malta sweep --vmlinux FILE`: many runs of somebody's kernel that differ in the seed.
import { Command } from 'commander';
import { type KernelRecord, kernelSetup } from '../experiments/kernel-job.js';
import { kernelRecordProblem } from '../experiments/kernel-record-check.js';
import { kernelCrashed, kernelSweepRecord, kernelSweepSummary } from '../experiments/kernel-summary.js';
import { LocalFiles, unlessClosed } from '../experiments/job.js';
import { RecordFile } from '../experiments/record-file.js';
import { parseSeeds, type SeedRange, seedsOf } from '../experiments/seeds.js';
import type { Shard } from '../experiments/shard.js';
import { packageVersion } from '../experiments/version.js';
import { report } from '../files/stdout.js';
import { refuseWrittenDrives, type RunFlags } from '../run/open-run.js';
import { printableJson } from '../terminal-text.js';
import {
  addJobsOption,
  addRecordOptions,
  addShardOption,
  leftOf,
  type PoolFlags,
  type RecordFlags,
  type Running,
  withPool,
} from './pool-options.js';
import { addRunOptions } from './run-options.js';

interface KernelSweepFlags extends Omit<RunFlags, 'seed' | 'engine' | 'shim'>, PoolFlags, RecordFlags {
  vmlinux: string;
  seeds: SeedRange;
  shard?: Shard;
  check?: boolean;
  json?: boolean;
}

/** Whether the arguments ask for this and not for the sweep of our own guest. */
export function wantsKernelSweep(args: readonly string[]): boolean {
  return args.includes('sweep') && args.some((arg) => arg === '--vmlinux' || arg.startsWith('--vmlinux='));
}

export function kernelSweepCommand(): Command {
  const command = new Command('sweep')
    .description("run a kernel of one's own with many seeds on all cores and count what happens")
    .requiredOption('--vmlinux <kernel>', 'the kernel, as for run')
    .requiredOption('--seeds <A..B>', 'seeds, both ends included', parseSeeds);
  return addShardOption(addRecordOptions(addJobsOption(addRunOptions(command, { seed: false }))))
    .option('--check', 'count what the translation checker reports')
    .option('--json', 'print the summary as one JSON object')
    .action(run);
}

async function run(flags: KernelSweepFlags): Promise<void> {
  const { vmlinux, check = false } = flags;
  const runFlags: RunFlags = { ...flags, seed: 0 };
  refuseWrittenDrives(runFlags, 'sweep');
  const files = new LocalFiles();
  const setup = kernelSetup(vmlinux, runFlags, check, files);
  const seeds = seedsOf(flags.seeds, flags.shard);
  const file =
    flags.out === undefined
      ? undefined
      : RecordFile.openFor<KernelRecord>(
          flags.out,
          flags.resume ?? false,
          packageVersion(),
          setup,
          kernelRecordProblem,
        );
  const records = [...(file?.records ?? [])];
  // A resumed file may have seeds beyond those asked for.
  const wanted = new Set([...seeds, ...records.map(({ seed }) => seed)]);
  let crashes = 0;
  let reports = 0;
  const boot = async (seed: number, { pool, done }: Running): Promise<void> => {
    const record = await pool.run({ run: true, setup, seed });
    if (!file?.earlier.has(record)) records.push(record);
    if (kernelCrashed(record)) crashes++;
    if ((record.check?.findings ?? 0) > 0) reports++;
    done(record, `${crashes} crashed${check ? `, ${reports} reported` : ''}`);
  };
  try {
    await withPool(
      flags,
      leftOf(file, [setup], seeds),
      (running) => Promise.all(seeds.map((seed) => boot(seed, running))).catch(unlessClosed),
      file,
      files,
    );
  } finally {
    file?.finish();
  }
  report(
    flags.json
      ? `${printableJson(kernelSweepRecord(vmlinux, records, wanted.size, setup))}\n`
      : kernelSweepSummary(vmlinux, records, wanted.size, setup),
  );
}
