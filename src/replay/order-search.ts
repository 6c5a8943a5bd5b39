// Finds a reading of a log's order under which kernel and allocator agree. The log fixes the order of everything that happens under
// pcpu_lock except where an allocation's search lies before its A event, and at which lock drop of a slow path a free came. The search
// begins with the order as logged; at a difference it tries the other orders that the log allows there, keeps the one that leads
// furthest, and goes on until the log ends or nothing leads further. Whatever it accepts still has to give every later event exactly.
import { AS_LOGGED, allocationOf, replayEvents } from './event-replay.js';
import type { Ordering, ReplayInput } from './event-replay.js';
import type { Variant } from '../percpu/index.js';
import type { ReplayOutcome } from './outcome.js';

/** How far back, in events, an allocation's search may lie. */
const REACH = 4000;
/** Frees next to a difference, and the first ones of the background work under way, whose lock drop is varied. */
const FREES = 12;
/** Earlier allocations whose search is varied. */
const EARLIER = 6;

export interface SearchedOutcome extends ReplayOutcome {
  /** Allocations and frees whose place the log left open and that are not where they are logged. */
  readonly reordered: number;
  /** Runs of the background work that the log does not mention and that were placed. */
  readonly workPlaced: number;
  /** The kernel that led furthest: the log's, or one of the others that it may be from. */
  readonly variant: Variant;
}

/**
 * Events by which unlogged background work trails the request that made it pending, in the orders that are tried first. Without a delay
 * no run takes place that the log does not show; most traces need only few.
 */
const DELAYS = [undefined, 0, 5, 10, 20, 50, 100, 400, 1000];
/** Events to the next try after a place at which the work cannot have run. */
const SKIPPED = 50;
/** Longer traces are tried without a delay only. */
const LONG_TRACE = 20_000;

/**
 * Replays the log, settling what its order leaves open.
 * @param progress told the line of every difference that is being settled
 */
export function replayInOrder(input: ReplayInput, progress: (line: number) => void = () => {}): SearchedOutcome {
  let best: SearchedOutcome | undefined;
  for (const variant of [input.kernel.variant, ...input.otherVariants]) {
    const outcome = replayVariant({ ...input, kernel: { ...input.kernel, variant } }, progress);
    if (best === undefined || outcome.counts.events > best.counts.events) best = outcome;
    if (best.difference === undefined) break;
  }
  return best!;
}

function replayVariant(input: ReplayInput, progress: (line: number) => void): SearchedOutcome {
  let best: SearchedOutcome | undefined;
  for (const delay of !input.workLogged && input.events.length < LONG_TRACE ? DELAYS : [undefined]) {
    const outcome = settle(input, delay, progress);
    if (best === undefined || outcome.counts.events > best.counts.events) best = outcome;
    if (best.difference === undefined) break;
  }
  return best!;
}

/**
 * The ordering with runs of the background work that trail what makes them pending by `delay` events, up to the first difference and as
 * far as none of them brings an earlier one.
 */
function withDelayedWork(input: ReplayInput, ordering: Ordering, delay: number): Ordering {
  const runs = new Set(ordering.workBefore);
  let reached = -1;
  let added = -1;
  for (let last = Math.max(-1, ...runs); ;) {
    let pending = -1;
    const outcome = replayEvents(input, { ...ordering, workBefore: runs }, (index, percpu) => {
      // No other task runs before the idle task of the boot CPU gives way.
      if (pending < 0 && index > last && percpu.balancePending && input.events[index]!.pid !== 0) pending = index;
    });
    if (reach(outcome) < reached) {
      runs.delete(added);
      last = added + SKIPPED;
      reached = -1;
      continue;
    }
    reached = reach(outcome);
    last = pending + delay;
    if (pending < 0 || last >= Math.min(reached, input.events.length)) return { ...ordering, workBefore: runs };
    runs.add(last);
    added = last;
  }
}

/** @param delay of runs that are put in wherever the work is pending; undefined: only where a difference calls for one */
function settle(input: ReplayInput, delay: number | undefined, progress: (line: number) => void): SearchedOutcome {
  let ordering = AS_LOGGED;
  let outcome = replayEvents(input, ordering);
  for (;;) {
    if (delay !== undefined) {
      const delayed = withDelayedWork(input, ordering, delay);
      const result = replayEvents(input, delayed);
      if (reach(result) >= reach(outcome)) [ordering, outcome] = [delayed, result];
    }
    if (outcome.difference === undefined) break;
    const at = outcome.difference.index;
    progress(outcome.difference.line);
    let best: { ordering: Ordering; outcome: ReplayOutcome } | undefined;
    for (const candidate of alternatives(input, ordering, at)) {
      const result = replayEvents(input, candidate);
      if (reach(result) > (best === undefined ? at : reach(best.outcome)))
        best = { ordering: candidate, outcome: result };
      // The difference at hand is settled and what follows holds for a while.
      if (reach(result) > at + 200) break;
    }
    if (best === undefined) break;
    ({ ordering, outcome } = best);
  }
  const reordered = ordering.searchedBefore.size + ordering.lockDropsPassed.size;
  return { ...outcome, reordered, workPlaced: ordering.workBefore.size, variant: input.kernel.variant };
}

