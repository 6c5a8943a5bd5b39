// The bitmaps of one chunk, all in one Int32Array: whoever works on a chunk loads one address and one length. And its hint records.
// Bitmaps as the kernel's lib/find_bit.c and lib/bitmap.c handle them, 32 bits to a word. A bit is named by its number in the whole
// array (bit 0 of word 1 is 32), so one scan serves all maps.
//
// This file and the two above it (hints.ts, area.ts) are the hot code of the allocator. They are methods, because V8 inlines a method
// without asking each time whether it is still the same one, and they add with `| 0`, because it then needs no check for overflow.
// Every field gets its first value in the constructor, always in the same order (tsconfig.json: useDefineForClassFields is off, no field
// is undefined at first): V8 then knows for good that it is a small integer or an array, and does not look at every use.
import { BlockMd } from './block.js';

/** Smallest allocation, one bit of the allocation map: 4 bytes, and log2 of it. */
export const enum MinAlloc {
  SHIFT = 2,
  SIZE = 4,
}

/** Above this, TypedArray.fill is quicker than a loop. */
const enum Fill {
  WORDS = 24,
}

/** Words that `bits` bits take. */
export function bitmapWords(bits: number): number {
  return (bits + 31) >>> 5;
}

/** The hint records of `nrPages` blocks, all free, and the one behind them. */
function newBlocks(nrPages: number, bits: number): BlockMd[] {
  const blocks = [new BlockMd(nrPages * bits, 0)];
  for (let page = nrPages - 1; page >= 0; page--) {
    const block = new BlockMd(page * bits, bits);
    block.next = blocks[0]!;
    blocks.unshift(block);
  }
  return blocks;
}

/** Sets the bits [start, end). */
function setRange(w: Int32Array, start: number, end: number): void {
  if (start >= end) return;
  const last = (end - 1) >>> 5;
  let word = start >>> 5;
  let mask = -1 << start;
  for (; word < last; word = (word + 1) | 0) {
    w[word]! |= mask;
    mask = -1;
  }
  w[word]! |= mask & (-1 >>> -end);
}

/** Clears the bits [start, end). */
function clearRange(w: Int32Array, start: number, end: number): void {
  if (start >= end) return;
  const last = (end - 1) >>> 5;
  let word = start >>> 5;
  let mask = -1 << start;
  for (; word < last; word = (word + 1) | 0) {
    w[word]! &= ~mask;
    mask = -1;
  }
  w[word]! &= ~(mask & (-1 >>> -end));
}

export class ChunkMaps {
  readonly nrPages: number;
  /** log2 of the bits per metadata block; a block is a page. */
  readonly blockShift: number;
  /** Bits of the allocation map. */
  readonly mapBits: number;
  /** The chunk's own hints: chunk_md. */
  readonly md: BlockMd;
  /** Hints of each page: md_blocks. Behind the last page's stands one of no bits. */
  readonly blocks: readonly BlockMd[];
  /** All the maps that follow. */
  readonly words: Int32Array;
  /** 1 = the page is backed in every unit. */
  readonly populated: Int32Array;
  /** 1 = bit in use. */
  readonly allocMap: Int32Array;
  /** 1 = an area begins here, or ended here. Bits of freed areas stay. One bit more than allocMap. */
  readonly boundMap: Int32Array;
  /** Bit n: word n of boundMap is not 0. Its set bits lie far apart: a 32 KB area has two in 257 words. Not in the kernel. */
  readonly boundSummary: Int32Array;
  /** Bit n: word n of allocMap has no clear bit. One word more, which is always 0. Not in the kernel. */
  readonly fullWords: Int32Array;
  /** Number of the first bit of each map; the populated map's is 0. */
  protected readonly allocBase: number;
  protected readonly boundBase: number;
  /** Bit n + summaryBase: word n of `words`, a word of boundMap, is not 0. */
  protected readonly summaryBase: number;
  /** Bit n + fullBase: word n of `words`, a word of allocMap, has no clear bit. */
  protected readonly fullBase: number;
  /** All blocks from this one on are entirely free. Not in the kernel, which looks at them one by one. */
  freeFrom = 0;

