// Which page of which chunk, and which physical page, an event is about.
import type { KernelEvent } from '../../../kernel/events.js';
import type { ReportData } from '../report-data.js';

export interface Subject {
  /** Position of the chunk in ReportData.chunks, and page in it. */
  cell?: { row: number; page: number };
  frame?: number;
}

export function subjectOf(event: KernelEvent, { chunks, pageSize, unitOffsets }: ReportData): Subject {
  const cellOf = (id: number, page: number): Subject => {
    const row = chunks.findIndex((chunk) => chunk.id === id);
    return row < 0 ? {} : { cell: { row, page } };
  };
  /** Any CPU's copy. Addresses are used again by later chunks. */
  const cellAt = (va: number): Subject => {
    for (const offset of unitOffsets) {
      const at = va - offset;
      const row = chunks.findLastIndex(
        ({ base, pages, created }) => created <= event.seq && at >= base && at < base + pages * pageSize,
      );
      if (row >= 0) return { cell: { row, page: Math.floor((at - chunks[row]!.base) / pageSize) } };
    }
    return {};
  };
  switch (event.type) {
    case 'percpu_alloc':
    case 'percpu_free':
      return cellOf(event.chunk, Math.floor(event.off / pageSize));
    case 'populate':
    case 'depopulate':
      return cellOf(event.chunk, event.start);
    case 'map':
    case 'unmap':
      return { ...cellOf(event.chunk, event.page), frame: event.frame };
    case 'page_alloc':
    case 'page_free':
      return { frame: event.frame };
    case 'tlb_refill':
      return cellAt(event.va);
    case 'stale_access':
      return { ...cellAt(event.va), frame: event.frame };
    default:
      return {};
  }
}
