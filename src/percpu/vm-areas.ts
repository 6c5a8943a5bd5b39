// Address space for chunks, found as mm/vmalloc.c pcpu_get_vm_areas() finds it: from the top of the vmalloc range downwards, and not
// reused before freed areas have been purged. Unsigned BigInt addresses: this runs once per chunk.
import type { LongBits } from './address.js';

interface Span {
  start: bigint;
  end: bigint;
}

export class VmAreas {
  /** Freed but not purged pages. */
  lazyPages = 0;
  readonly #bits: LongBits;
  readonly #pageShift: bigint;
  readonly #vmallocStart: bigint;
  readonly #vmallocEnd: bigint;
  /** Free spans, ascending, never adjacent. */
  #free: Span[];
  #lazy: Span[] = [];
  /** Called when freed areas become reusable: their translations are flushed now. */
  readonly #onPurge: (lazyPages: number, areas: readonly Span[]) => void;

  constructor(
    bits: LongBits,
    pageShift: number,
    vmallocStart: bigint,
    vmallocEnd: bigint,
    onPurge: (lazyPages: number, areas: readonly Span[]) => void,
  ) {
    this.#bits = bits;
    this.#pageShift = BigInt(pageShift);
    this.#vmallocStart = vmallocStart;
    this.#vmallocEnd = vmallocEnd;
    this.#free = [{ start: 1n, end: this.#wrap(-1n) }];
    this.#onPurge = onPurge;
  }

  #wrap(value: bigint): bigint {
    return BigInt.asUintN(this.#bits, value);
  }

  /**
   * pcpu_get_vm_areas(): areas at the given distances from one base, all aligned to `align`.
   * @returns the base, or null when nothing fits even after a purge
   */
  get(offsets: readonly bigint[], sizes: readonly bigint[], align: bigint): bigint | null {
    const lowest = this.#wrap((this.#vmallocStart + align - 1n) & -align);
    const highest = this.#vmallocEnd & -align;
    let last = 0;
    for (let area = 1; area < offsets.length; area++) if (offsets[area]! > offsets[last]!) last = area;
    const span = offsets[last]! + sizes[last]!;
    if (this.#wrap(highest - lowest) < span) return null;
    let base = this.#search(offsets, sizes, align, last, lowest, highest, span);
    if (base === null) {
      this.purge();
      base = this.#search(offsets, sizes, align, last, lowest, highest, span);
    }
    if (base === null) return null;
    for (let area = 0; area < offsets.length; area++) this.#take(base + offsets[area]!, sizes[area]!);
    return base;
  }

  #search(
    offsets: readonly bigint[],
    sizes: readonly bigint[],
    align: bigint,
    last: number,
    lowest: bigint,
    highest: bigint,
    span: bigint,
  ): bigint | null {
    let area = last;
    let terminal = last;
    let start = offsets[area]!;
    let end = start + sizes[area]!;
    let index = this.#enclosing(highest);
    let base = 0n;
    // end_from_reverse(): highest aligned end in the span at `index` or the next lower one that has any room.
    const alignedEnd = (): bigint => {
      for (; index >= 0; index--) {
        const free = this.#free[index]!;
        const top = free.end & -align;
        const address = top < highest ? top : highest;
        if (free.start < address) return address;
      }
      return 0n;
    };
    base = this.#wrap(alignedEnd() - end);
    for (;;) {
      if (index < 0 || this.#wrap(base + span) < this.#wrap(lowest + span)) return null;
      const free = this.#free[index]!;
      if (this.#wrap(base + end) > free.end) {
        base = this.#wrap(alignedEnd() - end);
        terminal = area;
        continue;
      }
      if (this.#wrap(base + start) < free.start) {
        index--;
        base = this.#wrap(alignedEnd() - end);
        terminal = area;
        continue;
      }
      area = (area + offsets.length - 1) % offsets.length;
      if (area === terminal) return base;
      start = offsets[area]!;
      end = start + sizes[area]!;
      index = this.#enclosing(this.#wrap(base + end));
    }
  }

  /** Highest span that begins at or below the address, or the lowest one that encloses it; -1 when there is none. */
  #enclosing(address: bigint): number {
    let found = -1;
    for (let index = 0; index < this.#free.length && this.#free[index]!.start <= address; index++) {
      found = index;
      if (this.#free[index]!.end >= address) break;
    }
    return found;
  }

  #take(start: bigint, size: bigint): void {
    const end = start + size;
    const index = this.#enclosing(start);
    const span = this.#free[index]!;
    const rest: Span[] = [];
    if (span.start < start) rest.push({ start: span.start, end: start });
    if (end < span.end) rest.push({ start: end, end: span.end });
    this.#free.splice(index, 1, ...rest);
  }

  /** pcpu_free_vm_areas(), one area: its addresses stay unusable until the next purge. */
  release(start: bigint, size: bigint): void {
    this.#lazy.push({ start, end: start + size });
    this.lazyPages += Number(size >> this.#pageShift);
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
    let index = this.#free.findIndex((free) => free.start >= span.start);
    if (index < 0) index = this.#free.length;
    const below = this.#free[index - 1];
    const above = this.#free[index];
    const joinsBelow = below !== undefined && below.end === span.start;
    const joinsAbove = above !== undefined && above.start === span.end;
    if (joinsBelow && joinsAbove) {
      below.end = above.end;
      this.#free.splice(index, 1);
    } else if (joinsBelow) below.end = span.end;
    else if (joinsAbove) above.start = span.start;
    else this.#free.splice(index, 0, { ...span });
  }
}
