// `run --percpu`: the allocator in lockstep with the kernel's, the files that are made from what it does, and what is said at the end.
import type { Command } from 'commander';
import { type Cause, causeOf } from '../analysis/cause.js';
import type { StaleAccess } from '../analysis/stale-access.js';
import { Phrases } from '../analysis/phrases.js';
import { count } from '../experiments/table.js';
import { openOutput } from '../files/output.js';
import { KernelChecker } from '../lockstep/kernel-checker.js';
import { KernelLog } from '../lockstep/kernel-log.js';
import { type DifferenceScene, PercpuWatch } from '../lockstep/percpu-watch.js';
import type { KernelEvent } from '../kernel/events.js';
import { KernelRecorder } from '../report/html/kernel-recorder.js';
import { chromeTrace } from '../report/trace/chrome-trace.js';
import { ftraceText } from '../report/trace/ftrace-text.js';
import type { KernelRun } from '../run/kernel-run.js';
import { causeText, storyWidth, verdictText } from './cause-text.js';

export interface PercpuFlags {
  percpu?: boolean;
  log?: string;
  trace?: string;
  ftrace?: string;
  html?: string;
  explain?: boolean;
}

export function addPercpuOptions(command: Command): Command {
  return command
    .option('--percpu', "watch the kernel's per-CPU allocator and predict where it places every area")
    .option('--log <file>', 'write what allocator, TLB and console do there, one JSON object a line; implies --percpu')
    .option('--trace <file>', 'write a time line there, Trace Event JSON for ui.perfetto.dev; implies --percpu')
    .option('--ftrace <file>', "write the allocator's events there as ftrace text, for replay; implies --percpu")
    .option(
      '--html <file>',
      'write a page there that shows the run event by event, and tells why it ended so; implies --percpu',
    )
    .option('--explain', 'tell the chain of events from the crash back to the missing TLB flush; implies --percpu');
}

/** The option that wants the allocator to be watched; undefined when none does. */
export function percpuWanted({ percpu, log, trace, ftrace, html, explain }: PercpuFlags): string | undefined {
  if (explain) return '--explain';
  if (html !== undefined) return '--html';
  if (log !== undefined) return '--log';
  if (trace !== undefined) return '--trace';
  if (ftrace !== undefined) return '--ftrace';
  return percpu ? '--percpu' : undefined;
}

