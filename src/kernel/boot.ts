// One boot: board, guest image, memory, allocator, scheduler and the calls between them; runs until the boot has an
// outcome. Everything that happens goes into the event log.
import { addMegaRaidControllers, FIRST_SLOT } from '../../emu/malta/megaraid/pci-device.js';
import { ramBusMaster } from '../../emu/malta/megaraid/bus-master.js';
import { Machine } from '../../emu/malta/machine.js';
import { HOST_CALL } from '../../emu/malta/doorbell.js';
import { physical } from '../../emu/malta/memory-map.js';
import type { GuestImage } from '../../emu/elf/image.js';
import type { CpuModel, TlbMode } from '../../emu/mips/cpu.js';
import type { EngineLibrary } from '../../emu/unicorn/engine.js';
import { UsageError } from '../errors.js';
import { type BootLayout, FIRST_CHUNK, percpuAllocInfo, percpuMachine } from '../layouts/boot-layouts.js';
import { PageAllocator, type PageOwner } from '../mm/page-allocator.js';
import { PageTable } from '../mm/page-table.js';
import { PercpuMemory } from '../mm/percpu-memory.js';
import { type Chunk, PercpuAllocator, type PercpuEvents, unitLayout, VARIANTS } from '../percpu/index.js';
import { Random } from '../random.js';
import { BootScript, INITCALL, type Initcall } from './boot-script.js';
import { Clock } from './clock.js';
import { EventLog } from './events.js';
import { type Kernel, KERNELS, type KernelName } from './kernels.js';
import { Oops, symbolName } from './oops.js';
import { PercpuCalls } from './percpu.js';
import { Printk } from './printk.js';
import { Rcu } from './rcu.js';
import type { Run } from './run.js';
import { Scheduler, type Task, TASK_DEAD, TASK_UNINTERRUPTIBLE } from './scheduler.js';
import { BLOCK_SOFTIRQ, RCU_SOFTIRQ, Softirqs } from './softirq.js';
import { COMMAND_LATENCY_S, JIFFY_US, MEDIUM_LATENCY_S, STEP, Timing } from './timing.js';
import { WorkQueues } from './workqueue.js';

/** Host calls, emu/guest/kernel/hostcalls.h. */
const HC = {
  PRINTK: 16,
  PCPU_ALLOC: 17,
  PCPU_FREE: 18,
  ALLOC_PAGES: 19,
  FREE_PAGES: 20,
  SCHEDULE: 21,
  WAKE_UP: 22,
  NEW_TASK: 23,
  NEXT_WORK: 24,
  QUEUE_WORK: 25,
  RAISE_SOFTIRQ: 26,
  STEP: 27,
  PCPU_BALANCE: 28,
  NEXT_INITCALL: 29,
  DUMP_STACK: 30,
  NEW_CACHE: 31,
  DO_SOFTIRQ: 32,
  BOOT_EVENT: 33,
  RCU_GP: 34,
} as const;

export interface BootOptions {
  engine: EngineLibrary;
  kernel: KernelName;
  layout: BootLayout;
  tlb: TlbMode;
  cpu: CpuModel;
  /** Possible CPUs (units); one is online. 1..8. */
  cpus: number;
  /** MegaRAID controllers, 1..3; the disks are on the first. */
  controllers: number;
  disks: number;
  memoryMB: number;
  seed: number;
  shim?: boolean;
  image?: GuestImage;
  /** Receives each console line as it happens. */
  onLine?: (line: string) => void;
  /** Leaves targets out of the scan (minimized boots). */
  skipTarget?: (host: number, channel: number, id: number) => boolean;
  /** Called before the first instruction with the parts of the boot, for checkers that look over its shoulder. */
  attach?: (parts: BootParts) => void;
}

/** What an observer of a boot may read. It must not change anything. */
export interface BootParts {
  readonly machine: Machine;
  readonly log: EventLog;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly pageTable: PageTable;
  readonly pages: PageAllocator;
  readonly allocator: PercpuAllocator;
  /** Name of what a frame is used for now. */
  readonly ownerName: (frame: number) => string;
}

export type Outcome = 'clean' | 'oops' | 'bug' | 'panic' | 'stall';

export interface BootResult {
  outcome: Outcome;
  /** Whether init was reached. */
  reachedInit: boolean;
  /** Text of the panic, if any. */
  panic: string | undefined;
  console: string[];
  log: EventLog;
  counters: BootCounters;
}

