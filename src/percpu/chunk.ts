// A chunk: one unit's worth of per-CPU addresses, the same for every CPU, with the bitmaps and hints that say what is in use.
// struct pcpu_chunk and struct pcpu_block_md of mm/percpu-internal.h.
import { bitmapWords } from './bitmap.js';
import { clearSummedBits } from './summed-bitmap.js';

/** log2 of the smallest allocation: one bit of the allocation map stands for 4 bytes. */
export const PCPU_MIN_ALLOC_SHIFT = 2;
export const PCPU_MIN_ALLOC_SIZE = 4;

// Fields of one metadata block (struct pcpu_block_md) inside Chunk.md (a const enum: its values are literals in the hot code). In bits; starts are relative to the block, and keep their
// last value when the hint itself is 0.
//  - contig: the largest known free run; never more than the largest there is. Chunk wide it may be too small (see updateHintsOnFree).
//  - scan: the largest known free run before contig; it lies behind contig only if both have the same size.
//  - left, right: free bits at the two ends. Of the chunk's own record they are set on init and free, never lowered.
//  - first: no free bit lies below it.
export const enum Md {
  SCAN,
  SCAN_START,
  CONTIG,
  CONTIG_START,
  LEFT,
  RIGHT,
  FIRST,
  BITS,
}
/** Integers per metadata block. The chunk's own record (chunk_md) comes first, block i follows at (i + 1) * MD_STRIDE. */
export const MD_STRIDE = 8;

/** Index into Chunk.md of block `index`. */
export function blockAt(index: number): number {
  return (index + 1) << 3;
}

/**
 * struct pcpu_chunk. Created by the allocator only; the fields are open for readers (dumps, checks, event logs) and must not be
 * written from outside src/percpu, except `area`, which belongs to the memory port. The maps of a destroyed chunk pass to a later one.
 */
export class Chunk {
  /** -1 reserved chunk, 0 first chunk, then 1, 2, ... in order of creation, never reused. */
  readonly id: number;
  /**
   * Address of the page that bit 0 belongs to, in unit 0. 32-bit kernels: 0 .. 2^32-1. 64-bit kernels: the address as a two's
   * complement number (kernel addresses are negative), exact because it is page aligned.
   */
  readonly base: number;
  readonly nrPages: number;
  readonly pageShift: number;
  /** log2 of the bits per metadata block; a block is a page. */
  readonly blockShift: number;
  readonly mapBits: number;
  /** Bytes at both ends that do not belong to the region served (first and reserved chunk only). */
  startOffset = 0;
  endOffset = 0;
  /** Part of the first chunk: never populated, depopulated or destroyed. */
  immutable = false;
  /** Taken out of the active slots by reclaim: on the sidelined or the to-depopulate slot. */
  isolated = false;
  freeBytes = 0;
  nrPopulated = 0;
  /** Populated pages without any area in them. */
  nrEmptyPopPages = 0;
  /** All blocks from this one on are entirely free. Not in the kernel, which looks at them one by one. */
  freeFrom = 0;
  nrAlloc = 0;
  maxAllocSize = 0;
  /** 1 = bit in use. */
  readonly allocMap: Int32Array;
  /** 1 = an area begins here, or ended here. Bits of freed areas stay. One bit more than allocMap. */
  readonly boundMap: Int32Array;
  /** Summary of boundMap (summed-bitmap.ts). Not in the kernel. */
  readonly boundSummary: Int32Array;
  /** 1 = the page is backed in every unit. */
  readonly populated: Int32Array;
  readonly md: Int32Array;
  /** The slot list that the chunk is on. */
  prev: Chunk = this;
  next: Chunk = this;
  /** Slot of the list that the chunk is on; -1 while on none. */
  slot = -1;
  /** pcpu_chunk_slot() after the last change: where the chunk belongs, wherever it is. */
  ownSlot = -1;
  /** For the memory port. */
  area: unknown = undefined;

  /** @param maps a destroyed chunk of the same size, entirely free, whose bitmaps and blocks are used again */
  constructor(id: number, base: number, nrPages: number, pageShift: number, maps?: Chunk) {
    this.id = id;
    this.base = base;
    this.nrPages = nrPages;
    this.pageShift = pageShift;
    this.blockShift = pageShift - PCPU_MIN_ALLOC_SHIFT;
    this.mapBits = nrPages << this.blockShift;
    if (maps === undefined) {
      this.allocMap = new Int32Array(bitmapWords(this.mapBits));
      this.boundMap = new Int32Array(bitmapWords(this.mapBits + 1));
      this.boundSummary = new Int32Array(bitmapWords(bitmapWords(this.mapBits + 1)));
      this.populated = new Int32Array(bitmapWords(nrPages));
      this.md = new Int32Array((nrPages + 1) * MD_STRIDE);
    } else {
      // Nothing is allocated or populated in it any more.
      this.allocMap = maps.allocMap;
      this.populated = maps.populated;
      this.boundMap = maps.boundMap;
      this.boundSummary = maps.boundSummary;
      clearSummedBits(this.boundMap, this.boundSummary, 0, this.mapBits + 1);
      this.md = maps.md;
    }
    initBlock(this.md, 0, this.mapBits);
    const blockBits = 1 << this.blockShift;
    for (let index = 0; index < nrPages; index++) initBlock(this.md, blockAt(index), blockBits);
  }

  /** "r" for the reserved chunk, else the id. */
  get name(): string {
    return this.id < 0 ? 'r' : String(this.id);
  }
}

/** pcpu_init_md_block(). */
function initBlock(md: Int32Array, at: number, bits: number): void {
  md[at + Md.SCAN] = 0;
  md[at + Md.SCAN_START] = 0;
  md[at + Md.CONTIG] = bits;
  md[at + Md.CONTIG_START] = 0;
  md[at + Md.LEFT] = bits;
  md[at + Md.RIGHT] = bits;
  md[at + Md.FIRST] = 0;
  md[at + Md.BITS] = bits;
}
