// `percpu-malta sweep`: many boots that differ in the seed, on all cores.
import { Command } from 'commander';
import type { BootRecord } from '../experiments/record.js';
import { RecordFile } from '../experiments/record-file.js';
import { parseSeeds, parseShard, type SeedRange, seedsOf, type Shard } from '../experiments/seeds.js';
import type { BootSetup } from '../experiments/setup.js';
import { sweep } from '../experiments/sweep.js';
import { sweepSummary } from '../experiments/sweep-summary.js';
import { packageVersion } from '../experiments/version.js';
import { UsageError } from '../errors.js';
import { setupFlags } from '../report/html/setup-text.js';
import { sweepPage } from '../report/html/sweep-page.js';
import { addBootOptions, type BootFlags, setupFromFlags } from './boot-options.js';
import { openOutput } from '../files/output.js';
import { report } from '../files/stdout.js';
import { addJobsOption, type PoolFlags, withPool } from './pool-options.js';

interface SweepFlags extends Omit<BootFlags, 'seed'>, PoolFlags {
  engine?: string;
  seeds: SeedRange;
  shard?: Shard;
  out?: string;
  html?: string;
  resume?: boolean;
}

export function sweepCommand(): Command {
  const command = new Command('sweep')
    .description('boot with many seeds on all cores and count what happens')
    .requiredOption('--seeds <A..B>', 'seeds, both ends included', parseSeeds);
  return addJobsOption(addBootOptions(command, { seed: false }))
    .option('--shard <i/n>', 'boot every n-th seed only, from the i-th on; merge joins the files', parseShard)
    .option('--out <file.ndjson>', 'write a record of each boot there, one JSON object a line, in order of seeds')
    .option('--html <file>', 'write a page there: crash rate, kinds of crashes and their seeds, every boot')
    .option('--resume', 'go on with an interrupted --out file: seeds that it has are not booted again')
    .addHelpText('after', HELP)
    .action(run);
}

const HELP = `
A record has: version, options, seed, outcome (clean, panic, oops, bug, stall), signature (as decode names it), panic,
reached_init, counters. Records do not depend on --jobs, --shard or interruptions. While a sweep runs, records are in the
order in which boots finish; Ctrl-C ends it with what is finished, in order, and exit code 130.

  percpu-malta sweep --seeds 1..200 --out a.ndjson
  percpu-malta sweep --seeds 1..200 --out a.ndjson --resume
  percpu-malta sweep --seeds 1..200 --shard 1/2 --out one.ndjson   # and 2/2 elsewhere, then:
  percpu-malta merge one.ndjson two.ndjson --out a.ndjson`;

async function run(flags: SweepFlags): Promise<void> {
  if (flags.resume && flags.out === undefined) throw new UsageError('--resume: name the file to go on with by --out');
  const setup = setupFromFlags(flags);
  const html = openOutput('--html', flags.html);
  const wanted = seedsOf(flags.seeds, flags.shard);
  const file =
    flags.out === undefined ? undefined : RecordFile.open(flags.out, flags.resume ?? false, packageVersion(), setup);
  const records: BootRecord[] = file?.records ?? [];
  const known = new Set(records.map(({ seed }) => seed));
  const seeds = wanted.filter((seed) => !known.has(seed));
  try {
    await withPool(flags, seeds.length, ({ pool, done }) =>
      sweep(pool, setup, seeds, (record) => {
        if (file) file.append(record);
        else records.push(record);
        done(record);
      }),
    );
  } finally {
    file?.finish();
  }
  // A resumed file may have seeds beyond those asked for.
  const all = new Set([...wanted, ...known]);
  report(sweepSummary(setup, records, all.size));
  if (records.length > 0) html?.write(sweepPage(commandLine(flags, setup), setup, records, all.size));
}

function commandLine({ seeds: { first, last }, shard }: SweepFlags, setup: BootSetup): string {
  const part = shard === undefined ? '' : ` --shard ${shard.index}/${shard.count}`;
  return `sweep --seeds ${first}..${last}${part} ${setupFlags(setup)}`.trim();
}
