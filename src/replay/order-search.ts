// Finds a reading of a gt_log's order under which kernel and allocator agree. The log fixes the order of everything that happens under
// pcpu_lock except where an allocation's search lies before its A event, and at which lock drop of a slow path a free came. The search
// begins with the order as logged; at a difference it tries the other orders that the log allows there, keeps the one that leads
// furthest, and goes on until the log ends or nothing leads further. Whatever it accepts still has to give every later event exactly.
import { AS_LOGGED, allocationOf, replayGtLog } from './gt-replay.js';
import type { Ordering } from './gt-replay.js';
import type { GtLog } from './gt-log.js';
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
}

/** Replays the log, settling what its order leaves open. */
export function replayInOrder(log: GtLog): SearchedOutcome {
  let ordering = AS_LOGGED;
  let outcome = replayGtLog(log, ordering);
  while (outcome.difference !== undefined) {
    const at = outcome.difference.index;
    let best: { ordering: Ordering; outcome: ReplayOutcome } | undefined;
    for (const candidate of alternatives(log, ordering, at)) {
      const result = replayGtLog(log, candidate);
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
  return { ...outcome, reordered: ordering.searchedBefore.size + ordering.lockDropsPassed.size };
}

function* alternatives(log: GtLog, ordering: Ordering, at: number): Generator<Ordering> {
  const { events } = log;
  // An effect of the background work has no allocation; one that is found for it (an interrupt's) does no harm.
  const own = allocationOf(log, at);
  if (events[at]!.kind !== 'F') {
    if (own >= 0) yield* earlierSearches(log, ordering, own, at - 1, events[at]!.kind !== 'C');
  } else {
    // The counters after a free differ when an allocation that is logged later had its area already.
    for (const next of nextAllocations(log, at)) yield* earlierSearches(log, ordering, next, at, true);
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
  let tried = 0;
  for (let index = at - 1; index > 0 && at - index < REACH && tried < EARLIER; index--) {
    if (events[index]!.kind !== 'A' || events[index - 1]!.kind === 'A') continue;
    tried++;
    yield* earlierSearches(log, ordering, index, index - 1, true);
  }
}

/** The next allocation of every task after the event at `at`, as far as they are near. */
function nextAllocations(log: GtLog, at: number): number[] {
  const next = new Map<number, number>();
  for (let index = at + 1; index < log.events.length && index - at < REACH && next.size < 3; index++) {
    const { kind, pid } = log.events[index]!;
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
  log: GtLog,
  ordering: Ordering,
  allocation: number,
  last: number,
  findsRoom: boolean,
): Generator<Ordering> {
  const { events } = log;
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
  replayGtLog(log, { ...ordering, searchedBefore: without(ordering.searchedBefore, allocation) }, (index, percpu) => {
    if (index < earliest || index > last) return;
    const found = percpu.probe(request.size, request.align, request.atomic, request.reserved);
    const fits =
      request.kind === 'X' || !findsRoom
        ? found === null
        : found !== null && found.chunk.base === request.base && found.offset === request.offset;
    if (fits) fitting.push(index);
  });
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
