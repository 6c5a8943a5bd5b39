// `percpu-malta sweep`: many boots that differ in the seed, on all cores.
import { Command } from 'commander';
import { RecordFile } from '../experiments/record-file.js';
import { parseSeeds, type SeedRange, seedsOf } from '../experiments/seeds.js';
import type { Shard } from '../experiments/shard.js';
import type { BootSetup } from '../experiments/setup.js';
import { sweep } from '../experiments/sweep.js';
import { sweepRecord, sweepSummary } from '../experiments/sweep-summary.js';
import { packageVersion } from '../experiments/version.js';
import { setupFlags } from '../report/html/setup-text.js';
import { sweepPage } from '../report/html/sweep-page.js';
import { printableJson } from '../terminal-text.js';
import { addBootOptions, type BootFlags, setupFromFlags } from './boot-options.js';
import { bootPages } from './boot-pages.js';
import { openOutput } from '../files/output.js';
import { report } from '../files/stdout.js';
import {
  addJobsOption,
  addRecordOptions,
  addShardOption,
  leftOf,
  type PoolFlags,
  type RecordFlags,
  withPool,
} from './pool-options.js';

interface SweepFlags extends Omit<BootFlags, 'seed'>, PoolFlags, RecordFlags {
  engine?: string;
  seeds: SeedRange;
  shard?: Shard;
  html?: string;
  pages?: string;
  json?: boolean;
}

export function sweepCommand(): Command {
  const command = new Command('sweep')
    .description('boot with many seeds on all cores and count what happens')
    .requiredOption('--seeds <A..B>', 'seeds, both ends included', parseSeeds);
  return addShardOption(addRecordOptions(addJobsOption(addBootOptions(command, { seed: false }))))
    .option('--html <file>', 'write a page there: crash rate, kinds of crashes and their seeds, every boot')
    .option('--pages <dir>', 'with --html: link each boot to its own page there, seed-N.html, where there is one')
    .option('--json', 'print the summary as one JSON object')
    .addHelpText('after', HELP)
    .action(run);
}

const HELP = `
A record has: version, options, seed, outcome (clean, panic, oops, bug, stall), signature (as decode names it), panic,
reachedInit, counters. Records are in order of seeds and do not depend on --jobs, --shard or interruptions. While a sweep runs,
they are in the order in which boots finish; Ctrl-C ends it with what is finished, in order, and exit code 130.

  percpu-malta sweep --seeds 1..200 --out a.ndjson
  percpu-malta sweep --seeds 1..200 --out a.ndjson --resume
  percpu-malta sweep --seeds 1..200 --shard 1/2 --out one.ndjson   # and 2/2 elsewhere, then:
  percpu-malta merge one.ndjson two.ndjson --out a.ndjson

With --vmlinux FILE a kernel of one's own is run, with the options of run: sweep --vmlinux FILE --help`;

async function run(flags: SweepFlags): Promise<void> {
  const setup = setupFromFlags(flags);
  const html = openOutput('--html', flags.html);
  const pages = bootPages(flags, setup);
  const wanted = seedsOf(flags.seeds, flags.shard);
  const file =
    flags.out === undefined ? undefined : RecordFile.open(flags.out, flags.resume ?? false, packageVersion(), setup);
  const records = [...(file?.records ?? [])];
  // A resumed file may have seeds beyond those asked for.
  const all = new Set([...wanted, ...records.map(({ seed }) => seed)]);
  try {
    await withPool(
      flags,
      leftOf(file, [setup], wanted),
      ({ pool, done }) =>
        sweep(pool, setup, wanted, (record) => {
          if (!file?.earlier.has(record)) records.push(record);
          done(record);
        }),
      file,
    );
  } finally {
    file?.finish();
  }
  report(
    flags.json ? `${printableJson(sweepRecord(setup, records, all.size))}\n` : sweepSummary(setup, records, all.size),
  );
  if (records.length > 0) html?.write(sweepPage(commandLine(flags, setup), setup, records, all.size, pages));
}

function commandLine({ seeds: { first, last }, shard }: SweepFlags, setup: BootSetup): string {
  const part = shard === undefined ? '' : ` --shard ${shard.index}/${shard.count}`;
  return `sweep --seeds ${first}..${last}${part} ${setupFlags(setup)}`.trim();
}