export interface BootCounters {
  simulatedSeconds: number;
  allocs: number;
  frees: number;
  chunksCreated: number;
  chunksDestroyed: number;
  depopulatedRanges: number;
  depopulatedPages: number;
  /** Virtual pages mapped again after a depopulation. */
  repopulatedPages: number;
  /** Of these, with a live translation to the old frame at that moment. */
  repopulatedStale: number;
  /** Areas that were zeroed through a stale translation, and bytes. */
  staleStores: number;
  staleBytes: number;
  /** Frames of other owners that were hit. */
  foreignPages: number;
  oopses: number;
  tlbRefills: number;
  tlbInvalid: number;
  tlbFlushes: number;
  /** What flushing cost: see FlushCounts. */
  flushedPairs: number;
  flushedEntries: number;
  flushInstructions: number;
  flushRefills: number;
  instructions: number;
  targetsScanned: number;
}

/** Simulated time after which a boot that has not reached init counts as stalled. */
const BUDGET_US = 30e6;
/** Time that user space runs before a boot counts as clean: longer than any callback lags behind. */
const AFTER_INIT_US = 300_000;
/** Guest instructions after which a boot counts as stalled: five times what the longest clean one takes. */
const BUDGET_INSTRUCTIONS = 60e6;
/** Room for one PTE page per 4 MB (64 MB with 16 KB pages) of kseg2 beyond the image's own. */
const PRID: Readonly<Record<CpuModel, number>> = { '24Kf': 0x0001_9300, P5600: 0x0001_a800 };

class Boot {
  readonly machine: Machine;
  readonly clock = new Clock();
  readonly log = new EventLog();
  readonly timing: Timing;
  readonly printk: Printk;
  readonly scheduler: Scheduler;
  readonly rcu: Rcu;
  readonly softirqs: Softirqs;
  readonly workqueues: WorkQueues;
  readonly pages: PageAllocator;
  readonly pageTable: PageTable;
  readonly memory: PercpuMemory;
  readonly percpu: PercpuCalls;
  readonly oops: Oops;
  readonly script: BootScript;
  readonly console: string[] = [];
  readonly counters: BootCounters = {
    simulatedSeconds: 0,
    allocs: 0,
    frees: 0,
    chunksCreated: 0,
    chunksDestroyed: 0,
    depopulatedRanges: 0,
    depopulatedPages: 0,
    repopulatedPages: 0,
    repopulatedStale: 0,
    staleStores: 0,
    staleBytes: 0,
    foreignPages: 0,
    oopses: 0,
    tlbRefills: 0,
    tlbInvalid: 0,
    tlbFlushes: 0,
    flushedPairs: 0,
    flushedEntries: 0,
    flushInstructions: 0,
    flushRefills: 0,
    instructions: 0,
    targetsScanned: 0,
  };
  panic: string | undefined;
  bug = false;
  reachedInit = false;
  rootFound = false;
  #ended = false;
  readonly #pageShift: number;
  readonly #options: BootOptions;
  #nextTick = JIFFY_US;
  readonly #irqLines = new Set<number>();
  #row: Initcall | undefined;
  readonly #rowPointers = new Map<number, number>();
  #kernelInit: Task | undefined;
  /** Virtual pages whose last mapping went away without a flush: the frame they had. */
  readonly #unflushed = new Map<number, number>();
  readonly #caches = new Map<number, string>();
  readonly #foreign = new Set<number>();
  readonly #vmAreas = new Map<number, number[]>();
  #vmNext = 0xc000_0000;

