// What a reclaim flushed of the pages that it took away, from the flush events of the log; and how that is told.
import type { KernelEvent } from '../kernel/events.js';
import { hex } from './addresses.js';
import { missingFlush, type PageHistory } from './page-history.js';
import type { StaleAccess } from './stale-access.js';

type Flush = KernelEvent & { type: 'tlb_flush' };

/** Flushes of the reclaim that took a page away, seen from an access through its old translation. */
export interface ReclaimFlushes {
  /** What flush_tlb_kernel_range() has to be given for the depopulation, [start, end). */
  needed: { start: number; end: number };
  /** Before the access: those that leave the page out, and one that covers it, which the translation outlived. */
  leftOut: Flush[];
  outlived: Flush | undefined;
  /** The one that covers it, but comes after the access. */
  late: Flush | undefined;
}

/** @param pageSize bytes @returns undefined when the log has no depopulation of the page */
export function reclaimFlushes(
  events: readonly KernelEvent[],
  history: PageHistory,
  access: Pick<StaleAccess, 'va' | 'after'>,
  pageSize: number,
): ReclaimFlushes | undefined {
  const needed = missingFlush(events, history, pageSize);
  const { unmapped, depopulated } = history;
  if (needed === undefined || unmapped === undefined || depopulated === undefined) return undefined;
  // pcpu_reclaim_populated() is done with the chunk when it puts it back on a list
  const done = events.findIndex(
    (event, seq) =>
      seq > depopulated.seq &&
      (event.type === 'sideline' || event.type === 'reintegrate') &&
      event.chunk === depopulated.chunk,
  );
  const made = events
    .slice(unmapped.seq, done < 0 ? events.length : done)
    .filter((event): event is Flush => event.type === 'tlb_flush');
  const covers = ({ whole, start, end }: Flush): boolean => whole || (start <= access.va && access.va < end);
  const before = made.filter(({ seq }) => seq <= access.after);
  return {
    needed,
    leftOut: before.filter((flush) => !covers(flush)),
    outlived: before.find(covers),
    late: made.find((flush) => flush.seq > access.after && covers(flush)),
  };
}

/** `The TLB is not flushed` */
export function flushSentence({ leftOut, outlived, late }: ReclaimFlushes): string {
  if (outlived) return `The TLB is flushed (event ${outlived.seq}), and the entry outlives that`;
  if (leftOut.length > 0) return `The TLB is flushed from ${ranges(leftOut)}, not for this page`;
  return late ? `The TLB is flushed later (event ${late.seq})` : 'The TLB is not flushed';
}

/** `a depopulation without flush_tlb_kernel_range(fff9b000, fffa2000)` */
export function flushFault({ needed, leftOut, outlived, late }: ReclaimFlushes): string {
  const call = `flush_tlb_kernel_range(${hex(needed.start)}, ${hex(needed.end)})`;
  if (outlived) return `a flush (event ${outlived.seq}) that does not drop what it covers, as ${call} would`;
  if (leftOut.length > 0)
    return `a depopulation of ${hex(needed.start)} to ${hex(needed.end)} that flushes only from ${ranges(leftOut)} instead of ${call}`;
  if (late) return `a depopulation whose flush comes too late, in event ${late.seq}, instead of ${call} at once`;
  return `a depopulation without ${call}`;
}

const MOST_RANGES = 3;

/** `fff9b000 to fff9c000 (event 12724)`, several joined. */
function ranges(flushes: readonly Flush[]): string {
  const shown = flushes
    .slice(0, MOST_RANGES)
    .map(({ start, end, seq }) => `${hex(start)} to ${hex(end)} (event ${seq})`);
  const more = flushes.length - shown.length;
  return shown.join(' and ') + (more > 0 ? ` and in ${more} more flushes` : '');
}
