// `percpu-malta bisect`: walks the commits of the report and finds the first bad one.
import { spawnSync } from 'node:child_process';
import { Command } from 'commander';
import { bisect, type Commit, commitIndex, COMMITS, seedsNeeded, type Verdict } from '../experiments/bisection.js';
import { crashed } from '../experiments/record.js';
import type { BootSetup } from '../experiments/setup.js';
import { sweep } from '../experiments/sweep.js';
import { rateText, tally } from '../experiments/tally.js';
import { EXIT_DIFFERENCE, UsageError } from '../errors.js';
import { addBootOptions, type BootFlags, setupFromFlags, wholeNumber } from './boot-options.js';
import { addJobsOption, type PoolFlags, type Running, withPool } from './pool-options.js';

interface BisectFlags extends Omit<BootFlags, 'kernel'>, PoolFlags {
  engine?: string;
  good: string;
  bad: string;
  seeds: number;
  run?: string;
}

/** Chance to call a bad commit good that a step accepts. */
const RISK = 0.01;
/** As git bisect run: this exit code says that a commit cannot be tested. */
const EXIT_SKIP = 125;
const EXIT_BAD_MAX = 127;

export function bisectCommand(): Command {
  const command = new Command('bisect')
    .description('find the first bad commit of the report, like git bisect')
    .option('--good <commit>', 'a commit that does not crash', 'v5.13')
    .option('--bad <commit>', 'a commit that does', '3dbdb38e2869');
  addBootOptions(command, { kernel: false });
  return addJobsOption(command)
    .option('--seeds <n>', 'boots of the bad end, to learn how often it crashes', wholeNumber(1, 10_000), 20)
    .option('--run <command>', "judge by this shell command's exit code instead, as git bisect run does")
    .addHelpText('after', HELP)
    .action(run);
}

const HELP = `
The bad end is booted first with --seeds seeds from --seed on. A commit is bad at its first crash. It is good when as many boots were
clean as make a mistake less likely than ${RISK * 100} % at the low end of that crash rate's 95 % interval: (1 - rate)^n <= ${RISK}.
--run: PERCPU_MALTA_COMMIT is the commit, PERCPU_MALTA_KERNEL the --kernel that behaves like it; exit code 0 is good, 125 cannot
tell, 1..127 is bad, more ends the bisection.`;

const put = (text: string): void => void process.stdout.write(`${text}\n`);

async function run(flags: BisectFlags): Promise<void> {
  const good = commitIndex(flags.good);
  const bad = commitIndex(flags.bad);
  if (good >= bad) throw new UsageError(`--good ${flags.good} is not before --bad ${flags.bad}`);
  put(`git bisect start ${COMMITS[bad]!.id} ${COMMITS[good]!.id}`);
  const command = flags.run;
  if (command !== undefined) return search(good, bad, (commit) => Promise.resolve(runCommand(command, commit)));
  await withPool(flags, 0, async (running) => {
    const setup = (commit: Commit): BootSetup => setupFromFlags({ ...flags, kernel: commit.kernel });
    const { rate, low, text } = await measure(running, setup(COMMITS[bad]!), flags.seed, flags.seeds);
    put(`# ${COMMITS[bad]!.id}: ${text} boots crashed`);
    if (rate === 0) {
      put(`# no crash to bisect: more --seeds, or options that crash more often (--controllers 3, --cpus 2)`);
      process.exitCode = EXIT_DIFFERENCE;
      return;
    }
    const needed = seedsNeeded(low, RISK);
    put(
      `# a commit is good after ${needed} clean boots: (1 - ${low.toFixed(2)})^${needed} <= ${RISK}, the low end of the interval`,
    );
    await search(good, bad, (commit) => judge(running, setup(commit), flags.seed, needed));
  });
}

async function measure(
  { pool, done }: Running,
  setup: BootSetup,
  seed: number,
  count: number,
): Promise<{ rate: number; low: number; text: string }> {
  const records: Parameters<typeof done>[0][] = [];
  await sweep(pool, setup, seedsFrom(seed, count), (record) => {
    records.push(record);
    done(record);
  });
  const total = tally(records);
  return { rate: total.rate, low: total.interval.low, text: rateText(total) };
}

const seedsFrom = (seed: number, count: number): number[] => Array.from({ length: count }, (_, i) => seed + i);

/** Boots in rounds of one per job, so that a bad commit costs few boots. */
async function judge({ pool, done }: Running, setup: BootSetup, seed: number, needed: number): Promise<Verdict> {
  const seeds = seedsFrom(seed, needed);
  while (seeds.length > 0) {
    let bad = false;
    await sweep(pool, setup, seeds.splice(0, pool.jobs), (record) => {
      bad ||= crashed(record);
      done(record);
    });
    if (bad) return 'bad';
  }
  return 'good';
}

function runCommand(command: string, commit: Commit): Verdict {
  const env = { ...process.env, PERCPU_MALTA_COMMIT: commit.id, PERCPU_MALTA_KERNEL: commit.kernel };
  const { status, signal } = spawnSync(command, { shell: true, stdio: ['ignore', 'inherit', 'inherit'], env });
  if (status === null || status > EXIT_BAD_MAX)
    throw new UsageError(`--run: the command ended with ${status ?? signal} at ${commit.id}; need 0, 125 or 1..127`);
  if (status === 0) return 'good';
  return status === EXIT_SKIP ? 'skip' : 'bad';
}

async function search(good: number, bad: number, judgeCommit: (commit: Commit) => Promise<Verdict>): Promise<void> {
  const { firstBad, skipped } = await bisect(good, bad, judgeCommit, ({ commit, verdict, left }) => {
    put(`git bisect ${verdict} ${commit.id}  # ${commit.subject}; ${left} left`);
  });
  const { id, subject } = COMMITS[firstBad]!;
  if (skipped.length > 0) {
    put(`the first bad commit could be any of: ${[...skipped, firstBad].map((i) => COMMITS[i]!.id).join(' ')}`);
    process.exitCode = EXIT_DIFFERENCE;
    return;
  }
  put(`first bad commit: ${id} ${subject}`);
}
