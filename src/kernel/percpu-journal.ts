// Writes what the allocator does into the event log, counts it, and asks before each new area is zeroed whether the TLB still
// agrees with the page table about where that is.
import { type Chunk, type PercpuEvents } from '../percpu/index.js';
import type { PageEvents } from '../mm/percpu-memory.js';
import type { BootCounters } from './counters.js';
import type { Append, CpuState, Place } from './events.js';
import type { GuestPages } from './guest-pages.js';
import type { PercpuCalls } from './percpu.js';
import type { Printk } from './printk.js';

export class PercpuJournal implements PageEvents {
  /** pcpu_schedule_balance_work() was called: to be queued when it is safe to run guest code. */
  balanceWanted = false;
  /** Told of each page of another owner, once, that an area zeroed through a stale translation is in. */
  onForeignPage: (() => void) | undefined;
  readonly #append: Append;
  readonly #place: Place;
  readonly #counters: BootCounters;
  readonly #pages: GuestPages;
  readonly #printk: Printk;
  readonly #pageSize: number;
  /** Address of the guest's memset. */
  readonly #memset: number;
  readonly #cpuState: () => CpuState;
  /** Set once the allocator exists, which is made with the memory that reports to here. */
  percpu!: PercpuCalls;
  /** Virtual pages whose last mapping went away without a flush: the frame they had. */
  readonly #unflushed = new Map<number, number>();
  readonly #foreign = new Set<number>();

  /**
   * @param pageSize bytes
   * @param memset address of the guest's memset, which zeroes new areas
   * @param cpuState what tracepoints record of the CPU, now
   */
  constructor(
    append: Append,
    place: Place,
    counters: BootCounters,
    pages: GuestPages,
    printk: Printk,
    pageSize: number,
    memset: number,
    cpuState: () => CpuState,
  ) {
    this.#append = append;
    this.#place = place;
    this.#counters = counters;
    this.#pages = pages;
    this.#printk = printk;
    this.#pageSize = pageSize;
    this.#memset = memset;
    this.#cpuState = cpuState;
  }

