// `percpu-malta bisect`: walks the commits of the report and finds the first bad one.
import { Command } from 'commander';
import {
  bisect,
  type Commit,
  commitIndex,
  COMMITS,
  seedsNeeded,
  type Step,
  Undecided,
  type Verdict,
} from '../experiments/bisection.js';
import { type BootRecord, crashed } from '../experiments/record.js';
import type { BootSetup } from '../experiments/setup.js';
import { rateText, type Tally, tally, tallyRecord } from '../experiments/tally.js';
import { EXIT_DIFFERENCE, EXIT_USAGE, UsageError } from '../errors.js';
import { printableJson } from '../terminal-text.js';
import { judgeByCommand } from './bisect-run.js';
import { addBootOptions, type BootFlags, setupFromFlags, wholeNumber } from './boot-options.js';
import { addJobsOption, EXIT_INTERRUPTED, type PoolFlags, type Running, withPool } from './pool-options.js';

interface BisectFlags extends Omit<BootFlags, 'kernel'>, PoolFlags {
  engine?: string;
  good: string;
  bad: string;
  seeds: number;
  run?: string;
  json?: boolean;
}

/** Chance to call a bad commit good that a step accepts. */
const RISK = 0.01;

export function bisectCommand(): Command {
  const command = new Command('bisect')
    .description('find the first bad commit of the report, like git bisect')
    .option('--good <commit>', 'a commit that does not crash', 'v5.13')
    .option('--bad <commit>', 'a commit that does', '3dbdb38e2869');
  addBootOptions(command, { kernel: false });
  return addJobsOption(command)
    .option('--seeds <n>', 'boots of the bad end, to learn how often it crashes', wholeNumber(1, 10_000), 20)
    .option('--run <command>', "judge by this shell command's exit code instead, as git bisect run does")
    .option('--json', 'print one JSON object at the end')
    .addHelpText('after', HELP)
    .action(run);
}

const HELP = `
The bad end is booted first with --seeds seeds from --seed on. A commit is bad at its first crash. It is good when as many boots were
clean as make a mistake less likely than ${RISK * 100} % at the low end of that crash rate's 95 % interval: (1 - rate)^n <= ${RISK}.
An end is judged as well when the verdict would rest on it alone.
--run: PERCPU_MALTA_COMMIT is the commit, PERCPU_MALTA_KERNEL the --kernel that behaves like it; exit code 0 is good, 125 cannot
tell, 1..127 is bad, more ends the bisection. 126 and 127 are bad only when the good end does not give them too.
Exit codes: 0 the commit is found; 1 nothing to bisect, an end is not what it was said to be; 2 no verdict: --run stopped it, or
cannot tell enough commits; 130 interrupted.`;

/** What happens, as lines while it happens or as one object at the end. */
class Account {
  readonly #json: boolean;
  #rate: Record<string, unknown> | null = null;
  readonly #steps: Record<string, unknown>[] = [];

  constructor(json: boolean) {
    this.#json = json;
  }

