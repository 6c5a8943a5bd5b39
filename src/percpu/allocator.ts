// The allocator itself: pcpu_alloc(), free_percpu() and the counters of mm/percpu.c. Its background work is in balance.ts.
import { addressValue, hexAddress } from './address.js';
import { Fit } from './area.js';
import { balance, balanceSteps } from './balance.js';
import { setBits, clearBits } from './bitmap.js';
import { MinAlloc } from './chunk-maps.js';
import { Chunk } from './chunk.js';
import { firstChunkRegion } from './first-chunk.js';
import { PCPU_EMPTY_POP_PAGES_HIGH, PCPU_EMPTY_POP_PAGES_LOW, minUnitSize } from './geometry.js';
import type { AllocInfo, Machine } from './geometry.js';
import { GFP_KERNEL, __GFP_DIRECT_RECLAIM, __GFP_NOWARN } from './gfp.js';
import type { MemoryPort, PercpuEvents } from './port.js';
import { Slots } from './slots.js';
import type { Steps } from './steps.js';
import { unitLayout } from './units.js';
import type { UnitLayout } from './units.js';
import { reclaimPages } from './variant.js';
import type { Variant } from './variant.js';

// Const enums, because those are literals in the hot code.
const enum Limit {
  /** PCPU_SLOT_FAIL_THRESHOLD: a chunk on a slot below this that cannot serve a request is put on slot 0. */
  SLOT_FAIL = 3,
}

const BALANCE_WOULD_SLEEP = 'pcpu_balance_workfn would sleep on pcpu_alloc_mutex';

/** What a search of all chunks gives besides an offset. */
const enum Found {
  NOTHING = -1,
  RESERVED_FULL = -2,
}

/** struct percpu_stats. */
export interface PercpuStats {
  nrAlloc: number;
  nrDealloc: number;
  nrCurAlloc: number;
  nrMaxAlloc: number;
  nrChunks: number;
  nrMaxChunks: number;
  minAllocSize: number;
  maxAllocSize: number;
}

/**
 * One kernel's per-CPU allocator. `alloc` and `free` allocate no JavaScript objects while the areas they handle are populated.
 *
 * An area is named by its chunk and its byte offset there; {@link pointerOf} and {@link addressOf} give the kernel's numbers.
 * All changes are made under what would be pcpu_lock; `allocSteps` and `balanceSteps` stop wherever the kernel drops it.
 */
export class PercpuAllocator {
  readonly machine: Machine;
  readonly variant: Variant;
  readonly info: AllocInfo;
  readonly units: UnitLayout;
  readonly slots: Slots;
  readonly port: MemoryPort;
  /** Reader of what happens, or null. */
  events: PercpuEvents | null;

  /** pcpu_base_addr: address of unit 0 of the first chunk, number form. */
  readonly baseAddress: number;
  readonly pageSize: number;
  readonly unitPages: number;
  /** Empty populated pages from which a chunk is isolated; the first chunk never is. */
  readonly reclaimPages: number;
  readonly firstChunk: Chunk;
  readonly reservedChunk: Chunk | null;

  /** pcpu_nr_empty_pop_pages: empty populated pages of all chunks but the reserved and the isolated ones. */
  nrEmptyPopPages = 0;
  /** pcpu_nr_populated: populated pages per unit, the static area's included. */
  nrPopulated = 0;
  /** pcpu_atomic_alloc_failed. */
  atomicAllocFailed = false;
  /** pcpu_async_enabled: set it when work queues run (subsys_initcall). */
  asyncEnabled = false;
  /** pcpu_balance_work is queued. */
  balancePending = false;
  /** pcpu_alloc_mutex: held by a stepwise run between its steps. */
  mutexHeld = false;
  readonly stats: PercpuStats;
  /** Chunk of the last area that was allocated. */
  lastChunk: Chunk;