  mapped(chunk: Chunk, page: number, cpu: number, va: number, frame: number): void {
    this.#append({ type: 'map', chunk: chunk.id, page, cpu, va, frame });
    const old = this.#unflushed.get(va);
    if (old === undefined) return;
    this.#counters.repopulatedPages++;
    this.percpu.repopulated(va);
    if (this.#pages.translation(va)?.frame === old) this.#counters.repopulatedStale++;
  }

  unmapped(chunk: Chunk, page: number, cpu: number, va: number, frame: number): void {
    this.#append({ type: 'unmap', chunk: chunk.id, page, cpu, va, frame });
    this.#unflushed.set(va, frame);
  }

  /** What the allocator reports. */
  get events(): PercpuEvents {
    const counters = this.#counters;
    const append = this.#append;
    const place = this.#place;
    return {
      alloc: (chunk, off, size, align, reserved, atomic, gfp) => {
        counters.allocs++;
        const { softirq, needResched } = this.#cpuState();
        place({
          seq: 0,
          t: 0,
          pid: 0,
          type: 'percpu_alloc',
          chunk: chunk.id,
          off,
          size,
          align,
          ptr: this.#pointer(chunk, off),
          va: chunk.base + off,
          caller: this.percpu.caller,
          callSite: this.percpu.callSite,
          reserved,
          atomic,
          gfp,
          bytesAlloc: this.percpu.accountedBytes(size),
          softirq,
          needResched,
        });
        this.#checkZeroing(chunk.base + off, size);
      },
      allocFail: (size, align, reserved, atomic) =>
        append({
          type: 'percpu_alloc_fail',
          size,
          align,
          caller: this.percpu.caller,
          reserved,
          atomic,
          ...this.#cpuState(),
        }),
      free: (chunk, off, size) => {
        counters.frees++;
        const { softirq, needResched } = this.#cpuState();
        place({
          seq: 0,
          t: 0,
          pid: 0,
          type: 'percpu_free',
          chunk: chunk.id,
          off,
          size,
          ptr: this.#pointer(chunk, off),
          va: chunk.base + off,
          caller: this.percpu.caller,
          emptyPages: this.percpu.allocator.nrEmptyPopPages,
          softirq,
          needResched,
        });
      },
      createChunk: (chunk) => {
        counters.chunksCreated++;
        this.percpu.adopt(chunk);
        const { id, base, nrPages: pages } = chunk;
        append({ type: 'chunk_create', chunk: id, base, pages, ...this.#cpuState() });
      },
      destroyChunk: (chunk) => {
        counters.chunksDestroyed++;
        this.percpu.release(chunk);
        for (let page = 0; page < chunk.nrPages; page++) this.#unflushed.delete(chunk.base + page * this.#pageSize);
        append({ type: 'chunk_destroy', chunk: chunk.id, base: chunk.base, ...this.#cpuState() });
      },
      populate: (chunk, start, end) => append({ type: 'populate', chunk: chunk.id, start, end }),
      depopulate: (chunk, start, end) => {
        counters.depopulatedRanges++;
        counters.depopulatedPages += end - start;
        const flushed = this.percpu.allocator.variant.flush !== 'never';
        append({ type: 'depopulate', chunk: chunk.id, start, end, flushed });
      },
      flush: () => {},
      isolate: (chunk, again) => append({ type: 'isolate', chunk: chunk.id, again, empty: chunk.nrEmptyPopPages }),
      reintegrate: (chunk) =>
        append({ type: 'reintegrate', chunk: chunk.id, populated: chunk.nrPopulated, empty: chunk.nrEmptyPopPages }),
      sideline: (chunk) => append({ type: 'sideline', chunk: chunk.id }),
      balanceStart: () => this.#balance('start'),
      balanceEnd: () => this.#balance('end'),
      schedule: (pending) => {
        if (!pending) this.balanceWanted = true;
      },
      illegalRequest: () => {},
      allocWarning: (size, align, reason) =>
        this.#printk.line(4, `percpu: allocation failed, size=${size} align=${align} atomic=0, ${reason}`),
    };
  }

  #pointer(chunk: Chunk, off: number): number {
    return Number(this.percpu.allocator.pointerOf(chunk, off));
  }

  #balance(phase: 'start' | 'end'): void {
    const { nrEmptyPopPages, nrPopulated } = this.percpu.allocator;
    this.#append({ type: 'balance', phase, emptyPages: nrEmptyPopPages, populated: nrPopulated });
  }

  #checkZeroing(va: number, size: number): void {
    if (this.#unflushed.size === 0) return;
    for (const offset of this.percpu.allocator.units.offsets) {
      const end = va + offset + size;
      for (let at = va + offset; at < end;) {
        const page = at - (at % this.#pageSize);
        const stop = Math.min(end, page + this.#pageSize);
        if (this.#unflushed.has(page)) this.#checkPage(at, stop - at, page);
        at = stop;
      }
    }
  }

  #checkPage(va: number, bytes: number, page: number): void {
    const hit = this.#pages.translation(va);
    const mapped = this.#pages.table.frameOf(page);
    if (hit === undefined || hit.frame === mapped) return;
    const counters = this.#counters;
    counters.staleStores++;
    counters.staleBytes += bytes;
    const owner = this.#pages.ownerName(hit.frame);
    const foreign = owner !== 'free' && !owner.startsWith('per-CPU');
    this.#append({
      type: 'stale_access',
      va,
      size: bytes,
      write: true,
      frame: hit.frame,
      mapped,
      owner,
      entry: hit.index,
      shadow: hit.shadow,
      pc: this.#memset,
      by: this.percpu.caller,
    });
    if (!foreign || this.#foreign.has(hit.frame)) return;
    this.#foreign.add(hit.frame);
    counters.foreignPages++;
    this.onForeignPage?.();
  }
}
