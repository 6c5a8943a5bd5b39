// pcpu_alloc, free_percpu and the balance work, as the guest calls them: the allocator core steps, the guest does what
// touches memory (flushes, metadata) at the steps where the kernel would.
import type { GuestFunction } from '../../emu/malta/doorbell.js';
import type { Machine } from '../../emu/malta/machine.js';
import { type ExceptionRecord, TLB_ENTRIES } from '../../emu/mips/cpu.js';
import type { PercpuMemory } from '../mm/percpu-memory.js';
import {
  type Chunk,
  GFP_ATOMIC,
  GFP_KERNEL,
  type LockDrop,
  PCPU_MIN_ALLOC_SIZE,
  type PercpuAllocator,
  type Steps,
} from '../percpu/index.js';
import { balanceSteps } from '../percpu/balance.js';
import type { EventLog } from './events.js';
import type { Clock } from './clock.js';
import type { FlushMode } from './kernels.js';
import type { Run } from './run.js';
import { Mutex } from './mutex.js';
import type { Scheduler } from './scheduler.js';
import { BALANCE_US, CREATE_US, DEPOPULATE_US, DESTROY_US, FLUSH_US, POPULATE_US, type Timing } from './timing.js';

/** sizeof(struct pcpu_chunk) without its bitmap, and of one pcpu_block_md, 32 bit with statistics. */
const CHUNK_STRUCT = 120;
const BLOCK_MD = 36;

/** What flushing cost and did. */
export interface FlushCounts {
  flushes: number;
  /** Pairs of pages looked up; a flush of the whole TLB counts its entries. */
  pairs: number;
  /** Entries that were gone afterwards, shadows included. */
  entries: number;
  /** Guest instructions, the way into the flush and back included. */
  instructions: number;
  /** Refills of pairs that a flush had thrown out. */
  refills: number;
}

/** A chunk's own bookkeeping in guest memory. */
interface Metadata {
  readonly struct: number;
  /** alloc_map, bound_map, md_blocks: kmalloc memory, or vmalloc (through the TLB) when larger than a page. */
  readonly allocMap: number;
  readonly boundMap: number;
  readonly blocks: number;
  /** obj_cgroups of CONFIG_MEMCG_KMEM: a pointer for each smallest allocation, so as many bytes as the unit has. */
  readonly objCgroups: number;
}

export class PercpuCalls {
  readonly allocator: PercpuAllocator;
  readonly #machine: Machine;
  readonly #memory: PercpuMemory;
  readonly #scheduler: Scheduler;
  readonly #clock: Clock;
  readonly #timing: Timing;
  readonly #log: EventLog;
  readonly #perCpuOffset: number;
  /** pcpu_alloc_mutex */
  readonly #mutex: Mutex;
  /** vmalloc memory for the bookkeeping of large chunks; null: the address space is used up. */
  vmalloc: (bytes: number) => number = () => 0;
  vfree: (address: number) => void = () => {};
  flushMode: FlushMode = 'range';
  /** Pages at the beginning of its range that a flush drops. */
  flushPages = Infinity;
  readonly flushCounts: FlushCounts = { flushes: 0, pairs: 0, entries: 0, instructions: 0, refills: 0 };
  /** Pages populated again since the last flush, where `on-populate` asks for one; null: none. */
  #repopulated: { start: number; end: number } | null = null;
  /** Pairs that flushes have thrown out and no refill has brought back: address / size of a pair. */
  readonly #thrownOut = new Set<number>();
  /** Of the request whose events come next: where it was made, as %pS prints that, or the function's name alone. */
  callSite = '';
  /** Name of the function at `callSite`. */
  caller = '';
  readonly #callers = new Map<string, string>();

  constructor(
    machine: Machine,
    allocator: PercpuAllocator,
    memory: PercpuMemory,
    scheduler: Scheduler,
    clock: Clock,
    timing: Timing,
    log: EventLog,
  ) {
    this.#machine = machine;
    this.allocator = allocator;
    this.#memory = memory;
    this.#scheduler = scheduler;
    this.#mutex = new Mutex(scheduler);
    this.#clock = clock;
    this.#timing = timing;
    this.#log = log;
    this.#perCpuOffset = machine.symbols.address('__per_cpu_offset');
  }

  /**
   * pcpu_alloc(): an answer at once where the kernel would neither wait nor drop its lock, which is nearly always.
   * @returns the per-CPU pointer, 0 when there is no memory
   */
  alloc(size: number, align: number, atomic: boolean, callSite: string): number | Run<number> {
    if (!atomic && !this.#mutex.tryLock()) return this.#allocLater(size, align, callSite);
    const steps = this.allocator.allocSteps(size, align, atomic ? GFP_ATOMIC : GFP_KERNEL);
    this.#calledFrom(callSite);
    const step = steps.next();
    return step.done ? this.#allocated(step.value, atomic) : this.#allocSlowly(steps, step.value, atomic, callSite);
  }

  *#allocLater(size: number, align: number, callSite: string): Run<number> {
    yield* this.#mutex.lock();
    return this.#allocated(yield* this.#drive(this.allocator.allocSteps(size, align, GFP_KERNEL), callSite), false);
  }

