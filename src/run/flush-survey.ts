// Mutation testing of TLB maintenance: which calls of the kernel's flush functions a run reaches, and what the checker sees when one of them
// is left out.
import type { FindingKind } from '../../emu/unicorn/shim/check-state.js';
import type { GuestNames, NamedRange } from '../linux/guest-names.js';
import { type ReadWord, staticCalls } from '../linux/static-calls.js';
import { flushFunctions } from './finding-history.js';
import { peek } from './guest-trace.js';
import { KernelRun, type KernelRunOptions, type RunEnd, runOutcome } from './kernel-run.js';
import type { SkipCall } from './skip-calls.js';

/** Calls from one function to one flush function. */
export interface FlushCalls extends SkipCall {
  readonly count: number;
}

/**
 * The calls of flush functions in the kernel's text. A function that ends in one does not count: who calls it is the caller, as the return address
 * has it.
 */
export function flushCallers(names: GuestNames, flushes: readonly NamedRange[], read: ReadWord): SkipCall[] {
  const all = names.functions(/./).map((range) => ({ range, ...staticCalls(range, read) }));
  const has = (set: ReadonlySet<number>, goals: ReadonlySet<number>): boolean =>
    [...set].some((target) => goals.has(target));
  return flushes.flatMap(({ start, name: callee }) => {
    const goals = new Set([start]);
    for (let before = 0; before < goals.size;) {
      before = goals.size;
      for (const { range, tails } of all) if (has(tails, goals)) goals.add(range.start);
    }
    return all.filter(({ calls }) => has(calls, goals)).map(({ range }) => ({ caller: range.name, callee }));
  });
}

/** The calls of flush functions that a kernel has: those that a run makes most often first, those that it never reaches (count 0) last. */
export function surveyFlushes(options: KernelRunOptions): { calls: FlushCalls[]; end: RunEnd; instructions: number } {
  const counts = new Map<string, FlushCalls>();
  const run = new KernelRun(options);
  const { cpu } = run.machine;
  run.whenNamed((names) => {
    const functions = flushFunctions(names);
    for (const call of flushCallers(names, functions, (address) => peek(cpu, address)))
      counts.set(`${call.caller}:${call.callee}`, { ...call, count: 0 });
    for (const { start, name: callee } of functions)
      cpu.observeInstruction(start, () => {
        const caller = names.lookup(cpu.reg(31) - 8)?.name;
        if (caller === undefined) return;
        const key = `${caller}:${callee}`;
        counts.set(key, { caller, callee, count: (counts.get(key)?.count ?? 0) + 1 });
      });
    return functions.length > 0;
  });
  try {
    const end = run.run();
    const calls = [...counts.values()].sort(
      (a, b) => b.count - a.count || (`${a.caller} ${a.callee}` < `${b.caller} ${b.callee}` ? -1 : 1),
    );
    return { calls, end, instructions: cpu.instructions };
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