  /** @param from maps of the same size, of a chunk without areas and pages, that are taken over: typed arrays are dear to make */
  constructor(nrPages: number, blockShift: number, from?: ChunkMaps) {
    this.nrPages = nrPages;
    this.blockShift = blockShift;
    this.mapBits = nrPages << blockShift;
    const allocAt = bitmapWords(nrPages);
    const boundAt = allocAt + bitmapWords(this.mapBits);
    const summaryAt = boundAt + bitmapWords(this.mapBits + 1);
    const fullAt = summaryAt + bitmapWords(summaryAt - boundAt);
    const end = fullAt + bitmapWords(boundAt - allocAt) + 1;
    this.allocBase = allocAt << 5;
    this.boundBase = boundAt << 5;
    this.summaryBase = (summaryAt << 5) - boundAt;
    this.fullBase = (fullAt << 5) - allocAt;
    const words = from === undefined ? new Int32Array(end) : from.words;
    this.words = words;
    this.populated = from === undefined ? words.subarray(0, allocAt) : from.populated;
    this.allocMap = from === undefined ? words.subarray(allocAt, boundAt) : from.allocMap;
    this.boundMap = from === undefined ? words.subarray(boundAt, summaryAt) : from.boundMap;
    this.boundSummary = from === undefined ? words.subarray(summaryAt, fullAt) : from.boundSummary;
    this.fullWords = from === undefined ? words.subarray(fullAt, end) : from.fullWords;
    this.md = from === undefined ? new BlockMd(0, this.mapBits) : from.md;
    this.blocks = from === undefined ? newBlocks(nrPages, 1 << blockShift) : from.blocks;
    if (from === undefined) return;
    this.clearBounds(this.boundBase >>> 5, (summaryAt - 1) | 0);
    this.md.reset();
    for (const block of this.blocks) block.reset();
  }

  /** find_next_bit(): first set bit in [start, end), or `end`. */
  protected nextSet(w: Int32Array, start: number, end: number): number {
    if (start >= end) return end;
    const last = (end - 1) >>> 5;
    let word = start >>> 5;
    let value = w[word]! & (-1 << start);
    while (value === 0) {
      if (word >= last) return end;
      word = (word + 1) | 0;
      value = w[word]!;
    }
    const bit = (((word << 5) | 31) - Math.clz32(value & -value)) | 0;
    return bit < end ? bit : end;
  }

  /** The next word of the allocation map behind `word` that has a free bit, or the one behind the map. */
  protected nextFreeWord(w: Int32Array, word: number): number {
    const base = this.fullBase;
    const from = (base + word + 1) | 0;
    let at = from >>> 5;
    let some = ~w[at]! & (-1 << from);
    while (some === 0) {
      at = (at + 1) | 0;
      some = ~w[at]!;
    }
    return (((at << 5) | 31) - Math.clz32(some & -some) - base) | 0;
  }

  /** find_next_zero_bit() of the allocation map: first clear bit in [start, end), or `end`. Full words are not looked at one by one. */
  protected nextFree(w: Int32Array, start: number, end: number): number {
    if (start >= end) return end;
    let word = start >>> 5;
    let value = ~w[word]! & (-1 << start);
    if (value === 0) {
      word = this.nextFreeWord(w, word);
      if (word << 5 >= end) return end;
      value = ~w[word]!;
    }
    const bit = (((word << 5) | 31) - Math.clz32(value & -value)) | 0;
    return bit < end ? bit : end;
  }

  /** Last set bit in [start, end), or start - 1. */
  protected lastSet(w: Int32Array, start: number, end: number): number {
    const none = (start - 1) | 0;
    if (end <= start) return none;
    const first = start >>> 5;
    let word = (end - 1) >>> 5;
    let value = w[word]! & (-1 >>> -end);
    while (value === 0) {
      if (word <= first) return none;
      word = (word - 1) | 0;
      value = w[word]!;
    }
    const bit = (((word << 5) | 31) - Math.clz32(value)) | 0;
    return bit >= start ? bit : none;
  }