  *#allocSlowly(steps: Steps<number>, at: LockDrop, atomic: boolean, callSite: string): Run<number> {
    yield* this.#between(at);
    return this.#allocated(yield* this.#drive(steps, callSite), atomic);
  }

  #allocated(off: number, atomic: boolean): number {
    if (!atomic) this.#mutex.unlock();
    if (off < 0) return 0;
    const chunk = this.allocator.lastChunk;
    this.#touch(chunk, off);
    return Number(this.allocator.pointerOf(chunk, off));
  }

  /**
   * free_percpu()
   * @returns address of the area's obj_cgroups slot, which pcpu_memcg_free_hook() reads: the guest does; 0 without one
   */
  free(ptr: number, callSite: string): number {
    const va = (ptr + this.#machine.read32(this.#perCpuOffset)) >>> 0;
    const chunk = this.allocator.chunkAt(va);
    if (chunk === null) return 0; // a pointer that a stale store has changed: the real kernel would free something else
    this.#calledFrom(callSite);
    const off = va - chunk.base;
    this.allocator.free(chunk, off);
    this.#touch(chunk, off);
    const slots = this.#metadata.get(chunk)?.objCgroups ?? 0;
    return slots === 0 ? 0 : slots + (off & ~3);
  }

  /** pcpu_balance_workfn() */
  *balance(): Run {
    const { allocator } = this;
    yield* this.#mutex.lock();
    allocator.balancePending = false;
    allocator.mutexHeld = true;
    this.#clock.advance(this.#timing.draw(BALANCE_US));
    try {
      yield* this.#drive(balanceSteps(allocator), 'pcpu_balance_workfn');
    } finally {
      allocator.mutexHeld = false;
    }
    this.#mutex.unlock();
  }

  #calledFrom(callSite: string): void {
    if (callSite === this.callSite) return;
    this.callSite = callSite;
    let caller = this.#callers.get(callSite);
    if (caller === undefined) this.#callers.set(callSite, (caller = callSite.split('+')[0]!));
    this.caller = caller;
  }

  *#drive<T>(steps: Steps<T>, callSite: string): Run<T> {
    for (;;) {
      this.#calledFrom(callSite);
      const step = steps.next();
      if (step.done) return step.value;
      yield* this.#between(step.value);
    }
  }

  /** pcpu_obj_full_size(): `size` bytes for each CPU, and a pointer in obj_cgroups for each 4 of them (CONFIG_MEMCG_KMEM). */
  accountedBytes(size: number): number {
    return size * this.allocator.units.offsets.length + (size / PCPU_MIN_ALLOC_SIZE) * 4;
  }

  /** What the guest does, and who else may run, where the kernel does not hold pcpu_lock. */
  *#between(at: LockDrop): Run {
    if (at === 'before-create') {
      this.#clock.advance(this.#timing.draw(CREATE_US));
      yield* this.#scheduler.condResched(); // in __vmalloc_area_node() of obj_cgroups
      yield* this.#allocMetadata();
    } else if (at === 'after-populate') {
      this.#clock.advance(this.#timing.draw(POPULATE_US));
    } else if (at === 'after-depopulate') {
      this.#clock.advance(this.#timing.draw(DEPOPULATE_US));
    } else if (at === 'after-destroy') {
      this.#clock.advance(this.#timing.draw(DESTROY_US));
    }
    const flush = this.#memory.wantedFlush ?? this.#repopulated;
    if (flush !== null) {
      this.#memory.wantedFlush = null;
      this.#repopulated = null;
      yield* this.flushRange(flush.start, flush.end);
    }
  }

  /** The page at `va` has got another frame than it had before a depopulation without a flush. */
  repopulated(va: number): void {
    if (this.flushMode !== 'on-populate') return;
    const { start, end } = this.#repopulated ?? { start: va, end: va };
    this.#repopulated = { start: Math.min(start, va), end: Math.max(end, va + this.allocator.pageSize) };
  }

  /** flush_tlb_kernel_range(), or flush_tlb_all(), on the guest. */
  *flushRange(start: number, wantedEnd: number): Run {
    const end = Math.min(wantedEnd, start + this.flushPages * this.allocator.pageSize);
    const { flushCounts: counts } = this;
    const { cpu } = this.#machine.board;
    const entries = TLB_ENTRIES[cpu.model];
    const pairSize = 2 * this.allocator.pageSize;
    // local_flush_tlb_kernel_range() drops everything when half of the entries would have to be looked up.
    const whole = this.flushMode === 'whole' || Math.ceil((end - start) / pairSize) > entries / 2;
    this.#clock.advance(this.#timing.draw(FLUSH_US));
    this.#log.append(this.#clock.now, this.#scheduler.current.pid, { type: 'tlb_flush', start, end, whole });
    const before = this.#translatedPairs();
    const instructions = cpu.instructions;
    if (this.flushMode === 'whole') yield this.#machine.fn('local_flush_tlb_all');
    else yield this.#machine.fn('local_flush_tlb_kernel_range', start >>> 0, end >>> 0);
    counts.flushes++;
    counts.instructions += cpu.instructions - instructions;
    counts.pairs += whole ? entries : Math.ceil(end / pairSize) - Math.floor(start / pairSize);
    const after = this.#translatedPairs();
    for (const pair of before) {
      if (after.has(pair)) continue;
      counts.entries++;
      this.#thrownOut.add(pair);
    }
  }

  #translatedPairs(): Set<number> {
    const pairs = this.#machine.board.cpu.tlb().filter(({ invalid, even, odd }) => !invalid && (even.v || odd.v));
    return new Set(pairs.map(({ virtual, pageSize }) => virtual / (2 * pageSize)));
  }

  /** An exception has been taken: counts it where a flush is to blame. */
  countRefill({ noMatch, badVAddr }: ExceptionRecord): void {
    if (noMatch && this.#thrownOut.delete(Math.floor(badVAddr / (2 * this.allocator.pageSize))))
      this.flushCounts.refills++;
  }

  /** pcpu_mem_zalloc(): up to a page from kmalloc, more from vmalloc. */
  *#zalloc(bytes: number): Run<number> {
    if (bytes <= this.allocator.pageSize) return yield this.#machine.fn('kzalloc', bytes);
    return this.vmalloc(bytes);
  }

  /** What the guest is to run behind the allocation or free that has just been made; the caller takes it. */
  touching: GuestFunction | null = null;
  #pending: Metadata | null = null;
  readonly #metadata = new Map<Chunk, Metadata>();

  *#allocMetadata(): Run {
    const pages = this.allocator.unitPages;
    const bits = (pages * this.allocator.pageSize) / 4;
    const struct = yield* this.#zalloc(CHUNK_STRUCT + Math.ceil(pages / 32) * 4);
    const allocMap = yield* this.#zalloc(bits / 8);
    const boundMap = yield* this.#zalloc(bits / 8 + 4);
    const blocks = yield* this.#zalloc(pages * BLOCK_MD);
    const objCgroups = yield* this.#zalloc(bits * 4);
    this.#pending = { struct, allocMap, boundMap, blocks, objCgroups };
  }

  /** The chunk that #allocMetadata was for exists now. */
  adopt(chunk: Chunk): void {
    if (this.#pending) this.#metadata.set(chunk, this.#pending);
    this.#pending = null;
  }

  /** The chunk is gone: its kmalloc memory is freed at the next opportunity. */
  release(chunk: Chunk): void {
    const metadata = this.#metadata.get(chunk);
    this.#metadata.delete(chunk);
    if (metadata) this.#released.push(metadata);
  }

  readonly #released: Metadata[] = [];

  /** Whether `freeReleased` has anything to do. */
  get hasReleased(): boolean {
    return this.#released.length > 0;
  }

  /** kfree() or vfree() of what destroyed chunks had. */
  *freeReleased(): Run {
    for (let metadata = this.#released.shift(); metadata; metadata = this.#released.shift()) {
      const { struct, allocMap, boundMap, blocks, objCgroups } = metadata;
      for (const address of [objCgroups, blocks, boundMap, allocMap, struct]) {
        if (address >= 0xc000_0000) this.vfree(address);
        else if (address !== 0) yield this.#machine.fn('kfree', address);
      }
    }
  }

  /**
   * The allocator reads and writes its maps at every allocation and free. Where they are vmalloc memory, as in chunks of
   * hundreds of pages, that costs TLB entries: the guest touches the words of the area's first bit and the block's hints.
   */
  #touch(chunk: Chunk, off: number): void {
    const metadata = this.#metadata.get(chunk);
    if (metadata === undefined || metadata.allocMap < 0xc000_0000) return;
    const word = (off >>> 7) * 4;
    const block = Math.floor(off / this.allocator.pageSize) * BLOCK_MD;
    this.touching = this.#machine.fn(
      'touch_words',
      metadata.allocMap + word,
      metadata.boundMap + word,
      metadata.blocks + (block & ~3),
    );
  }
}
