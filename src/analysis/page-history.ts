// How a page and the translation to it came to disagree: the events of the log behind a stale access.
import type { KernelEvent } from '../kernel/events.js';
import type { StaleAccess } from './stale-access.js';

type EventOf<T extends KernelEvent['type']> = KernelEvent & { type: T };

/** In order of time, where the log has them. V is the virtual page, F the frame that was hit. */
export interface PageHistory {
  /** V was given F. */
  mapped: EventOf<'map'> | undefined;
  /** The TLB entry was loaded. */
  filled: EventOf<'tlb_refill'> | undefined;
  /** The area whose use loaded it. */
  filledFor: EventOf<'percpu_alloc'> | undefined;
  /** The last area on V was freed. */
  lastFree: EventOf<'percpu_free'> | undefined;
  /** V's chunk was taken out of use for new areas. */
  isolated: EventOf<'isolate'> | undefined;
  /** V lost F. */
  unmapped: EventOf<'unmap'> | undefined;
  /** With these pages of the chunk. */
  depopulated: EventOf<'depopulate'> | undefined;
  /** F got a new owner, the one of the time of the access. */
  handedOn: EventOf<'page_alloc'> | EventOf<'map'> | undefined;
  /** V was given another frame. */
  repopulated: EventOf<'map'> | undefined;
}

/** @param pageSize bytes */
export function pageHistory(events: readonly KernelEvent[], access: StaleAccess, pageSize: number): PageHistory {
  const page = access.va - (access.va % pageSize);
  const before = (seq: number, test: (event: KernelEvent) => boolean): KernelEvent | undefined => {
    for (let i = seq; i >= 0; i--) if (test(events[i]!)) return events[i];
    return undefined;
  };
  const unmapped = before(
    access.after,
    (e) => e.type === 'unmap' && e.va === page && e.frame === access.frame,
  ) as PageHistory['unmapped'];
  const lost = unmapped?.seq ?? access.after;
  // the page may have had this frame more than once: the translation is from the time when it was loaded
  const mapped = before(
    access.filled < 0 ? lost : access.filled,
    (e) => e.type === 'map' && e.va === page && e.frame === access.frame,
  ) as PageHistory['mapped'];
  const chunk = unmapped?.chunk ?? -1;
  const number = unmapped?.page ?? -1;
  const holds = ({ off, size }: { off: number; size: number }): boolean =>
    off < (number + 1) * pageSize && off + size > number * pageSize;
  const lastFree = before(lost, (e) => e.type === 'percpu_free' && e.chunk === chunk && holds(e));
  const isolated = before(lost, (e) => e.type === 'isolate' && e.chunk === chunk && !e.again);
  const depopulated = events
    .slice(lost)
    .find((e) => e.type === 'depopulate' && e.chunk === chunk && e.start <= number && number < e.end);
  const filled = access.filled < 0 ? undefined : (events[access.filled] as PageHistory['filled']);
  const filledFor =
    filled && before(filled.seq, (e) => e.type === 'percpu_alloc' && e.va <= filled.va && filled.va < e.va + e.size);
  const handedOn = before(
    access.after,
    (e) =>
      (e.type === 'map' && e.frame === access.frame) ||
      (e.type === 'page_alloc' && e.frame <= access.frame && access.frame < e.frame + (1 << e.order)),
  );
  const repopulated = before(access.after, (e) => e.type === 'map' && e.va === page && e.frame === access.mapped);
  return {
    mapped,
    filled,
    filledFor: filledFor as PageHistory['filledFor'],
    lastFree: lastFree as PageHistory['lastFree'],
    isolated: isolated as PageHistory['isolated'],
    unmapped,
    depopulated: depopulated as PageHistory['depopulated'],
    handedOn: handedOn && handedOn.seq > lost ? (handedOn as PageHistory['handedOn']) : undefined,
    repopulated: repopulated && repopulated.seq > lost ? (repopulated as PageHistory['repopulated']) : undefined,
  };
}

/** The flush that would have dropped the translation: what flush_tlb_kernel_range() would be given, [start, end). */
export function missingFlush(
  events: readonly KernelEvent[],
  { depopulated, unmapped }: PageHistory,
  pageSize: number,
): { start: number; end: number } | undefined {
  if (depopulated === undefined || unmapped === undefined) return undefined;
  let start = unmapped.va;
  let end = unmapped.va + pageSize;
  // the range's unmap events stand right before its depopulate event
  for (let i = depopulated.seq - 1; i >= 0; i--) {
    const event = events[i]!;
    if (event.type !== 'unmap' || event.chunk !== depopulated.chunk) break;
    start = Math.min(start, event.va);
    end = Math.max(end, event.va + pageSize);
  }
  return { start, end };
}