  #warnLimit = 10;
  #nextChunkId = 1;
  #pageArray = false;
  readonly #pageShift: number;
  readonly #minUnitSize: number;
  readonly #unitSize: number;
  /** Flags of a request that may sleep. */
  readonly #sleepFlags: number;
  /** Destroyed chunks whose maps later ones take over: typed arrays are dear to make. */
  readonly #spare: Chunk[] = [];
  /** Chunks but the first and the reserved one, in order of creation. */
  readonly #chunks: Chunk[] = [];

  /**
   * pcpu_setup_first_chunk().
   * @param info shape of the per-CPU areas, from {@link embedFirstChunk} or given
   * @param baseAddress where unit 0 of the first chunk lies, page aligned, number form
   */
  constructor(
    machine: Machine,
    variant: Variant,
    info: AllocInfo,
    baseAddress: number,
    port: MemoryPort,
    events: PercpuEvents | null = null,
  ) {
    this.machine = machine;
    this.variant = variant;
    this.info = info;
    this.port = port;
    this.events = events;
    this.baseAddress = baseAddress;
    this.#pageShift = machine.pageShift;
    this.pageSize = 1 << machine.pageShift;
    this.#minUnitSize = minUnitSize(this.pageSize);
    this.#unitSize = info.unitSize;
    this.#sleepFlags = variant.atomicUnlessFullKernel ? GFP_KERNEL : __GFP_DIRECT_RECLAIM;
    this.unitPages = info.unitSize >>> machine.pageShift;
    this.reclaimPages = reclaimPages(variant, this.unitPages);
    this.units = unitLayout(machine, info);
    this.slots = new Slots(info, variant);

    const staticSize = Math.ceil(info.staticSize / MinAlloc.SIZE) * MinAlloc.SIZE;
    const dynSize = info.dynSize - (staticSize - info.staticSize);
    this.reservedChunk =
      info.reservedSize > 0
        ? firstChunkRegion(-1, machine.pageShift, baseAddress, staticSize, info.reservedSize)
        : null;
    this.firstChunk = firstChunkRegion(0, machine.pageShift, baseAddress, staticSize + info.reservedSize, dynSize);
    this.lastChunk = this.firstChunk;
    this.nrEmptyPopPages = this.firstChunk.nrEmptyPopPages;
    this.enlist(this.firstChunk);
    if (this.reservedChunk !== null) this.reservedChunk.ownSlot = this.slots.ofChunk(this.reservedChunk);
    this.nrPopulated = Math.floor((info.staticSize + info.reservedSize + info.dynSize) / this.pageSize);
    this.stats = {
      nrAlloc: 0,
      nrDealloc: 0,
      nrCurAlloc: 0,
      nrMaxAlloc: 0,
      nrChunks: 1,
      nrMaxChunks: 1,
      minAllocSize: info.unitSize,
      maxAllocSize: 0,
    };
    if (events !== null) events.createChunk(this.firstChunk);
  }

