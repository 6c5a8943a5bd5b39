// `percpu-malta flushes`: leaves out each call of a TLB flush function that a boot of somebody's kernel makes, and says what that does.
import { Command } from 'commander';
import { loadEngine } from '../../emu/unicorn/choose.js';
import { UsageError } from '../errors.js';
import { LocalFiles, unlessClosed } from '../experiments/job.js';
import { type KernelRecord, type KernelSetup, kernelSetup } from '../experiments/kernel-job.js';
import { kernelRecordProblem } from '../experiments/kernel-record-check.js';
import { RecordFile } from '../experiments/record-file.js';
import { textTable } from '../experiments/table.js';
import { packageVersion } from '../experiments/version.js';
import { report } from '../files/stdout.js';
import { type FlushCalls, type FlushVerdict, flushVerdict } from '../run/flush-survey.js';
import { refuseWrittenDrives, type RunFlags } from '../run/open-run.js';
import { printable, printableJson } from '../terminal-text.js';
import { requireFastPath } from './fast-path-option.js';
import {
  addJobsOption,
  addRecordOptions,
  leftOf,
  type PoolFlags,
  type RecordFlags,
  type Running,
  stoppedText,
  withPool,
} from './pool-options.js';
import { addRunOptions } from './run-options.js';

interface FlushesFlags extends RunFlags, Omit<PoolFlags, 'engine' | 'shim'>, RecordFlags {
  quick?: boolean;
  json?: boolean;
}

/** Calls that --quick leaves out. */
const QUICK_CALLS = 5;

export function flushesCommand(): Command {
  const command = addRunOptions(
    new Command('flushes')
      .description("leave out each of a kernel's TLB flushes in turn and say what the translation checker sees")
      .argument('<kernel>', 'as for run'),
  );
  return addRecordOptions(addJobsOption(command))
    .option('--quick', `a first look: leaves out only the ${QUICK_CALLS} that are called most often`)
    .option('--json', 'print one JSON object in place of the table')
    .addHelpText(
      'after',
      '\nCtrl-C prints what is finished; with --out, --resume goes on from there. The first record of the file counts the calls.',
    )
    .action(run);
}

async function run(kernel: string, flags: FlushesFlags): Promise<void> {
  refuseWrittenDrives(flags, 'flushes');
  if (flags.queue === undefined) requireFastPath(await loadEngine(flags.engine), flags, 'flushes');
  const files = new LocalFiles();
  const plain = kernelSetup(kernel, flags, false, files, '');
  const file = openRecords(flags, plain);
  let survey: KernelRecord | undefined;
  const verdicts = new Map<FlushCalls, FlushVerdict>();
  const { seed } = flags;
  const tryAll = async (running: Running): Promise<void> => {
    const { pool, done, say, expect } = running;
    const counting = countingSetup(plain);
    survey = await pool.run({ run: true, setup: counting, seed });
    const setups = reachedBy(survey).map((call) => setupWithout(plain, call, survey!.instructions));
    file?.order([counting, ...setups]);
    const tried = flags.quick ? setups.slice(0, QUICK_CALLS) : setups;
    done(survey, 'counted the calls');
    expect(leftOf(file, tried, [seed]));
    const tryOne = async (setup: KernelSetup, call: FlushCalls): Promise<void> => {
      const record = await pool.run({ run: true, setup, seed });
      const verdict = flushVerdict(call, record);
      verdicts.set(call, verdict);
      const name = printable(callName(call));
      done(record, name);
      say(`${name}: ${seenText(verdict)}`);
    };
    await Promise.all(tried.map((setup, i) => tryOne(setup, reachedBy(survey!)[i]!))).catch(unlessClosed);
  };
  try {
    await withPool(flags, undefined, tryAll, file, files);
  } finally {
    file?.finish();
  }
  if (survey === undefined) return; // Ctrl-C in the first run
  const reached = reachedBy(survey);
  if (reached.length === 0)
    throw new UsageError(
      `${kernel}: no call of a flush function was seen: the kernel has no names for them, or none was reached`,
    );
  const found = reached.flatMap((call) => verdicts.get(call) ?? []);
  const missing = reached.filter((call) => !verdicts.has(call));
  const unreached = survey.flushCalls!.filter(({ count }) => count === 0);
  if (flags.json) {
    const { end, instructions } = survey;
    const names = ({ caller, callee }: FlushCalls): object => ({ caller, callee });
    const lists = { flushes: found, notTried: missing.map(names), neverReached: unreached.map(names) };
    report(`${printableJson({ kernel, end, instructions, complete: missing.length === 0, ...lists })}\n`);
  } else report(flushTable(found, missing, unreached));
  const wanted = flags.quick ? Math.min(QUICK_CALLS, reached.length) : reached.length;
  if (found.length < wanted) process.stderr.write(stoppedText(found.length, wanted, flags));
}

const reachedBy = ({ flushCalls }: KernelRecord): FlushCalls[] => flushCalls!.filter(({ count }) => count > 0);

const callName = ({ caller, callee }: FlushCalls): string => `${caller} -> ${callee}`;

/** @param instructions of the run with the flush: one that takes twice as many hangs */
function setupWithout(plain: KernelSetup, { caller, callee }: FlushCalls, instructions: number): KernelSetup {
  return {
    ...plain,
    maxInstructions: Math.min(plain.maxInstructions, 2 * instructions),
    skipCalls: [{ caller, callee }],
    check: true,
    stopAtFinding: true,
  };
}

const countingSetup = (plain: KernelSetup): KernelSetup => ({ ...plain, countFlushes: true });

/** Whether it is a setup of this command's: some calls left out, of which only the first run says which they may be. */
function belongs(setup: KernelSetup, plain: KernelSetup): boolean {
  const { maxInstructions, skipCalls, countFlushes } = setup;
  const expected = countFlushes
    ? countingSetup(plain)
    : { ...plain, maxInstructions, skipCalls, check: true, stopAtFinding: true };
  return JSON.stringify(setup) === JSON.stringify(expected);
}

function openRecords({ out, resume }: RecordFlags, plain: KernelSetup): RecordFile<KernelRecord> | undefined {
  if (out === undefined) return undefined;
  const problemOf = (value: unknown): string | undefined => {
    const problem = kernelRecordProblem(value);
    if (problem !== undefined) return problem;
    return belongs((value as KernelRecord).options, plain) ? undefined : 'its options are not those of this command';
  };
  return RecordFile.openFor<KernelRecord>(out, resume ?? false, packageVersion(), undefined, problemOf);
}

function seenText({ finding, outcome }: FlushVerdict): string {
  return finding ? `${finding.kind} in ${printable(finding.place)}` : outcome;
}

function flushTable(
  verdicts: readonly FlushVerdict[],
  missing: readonly FlushCalls[],
  unreached: readonly FlushCalls[],
): string {
  const row = ({ caller, callee, count }: FlushCalls, leftOut: string, seen = ''): string[] => [
    printable(caller),
    printable(callee),
    String(count),
    leftOut,
    seen,
  ];
  const rows = [
    ...verdicts.map((verdict) =>
      row(verdict, verdict.finding ? 'needed' : 'not needed in this run', seenText(verdict)),
    ),
    ...missing.map((calls) => row(calls, 'not tried')),
    ...unreached.map((calls) => row(calls, 'never reached')),
  ];
  return textTable(['caller', 'flush', 'calls', 'left out', 'what the checker saw'], rows);
}
