// Finds a reading of a log's order under which kernel and allocator agree. The log fixes the order of everything that happens under
// pcpu_lock except where an allocation's search lies before its A event, and at which lock drop of a slow path a free came. The search
// begins with the order as logged; at a difference it tries the other orders that the log allows there, keeps the one that leads
// furthest, and goes on until the log ends or nothing leads further. Whatever it accepts still has to give every later event exactly.
import { AS_LOGGED, allocationOf, replayEvents } from './event-replay.js';
import type { Ordering, ReplayInput } from './event-replay.js';
import type { ReplayOutcome } from './outcome.js';

/** How far back, in events, an allocation's search may lie. */
const REACH = 4000;
/** Frees around a difference whose lock drop is varied. */
const FREES = 12;
/** Earlier allocations whose search is varied. */
const EARLIER = 6;

export interface SearchedOutcome extends ReplayOutcome {
  /** Allocations and frees whose place the log left open and that are not where they are logged. */
  readonly reordered: number;
  /** Runs of the background work that the log does not mention and that were placed. */
  readonly workPlaced: number;
}

/**
 * Replays the log, settling what its order leaves open.
 * @param progress told the line of every difference that is being settled
 */
export function replayInOrder(input: ReplayInput, progress: (line: number) => void = () => {}): SearchedOutcome {
  let ordering = AS_LOGGED;
  let outcome = replayEvents(input, ordering);
  while (outcome.difference !== undefined) {
    const at = outcome.difference.index;
    progress(outcome.difference.line);
    let best: { ordering: Ordering; outcome: ReplayOutcome } | undefined;
    for (const candidate of alternatives(input, ordering, at)) {
      const result = replayEvents(input, candidate);
      const reached = result.difference?.index ?? Infinity;
      if (reached > (best === undefined ? at : (best.outcome.difference?.index ?? Infinity))) {
        best = { ordering: candidate, outcome: result };
      }
      // The difference at hand is settled and what follows holds for a while.
      if (reached > at + 200) break;
    }
    if (best === undefined) break;
    ({ ordering, outcome } = best);
  }
  const reordered = ordering.searchedBefore.size + ordering.lockDropsPassed.size;
  return { ...outcome, reordered, workPlaced: ordering.workBefore.size };
}

function* alternatives(input: ReplayInput, ordering: Ordering, at: number): Generator<Ordering> {
  const { events } = input;
  // An effect of the background work has no allocation; one that is found for it (an interrupt's) does no harm.
  const own = allocationOf(events, at);
  if (events[at]!.kind !== 'F') {
    if (own >= 0) yield* earlierSearches(input, ordering, own, at - 1, events[at]!.kind !== 'C');
  } else {
    // The counters after a free differ when an allocation that is logged later had its area already.
    for (const next of nextAllocations(input, at)) yield* earlierSearches(input, ordering, next, at, true);
  }

  for (let index = at, frees = 0; index >= 0 && at - index < REACH && frees < FREES; index--) {
    if (events[index]!.kind !== 'F') {
      if (events[index]!.kind === 'W' && index !== at) break;
      continue;
    }
    frees++;
    for (let drops = 1; drops <= 4; drops++) {
      if (drops === ordering.lockDropsPassed.get(index)) continue;
      yield { ...ordering, lockDropsPassed: new Map(ordering.lockDropsPassed).set(index, drops) };
    }
  }
  if (input.tracepointsOnly) yield* placedWork(input, ordering, at);
  let tried = 0;
  for (let index = at - 1; index > 0 && at - index < REACH && tried < EARLIER; index--) {
    if (events[index]!.kind !== 'A' || events[index - 1]!.kind === 'A') continue;
    tried++;
    yield* earlierSearches(input, ordering, index, index - 1, true);
  }
}

