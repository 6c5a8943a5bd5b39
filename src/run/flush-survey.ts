// Mutation testing of TLB maintenance: which calls of the kernel's flush functions a run reaches, and what the checker sees when one of them
// is left out.
import type { FindingKind } from '../../emu/unicorn/shim/check-state.js';
import type { GuestNames, NamedRange } from '../linux/guest-names.js';
import { type ReadWord, staticCalls } from '../linux/static-calls.js';
import { flushFunctions } from './finding-history.js';
import { peek } from './guest-trace.js';
import type { KernelRecord } from '../experiments/kernel-job.js';
import type { KernelRun } from './kernel-run.js';
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

/**
 * Counts the calls of flush functions that a run makes.
 * @returns for its end: those that it made most often first, those that it never reached (count 0) last
 */
export function countFlushCalls(run: KernelRun): () => FlushCalls[] {
  const counts = new Map<string, FlushCalls>();
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
  return () =>
    [...counts.values()].sort(
      (a, b) => b.count - a.count || (`${a.caller} ${a.callee}` < `${b.caller} ${b.callee}` ? -1 : 1),
    );
}

export interface FlushVerdict extends FlushCalls {
  /** How often it was left out. */
  readonly skipped: number;
  readonly outcome: string;
  /** The first finding: what, in which function; undefined when there was none. */
  readonly finding: { kind: FindingKind; place: string; instruction: number } | undefined;
}

/** Of a run with these calls left out, which ended at the first finding. */
export function flushVerdict(calls: FlushCalls, { outcome, check, skipped }: KernelRecord): FlushVerdict {
  const [first] = check!.places;
  const finding = first && { kind: first.kind, place: first.place, instruction: first.firstInstruction };
  return { ...calls, skipped: skipped![0]!, outcome: finding ? 'stopped' : outcome, finding };
}
