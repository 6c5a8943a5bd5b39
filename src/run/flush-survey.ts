// Mutation testing of TLB maintenance: which calls of the kernel's flush functions a run reaches, and what the checker sees when one of them
// is left out.
import type { FindingKind } from '../../emu/unicorn/shim/check-state.js';
import { FLUSH_FUNCTIONS } from './finding-history.js';
import { KernelRun, type KernelRunOptions, type RunEnd, runOutcome, type SkipCall } from './kernel-run.js';

/** Calls from one function to one flush function. */
export interface FlushCalls extends SkipCall {
  readonly count: number;
}

/** The calls of flush functions that a run makes, the most frequent first; how it ended. */
export function surveyFlushes(options: KernelRunOptions): { calls: FlushCalls[]; end: RunEnd; instructions: number } {
  const counts = new Map<string, FlushCalls>();
  const run = new KernelRun(options);
  const { cpu } = run.machine;
  let watched = false;
  const watch = (): void => {
    const names = run.names.current;
    const functions = names.functions(FLUSH_FUNCTIONS);
    watched = functions.length > 0;
    for (const { start, name: callee } of functions)
      cpu.observeInstruction(start, () => {
        const caller = names.lookup(cpu.reg(31) - 8)?.name;
        if (caller === undefined) return;
        const key = `${caller}:${callee}`;
        counts.set(key, { caller, callee, count: (counts.get(key)?.count ?? 0) + 1 });
      });
  };
  try {
    watch();
    const slices = run.slices();
    for (;;) {
      const step = slices.next();
      if (!watched) watch();
      if (step.done) {
        const calls = [...counts.values()].sort((a, b) => b.count - a.count || (a.caller < b.caller ? -1 : 1));
        return { calls, end: step.value, instructions: cpu.instructions };
      }
    }
  } finally {
    run.close();
  }
}

export interface FlushVerdict extends FlushCalls {
  /** How often it was left out. */
  readonly skipped: number;
  readonly outcome: string;
  /** The first finding: what, in which function, called by whom; undefined when there was none. */
  readonly finding: { kind: FindingKind; place: string; instruction: number } | undefined;
}

/** Runs with one call left out, to the first finding or the end. @param instructions of the run without it */
export function withoutFlush(options: KernelRunOptions, calls: FlushCalls, instructions: number): FlushVerdict {
  const run = new KernelRun({
    ...options,
    check: true,
    skipCalls: [calls],
    maxInstructions: Math.min(options.maxInstructions ?? Infinity, 2 * instructions),
  });
  try {
    let finding: FlushVerdict['finding'];
    const { translations } = run.machine.cpu;
    if (!translations) throw new Error(`translations cannot be checked: ${run.machine.cpu.pathReason}`);
    translations.onFinding = ({ kind, pc, instruction }) => {
      finding ??= { kind, place: run.names.current.lookup(pc)?.name ?? `0x${pc.toString(16)}`, instruction };
      run.end('stale');
    };
    const end = run.run();
    translations.finish(run.machine.cpu.instructions);
    const { outcome } = runOutcome(end, run.lines);
    return { ...calls, skipped: run.skipped[0]?.count ?? 0, outcome: finding ? 'stopped' : outcome, finding };
  } finally {
    run.close();
  }
}
