// The slot lists: chunks sorted by the size class of their largest free run, and at the end the sidelined, free and to-depopulate slots.
import type { AllocInfo } from './geometry.js';
import { MinAlloc } from './chunk-maps.js';
import { Chunk } from './chunk.js';
import type { Variant } from './variant.js';

const enum Slot {
  /** PCPU_SLOT_BASE_SHIFT */
  BASE_SHIFT = 5,
}

/** __pcpu_size_to_slot(): size class of `size` bytes. */
function sizeClass(size: number): number {
  const slot = 32 - Math.clz32(size) - Slot.BASE_SHIFT + 2;
  return slot > 1 ? slot : 1;
}

/** pcpu_chunk_lists and the functions that move chunks between them. List heads are chunks of no pages. */
export class Slots {
  readonly nrSlots: number;
  readonly free: number;
  /** -1 in kernels without partial depopulation. */
  readonly sidelined: number;
  readonly toDepopulate: number;
  readonly heads: Chunk[];
  /** Bit n: slot n has chunks. There are fewer than 32 slots. */
  occupied = 0;
  readonly #unitSize: number;

  constructor(info: AllocInfo, variant: Variant) {
    this.#unitSize = info.unitSize;
    const largest = sizeClass(info.unitSize);
    this.sidelined = variant.reclaim ? largest + 1 : -1;
    this.free = variant.reclaim ? largest + 2 : largest + 1;
    this.toDepopulate = variant.reclaim ? largest + 3 : -1;
    this.nrSlots = variant.reclaim ? largest + 4 : largest + 2;
    this.heads = Array.from({ length: this.nrSlots }, (_, slot) => {
      // NaN, because addresses above 2^31 are not small integers to V8: with 0 the heads would be objects of another shape than chunks.
      const head = new Chunk(-2, NaN, 0, 12);
      head.slot = slot;
      return head;
    });
  }

  /** pcpu_size_to_slot(): slot where a chunk whose largest free run has `size` bytes belongs. */
  ofSize(size: number): number {
    return size === this.#unitSize ? this.free : sizeClass(size);
  }

  /** pcpu_chunk_slot(): where the chunk belongs; it may be on another list. */
  ofChunk(chunk: Chunk): number {
    const size = chunk.md.contig << MinAlloc.SHIFT;
    if (chunk.freeBytes < MinAlloc.SIZE || size === 0) return 0;
    if (size === this.#unitSize) return this.free;
    const slot = 32 - Math.clz32(size) - Slot.BASE_SHIFT + 2;
    return slot > 1 ? slot : 1;
  }

  /** list_move(): to the front of a slot. */
  moveToFront(chunk: Chunk, slot: number): void {
    const head = this.heads[slot]!;
    if (head.next === chunk) return;
    this.#unlink(chunk);
    link(chunk, head, head.next);
    chunk.slot = slot;
    this.occupied |= 1 << slot;
  }

  /** list_move_tail(): to the end of a slot. */
  moveToTail(chunk: Chunk, slot: number): void {
    const head = this.heads[slot]!;
    if (head.prev === chunk) return;
    this.#unlink(chunk);
    link(chunk, head.prev, head);
    chunk.slot = slot;
    this.occupied |= 1 << slot;
  }

  /** Takes the chunk off its list. */
  remove(chunk: Chunk): void {
    this.#unlink(chunk);
    chunk.prev = chunk;
    chunk.next = chunk;
    chunk.slot = -1;
  }

  #unlink(chunk: Chunk): void {
    const { prev, next } = chunk;
    prev.next = next;
    next.prev = prev;
    // Neighbours that are one and the same are the head of a list that is empty now.
    if (prev === next && chunk.slot >= 0) this.occupied &= ~(1 << chunk.slot);
  }

  /**
   * The next slot at or above `slot` that has chunks and that pcpu_alloc() searches; above {@link free} when there is none.
   * To-depopulate is not searched.
   */
  nextOccupied(slot: number): number {
    const above = (this.occupied >>> slot) << slot;
    return above === 0 ? 32 : 31 - Math.clz32(above & -above);
  }

  isEmpty(slot: number): boolean {
    return (this.occupied & (1 << slot)) === 0;
  }

  /** First chunk of the slot; undefined when it is empty. */
  first(slot: number): Chunk | undefined {
    const head = this.heads[slot]!;
    return head.next === head ? undefined : head.next;
  }

  /** The chunks of a slot, head first. For dumps and checks. */
  *chunks(slot: number): Generator<Chunk> {
    const head = this.heads[slot]!;
    for (let chunk = head.next; chunk !== head; chunk = chunk.next) yield chunk;
  }
}

function link(chunk: Chunk, prev: Chunk, next: Chunk): void {
  chunk.prev = prev;
  chunk.next = next;
  prev.next = chunk;
  next.prev = chunk;
}