  constructor(options: BootOptions) {
    this.#options = options;
    const { layout, kernel, seed } = options;
    this.#pageShift = Math.log2(layout.pageSize);
    this.timing = new Timing(new Random(seed, 1));
    this.machine = new Machine({
      engine: options.engine,
      cpu: options.cpu,
      tlb: options.tlb,
      memoryMB: options.memoryMB,
      seed,
      pageSize: layout.pageSize,
      ...(options.shim === undefined ? {} : { shim: options.shim }),
      ...(options.image === undefined ? {} : { image: options.image }),
    });
    const { machine, clock, log } = this;
    this.scheduler = new Scheduler(machine, clock, log);
    this.printk = new Printk(clock, log, this.timing, () => this.#pid);
    this.printk.onLine = (line) => {
      this.console.push(line);
      options.onLine?.(line);
    };
    this.rcu = new Rcu(machine, clock, this.scheduler, this.timing, log);
    this.softirqs = new Softirqs(machine, clock, this.scheduler, this.rcu, log);
    this.workqueues = new WorkQueues(machine, this.scheduler, options.cpus);
    this.oops = new Oops(machine, this.printk, PRID[options.cpu]);
    this.scheduler.idle = () => this.#idle();

    const percpuMach = percpuMachine(layout, options.cpus);
    const info = percpuAllocInfo(layout, percpuMach);
    const units = unitLayout(percpuMach, info);
    const firstChunkBytes = info.unitSize * units.nrUnits;
    const mapBytes = ((options.memoryMB << 20) >>> this.#pageShift) * machine.symbols.size('slab');
    const firstFree = physical(FIRST_CHUNK) + firstChunkBytes + mapBytes;
    const ram = options.memoryMB << 20;
    if (firstFree + (8 << 20) > ram)
      throw new UsageError(
        `--memory ${options.memoryMB}: this layout needs at least ${Math.ceil((firstFree + (8 << 20)) / (1 << 20))} MB`,
      );
    this.pages = new PageAllocator(
      (firstFree + layout.pageSize - 1) >>> this.#pageShift,
      ram >>> this.#pageShift,
      layout.pageSize,
    );
    this.pageTable = new PageTable(
      machine,
      machine.symbols.address('swapper_pg_dir'),
      machine.symbols.address('invalid_pte_table'),
      this.#pageShift,
      () => this.#newPteTable(),
    );
    this.memory = new PercpuMemory(percpuMach, units, info.atomSize, this.pages, this.pageTable, {
      mapped: (chunk, page, cpu, va, frame) => this.#mapped(chunk, page, cpu, va, frame),
      unmapped: (chunk, page, cpu, va, frame) => this.#unmapped(chunk, page, cpu, va, frame),
    });
    const { variant: variantName, flush = 'range' }: Kernel = KERNELS[kernel];
    const variant = VARIANTS[variantName];
    const allocator = new PercpuAllocator(percpuMach, variant, info, FIRST_CHUNK, this.memory);
    this.percpu = new PercpuCalls(machine, allocator, this.memory, this.scheduler, clock, this.timing, log);
    this.percpu.flushMode = flush;
    this.percpu.vmalloc = (bytes) => this.#vmalloc(bytes);
    this.percpu.vfree = (address) => this.#vfree(address);
    allocator.events = this.#percpuEvents();
    log.append(0, 0, { type: 'chunk_create', chunk: 0, base: FIRST_CHUNK, pages: allocator.firstChunk.nrPages });

    const slots = Array.from({ length: options.controllers }, (_, i) => FIRST_SLOT + i);
    this.script = new BootScript(layout.pageSize === 16384 ? 'malta' : 'malta-4k', slots);
    addMegaRaidControllers(
      {
        bus: ramBusMaster(() => machine.board.cpu.ram),
        pci: machine.board.pci,
        schedule: (seconds, run) => clock.schedule(seconds * 1e6, run),
        setInterrupt: (index, asserted) => {
          if (asserted) this.#irqLines.add(index);
          else this.#irqLines.delete(index);
        },
      },
      slots.map((_, i) => (i === 0 ? options.disks : 0)),
      { command: COMMAND_LATENCY_S, medium: MEDIUM_LATENCY_S },
    );
    this.#registerCalls();
    this.#setUpMemory(options.cpus, units.offsets, layout.staticStart);
    this.#banner(info);
    options.attach?.({
      machine,
      log,
      clock,
      scheduler: this.scheduler,
      pageTable: this.pageTable,
      pages: this.pages,
      allocator,
      ownerName: (frame) => this.ownerName(frame),
    });
  }

  get #pid(): number {
    return this.scheduler.tasks.length === 0 ? 0 : this.scheduler.current.pid;
  }

  /** What the guest finds in RAM before it starts. */
  #setUpMemory(cpus: number, unitOffsets: readonly number[], staticStart: number): void {
    const { machine } = this;
    const offsets = machine.symbols.address('__per_cpu_offset');
    for (let cpu = 0; cpu < cpus; cpu++)
      machine.write32(offsets + 4 * cpu, (FIRST_CHUNK + unitOffsets[cpu]! - staticStart) >>> 0);
    machine.write32(machine.symbols.address('nr_cpu_ids'), cpus);
  }