  /** bitmap_set() of the allocation map. */
  protected setAllocated(bit: number, bits: number): void {
    const w = this.words;
    const start = (this.allocBase + bit) | 0;
    const end = (start + bits) | 0;
    const first = start >>> 5;
    const last = (end - 1) >>> 5;
    const head = -1 << start;
    const tail = -1 >>> -end;
    if (first === last) {
      const value = w[first]! | (head & tail);
      w[first] = value;
      if (value === -1) {
        const full = (this.fullBase + first) | 0;
        w[full >>> 5]! |= 1 << full;
      }
      return;
    }
    const firstValue = w[first]! | head;
    w[first] = firstValue;
    if (last - first > Fill.WORDS) w.fill(-1, first + 1, last);
    else for (let word = (first + 1) | 0; word < last; word = (word + 1) | 0) w[word] = -1;
    const lastValue = w[last]! | tail;
    w[last] = lastValue;
    setRange(
      w,
      (this.fullBase + (firstValue === -1 ? first : first + 1)) | 0,
      (this.fullBase + (lastValue === -1 ? last + 1 : last)) | 0,
    );
  }

  /** bitmap_clear() of the allocation map. */
  protected clearAllocated(bit: number, bits: number): void {
    const w = this.words;
    const start = (this.allocBase + bit) | 0;
    const end = (start + bits) | 0;
    const first = start >>> 5;
    const last = (end - 1) >>> 5;
    const head = -1 << start;
    const tail = -1 >>> -end;
    const full = (this.fullBase + first) | 0;
    if (first === last) {
      w[first]! &= ~(head & tail);
      w[full >>> 5]! &= ~(1 << full);
      return;
    }
    w[first]! &= ~head;
    if (last - first > Fill.WORDS) w.fill(0, first + 1, last);
    else for (let word = (first + 1) | 0; word < last; word = (word + 1) | 0) w[word] = 0;
    w[last]! &= ~tail;
    clearRange(w, full, (this.fullBase + last + 1) | 0);
  }

  /** The area's two boundaries are set, those inside it cleared. */
  protected setBounds(bit: number, bits: number): void {
    const w = this.words;
    const start = (this.boundBase + bit) | 0;
    const end = (start + bits) | 0;
    const first = start >>> 5;
    const last = end >>> 5;
    const above = -1 << start;
    const below = ~(-1 << end);
    if (first === last) {
      const old = w[first]!;
      w[first] = (old & ~(above & below)) | (1 << start) | (1 << end);
      if (old === 0) this.#setSummary(first);
      return;
    }
    if (last - first > 1) this.clearBounds((first + 1) | 0, (last - 1) | 0);
    w[first] = (w[first]! & ~above) | (1 << start);
    w[last] = (w[last]! & ~below) | (1 << end);
    this.#setSummary(first);
    this.#setSummary(last);
  }

  protected setBound(bit: number): void {
    const at = (this.boundBase + bit) | 0;
    this.words[at >>> 5]! |= 1 << at;
    this.#setSummary(at >>> 5);
  }

  #setSummary(word: number): void {
    const bit = (this.summaryBase + word) | 0;
    this.words[bit >>> 5]! |= 1 << bit;
  }

  /** Clears the words of the bound map from `first` to `last`. */
  protected clearBounds(first: number, last: number): void {
    const w = this.words;
    const base = this.summaryBase;
    const end = (base + last + 1) | 0;
    for (let bit = this.nextSet(w, (base + first) | 0, end); bit < end; bit = this.nextSet(w, (bit + 1) | 0, end)) {
      w[(bit - base) | 0] = 0;
      w[bit >>> 5]! &= ~(1 << bit);
    }
  }

  /** Bits of the area that begins at `bit`: up to the next boundary. */
  areaBits(bit: number): number {
    const w = this.words;
    const start = (this.boundBase + bit) | 0;
    let word = (start + 1) >>> 5;
    let value = w[word]! & (-1 << (start + 1));
    if (value === 0) {
      const summary = this.summaryBase;
      word = (this.nextSet(w, (summary + word + 1) | 0, w.length << 5) - summary) | 0;
      value = w[word]!;
    }
    return (((word << 5) | 31) - Math.clz32(value & -value) - start) | 0;
  }

  /** First populated page in [start, end), or `end`. */
  nextPopulated(start: number, end: number): number {
    return this.nextSet(this.words, start, end);
  }

  /** First page in [start, end) that is not populated, or `end`. */
  nextHole(start: number, end: number): number {
    const w = this.words;
    for (let page = start; page < end; page = ((page | 31) + 1) | 0) {
      const holes = ~w[page >>> 5]! >>> page;
      if (holes === 0) continue;
      const hole = (page + 31 - Math.clz32(holes & -holes)) | 0;
      return hole < end ? hole : end;
    }
    return end;
  }
}
