// Which page of which chunk, and which physical page, an event is about.
import type { KernelEvent } from '../../kernel/events.js';
import type { ReportData } from './report-data.js';

/** A page of a chunk, in one CPU's unit. */
export interface Place {
  /** Position of the chunk in ReportData.chunks. */
  row: number;
  page: number;
  cpu: number;
}

export interface Subject {
  cell?: Place;
  /** Of several pages from `cell` on, how many. */
  pages?: number;
  frame?: number;
}

type Map = Pick<ReportData, 'chunks' | 'pageSize' | 'unitOffsets'>;

/** The page at a virtual address once event `seq` has happened; undefined: no chunk's. Addresses are used again by later chunks. */
export function placeAt(va: number, seq: number, { chunks, pageSize, unitOffsets }: Map): Place | undefined {
  for (const [cpu, offset] of unitOffsets.entries()) {
    const at = va - offset;
    const row = chunks.findLastIndex(
      ({ base, pages, created }) => created <= seq && at >= base && at < base + pages * pageSize,
    );
    if (row >= 0) return { row, page: Math.floor((at - chunks[row]!.base) / pageSize), cpu };
  }
  return undefined;
}

/** First virtual address of a page. */
export function addressOf({ row, page, cpu }: Place, { chunks, pageSize, unitOffsets }: Map): number {
  return chunks[row]!.base + unitOffsets[cpu]! + page * pageSize;
}

export function subjectOf(event: KernelEvent, data: Map): Subject {
  const cellOf = (id: number, page: number, cpu = 0): Subject => {
    const row = data.chunks.findIndex((chunk) => chunk.id === id);
    return row < 0 ? {} : { cell: { row, page, cpu } };
  };
  const cellAt = (va: number): Subject => {
    const cell = placeAt(va, event.seq, data);
    return cell ? { cell } : {};
  };
  switch (event.type) {
    case 'percpu_alloc':
    case 'percpu_free':
      return cellOf(event.chunk, Math.floor(event.off / data.pageSize));
    case 'populate':
    case 'depopulate':
      return { ...cellOf(event.chunk, event.start), pages: event.end - event.start };
    case 'map':
    case 'unmap':
      return { ...cellOf(event.chunk, event.page, event.cpu), frame: event.frame };
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
