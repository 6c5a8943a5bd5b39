// Address space for chunks, found as mm/vmalloc.c pcpu_get_vm_areas() finds it: from the top of the vmalloc range downwards, and not
// reused before freed areas have been purged. Addresses are in number form (address.ts): they and their sums are exact.
import { addressFrom } from './address.js';
import type { LongBits } from './address.js';

/** Addresses [start, end). */
export interface Span {
  start: number;
  end: number;
}

export class VmAreas {
  /** Freed but not purged pages. */
  lazyPages = 0;
  readonly #pageSize: number;
  readonly #vmallocStart: number;
  readonly #vmallocEnd: number;
  /** Free spans inside the vmalloc range, ascending, never adjacent. */
  readonly #free: Span[];
  #lazy: Span[] = [];
  /** Called when freed areas become reusable: their translations are flushed now. */
  readonly #onPurge: (lazyPages: number, areas: readonly Span[]) => void;

  /** @param vmallocStart VMALLOC_START and @param vmallocEnd VMALLOC_END, unsigned values, in one half of the address space */
  constructor(
    bits: LongBits,
    pageShift: number,
    vmallocStart: bigint,
    vmallocEnd: bigint,
    onPurge: (lazyPages: number, areas: readonly Span[]) => void,
  ) {
    this.#pageSize = 1 << pageShift;
    // To whole pages while the numbers are exact: areas are aligned to more than that.
    const page = BigInt(this.#pageSize);
    this.#vmallocStart = addressFrom((vmallocStart + page - 1n) & -page, bits);
    this.#vmallocEnd = addressFrom(vmallocEnd & -page, bits);
    this.#free = [{ start: this.#vmallocStart, end: this.#vmallocEnd }];
    this.#onPurge = onPurge;
  }

  /**
   * pcpu_get_vm_areas(): areas at the given distances from one base, all aligned to `align`. Bytes.
   * @returns the base, or NaN when nothing fits even after a purge
   */
  get(offsets: readonly number[], sizes: readonly number[], align: number): number {
    const lowest = Math.ceil(this.#vmallocStart / align) * align;
    const highest = Math.floor(this.#vmallocEnd / align) * align;
    let last = 0;
    for (let area = 1; area < offsets.length; area++) if (offsets[area]! > offsets[last]!) last = area;
    if (highest - lowest < offsets[last]! + sizes[last]!) return NaN;
    let base = this.#search(offsets, sizes, align, last, lowest, highest);
    if (Number.isNaN(base)) {
      this.purge();
      base = this.#search(offsets, sizes, align, last, lowest, highest);
      if (Number.isNaN(base)) return NaN;
    }
    for (let area = 0; area < offsets.length; area++) this.#take(base + offsets[area]!, sizes[area]!);
    return base;
  }

  #search(
    offsets: readonly number[],
    sizes: readonly number[],
    align: number,
    last: number,
    lowest: number,
    highest: number,
  ): number {
    let area = last;
    let terminal = last;
    let start = offsets[area]!;
    let end = start + sizes[area]!;
    let index = this.#withRoom(this.#enclosing(highest), align, highest);
    let base = this.#alignedEnd(index, align, highest) - end;
    for (;;) {
      if (index < 0 || base < lowest) return NaN;
      const free = this.#free[index]!;
      if (base + end > free.end) {
        index = this.#withRoom(index, align, highest);
        base = this.#alignedEnd(index, align, highest) - end;
        terminal = area;
        continue;
      }
      if (base + start < free.start) {
        index = this.#withRoom(index - 1, align, highest);
        base = this.#alignedEnd(index, align, highest) - end;
        terminal = area;
        continue;
      }
      area = (area + offsets.length - 1) % offsets.length;
      if (area === terminal) return base;
      start = offsets[area]!;
      end = start + sizes[area]!;
      index = this.#enclosing(base + end);
    }
  }

  /** Highest aligned end in the free span at `index`; NaN when there is no such span. */
  #alignedEnd(index: number, align: number, highest: number): number {
    if (index < 0) return NaN;
    const top = Math.floor(this.#free[index]!.end / align) * align;
    return top < highest ? top : highest;
  }

  /** pvm_determine_end_from_reverse(): the span at `index`, or the next lower one that has any room below an aligned end; -1: none. */
  #withRoom(index: number, align: number, highest: number): number {
    while (index >= 0 && this.#free[index]!.start >= this.#alignedEnd(index, align, highest)) index--;
    return index;
  }

  /** Highest span that begins at or below the address, or the lowest one that encloses it; -1 when there is none. */
  #enclosing(address: number): number {
    let found = -1;
    for (let index = 0; index < this.#free.length && this.#free[index]!.start <= address; index++) {
      found = index;
      if (this.#free[index]!.end >= address) break;
    }
    return found;
  }

  #take(start: number, size: number): void {
    const end = start + size;
    const index = this.#enclosing(start);
    const span = this.#free[index]!;
    if (span.start === start && span.end === end) this.#free.splice(index, 1);
    else if (span.start === start) span.start = end;
    else if (span.end === end) span.end = start;
    else {
      this.#free.splice(index + 1, 0, { start: end, end: span.end });
      span.end = start;
    }
  }

  /** pcpu_free_vm_areas(), one area: its addresses stay unusable until the next purge. */
  release(start: number, size: number): void {
    this.#lazy.push({ start, end: start + size });
    this.lazyPages += size / this.#pageSize;
  }

  /** Returns all lazily freed areas to the free spans. */
  purge(): void {
    if (this.#lazy.length === 0) return;
    this.#onPurge(this.lazyPages, this.#lazy);
    for (const span of this.#lazy) this.#insert(span);
    this.#lazy = [];
    this.lazyPages = 0;
  }

  #insert(span: Span): void {
    let index = 0;
    while (index < this.#free.length && this.#free[index]!.start < span.start) index++;
    const below = this.#free[index - 1];
    const above = this.#free[index];
    const joinsBelow = below !== undefined && below.end === span.start;
    const joinsAbove = above !== undefined && above.start === span.end;
    if (joinsBelow && joinsAbove) {
      below.end = above.end;
      this.#free.splice(index, 1);
    } else if (joinsBelow) below.end = span.end;
    else if (joinsAbove) above.start = span.start;
    else this.#free.splice(index, 0, span);
  }
}