  say(text: string): void {
    if (!this.#json) process.stdout.write(`${text}\n`);
  }

  rate(total: Tally): void {
    this.#rate = tallyRecord(total);
  }

  step({ commit: { id, subject }, verdict, left }: Step): void {
    this.#steps.push({ commit: id, subject, verdict, left });
    this.say(`git bisect ${verdict} ${id}  # ${subject}; ${left} left`);
  }

  /** @param candidates ids of the commits that may be the first bad one: one when it is found, none when nothing is decided */
  end(outcome: Outcome, candidates: readonly string[] = []): void {
    if (!this.#json) return;
    const firstBad = candidates.length === 1 ? candidates[0]! : null;
    const record = { outcome, firstBad, candidates, badEnd: this.#rate, steps: this.#steps };
    process.stdout.write(`${printableJson(record)}\n`);
  }
}

type Outcome = 'found' | 'candidates' | 'no crash' | 'wrong end' | 'interrupted';

async function run(flags: BisectFlags): Promise<void> {
  const good = commitIndex(flags.good);
  const bad = commitIndex(flags.bad);
  if (good >= bad) throw new UsageError(`--good ${flags.good} is not before --bad ${flags.bad}`);
  const command = flags.run;
  if (command?.trim() === '') throw new UsageError('--run: need a shell command');
  const account = new Account(flags.json ?? false);
  try {
    if (command === undefined) await boots(flags, good, bad, account);
    else {
      sayStart(good, bad, account);
      await search(good, bad, judgeByCommand(command, COMMITS[good]!, flags.json ?? false), false, account);
    }
  } catch (error) {
    if (!(error instanceof Undecided)) throw error;
    if (error.message !== '') throw new UsageError(`${error.message}; nothing decided`);
    account.say('# interrupted; nothing decided');
    account.end('interrupted');
    process.exitCode = EXIT_INTERRUPTED;
  }
}

function sayStart(good: number, bad: number, account: Account): void {
  account.say(`git bisect start ${COMMITS[bad]!.id} ${COMMITS[good]!.id}`);
}

/** Judges by boots. @throws Undecided when Ctrl-C ended them */
async function boots(flags: BisectFlags, good: number, bad: number, account: Account): Promise<void> {
  let ended = false;
  await withPool(flags, undefined, async (running) => {
    sayStart(good, bad, account);
    const setup = (commit: Commit): BootSetup => setupFromFlags({ ...flags, kernel: commit.kernel });
    const total = tally(await bootAll(running, setup(COMMITS[bad]!), seedsFrom(flags.seed, flags.seeds)));
    const { low } = total.interval;
    account.rate(total);
    account.say(`# ${COMMITS[bad]!.id}: ${rateText(total)} boots crashed`);
    if (total.crashes === 0) {
      account.say(`# no crash to bisect: more --seeds, or options that crash more often (--controllers 3, --cpus 2)`);
      account.end('no crash');
      process.exitCode = EXIT_DIFFERENCE;
    } else {
      const needed = seedsNeeded(low, RISK);
      account.say(
        `# a commit is good after ${needed} clean boots: (1 - ${low.toFixed(2)})^${needed} <= ${RISK}, the low end of the interval`,
      );
      await search(good, bad, (commit) => judge(running, setup(commit), flags.seed, needed), true, account);
    }
    ended = true;
  });
  if (!ended) throw new Undecided();
}

const seedsFrom = (seed: number, count: number): number[] => Array.from({ length: count }, (_, i) => seed + i);

/** All of these boots, or a rejection (PoolClosed after Ctrl-C). */
function bootAll({ pool, done }: Running, setup: BootSetup, seeds: readonly number[]): Promise<BootRecord[]> {
  return Promise.all(
    seeds.map(async (seed) => {
      const record = await pool.boot({ setup, seed });
      done(record);
      return record;
    }),
  );
}

/** Boots in rounds of one per job, so that a bad commit costs few boots. */
async function judge(running: Running, setup: BootSetup, seed: number, needed: number): Promise<Verdict> {
  const seeds = seedsFrom(seed, needed);
  while (seeds.length > 0) {
    const records = await bootAll(running, setup, seeds.splice(0, running.pool.jobs));
    if (records.some(crashed)) return 'bad';
  }
  return 'good';
}

/** @param badIsSure the bad end was measured, and need not be judged */
async function search(
  good: number,
  bad: number,
  judgeCommit: (commit: Commit) => Promise<Verdict>,
  badIsSure: boolean,
  account: Account,
): Promise<void> {
  const { firstBad, skipped, sawGood, sawBad } = await bisect(good, bad, judgeCommit, (step) => account.step(step));
  if (!sawGood && (await judgeCommit(COMMITS[good]!)) === 'bad')
    return notAnEnd(COMMITS[good]!, 'good', 'bad', account);
  if (!sawBad && !badIsSure && (await judgeCommit(COMMITS[bad]!)) === 'good')
    return notAnEnd(COMMITS[bad]!, 'bad', 'good', account);
  const { id, subject } = COMMITS[firstBad]!;
  const candidates = [...skipped, firstBad].map((i) => COMMITS[i]!.id);
  if (skipped.length > 0) {
    account.say(`the first bad commit could be any of: ${candidates.join(' ')}`);
    process.exitCode = EXIT_USAGE;
  } else account.say(`first bad commit: ${id} ${subject}`);
  account.end(skipped.length > 0 ? 'candidates' : 'found', candidates);
}

function notAnEnd({ id }: Commit, said: Verdict, is: Verdict, account: Account): void {
  account.say(`# ${id}, the ${said} end, is ${is}: nothing to bisect`);
  account.end('wrong end');
  process.exitCode = EXIT_DIFFERENCE;
}
