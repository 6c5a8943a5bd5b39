// A chunk: one unit's worth of per-CPU addresses, the same for every CPU, with the bitmaps and hints that say what is in use.
// struct pcpu_chunk of mm/percpu-internal.h.
import { AreaMaps } from './area.js';
import { MinAlloc } from './chunk-maps.js';

/** log2 of the smallest allocation: one bit of the allocation map stands for 4 bytes. */
export const PCPU_MIN_ALLOC_SHIFT: number = MinAlloc.SHIFT;
export const PCPU_MIN_ALLOC_SIZE: number = MinAlloc.SIZE;

/**
 * Created by the allocator only; the fields are open for readers (dumps, checks, event logs) and must not be written from outside
 * src/percpu, except `area`, which belongs to the memory port. The maps of a destroyed chunk pass to a later one.
 */
export class Chunk extends AreaMaps {
  /** -1 reserved chunk, 0 first chunk, then 1, 2, ... in order of creation, never reused. */
  readonly id: number;
  /**
   * Address of the page that bit 0 belongs to, in unit 0. 32-bit kernels: 0 .. 2^32-1. 64-bit kernels: the address as a two's
   * complement number (kernel addresses are negative), exact because it is page aligned.
   */
  readonly base: number;
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
  nrAlloc = 0;
  maxAllocSize = 0;
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
    super(nrPages, pageShift - PCPU_MIN_ALLOC_SHIFT, maps);
    this.id = id;
    this.base = base;
  }

  /** "r" for the reserved chunk, else the id. */
  get name(): string {
    return this.id < 0 ? 'r' : String(this.id);
  }
}