  #banner(info: { unitSize: number; staticSize: number; dynSize: number; reservedSize: number }): void {
    const { kernel, cpu, layout } = this.#options;
    const put = (text: string): void => this.printk.line(6, text);
    put(`Linux version 6.1.192-percpu-malta (guest slice, per-CPU allocator of ${KERNELS[kernel].title}) #1 SMP`);
    put(
      `CPU0 revision is: ${PRID[cpu].toString(16).padStart(8, '0')} (${cpu === '24Kf' ? 'MIPS 24Kc' : 'MIPS P5600'})`,
    );
    put('MIPS: machine is mti,malta');
    put(
      `percpu: Embedded ${info.unitSize / layout.pageSize} pages/cpu s${info.staticSize} r${info.reservedSize} d${info.dynSize} u${info.unitSize}`,
    );
    put('Kernel command line: root=/dev/sda rw rootwait console=ttyS0');
  }

  #append(body: Parameters<EventLog['append']>[2]): void {
    this.log.append(this.clock.now, this.#pid, body);
  }

  // ---- memory -------------------------------------------------------------------------------------------------------

  #newPteTable(): number {
    const frame = this.pages.alloc(0, { kind: 'page-table' });
    if (frame < 0) throw new UsageError('out of memory for page tables: give the guest more (--memory)');
    const address = 0x8000_0000 + frame * this.#options.layout.pageSize;
    this.machine.bytes(address, this.#options.layout.pageSize).fill(0);
    this.#append({ type: 'page_alloc', frame, order: 0, owner: 'page table', caller: 'pte_alloc_kernel' });
    return address;
  }

  #mapped(chunk: Chunk, page: number, cpu: number, va: number, frame: number): void {
    this.#append({ type: 'map', chunk: chunk.id, page, cpu, va, frame });
    const old = this.#unflushed.get(va);
    if (old === undefined) return;
    this.counters.repopulatedPages++;
    this.percpu.repopulated(va);
    if (this.#translation(va)?.frame === old) this.counters.repopulatedStale++;
  }

  #unmapped(chunk: Chunk, page: number, cpu: number, va: number, frame: number): void {
    this.#append({ type: 'unmap', chunk: chunk.id, page, cpu, va, frame });
    this.#unflushed.set(va, frame);
  }

  /** What the TLB says about va now, shadow entries included. */
  #translation(va: number): { frame: number; index: number; shadow: boolean } | undefined {
    const entry = this.machine.board.cpu.tlbMatch(va);
    if (!entry || entry.invalid) return undefined;
    const half = va & entry.pageSize ? entry.odd : entry.even;
    if (!half.v) return undefined;
    return { frame: half.physical / entry.pageSize, index: entry.index, shadow: entry.shadow };
  }

  /** Pages of virtual memory for large bookkeeping, at addresses of their own; no reuse needed in one boot. */
  #vmalloc(bytes: number): number {
    const pageSize = this.#options.layout.pageSize;
    const base = this.#vmNext;
    const frames: number[] = [];
    for (let at = 0; at < bytes; at += pageSize) {
      const frame = this.pages.alloc(0, { kind: 'metadata' });
      if (frame < 0) throw new UsageError('out of memory for the allocator: give the guest more (--memory)');
      this.machine.bytes(frame * pageSize, pageSize).fill(0);
      this.pageTable.map(base + at, frame);
      frames.push(frame);
    }
    this.#vmAreas.set(base, frames);
    this.#vmNext += (frames.length + 1) * pageSize; // a guard page, as every vm area has
    return base;
  }

  #vfree(address: number): void {
    const frames = this.#vmAreas.get(address) ?? [];
    this.#vmAreas.delete(address);
    frames.forEach((frame, i) => {
      this.pageTable.unmap(address + i * this.#options.layout.pageSize);
      this.pages.free(frame, 0);
    });
  }

  #allocPages(order: number, cachep: number, caller: number): number {
    const cache = this.#caches.get(cachep);
    const by = this.#functionName(caller);
    const owner: PageOwner = cache === undefined ? { kind: 'pages', caller: by } : { kind: 'slab', cache };
    const frame = this.pages.alloc(order, owner);
    if (frame < 0) return 0;
    this.#append({ type: 'page_alloc', frame, order, owner: cache ?? by, caller: by });
    return 0x8000_0000 + frame * this.#options.layout.pageSize;
  }

  #freePages(address: number, order: number): void {
    const frame = physical(address) >>> this.#pageShift;
    if (this.pages.owners[frame] === undefined) return; // an address that a stale store has changed
    this.#append({ type: 'page_free', frame, order });
    this.pages.free(frame, order);
  }

  ownerName(frame: number): string {
    const owner = this.pages.owners[frame];
    if (owner === undefined) return 'free';
    if (owner.kind === 'slab') return owner.cache;
    if (owner.kind === 'percpu') return `per-CPU chunk ${owner.chunk} page ${owner.page}`;
    return owner.kind === 'pages' ? owner.caller : owner.kind;
  }

  #functionName(address: number): string {
    return symbolName(this.machine, address).split('+')[0]!;
  }

  // ---- per-CPU calls ------------------------------------------------------------------------------------------------

  #percpuEvents(): PercpuEvents {
    const { counters } = this;
    const pageSize = this.#options.layout.pageSize;
    return {
      alloc: (chunk, off, size, align) => {
        counters.allocs++;
        this.#append({
          type: 'percpu_alloc',
          chunk: chunk.id,
          off,
          size,
          align,
          ptr: Number(this.percpu.allocator.pointerOf(chunk, off)),
          va: chunk.base + off,
          caller: this.percpu.caller,
        });
        this.#checkZeroing(chunk.base + off, size, pageSize);
      },
      allocFail: (size, align) => this.#append({ type: 'percpu_alloc_fail', size, align, caller: this.percpu.caller }),
      free: (chunk, off, size) => {
        counters.frees++;
        this.#append({
          type: 'percpu_free',
          chunk: chunk.id,
          off,
          size,
          va: chunk.base + off,
          caller: this.percpu.caller,
          emptyPages: this.percpu.allocator.nrEmptyPopPages,
        });
      },
      createChunk: (chunk) => {
        counters.chunksCreated++;
        this.percpu.adopt(chunk);
        this.#append({ type: 'chunk_create', chunk: chunk.id, base: chunk.base, pages: chunk.nrPages });
      },
      destroyChunk: (chunk) => {
        counters.chunksDestroyed++;
        this.percpu.release(chunk);
        for (let page = 0; page < chunk.nrPages; page++) this.#unflushed.delete(chunk.base + page * pageSize);
        this.#append({ type: 'chunk_destroy', chunk: chunk.id, base: chunk.base });
      },
      populate: (chunk, start, end) => this.#append({ type: 'populate', chunk: chunk.id, start, end }),
      depopulate: (chunk, start, end) => {
        counters.depopulatedRanges++;
        counters.depopulatedPages += end - start;
        const flushed = this.percpu.allocator.variant.flush !== 'never';
        this.#append({ type: 'depopulate', chunk: chunk.id, start, end, flushed });
      },
      flush: () => {},
      isolate: (chunk, again) =>
        this.#append({ type: 'isolate', chunk: chunk.id, again, empty: chunk.nrEmptyPopPages }),
      reintegrate: (chunk) =>
        this.#append({
          type: 'reintegrate',
          chunk: chunk.id,
          populated: chunk.nrPopulated,
          empty: chunk.nrEmptyPopPages,
        }),
      sideline: (chunk) => this.#append({ type: 'sideline', chunk: chunk.id }),
      balanceStart: () => this.#balanceEvent('start'),
      balanceEnd: () => this.#balanceEvent('end'),
      schedule: (pending) => {
        if (!pending) this.#balanceWanted = true;
      },
      illegalRequest: () => {},
      allocWarning: (size, align, reason) =>
        this.printk.line(4, `percpu: allocation failed, size=${size} align=${align} atomic=0, ${reason}`),
    };
  }

  #balanceWanted = false;

  #balanceEvent(phase: 'start' | 'end'): void {
    const { nrEmptyPopPages, nrPopulated } = this.percpu.allocator;
    this.#append({ type: 'balance', phase, emptyPages: nrEmptyPopPages, populated: nrPopulated });
  }

  /** The guest is about to zero a new area: does the TLB agree with the page table about where that is? */
  #checkZeroing(va: number, size: number, pageSize: number): void {
    if (this.#unflushed.size === 0) return;
    const { offsets } = this.percpu.allocator.units;
    for (const offset of offsets) {
      const start = va + offset;
      const end = start + size;
      for (let at = start; at < end;) {
        const page = at - (at % pageSize);
        const stop = Math.min(end, page + pageSize);
        if (this.#unflushed.has(page)) this.#checkPage(at, stop - at, page);
        at = stop;
      }
    }
  }

  #checkPage(va: number, bytes: number, page: number): void {
    const hit = this.#translation(va);
    const mapped = this.pageTable.frameOf(page);
    if (hit === undefined || hit.frame === mapped) return;
    const { counters } = this;
    counters.staleStores++;
    counters.staleBytes += bytes;
    const owner = this.ownerName(hit.frame);
    if (owner !== 'free' && !owner.startsWith('per-CPU') && !this.#foreign.has(hit.frame)) {
      this.#foreign.add(hit.frame);
      counters.foreignPages++;
    }
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
      pc: this.machine.symbols.address('memset'),
      by: this.percpu.caller,
    });
  }

  // ---- time and interrupts --------------------------------------------------------------------------------------------

  /** Delivers what has become due, unless an interrupt is being served already. */
  *interrupts(): Run {
    if (this.softirqs.inInterrupt) return;
    for (;;) {
      this.clock.takeDue();
      if (this.#irqLines.size > 0) {
        this.#append({ type: 'irq', line: 'device' });
        this.softirqs.inInterrupt = true;
        const handled = yield this.machine.fn('megasas_interrupt');
        this.softirqs.inInterrupt = false;
        if (handled === 0) this.#irqLines.clear(); // nobody listens: the line stays masked
      } else if (this.clock.now >= this.#nextTick) {
        while (this.#nextTick <= this.clock.now) this.#nextTick += JIFFY_US;
        this.scheduler.tick();
        if (this.rcu.pending(this.scheduler.current === this.scheduler.idleTask)) {
          this.softirqs.inInterrupt = true;
          this.softirqs.raise(RCU_SOFTIRQ);
          this.softirqs.inInterrupt = false;
        }
      } else break;
      if (this.softirqs.pending) yield* this.softirqs.run();
      yield* this.#startBalance();
    }
  }

  /** pcpu_schedule_balance_work(), once it is safe to run guest code. */
  *#startBalance(): Run {
    if (!this.#balanceWanted) return;
    this.#balanceWanted = false;
    yield* this.workqueues.queue(0, this.machine.symbols.address('pcpu_balance_work'));
  }

  /** The CPU sleeps until something is due. */
  *#idle(): Run {
    const tick = this.rcu.busy || this.softirqs.pending ? this.#nextTick : Infinity;
    const next = Math.min(tick, this.clock.nextDue, this.#endAt);
    if (next === Infinity || next >= this.#endAt) {
      this.clock.now = Math.max(this.clock.now, Math.min(next, this.#endAt));
      this.end();
      // the machine stops behind this host call
      return void (yield this.machine.fn('local_flush_tlb_all'));
    }
    this.clock.now = Math.max(this.clock.now, next);
    if (this.#nextTick < this.clock.now) this.#nextTick = Math.ceil(this.clock.now / JIFFY_US) * JIFFY_US;
    yield* this.interrupts();
  }

  #endAt = BUDGET_US;

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.machine.stop();
  }

  // ---- calls --------------------------------------------------------------------------------------------------------

  #registerCalls(): void {
    const { machine, scheduler, softirqs } = this;
    const on = machine.onHostCall.bind(machine);
    on(HC.PRINTK, (level, text, length) => this.#print(level, text, length));
    on(HC.PCPU_ALLOC, (size, align, gfp, caller) => this.#alloc(size, align, gfp !== 0, caller));
    on(HC.PCPU_FREE, (ptr, caller) => this.#free(ptr, caller));
    on(HC.ALLOC_PAGES, (order, cachep, caller) => this.#allocPages(order, cachep, caller));
    on(HC.FREE_PAGES, (address, order) => this.#freePages(address, order));
    on(HC.SCHEDULE, (state) => scheduler.schedule(state) as never);
    on(HC.WAKE_UP, (task) => {
      const woken = scheduler.byAddress(task);
      if (woken) scheduler.wake(woken);
    });
    on(HC.NEW_TASK, (address) => this.#newTask(address));
    on(HC.NEXT_WORK, (pool) => this.workqueues.next(pool));
    on(HC.QUEUE_WORK, (pool, work) => this.workqueues.queue(pool, work) as never);
    on(HC.RAISE_SOFTIRQ, (vector) => softirqs.raise(vector));
    on(HC.STEP, (which) => this.#step(which) as never);
    on(HC.PCPU_BALANCE, () => this.#balance() as never);
    on(HC.NEXT_INITCALL, (at) => this.#nextInitcall(at));
    on(HC.DUMP_STACK, () => this.#dumpStack());
    on(HC.NEW_CACHE, (cachep) => {
      this.#caches.set(
        cachep,
        machine.readString(machine.read32(cachep + machine.symbols.offset('kmem_cache', 'name'))),
      );
    });
    on(HC.DO_SOFTIRQ, () => this.#ksoftirqd() as never);
    on(HC.BOOT_EVENT, (event, a, b, c) => this.#bootEvent(event, a, b, c));
    on(HC.RCU_GP, () => this.rcu.threadStep() as never);
    on(HOST_CALL.EXCEPTION, (frame) => this.#exception(frame) as never);
    on(HOST_CALL.THREAD_EXIT, () => scheduler.schedule(TASK_DEAD) as never);
  }

  *#print(level: number, text: number, length: number): Run {
    this.printk.print(level, Buffer.from(this.machine.bytes(text, length)).toString('latin1'));
    if (level === 0) this.#sawBug(text);
    yield* this.interrupts();
    if (!softirqContext(this.softirqs)) yield* this.scheduler.condResched();
  }

  #sawBug(text: number): void {
    const line = this.machine.readString(text);
    if (!line.startsWith('BUG:')) return;
    this.bug = true;
    this.#append({ type: 'bug', text: line.trimEnd() });
  }

  *#alloc(size: number, align: number, atomic: boolean, caller: number): Run<number> {
    const row = this.#row;
    const inRow = row !== undefined && this.scheduler.current === this.#kernelInit && caller === 0;
    const name = inRow ? row.text : this.#functionName(caller);
    const ptr = yield* this.percpu.alloc(size, align, atomic, name);
    if (inRow) this.#rowPointers.set(row.row, ptr);
    else if (this.scheduler.current.pid <= 1) this.script.replaces(name, size);
    yield* this.percpu.freeReleased();
    yield* this.#startBalance();
    return ptr;
  }

  *#free(ptr: number, caller: number): Run<number> {
    const slot = yield* this.percpu.free(ptr, caller === 0 ? (this.#row?.text ?? '') : this.#functionName(caller));
    yield* this.#startBalance();
    return slot;
  }

  *#balance(): Run {
    yield* this.percpu.balance();
    yield* this.percpu.freeReleased();
    yield* this.#startBalance();
  }

  *#step(which: number): Run {
    if (which === STEP.INITCALL) return;
    this.clock.advance(this.timing.step(which));
    yield* this.interrupts();
  }

  *#ksoftirqd(): Run {
    while (this.softirqs.pending) {
      yield* this.softirqs.run();
      yield* this.#startBalance();
      yield* this.scheduler.condResched();
    }
  }

  #newTask(address: number): void {
    const task = this.scheduler.add(address);
    if (task.pid === 1) this.#kernelInit = task;
    else if (task.pid === 10) this.softirqs.ksoftirqd = task;
    else if (task.pid === 11) this.rcu.thread = task;
    else if (task.pid === 13) this.workqueues.addWorker(0, task);
    else if (task.pid === 8) this.workqueues.addWorker(1, task);
  }

  /** Hands kernel_init its next step, after the time it takes to get there. */
  *#nextInitcall(at: number): Run<number> {
    for (;;) {
      const call = this.script.next();
      if (call === undefined) {
        yield* this.scheduler.schedule(TASK_UNINTERRUPTIBLE);
        continue;
      }
      for (let left = call.busy * this.timing.speed; left > 0; left -= 1000) {
        this.clock.advance(Math.min(left, 1000));
        yield* this.interrupts();
        yield* this.scheduler.condResched();
      }
      if (call.sleep > 0) {
        const self = this.scheduler.current;
        this.clock.schedule(call.sleep, () => this.scheduler.wake(self));
        yield* this.scheduler.schedule(TASK_UNINTERRUPTIBLE);
      }
      if (call.kind === INITCALL.WAIT) {
        yield* this.#waitForDisks();
        continue;
      }
      if (call.kind === INITCALL.FREE && !this.#rowPointers.has(call.size)) continue;
      this.#row = call;
      const { machine } = this;
      machine.write32(at, call.kind);
      machine.write32(at + 4, call.kind === INITCALL.FREE ? this.#rowPointers.get(call.size)! : call.size);
      machine.write32(at + 8, call.align);
      machine.write32(at + 12, 0);
      const text = machine.bytes(at + 16, 128);
      text.fill(0);
      Buffer.from(call.text.slice(0, 127), 'latin1').copy(text);
      if (call.kind === INITCALL.LATE_SLAB) this.percpu.allocator.asyncEnabled ||= false;
      if (call.text === 'build_sched_domains') this.percpu.allocator.asyncEnabled = true; // subsys_initcall is next
      return 1;
    }
  }

  /** prepare_namespace(): all probing done, the root disk there. */
  *#waitForDisks(): Run {
    const self = this.scheduler.current;
    this.workqueues.onIdle = () => this.scheduler.wake(self);
    while (this.workqueues.asyncWork > 0) yield* this.scheduler.schedule(TASK_UNINTERRUPTIBLE);
    if (this.rootFound) return this.#append({ type: 'milestone', what: 'root_mounted', host: 0 });
    this.printk.line(6, 'Waiting for root device /dev/sda...');
    for (;;) yield* this.scheduler.schedule(TASK_UNINTERRUPTIBLE);
  }

  #bootEvent(event: number, a: number, channel: number, id: number): number {
    if (event === 1 && this.#options.skipTarget?.(a, channel, id)) return 1;
    if (event === 0) this.#append({ type: 'milestone', what: 'scan_start', host: a });
    else if (event === 1) {
      this.counters.targetsScanned++;
      this.#append({ type: 'scan', host: a, channel, id });
    } else if (event === 2) this.#append({ type: 'milestone', what: 'scan_end', host: a });
    else if (event === 3) {
      if (a) {
        this.rootFound = true;
        this.#append({ type: 'milestone', what: 'root_found', host: 0 });
      }
    } else if (event === 4) {
      this.reachedInit = true;
      this.#endAt = this.clock.now + AFTER_INIT_US;
      this.clock.schedule(AFTER_INIT_US, () => this.end());
      this.#append({ type: 'milestone', what: 'init', host: 0 });
    }
    return 0;
  }

  // ---- dying ----------------------------------------------------------------------------------------------------------

  #workqueueName(task: Task): string | undefined {
    if (task.comm.startsWith('kworker/u')) return 'events_unbound async_run_entry_fn';
    return task.comm.startsWith('kworker/') ? 'events pcpu_balance_workfn' : undefined;
  }

  #dumpStack(): void {
    const { cpu } = this.machine.board;
    const task = this.scheduler.current;
    this.oops.dumpStack(task, this.#workqueueName(task), cpu.pc, cpu.reg(29), cpu.reg(31));
  }

  *#exception(frame: number): Run {
    const task = this.scheduler.current;
    this.#dumpCallback(frame);
    const info = this.oops.die(frame, task, this.#workqueueName(task));
    this.counters.oopses = this.oops.count;
    this.#append({ type: 'oops', count: this.oops.count, ...info });
    if (this.softirqs.inInterrupt) return this.#panic('Fatal exception in interrupt');
    if (task.pid === 0) return this.#panic('Attempted to kill the idle task!');
    if (task.pid === 1) return this.#panic('Attempted to kill init! exitcode=0x0000000b');
    yield* this.scheduler.schedule(TASK_DEAD);
  }

  /** kmem_dump_obj() of a callback without a function, as rcu_do_batch() does. */
  #dumpCallback(frame: number): void {
    if (this.machine.peek32(frame + 180) !== 0) return;
    const head = this.machine.peek32(frame + 32 + 16);
    const { symbols } = this.machine;
    if (head >>> 29 !== 4) return;
    const slab =
      this.machine.peek32(symbols.address('mem_map')) + (physical(head) >>> this.#pageShift) * symbols.size('slab');
    const cachep = this.machine.peek32(slab + symbols.offset('slab', 'slab_cache'));
    const cache = this.#caches.get(cachep);
    if (cache === undefined) return;
    const first = this.machine.peek32(slab + symbols.offset('slab', 's_mem'));
    const size = this.machine.peek32(cachep + symbols.offset('kmem_cache', 'size'));
    const object = first + Math.floor((head - first) / size) * size;
    this.printk.line(6, ` slab ${cache} start ${object.toString(16)} pointer offset ${head - object}`);
  }

  #panic(text: string): void {
    this.panic = text;
    this.printk.line(0, `Kernel panic - not syncing: ${text}`);
    this.printk.line(0, `---[ end Kernel panic - not syncing: ${text} ]---`);
    this.#append({ type: 'panic', text });
    this.end();
  }

  run(): BootResult {
    const { machine, counters } = this;
    const mapAt = FIRST_CHUNK + this.percpu.allocator.info.unitSize * this.percpu.allocator.units.nrUnits;
    machine.board.cpu.instructionBudget = BUDGET_INSTRUCTIONS;
    try {
      machine.start('start_kernel', (this.#options.memoryMB << 20) >>> this.#pageShift, mapAt);
      const { exceptions, instructions } = machine.board.cpu;
      const { flushCounts } = this.percpu;
      counters.tlbFlushes = flushCounts.flushes;
      counters.flushedPairs = flushCounts.pairs;
      counters.flushedEntries = flushCounts.entries;
      counters.flushInstructions = flushCounts.instructions;
      counters.flushRefills = flushCounts.refills;
      counters.instructions = instructions;
      counters.tlbRefills = exceptions.tlbRefillLoad + exceptions.tlbRefillStore;
      counters.tlbInvalid = exceptions.tlbInvalidLoad + exceptions.tlbInvalidStore;
    } finally {
      machine.close();
    }
    counters.simulatedSeconds = Math.round(this.clock.now) / 1e6;
    return {
      outcome: this.#outcome(),
      reachedInit: this.reachedInit,
      panic: this.panic,
      console: this.console,
      log: this.log,
      counters,
    };
  }

  #outcome(): Outcome {
    if (this.panic !== undefined) return 'panic';
    if (this.oops.count > 0) return 'oops';
    if (this.bug) return 'bug';
    return this.reachedInit ? 'clean' : 'stall';
  }
}

function softirqContext(softirqs: Softirqs): boolean {
  return softirqs.inInterrupt;
}

/** Boots once. @throws UsageError for options the machine cannot have */
export function bootOnce(options: BootOptions): BootResult {
  return new Boot(options).run();
}

export { BLOCK_SOFTIRQ };
