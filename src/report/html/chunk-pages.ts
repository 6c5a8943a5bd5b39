// The pages of every chunk while the boot runs, from the event log and the TLB's history.
import type { KernelEvent } from '../../kernel/events.js';
import { type TrackData, TrackWriter } from './track.js';
import type { TlbView } from './translations.js';

/** State of a page, as the report page draws it. */
export const PAGE = {
  /** The chunk does not exist (yet, or any more). */
  ABSENT: 0,
  UNPOPULATED: 1,
  /** Populated, with at least one area. */
  POPULATED: 2,
  /** Populated without any area. */
  EMPTY: 3,
  DEPOPULATED: 4,
  /** Depopulated, and the TLB still translates to the frame it had. */
  STALE_UNMAPPED: 5,
  /** Populated, and the TLB translates to another frame than the page table. */
  STALE_MAPPED: 6,
} as const;

/** A cell's value is its state and, from bit 3 on, how full it is in steps of 1/FILL_STEPS. */
export const FILL_SHIFT = 3;
export const FILL_STEPS = 8;

export const CHUNK = { ABSENT: 0, ACTIVE: 1, ISOLATED: 2, SIDELINED: 3, DESTROYED: 4 } as const;

export interface ChunkInfo {
  id: number;
  /** Address in unit 0. */
  base: number;
  pages: number;
  /** Number of its page 0 in `cells`. */
  firstCell: number;
  /** Its chunk_create event. */
  created: number;
}

export interface ChunkPages {
  chunks: ChunkInfo[];
  /** PAGE state and fill of every page. */
  cells: TrackData;
  /** Frame of each unit's copy plus 1, 0: none; slot = cell * units + unit. */
  frames: TrackData;
  units: number;
  /** CHUNK state, by position in `chunks`. */
  status: TrackData;
}

interface Cell {
  mapped: boolean;
  everMapped: boolean;
  usedBytes: number;
  /** Units of which the TLB holds a stale translation. */
  stale: number;
}

class ChunkRecorder {
  readonly chunks: ChunkInfo[] = [];
  readonly cells: Cell[] = [];
  readonly #cellTrack = new TrackWriter();
  readonly #frameTrack = new TrackWriter();
  readonly #statusTrack = new TrackWriter();
  readonly #positions = new Map<number, number>();
  /** Which cell a virtual page belongs to; addresses are used again by later chunks. */
  readonly #cellOfPage = new Map<number, number>();
  readonly #pageSize: number;
  readonly #units: number;
  #stale: ReadonlyMap<number, number> = new Map();

  constructor(pageSize: number, units: number) {
    this.#pageSize = pageSize;
    this.#units = units;
  }

  #draw(seq: number, index: number): void {
    const cell = this.cells[index]!;
    const status = this.#statusTrack.get(this.#chunkOf(index));
    const fill = Math.min(Math.ceil((cell.usedBytes * FILL_STEPS) / this.#pageSize), FILL_STEPS) << FILL_SHIFT;
    let state: number;
    if (cell.stale > 0) state = cell.mapped ? PAGE.STALE_MAPPED | fill : PAGE.STALE_UNMAPPED;
    else if (status === CHUNK.DESTROYED) state = PAGE.ABSENT;
    else if (cell.mapped) state = cell.usedBytes > 0 ? PAGE.POPULATED | fill : PAGE.EMPTY;
    else state = cell.everMapped ? PAGE.DEPOPULATED : PAGE.UNPOPULATED;
    this.#cellTrack.set(seq, index, state);
  }

  #chunkOf(cell: number): number {
    let at = this.chunks.length - 1;
    while (this.chunks[at]!.firstCell > cell) at--;
    return at;
  }

  create(seq: number, id: number, base: number, pages: number, hidden?: { start: number; end: number }): void {
    const firstCell = this.cells.length;
    const position = this.chunks.push({ id, base, pages, firstCell, created: seq }) - 1;
    this.#positions.set(id, position);
    this.#statusTrack.set(seq, position, CHUNK.ACTIVE);
    for (let page = 0; page < pages; page++) {
      const mapped = hidden !== undefined; // the first chunk has its memory from the start
      this.cells.push({ mapped, everMapped: mapped, usedBytes: 0, stale: 0 });
    }
    if (hidden) {
      this.#use(firstCell, 0, hidden.start, 1);
      this.#use(firstCell, pages * this.#pageSize - hidden.end, hidden.end, 1);
    }
    for (let page = 0; page < pages; page++) this.#draw(seq, firstCell + page);
  }