  /** is_atomic of pcpu_alloc(): may not sleep, so only populated pages will do. */
  isAtomic(gfp: number): boolean {
    return (gfp & this.#sleepFlags) !== this.#sleepFlags;
  }

  /**
   * pcpu_alloc(): `size` bytes at alignment `align` (power of two up to a page; below 4 counts as 4).
   * @param reserved from the reserved chunk, if there is one
   * @returns byte offset of the area in {@link lastChunk}, or -1 when the request failed or was illegal
   * @throws Error when a non-atomic request meets a held mutex: that task has to wait (the caller's scheduler decides)
   */
  alloc(size: number, align: number, gfp: number = GFP_KERNEL, reserved = false): number {
    if (align < MinAlloc.SIZE) align = MinAlloc.SIZE;
    if (!(size > 0 && size <= this.#minUnitSize && align <= this.pageSize) || (align & (align - 1)) !== 0) {
      return this.#illegal(size, align, gfp);
    }
    size = (size + MinAlloc.SIZE - 1) & -MinAlloc.SIZE;
    const atomic = this.isAtomic(gfp);
    if (!atomic && this.mutexHeld) throw new Error('pcpu_alloc would sleep on pcpu_alloc_mutex');
    const offset = this.#search(size, align, reserved, atomic);
    if (offset >= 0) {
      const chunk = this.lastChunk;
      if (atomic || chunk.nrPopulated === chunk.nrPages || this.#isBacked(chunk, offset, size)) {
        this.#complete(chunk, offset, size, align, reserved, atomic, gfp);
        return offset;
      }
    }
    if (atomic) return this.#failAtomic(size, align, reserved);
    return this.#slowAlloc(size, align, gfp, reserved, offset);
  }

  /** What is left of pcpu_alloc() after the first search of a request that may sleep. */
  #slowAlloc(size: number, align: number, gfp: number, reserved: boolean, offset: number): number {
    if (offset === Found.RESERVED_FULL)
      return this.#fail(size, align, gfp, reserved, 'alloc from reserved chunk failed');
    while (offset < 0) {
      if (this.slots.isEmpty(this.slots.free)) {
        const chunk = this.createChunk();
        if (chunk === null) return this.#fail(size, align, gfp, reserved, 'failed to allocate new chunk');
        this.enlist(chunk);
      }
      offset = this.#search(size, align, reserved, false);
    }
    const chunk = this.lastChunk;
    const end = (offset + size + this.pageSize - 1) >>> this.#pageShift;
    let page = chunk.nextHole(offset >>> this.#pageShift, end);
    while (page < end) {
      const rangeEnd = chunk.nextPopulated(page + 1, end);
      if (!this.populate(chunk, page, rangeEnd)) {
        this.#release(chunk, offset);
        return this.#fail(size, align, gfp, reserved, 'failed to populate');
      }
      this.chunkPopulated(chunk, page, rangeEnd);
      page = chunk.nextHole(rangeEnd + 1, end);
    }
    this.#complete(chunk, offset, size, align, reserved, false, gfp);
    return offset;
  }

  /** The same as {@link alloc}, stopping wherever the kernel drops pcpu_lock. The mutex is held between the steps. */
  *allocSteps(size: number, align: number, gfp: number = GFP_KERNEL, reserved = false): Steps<number> {
    if (align < MinAlloc.SIZE) align = MinAlloc.SIZE;
    const legal = size > 0 && size <= this.#minUnitSize && align <= this.pageSize && (align & (align - 1)) === 0;
    if (!legal || this.isAtomic(gfp)) return this.alloc(size, align, gfp, reserved);
    if (this.mutexHeld) throw new Error('pcpu_alloc would sleep on pcpu_alloc_mutex');
    size = (size + MinAlloc.SIZE - 1) & -MinAlloc.SIZE;
    const offset = this.#search(size, align, reserved, false);
    if (offset === Found.RESERVED_FULL)
      return this.#fail(size, align, gfp, reserved, 'alloc from reserved chunk failed');
    this.mutexHeld = true;
    try {
      return yield* this.#slowAllocSteps(size, align, gfp, reserved, offset);
    } finally {
      this.mutexHeld = false;
    }
  }

  /** {@link #slowAlloc} with its lock drops; whatever other tasks do there is seen here. */
  *#slowAllocSteps(size: number, align: number, gfp: number, reserved: boolean, offset: number): Steps<number> {
    while (offset < 0) {
      yield 'unlocked';
      if (this.slots.isEmpty(this.slots.free)) {
        yield 'before-create';
        const chunk = this.createChunk();
        yield 'after-create';
        if (chunk === null) return this.#fail(size, align, gfp, reserved, 'failed to allocate new chunk');
        this.enlist(chunk);
      }
      offset = this.#search(size, align, reserved, false);
    }
    const chunk = this.lastChunk;
    const end = (offset + size + this.pageSize - 1) >>> this.#pageShift;
    let page = chunk.nextHole(offset >>> this.#pageShift, end);
    while (page < end) {
      const rangeEnd = chunk.nextPopulated(page + 1, end);
      yield 'before-populate';
      const done = this.populate(chunk, page, rangeEnd);
      yield 'after-populate';
      if (!done) {
        this.#release(chunk, offset);
        return this.#fail(size, align, gfp, reserved, 'failed to populate');
      }
      this.chunkPopulated(chunk, page, rangeEnd);
      page = chunk.nextHole(rangeEnd + 1, end);
    }
    this.#complete(chunk, offset, size, align, reserved, false, gfp);
    return offset;
  }

  /** Search part of pcpu_alloc(); takes the area and counts it. @returns its offset in lastChunk, Found.NOTHING or Found.RESERVED_FULL */
  #search(size: number, align: number, reserved: boolean, atomic: boolean): number {
    const bits = size >>> MinAlloc.SHIFT;
    const bitAlign = align >>> MinAlloc.SHIFT;
    if (reserved && this.reservedChunk !== null) {
      const chunk = this.reservedChunk;
      const bit = chunk.findFit(bits, bitAlign, atomic);
      if (bit < 0) return Found.RESERVED_FULL;
      this.#take(chunk, bit, bits);
      return this.#found(chunk, bit, size);
    }
    const slots = this.slots;
    const last = slots.free;
    const heads = slots.heads;
    for (let slot = slots.nextOccupied(slots.ofSize(size)); slot <= last; slot = slots.nextOccupied(slot + 1)) {
      const head = heads[slot]!;
      for (let chunk = head.next, next = chunk.next; chunk !== head; chunk = next, next = chunk.next) {
        const bit = chunk.findFit(bits, bitAlign, atomic);
        if (bit >= 0) {
          this.#take(chunk, bit, bits);
          this.reintegrate(chunk);
          return this.#found(chunk, bit, size);
        }
        if (bit === Fit.NONE && slot < Limit.SLOT_FAIL) slots.moveToFront(chunk, 0);
      }
    }
    return Found.NOTHING;
  }

  /**
   * Where the search of pcpu_alloc() would find an area now, without taking it. `size` and `align` in bytes, as for {@link alloc}.
   * @returns null when no chunk has room
   */
  probe(size: number, align: number, atomic = false, reserved = false): { chunk: Chunk; offset: number } | null {
    const rounded = (size + MinAlloc.SIZE - 1) & -MinAlloc.SIZE;
    const bits = rounded >>> MinAlloc.SHIFT;
    const bitAlign = Math.max(align, MinAlloc.SIZE) >>> MinAlloc.SHIFT;
    if (reserved && this.reservedChunk !== null) {
      const bit = this.reservedChunk.findFit(bits, bitAlign, atomic);
      return bit < 0 ? null : { chunk: this.reservedChunk, offset: bit << MinAlloc.SHIFT };
    }
    for (let slot = this.slots.ofSize(rounded); slot <= this.slots.free; slot++) {
      for (const chunk of this.slots.chunks(slot)) {
        const bit = chunk.findFit(bits, bitAlign, atomic);
        if (bit >= 0) return { chunk, offset: bit << MinAlloc.SHIFT };
      }
    }
    return null;
  }

  /** Takes the `size` bytes at byte `offset` of a chunk, which must be free: an area from before anybody watched. */
  takeAt(chunk: Chunk, offset: number, size: number): void {
    chunk.freeBytes -= size;
    this.#settle(chunk, -chunk.markArea(offset >>> MinAlloc.SHIFT, size >>> MinAlloc.SHIFT) | 0);
    this.#found(chunk, offset >>> MinAlloc.SHIFT, size);
  }

  /** pcpu_alloc_area() at a bit that findFit gave. */
  #take(chunk: Chunk, bit: number, bits: number): void {
    chunk.freeBytes -= bits << MinAlloc.SHIFT;
    this.#settle(chunk, -chunk.takeArea(bit, bits) | 0);
  }