/** Files that are written at the end. @returns begins to watch a run; what that returns writes them */
export function openPercpuOutputs(flags: PercpuFlags): (run: KernelRun) => PercpuOutputs {
  const log = openOutput('--log', flags.log);
  const trace = openOutput('--trace', flags.trace);
  const ftrace = openOutput('--ftrace', flags.ftrace);
  const html = openOutput('--html', flags.html);
  return (run) => {
    const explained = flags.explain || html !== undefined;
    const recorder = log || trace || ftrace || explained ? new KernelLog(run) : undefined;
    const watch = new PercpuWatch(run, recorder);
    const checker = explained ? new KernelChecker(run, recorder!, watch) : undefined;
    const tlb = html && new KernelRecorder(run, recorder!, watch);
    let explanation: Explanation | undefined;
    return {
      watch,
      explain: () => (explanation ??= checker && explain(run, watch, checker, recorder!)),
      write: (about, page) => {
        if (!recorder) return;
        const { events } = recorder.log;
        log?.write(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
        trace?.write(chromeTrace(events, about));
        ftrace?.write(ftraceText(events));
        if (tlb) html?.write(page(events, tlb));
      },
    };
  };
}

export interface PercpuOutputs {
  readonly watch: PercpuWatch;
  /** With --explain or --html, at the end. */
  explain(): Explanation | undefined;
  /** @param about what the run was @param page makes its page */
  write(about: Record<string, unknown>, page: (events: readonly KernelEvent[], tlb: KernelRecorder) => string): void;
}

export interface Explanation {
  readonly cause: Cause;
  readonly accesses: readonly StaleAccess[];
  readonly lines: string[];
}

function explain(run: KernelRun, watch: PercpuWatch, checker: KernelChecker, { log }: KernelLog): Explanation {
  const { accesses } = checker;
  const names = run.names.current;
  const phrases = new Phrases(
    {
      symbols: {
        lookup: (address) => names.lookup(address),
        symbolize: (address) => names.symbolize(address),
        has: (name) => names.address(name) !== undefined,
        address: (name) => names.address(name) ?? 0,
      },
      lines: { lookup: (address) => names.lines?.lookup(address) },
      types: { fieldAt: () => '', allocatedAt: () => undefined },
    },
    log.events,
  );
  const cause = watch.lockstep
    ? causeOf(checker, log.events, phrases, watch.lockstep.percpu.pageSize)
    : { access: undefined, steps: [], verdict: undefined, shown: false };
  const width = storyWidth();
  const bytes = accesses.reduce((sum, access) => sum + access.bytes, 0);
  const others = accesses.filter(({ victims }) => victims.some(({ kind }) => kind !== 'free' && kind !== 'unknown'));
  return {
    cause,
    accesses,
    lines:
      accesses.length === 0
        ? [nothing(run, watch)]
        : [
            ...causeText(cause, width),
            ...verdictText(cause, width),
            `${accesses.length} accesses through stale translations (${bytes} bytes), ${others.length} of them to memory that others had by then`,
          ],
  };
}

function nothing({ machine }: KernelRun, { lockstep }: PercpuWatch): string {
  if (machine.cpu.translations!.total === 0) return 'Nothing to explain: no access went through a stale translation.';
  const unfollowed = lockstep ? '' : 'The per-CPU allocator was not followed: ';
  return `${unfollowed}nothing is told of what the translation checker found; --check reports it.`;
}

const number = (value: number): string => value.toLocaleString('en-US');

/** Rows of the summary: heading and text. */
export function lockstepRows({ lockstep, problem, difference }: PercpuWatch): [string, string][] {
  if (!lockstep) return [['per-CPU', problem ?? 'pcpu_setup_first_chunk() was not seen: nothing to compare']];
  const { counts } = lockstep;
  return [
    ['per-CPU', `${number(counts.predicted)} of ${number(counts.placements)} placements as predicted`],
    [
      '',
      `${number(counts.frees)} frees, ${count(counts.created, 'chunk')} made, ${counts.destroyed} destroyed, pages populated ` +
        `${count(counts.populations, 'time')}, depopulated ${count(counts.depopulations, 'time')}, ${counts.flushes} flushed`,
    ],
    ...(difference ? differenceRows(difference) : []),
  ];
}

function differenceRows(difference: DifferenceScene): [string, string][] {
  const { kernel, predicted, kernelState, predictedState, time, instruction, task, trace } = difference;
  const lines = [
    `first difference at ${(time / 1e9).toFixed(6)} s, instruction ${instruction}${task === undefined ? '' : `, in task ${task}`}:`,
    `  kernel     ${kernel}`,
    `  predicted  ${predicted}`,
    "  the kernel's chunks, by what it was seen to do:",
    ...kernelState.map((line) => `    ${line}`),
    '  the chunks predicted:',
    ...predictedState.map((line) => `    ${line}`),
    '  called by:',
    ...trace.map((line) => `    ${line}`),
  ];
  return lines.map((line) => ['', line]);
}

/** For --json. */
export function lockstepRecord({ lockstep, problem, difference }: PercpuWatch): Record<string, unknown> {
  const { info, variant, pageSize } = lockstep?.percpu ?? {};
  return {
    ...(problem === undefined ? {} : { problem }),
    ...(lockstep
      ? {
          geometry: {
            staticSize: info!.staticSize,
            reservedSize: info!.reservedSize,
            dynSize: info!.dynSize,
            unitSize: info!.unitSize,
            pageSize,
          },
          rules: variant!.name,
          counts: lockstep.counts,
        }
      : {}),
    difference: difference ?? null,
  };
}