/** Index of the first difference; infinite when there is none. */
function reach(outcome: ReplayOutcome): number {
  return outcome.difference?.index ?? Infinity;
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

  const frees: number[] = [];
  for (let index = at; index >= 0 && at - index < REACH; index--) {
    if (events[index]!.kind === 'F') frees.push(index);
    else if (events[index]!.kind === 'W' && index !== at) break;
  }
  for (const index of new Set([...frees.slice(0, FREES), ...frees.slice(-FREES).reverse()])) {
    for (let drops = 1; drops <= 4; drops++) {
      if (drops === ordering.lockDropsPassed.get(index)) continue;
      yield { ...ordering, lockDropsPassed: new Map(ordering.lockDropsPassed).set(index, drops) };
    }
  }
  if (!input.workLogged) yield* placedWork(input, ordering, at);
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

/** Places in a stretch of events at which an unlogged run of the background work is tried, at most. */
const PLACES = 160;
const AT_LARGE = 16;
/** Runs that one run may take the place of. */
const DROPPED = 8;

/**
 * Orders with one run of the background work more, or with one of the last runs elsewhere. A run can take place wherever the work is
 * pending; the log of a kernel's tracepoints shows it only by where areas go afterwards.
 */
function* placedWork(input: ReplayInput, ordering: Ordering, at: number): Generator<Ordering> {
  const runs = [...ordering.workBefore].filter((index) => index <= at).sort((a, b) => a - b);
  for (const index of workPlaces(input, ordering, ordering.workBefore, runs.at(-1) ?? -1, at)) {
    yield { ...ordering, workBefore: new Set([...ordering.workBefore, index]) };
  }
  const instead = (others: number[], from: number): Generator<Ordering> =>
    (function* () {
      yield { ...ordering, workBefore: new Set(others) };
      for (const index of workPlaces(input, ordering, new Set(others), from, at)) {
        yield { ...ordering, workBefore: new Set([...others, index]) };
      }
    })();
  // The last run but one elsewhere; one run in place of the last few.
  if (runs.length > 1) yield* instead([...runs.slice(0, -2), runs.at(-1)!], runs.at(-3) ?? -1);
  for (let dropped = 1; dropped <= Math.min(runs.length, DROPPED); dropped++) {
    const kept = runs.slice(0, -dropped);
    yield* instead(kept, kept.at(-1) ?? -1);
  }
}

/** Events behind `from` up to `last` before which a run would matter in different ways, latest first. */
function workPlaces(
  input: ReplayInput,
  ordering: Ordering,
  workBefore: ReadonlySet<number>,
  from: number,
  last: number,
): number[] {
  const places: number[] = [];
  const pending: number[] = [];
  let order = '';
  let latest = -1;
  replayEvents(input, { ...ordering, workBefore }, (index, percpu) => {
    if (index <= from || index > last || !percpu.balancePending) return;
    pending.push(index);
    // What a run does depends on which chunks wait for it, in what order.
    const { slots, variant } = percpu;
    const now = (variant.reclaim ? [slots.toDepopulate, slots.free] : [slots.free])
      .map((slot) => [...slots.chunks(slot)].map(({ id }) => id).join())
      .join('/');
    if (now !== order && latest >= 0) places.push(latest);
    order = now;
    latest = index;
  });
  if (latest >= 0) places.push(latest);
  // And some at large: a run also fills up pages, which shows much later.
  for (let k = 1; k <= AT_LARGE; k++) places.push(pending[Math.floor((k * (pending.length - 1)) / AT_LARGE)] ?? -1);
  const distinct = [...new Set(places)].filter((index) => index >= 0).sort((a, b) => b - a);
  if (distinct.length <= PLACES) return distinct;
  const near = distinct.slice(0, PLACES / 2);
  const step = (distinct.length - near.length) / (PLACES / 2);
  for (let k = near.length; k < distinct.length; k += step) near.push(distinct[Math.floor(k)]!);
  return near;
}
