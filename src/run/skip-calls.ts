// `--skip-call CALLER:CALLEE`: which functions of a kernel these are, and whether the one calls the other at all.
import { UsageError } from '../errors.js';
import type { GuestNames, NamedRange } from '../linux/guest-names.js';
import { callsReturningTo, type ReadWord, staticCalls } from '../linux/static-calls.js';

/** By symbol. */
export interface SkipCall {
  readonly caller: string;
  readonly callee: string;
}

/** Functions of a name, the parts and clones that gcc made of them included. */
export interface FoundCall {
  readonly callers: readonly NamedRange[];
  readonly callees: readonly NamedRange[];
  /** What the caller calls by name, in order of name. */
  readonly calls: readonly string[];
  /** One of the calls is to the callee. */
  readonly isCalled: boolean;
}

/** Names in an error message. */
const MOST_NAMES = 40;

export const callText = ({ caller, callee }: SkipCall): string => `--skip-call ${caller}:${callee}`;

/** @throws UsageError for names that the kernel does not have, and for a function that never calls the other */
export function findCall(names: GuestNames, read: ReadWord, call: SkipCall): FoundCall {
  const [callers, callees] = [call.caller, call.callee].map((name) => {
    const found = names.functions(exactly(name));
    if (found.length === 0)
      throw new UsageError(`${callText(call)}: the kernel has no function ${name}${similar(names, name)}`);
    return found;
  }) as [NamedRange[], NamedRange[]];
  const made = callers.map((caller) => staticCalls(caller, read));
  const targets = callsReturningTo(
    made.flatMap((own) => [...own.calls]),
    names,
    read,
  );
  const tail = callees.find(({ start }) => made.some(({ tails }) => tails.has(start)));
  if (tail && !targets.has(tail.start))
    throw new UsageError(
      `${callText(call)}: ${call.caller} ends in ${call.callee} and returns to its own caller: name that one instead of ${call.caller}`,
    );
  const calls = [...new Set([...targets].map((target) => names.lookup(target)?.name ?? `0x${target.toString(16)}`))];
  const found: FoundCall = {
    callers,
    callees,
    calls: calls.sort(),
    isCalled: callees.some(({ start }) => targets.has(start)),
  };
  if (!found.isCalled && !made.some(({ indirect }) => indirect)) throw new UsageError(neverCalls(call, found));
  return found;
}

/** A call that was to be stepped over in a run that is over. */
export interface SkippedCall {
  readonly call: SkipCall;
  readonly found?: FoundCall;
  /** Undefined for a kernel whose names were never found. */
  readonly count: number | undefined;
}

/** One line for the first call that was not stepped over because the kernel does not make it; undefined where it makes all, reached or not. */
export function skipProblem(skipped: readonly SkippedCall[]): string | undefined {
  for (const { call, found, count } of skipped) {
    if (!found)
      return `${callText(call)}: no names of functions were found in the kernel (--system-map FILE gives them)`;
    if (count === 0 && !found.isCalled) return neverCalls(call, found);
  }
  return undefined;
}

/** One line for a caller that never calls the callee. */
function neverCalls(call: SkipCall, { calls }: FoundCall): string {
  const shown = calls.slice(0, MOST_NAMES).join(', ') + (calls.length > MOST_NAMES ? ', ...' : '');
  return `${callText(call)}: ${call.caller} never calls ${call.callee}; it calls ${shown === '' ? 'nobody by name' : shown}`;
}

/** gcc may append to a name: .isra.0, .constprop.0, .part.0, .cold. */
function exactly(name: string): RegExp {
  return new RegExp(`^${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(\\.(isra|constprop|part|cold)(\\.\\d+)?)*$`);
}

/** Functions whose names hold this one, or what is left of it without its ends. */
function similar(names: GuestNames, name: string): string {
  const words = name.split('_').filter((word) => word.length > 2);
  const wanted = names
    .functions(/./)
    .map((range) => range.name)
    .map((other) => ({ other, shared: words.filter((word) => other.includes(word)).length }))
    .filter(({ shared }) => words.length > 0 && shared >= Math.max(words.length - 1, 1))
    .sort((a, b) => b.shared - a.shared || a.other.length - b.other.length || (a.other < b.other ? -1 : 1));
  const shown = wanted.slice(0, 5).map(({ other }) => other);
  return shown.length === 0 ? ' (inlined, or called something else)' : `; it has ${shown.join(', ')}`;
}