  /** pcpu_stats_area_alloc(). */
  #found(chunk: Chunk, bit: number, size: number): number {
    const stats = this.stats;
    stats.nrAlloc++;
    stats.nrCurAlloc++;
    if (stats.nrCurAlloc > stats.nrMaxAlloc) stats.nrMaxAlloc = stats.nrCurAlloc;
    if (size < stats.minAllocSize) stats.minAllocSize = size;
    if (size > stats.maxAllocSize) stats.maxAllocSize = size;
    chunk.nrAlloc++;
    if (size > chunk.maxAllocSize) chunk.maxAllocSize = size;
    if (chunk !== this.lastChunk) this.lastChunk = chunk;
    return bit << MinAlloc.SHIFT;
  }

  #isBacked(chunk: Chunk, offset: number, size: number): boolean {
    const end = (offset + size + this.pageSize - 1) >>> this.#pageShift;
    return chunk.nextHole(offset >>> this.#pageShift, end) >= end;
  }

  #complete(
    chunk: Chunk,
    offset: number,
    size: number,
    align: number,
    reserved: boolean,
    atomic: boolean,
    gfp: number,
  ): void {
    if (this.nrEmptyPopPages < PCPU_EMPTY_POP_PAGES_LOW) this.#schedule();
    this.port.zero(chunk, offset, size);
    if (chunk !== this.lastChunk) this.lastChunk = chunk;
    if (this.events !== null) this.events.alloc(chunk, offset, size, align, reserved, atomic, gfp);
  }

  #illegal(size: number, align: number, gfp: number): number {
    if ((gfp & __GFP_NOWARN) === 0 && this.events !== null) this.events.illegalRequest(size, align);
    return -1;
  }

  #fail(size: number, align: number, gfp: number, reserved: boolean, reason: string): number {
    const events = this.events;
    if (events !== null) events.allocFail(size, align, reserved, false);
    if ((gfp & __GFP_NOWARN) === 0 && this.#warnLimit > 0) {
      this.#warnLimit--;
      if (events !== null) events.allocWarning(size, align, reason, this.#warnLimit === 0);
    }
    return -1;
  }

  #failAtomic(size: number, align: number, reserved: boolean): number {
    if (this.events !== null) this.events.allocFail(size, align, reserved, true);
    this.atomicAllocFailed = true;
    this.#schedule();
    return -1;
  }

  /** pcpu_schedule_balance_work(). */
  #schedule(): void {
    if (!this.asyncEnabled) return;
    const was = this.balancePending;
    this.balancePending = true;
    if (this.events !== null) this.events.schedule(was);
  }

  /** free_percpu() of the area that begins at byte `offset` of `chunk`. May be called in any context. */
  free(chunk: Chunk, offset: number): void {
    const size = this.#release(chunk, offset);
    let needBalance = false;
    if (chunk.freeBytes === this.#unitSize && !chunk.isolated) {
      // Another fully free chunk besides this one: one of them can go.
      const head = this.slots.heads[this.slots.free]!;
      needBalance = head.next !== head && (head.next !== chunk || chunk.next !== head);
    } else if (this.#shouldReclaim(chunk)) {
      this.#isolate(chunk);
      needBalance = true;
    }
    if (this.events !== null) this.events.free(chunk, offset, size);
    if (needBalance) this.#schedule();
  }

  /** pcpu_free_area(). @returns bytes given back */
  #release(chunk: Chunk, offset: number): number {
    this.stats.nrDealloc++;
    this.stats.nrCurAlloc--;
    chunk.nrAlloc--;
    const bit = offset >>> MinAlloc.SHIFT;
    const bits = chunk.areaBits(bit);
    const size = bits << MinAlloc.SHIFT;
    chunk.freeBytes += size;
    this.#settle(chunk, chunk.releaseArea(bit, bits));
    return size;
  }

  /** After an area came or went and `pages` pages got empty: the counts of empty pages, and pcpu_chunk_relocate(). */
  #settle(chunk: Chunk, pages: number): void {
    const slot = this.slots.ofChunk(chunk);
    const oldSlot = chunk.ownSlot;
    if (slot === oldSlot && pages === 0) return;
    chunk.ownSlot = slot;
    chunk.nrEmptyPopPages += pages;
    if (chunk.isolated || chunk === this.reservedChunk) return;
    this.nrEmptyPopPages += pages;
    if (oldSlot < slot) this.slots.moveToFront(chunk, slot);
    else if (oldSlot > slot) this.slots.moveToTail(chunk, slot);
  }

  /** pcpu_should_reclaim_chunk(). */
  #shouldReclaim(chunk: Chunk): boolean {
    const empty = chunk.nrEmptyPopPages;
    if (chunk.isolated && empty !== 0) return true;
    return (
      empty >= this.reclaimPages &&
      this.nrEmptyPopPages > PCPU_EMPTY_POP_PAGES_HIGH + empty &&
      this.variant.reclaim &&
      !chunk.immutable
    );
  }

  /** pcpu_isolate_chunk(): to the head of the to-depopulate slot, also when it was isolated already. */
  #isolate(chunk: Chunk): void {
    const again = chunk.isolated;
    if (!again) {
      chunk.isolated = true;
      this.nrEmptyPopPages -= chunk.nrEmptyPopPages;
    }
    this.slots.moveToFront(chunk, this.slots.toDepopulate);
    if (this.events !== null) this.events.isolate(chunk, again);
  }

  /** pcpu_reintegrate_chunk(): back to the active slots, its empty pages count again. */
  reintegrate(chunk: Chunk): void {
    if (!chunk.isolated) return;
    chunk.isolated = false;
    this.nrEmptyPopPages += chunk.nrEmptyPopPages;
    this.enlist(chunk);
    if (this.events !== null) this.events.reintegrate(chunk);
  }

  /** pcpu_chunk_relocate() of a chunk that was on no active slot (old slot -1): to the front of the slot where it belongs. */
  enlist(chunk: Chunk): void {
    chunk.ownSlot = this.slots.ofChunk(chunk);
    this.slots.moveToFront(chunk, chunk.ownSlot);
  }

  /** pcpu_populate_chunk(): backs pages [start, end) for every CPU. The caller drops pcpu_lock for it. @returns false when memory is short */
  populate(chunk: Chunk, start: number, end: number): boolean {
    // pcpu_get_pages(): the array of page pointers is made once.
    if (!this.#pageArray) this.#pageArray = this.port.allocMetadata();
    if (!this.#pageArray || !this.port.populate(chunk, start, end)) return false;
    if (this.events !== null) this.events.populate(chunk, start, end);
    return true;
  }

  /** pcpu_chunk_populated(): pcpu_lock is held again. */
  chunkPopulated(chunk: Chunk, start: number, end: number): void {
    setBits(chunk.populated, start, end - start);
    this.#settlePages(chunk, end - start);
  }

  /** pcpu_depopulate_chunk(), with pcpu_lock dropped: no TLB flush. */
  depopulate(chunk: Chunk, start: number, end: number): void {
    this.port.depopulate(chunk, start, end);
    if (this.events !== null) this.events.depopulate(chunk, start, end);
  }

  /** pcpu_chunk_depopulated(): pcpu_lock is held again. */
  chunkDepopulated(chunk: Chunk, start: number, end: number): void {
    clearBits(chunk.populated, start, end - start);
    this.#settlePages(chunk, start - end);
  }

  /** pcpu_post_unmap_tlb_flush(), with pcpu_lock dropped. */
  flush(chunk: Chunk, start: number, end: number): void {
    this.port.flush(chunk, start, end);
    if (this.events !== null) this.events.flush(chunk, start, end);
  }

  #settlePages(chunk: Chunk, pages: number): void {
    chunk.nrPopulated += pages;
    this.nrPopulated += pages;
    chunk.nrEmptyPopPages += pages;
    if (!chunk.isolated) this.nrEmptyPopPages += pages;
  }

  /** pcpu_create_chunk(), with pcpu_lock dropped: null without metadata memory or address space. The chunk is on no slot yet. */
  createChunk(): Chunk | null {
    const port = this.port;
    // pcpu_alloc_chunk(): struct, alloc_map, bound_map, md_blocks
    if (!(port.allocMetadata() && port.allocMetadata() && port.allocMetadata() && port.allocMetadata())) return null;
    const base = port.createArea();
    if (Number.isNaN(base)) return null;
    const chunk = new Chunk(this.#nextChunkId++, base, this.unitPages, this.#pageShift, this.#spare.pop());
    chunk.freeBytes = this.info.unitSize;
    this.#chunks.push(chunk);
    const stats = this.stats;
    stats.nrChunks++;
    if (stats.nrChunks > stats.nrMaxChunks) stats.nrMaxChunks = stats.nrChunks;
    if (this.events !== null) this.events.createChunk(chunk);
    return chunk;
  }

  /** pcpu_destroy_chunk(), with pcpu_lock dropped: the chunk has no populated pages and is on no slot. */
  destroyChunk(chunk: Chunk): void {
    this.stats.nrChunks--;
    this.#chunks.splice(this.#chunks.indexOf(chunk), 1);
    if (this.events !== null) this.events.destroyChunk(chunk);
    this.port.destroyArea(chunk);
    this.#spare.push(chunk);
  }

  /** Clears the pending mark and runs pcpu_balance_workfn() to its end. */
  runBalanceWork(): void {
    if (this.mutexHeld) throw new Error(BALANCE_WOULD_SLEEP);
    this.balancePending = false;
    balance(this);
  }

  /** The same, stopping wherever the kernel drops pcpu_lock. The mutex is held between the steps. */
  *balanceSteps(): Steps<void> {
    if (this.mutexHeld) throw new Error(BALANCE_WOULD_SLEEP);
    this.balancePending = false;
    this.mutexHeld = true;
    try {
      yield* balanceSteps(this);
    } finally {
      this.mutexHeld = false;
    }
  }

  /** All chunks that areas can lie in: reserved, first, then in order of creation. */
  *chunks(): Generator<Chunk> {
    if (this.reservedChunk !== null) yield this.reservedChunk;
    yield this.firstChunk;
    yield* this.#chunks;
  }

  /** pcpu_nr_pages(): backing pages of all units. */
  nrPages(): number {
    return this.nrPopulated * this.units.nrUnits;
  }

  /** Address in unit 0 of byte `offset` of the chunk, unsigned. Add units.offsets[cpu] for a CPU's copy. */
  addressOf(chunk: Chunk, offset: number): bigint {
    return addressValue(chunk.base, this.machine.bits) + BigInt(offset);
  }

  /** __addr_to_pcpu_ptr(): the per-CPU pointer of byte `offset` of the chunk, unsigned. */
  pointerOf(chunk: Chunk, offset: number): bigint {
    const { bits, staticStart } = this.machine;
    return BigInt.asUintN(bits, this.addressOf(chunk, offset) - addressValue(this.baseAddress, bits) + staticStart);
  }

  /** pcpu_chunk_addr_search(): the chunk whose unit 0 holds the address (number form), or null. */
  chunkAt(address: number): Chunk | null {
    for (const chunk of [this.firstChunk, this.reservedChunk]) {
      if (chunk === null) continue;
      const end = chunk.base + chunk.nrPages * this.pageSize - chunk.endOffset;
      if (address >= chunk.base + chunk.startOffset && address < end) return chunk;
    }
    for (const chunk of this.#chunks) {
      if (address >= chunk.base && address < chunk.base + this.info.unitSize) return chunk;
    }
    return null;
  }

  /** %p of an address in number form. */
  hex(address: number): string {
    return hexAddress(addressValue(address, this.machine.bits), this.machine.bits);
  }
}