/** The next allocation of every task after the event at `at`, as far as they are near. */
function nextAllocations(input: ReplayInput, at: number): number[] {
  const next = new Map<number, number>();
  for (let index = at + 1; index < input.events.length && index - at < REACH && next.size < 3; index++) {
    const { kind, pid } = input.events[index]!;
    if ((kind === 'A' || kind === 'X') && !next.has(pid)) next.set(pid, index);
  }
  return [...next.values()];
}

/**
 * Orders in which the allocation's search took place before the event at `last` or an earlier one, wherever it would have had the
 * logged outcome.
 * @param findsRoom false: the search found nothing, so that a chunk had to be made
 */
function* earlierSearches(
  input: ReplayInput,
  ordering: Ordering,
  allocation: number,
  last: number,
  findsRoom: boolean,
): Generator<Ordering> {
  const { events } = input;
  const request = events[allocation]!;
  // A task does one thing after the other; what interrupts it (frees, isolations) carries its pid all the same.
  let earliest = last + 1;
  while (earliest > 0 && last - earliest < REACH) {
    const before = events[earliest - 1]!;
    if (before.pid === request.pid && before.kind !== 'F' && before.kind !== 'I') break;
    earliest--;
  }
  if (earliest > last) return;
  const fitting: number[] = [];
  replayEvents(
    input,
    { ...ordering, searchedBefore: without(ordering.searchedBefore, allocation) },
    (index, percpu) => {
      if (index < earliest || index > last) return;
      const found = percpu.probe(request.size, request.align, request.atomic, request.reserved);
      const fits =
        request.kind === 'X' || !findsRoom
          ? found === null
          : found !== null && found.chunk.base === request.base && found.offset === request.offset;
      if (fits) fitting.push(index);
    },
  );
  // Latest first; of a long stretch its two ends and some between them.
  fitting.reverse();
  const step = Math.max(1, Math.floor(fitting.length / 8));
  for (let index = 0; index < fitting.length; index += step) {
    yield { ...ordering, searchedBefore: new Map(ordering.searchedBefore).set(allocation, fitting[index]!) };
  }
}

function without(map: ReadonlyMap<number, number>, key: number): Map<number, number> {
  const copy = new Map(map);
  copy.delete(key);
  return copy;
}

/** Places per stretch of events in which an unlogged run of the background work is tried. */
const PLACES = 16;

/**
 * Orders with one run of the background work more, or with one of the last runs elsewhere. A run can take place wherever the work is
 * pending; the log of a kernel's tracepoints shows it only by where areas go afterwards.
 */
function* placedWork(input: ReplayInput, ordering: Ordering, at: number): Generator<Ordering> {
  const runs = [...ordering.workBefore].filter((index) => index <= at).sort((a, b) => a - b);
  const places = (fixed: Iterable<number>, from: number): number[] => {
    const pending: number[] = [];
    replayEvents(input, { ...ordering, workBefore: new Set(fixed) }, (index, percpu) => {
      if (index > from && index <= at && percpu.balancePending) pending.push(index);
    });
    return pending;
  };
  const sample = (indexes: number[]): number[] => {
    const step = Math.max(1, indexes.length / PLACES);
    const picked = new Set<number>();
    for (let k = indexes.length - 1; k >= 0; k -= step) picked.add(indexes[Math.round(k)]!);
    // Where another task goes on, the work has most likely run; and what lies nearest to the difference.
    const { events } = input;
    for (const index of indexes) if (index > 0 && events[index]!.pid !== events[index - 1]!.pid) picked.add(index);
    for (const index of indexes.slice(-6)) picked.add(index);
    return [...picked].sort((a, b) => b - a);
  };
  for (const index of sample(places(ordering.workBefore, runs.at(-1) ?? -1))) {
    yield { ...ordering, workBefore: new Set([...ordering.workBefore, index]) };
  }
  for (const moved of runs.slice(-2).reverse()) {
    const others = runs.filter((run) => run !== moved);
    const before = others.filter((run) => run < moved).at(-1) ?? -1;
    yield { ...ordering, workBefore: new Set(others) };
    for (const index of sample(places(others, before))) yield { ...ordering, workBefore: new Set([...others, index]) };
  }
}