  status(seq: number, id: number, status: number): void {
    const position = this.#positions.get(id);
    if (position === undefined) return;
    this.#statusTrack.set(seq, position, status);
    if (status !== CHUNK.DESTROYED) return;
    const { firstCell, pages } = this.chunks[position]!;
    for (let page = 0; page < pages; page++) this.#draw(seq, firstCell + page);
  }

  /** Counts the bytes of an area to its pages. @returns the cells */
  #use(firstCell: number, off: number, size: number, sign: 1 | -1): number[] {
    const touched: number[] = [];
    for (let at = off; at < off + size;) {
      const page = Math.floor(at / this.#pageSize);
      const stop = Math.min(off + size, (page + 1) * this.#pageSize);
      const cell = this.cells[firstCell + page];
      if (cell) {
        cell.usedBytes += sign * (stop - at);
        touched.push(firstCell + page);
      }
      at = stop;
    }
    return touched;
  }

  area(seq: number, id: number, off: number, size: number, sign: 1 | -1): void {
    const position = this.#positions.get(id);
    if (position === undefined) return;
    for (const cell of this.#use(this.chunks[position]!.firstCell, off, size, sign)) this.#draw(seq, cell);
  }

  map(seq: number, id: number, page: number, cpu: number, va: number, frame: number): void {
    const position = this.#positions.get(id);
    if (position === undefined) return;
    const index = this.chunks[position]!.firstCell + page;
    const cell = this.cells[index]!;
    const before = this.#cellOfPage.get(va);
    if (before !== undefined && before !== index && this.#stale.has(va)) {
      this.cells[before]!.stale--;
      cell.stale++;
      this.#draw(seq, before);
    }
    this.#cellOfPage.set(va, index);
    cell.mapped = cell.everMapped = true;
    this.#frameTrack.set(seq, index * this.#units + cpu, frame + 1);
    this.#draw(seq, index);
  }

  unmap(seq: number, id: number, page: number, cpu: number): void {
    const position = this.#positions.get(id);
    if (position === undefined) return;
    const index = this.chunks[position]!.firstCell + page;
    this.cells[index]!.mapped = false;
    this.#frameTrack.set(seq, index * this.#units + cpu, 0);
    this.#draw(seq, index);
  }

  /** The TLB's stale translations from event `seq` on. */
  stale(seq: number, pages: ReadonlyMap<number, number>): void {
    const change = (va: number, by: 1 | -1): void => {
      const index = this.#cellOfPage.get(va);
      if (index === undefined) return;
      this.cells[index]!.stale += by;
      this.#draw(seq, index);
    };
    for (const va of this.#stale.keys()) if (!pages.has(va)) change(va, -1);
    for (const va of pages.keys()) if (!this.#stale.has(va)) change(va, 1);
    this.#stale = pages;
  }

  data(): ChunkPages {
    return {
      chunks: this.chunks,
      cells: this.#cellTrack.data(this.cells.length),
      frames: this.#frameTrack.data(this.cells.length * this.#units),
      units: this.#units,
      status: this.#statusTrack.data(this.chunks.length),
    };
  }
}

/**
 * @param pageSize bytes @param hidden bytes of chunk 0 at its ends that it does not serve
 * @param views TLB history; without it no page is ever stale @param units copies of each chunk, one per possible CPU
 */
export function chunkPages(
  events: readonly KernelEvent[],
  views: readonly TlbView[],
  pageSize: number,
  hidden: { start: number; end: number },
  units = 1,
): ChunkPages {
  const recorder = new ChunkRecorder(pageSize, units);
  let next = 0;
  for (const event of events) {
    const { seq } = event;
    switch (event.type) {
      case 'chunk_create':
        recorder.create(seq, event.chunk, event.base, event.pages, event.chunk === 0 ? hidden : undefined);
        break;
      case 'chunk_destroy':
        recorder.status(seq, event.chunk, CHUNK.DESTROYED);
        break;
      case 'isolate':
        recorder.status(seq, event.chunk, CHUNK.ISOLATED);
        break;
      case 'reintegrate':
        recorder.status(seq, event.chunk, CHUNK.ACTIVE);
        break;
      case 'sideline':
        recorder.status(seq, event.chunk, CHUNK.SIDELINED);
        break;
      case 'map':
        recorder.map(seq, event.chunk, event.page, event.cpu, event.va, event.frame);
        break;
      case 'unmap':
        recorder.unmap(seq, event.chunk, event.page, event.cpu);
        break;
      case 'percpu_alloc':
        recorder.area(seq, event.chunk, event.off, event.size, 1);
        break;
      case 'percpu_free':
        recorder.area(seq, event.chunk, event.off, event.size, -1);
        break;
    }
    for (; next < views.length && views[next]!.seq <= seq; next++) recorder.stale(seq, views[next]!.stale);
  }
  return recorder.data();
}
