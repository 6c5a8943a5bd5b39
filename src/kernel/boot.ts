// One boot: board, guest image, memory, allocator, scheduler and the calls between them; runs until the boot has an
// outcome. Everything that happens goes into the event log.
import { addMegaRaidControllers, FIRST_SLOT } from '../../emu/malta/megaraid/pci-device.js';
import { RamBusMaster } from '../../emu/malta/megaraid/bus-master.js';
import { Machine } from '../../emu/malta/machine.js';
import { type GuestFunction, HOST_CALL } from '../../emu/malta/doorbell.js';
import { physical } from '../../emu/malta/memory-map.js';
import type { GuestImage } from '../../emu/elf/image.js';
import { latin1 } from '../../emu/latin1.js';
import type { CpuModel, ExceptionRecord, TlbMode } from '../../emu/mips/cpu.js';
import type { EngineLibrary } from '../../emu/unicorn/engine.js';
import { assets } from '../assets/assets.js';
import { UsageError } from '../errors.js';
import { type BootLayout, FIRST_CHUNK, percpuAllocInfo, percpuMachine } from '../layouts/boot-layouts.js';
import { PercpuMemory } from '../mm/percpu-memory.js';
import { PercpuAllocator, unitLayout } from '../percpu/index.js';
import { Random } from '../random.js';
import { BootScript, bootTable, type Initcall } from './boot-script.js';
import { Clock } from './clock.js';
import { type BootCounters, newCounters } from './counters.js';
import { Crash } from './crash.js';
import { type Append, type CpuState, type EventBody, EventLog, type KernelEvent } from './events.js';
import { GuestPages } from './guest-pages.js';
import { HC } from './host-calls.js';
import { InitThread } from './init-thread.js';
import { type KernelName, kernelRules, type RuleChange } from './kernels.js';
import { symbolName } from './oops.js';
import { PercpuJournal } from './percpu-journal.js';
import { PercpuCalls } from './percpu.js';
import { Printk } from './printk.js';
import { Rcu } from './rcu.js';
import type { Run } from './run.js';
import { Scheduler, TASK_DEAD } from './scheduler.js';
import { RCU_SOFTIRQ, Softirqs } from './softirq.js';
import { COMMAND_LATENCY_S, JIFFY_US, MEDIUM_LATENCY_S, STEP, Timing } from './timing.js';
import { WorkQueues } from './workqueue.js';

export type { BootCounters } from './counters.js';

export interface BootOptions {
  engine: EngineLibrary;
  kernel: KernelName;
  /** Rules in the place of the kernel's. */
  rules?: RuleChange;
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
  /** The guest can be stopped before any instruction (MipsCpu.stops). */
  debug?: boolean;
  /** Every access through the TLB is checked, where the engine allows it (MipsCpu.translations). */
  check?: boolean;
  image?: GuestImage;
  /** Receives each console line as it happens. */
  onLine?: (line: string) => void;
  /** Leaves targets out of the scan (minimized boots). */
  skipTarget?: (host: number, channel: number, id: number) => boolean;
  /** Leaves steps of kernel_init out; the time that they take passes all the same. */
  skipStep?: (call: Initcall) => boolean;
  /** Ends the boot at the first store through a stale translation into a page of another owner; the outcome then means nothing. */
  stopAtForeignPage?: boolean;
  /** Called before the first instruction with the parts of the boot, for checkers that look over its shoulder. */
  attach?: (parts: BootParts) => void;
}

/** What an observer of a boot may read. It must not change anything. */
export interface BootParts {
  readonly machine: Machine;
  readonly log: EventLog;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly pages: GuestPages;
  readonly allocator: PercpuAllocator;
  /** Calls `observer` at each exception, before the guest's handler runs and after its tlb_refill event. */
  readonly onException: (observer: (exception: ExceptionRecord) => void) => void;
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

/** Simulated time after which a boot that has not reached init counts as stalled. */
const BUDGET_US = 30e6;
/** Guest instructions after which a boot counts as stalled: five times what the longest clean one takes. */
const BUDGET_INSTRUCTIONS = 60e6;
/** Bytes of RAM that a boot cannot do without behind the page descriptors. */
const LEAST_FREE = 8 << 20;
/** Processor id register. */
const PRID: Readonly<Record<CpuModel, number>> = {
  '24Kf': 0x0001_9300,
  '34Kf': 0x0001_9500,
  '74Kf': 0x0001_9700,
  P5600: 0x0001_a800,
};

/** Of a host call: at once, or behind guest functions. */
type Answered = number | void | Run<number | void>;

class Boot {
  readonly #options: BootOptions;
  readonly #machine: Machine;
  readonly #clock = new Clock();
  readonly #log = new EventLog();
  readonly #console: string[] = [];
  readonly #counters = newCounters();
  readonly #printk: Printk;
  readonly #scheduler: Scheduler;
  readonly #timing: Timing;
  readonly #rcu: Rcu;
  readonly #softirqs: Softirqs;
  readonly #workqueues: WorkQueues;
  readonly #pages: GuestPages;
  readonly #percpu: PercpuCalls;
  readonly #journal: PercpuJournal;
  readonly #init: InitThread;
  readonly #crash: Crash;
  readonly #irqLines = new Set<number>();
  /** `sym+0xoff/0xsize` of addresses that calls came from. */
  readonly #symbolNames = new Map<number, string>();
  /** Watches each exception, for checkers. */
  readonly #onException: ((exception: ExceptionRecord) => void)[] = [];
  #bug = false;
  #ended = false;
  #nextTick = JIFFY_US;

  constructor(options: BootOptions) {
    this.#options = options;
    const { layout, kernel, seed, cpus, controllers } = options;
    const machine = new Machine({
      engine: options.engine,
      cpu: options.cpu,
      tlb: options.tlb,
      memoryMB: options.memoryMB,
      seed,
      pageSize: layout.pageSize,
      debug: options.debug ?? false,
      check: options.check ?? false,
      ...(options.shim === undefined ? {} : { shim: options.shim }),
      image: options.image ?? assets().guestImage(),
    });
    this.#machine = machine;
    const clock = this.#clock;
    const log = this.#log;
    const append: Append = this.#append.bind(this);
    this.#timing = new Timing(new Random(seed, 1));
    this.#scheduler = new Scheduler(machine, clock, log);
    this.#printk = new Printk(clock, log, this.#timing, () => this.#pid);
    this.#printk.onLine = (line) => {
      this.#console.push(line);
      options.onLine?.(line);
    };
    this.#rcu = new Rcu(machine, clock, this.#scheduler, this.#timing, log);
    this.#softirqs = new Softirqs(machine, clock, this.#scheduler, this.#rcu, log);
    this.#workqueues = new WorkQueues(machine, this.#scheduler, clock, log);
    this.#scheduler.idle = () => this.#idle();

    const shape = percpuMachine(layout, cpus);
    const info = percpuAllocInfo(layout, shape);
    const units = unitLayout(shape, info);
    const ram = options.memoryMB << 20;
    const mapBytes = (ram / layout.pageSize) * machine.symbols.size('slab');
    const firstFree = physical(FIRST_CHUNK) + info.unitSize * units.nrUnits + mapBytes;
    if (firstFree + LEAST_FREE > ram)
      throw new UsageError(
        `--memory ${options.memoryMB}: this layout needs at least ${Math.ceil((firstFree + LEAST_FREE) / (1 << 20))} MB`,
      );
    const pages = new GuestPages(machine, firstFree, ram, append);
    this.#pages = pages;
    const memset = machine.symbols.address('memset');
    this.#journal = new PercpuJournal(
      append,
      this.#place.bind(this),
      this.#counters,
      pages,
      this.#printk,
      layout.pageSize,
      memset,
      this.#cpuState.bind(this),
    );
    const memory = new PercpuMemory(shape, units, info.atomSize, pages.allocator, pages.table, this.#journal);
    const { variant, flush, flushPages } = kernelRules(kernel, options.rules);
    const allocator = new PercpuAllocator(shape, variant, info, FIRST_CHUNK, memory);
    this.#percpu = new PercpuCalls(machine, allocator, memory, this.#scheduler, clock, this.#timing, log);
    this.#percpu.flushMode = flush;
    this.#percpu.flushPages = flushPages;
    this.#percpu.vmalloc = (bytes) => pages.vmalloc(bytes);
    this.#percpu.vfree = (address) => pages.vfree(address);
    this.#journal.percpu = this.#percpu;
    if (options.stopAtForeignPage) this.#journal.onForeignPage = () => this.#end();
    allocator.events = this.#journal.events;
    append({
      type: 'chunk_create',
      chunk: 0,
      base: FIRST_CHUNK,
      pages: allocator.firstChunk.nrPages,
      ...this.#cpuState(),
    });

    const slots = Array.from({ length: controllers }, (_, i) => FIRST_SLOT + i);
    this.#addControllers(slots);
    this.#init = new InitThread(new BootScript(bootTable(layout.pageSize), slots), {
      machine,
      clock,
      scheduler: this.#scheduler,
      workqueues: this.#workqueues,
      percpu: this.#percpu,
      printk: this.#printk,
      append,
      speed: this.#timing.speed,
      interruptDue: this.#interruptDue.bind(this),
      interrupts: this.#interrupts.bind(this),
      end: () => this.#end(),
      skipTarget: options.skipTarget,
      skipStep: options.skipStep,
    });
    this.#crash = new Crash(
      machine,
      this.#printk,
      PRID[options.cpu],
      this.#scheduler,
      this.#softirqs,
      pages,
      append,
      () => this.#end(),
    );
    machine.board.cpu.onException = this.#exceptionTaken.bind(this);
    this.#registerCalls();
    this.#setUpMemory(cpus, units.offsets, layout.staticStart);
    this.#banner(info);
    options.attach?.({
      machine,
      log,
      clock,
      scheduler: this.#scheduler,
      pages,
      allocator,
      onException: (observer) => void this.#onException.push(observer),
    });
  }

  get #pid(): number {
    return this.#scheduler.tasks.length === 0 ? 0 : this.#scheduler.current.pid;
  }

  #append(body: EventBody): void {
    this.#log.append(this.#clock.now, this.#pid, body);
  }

  #place(event: KernelEvent): void {
    this.#log.place(this.#clock.now, this.#pid, event);
  }

  #cpuState(): CpuState {
    // no hardirq handler calls the allocator
    return { softirq: this.#softirqs.inInterrupt, needResched: this.#scheduler.needResched };
  }

  /** The disks are on the first one. */
  #addControllers(slots: readonly number[]): void {
    const { board } = this.#machine;
    addMegaRaidControllers(
      {
        bus: new RamBusMaster(() => board.cpu.ram),
        pci: board.pci,
        schedule: this.#scheduleDevice.bind(this),
        setInterrupt: this.#setInterrupt.bind(this),
      },
      slots.map((_, i) => (i === 0 ? this.#options.disks : 0)),
      { command: COMMAND_LATENCY_S, medium: MEDIUM_LATENCY_S },
    );
  }

  #scheduleDevice(seconds: number, run: () => void): void {
    this.#clock.schedule(seconds * 1e6, run);
  }

  #setInterrupt(controller: number, asserted: boolean): void {
    if (asserted) this.#irqLines.add(controller);
    else this.#irqLines.delete(controller);
  }

  /** What the guest finds in RAM before it starts. */
  #setUpMemory(cpus: number, unitOffsets: readonly number[], staticStart: number): void {
    const machine = this.#machine;
    const offsets = machine.symbols.address('__per_cpu_offset');
    for (let cpu = 0; cpu < cpus; cpu++)
      machine.write32(offsets + 4 * cpu, (FIRST_CHUNK + unitOffsets[cpu]! - staticStart) >>> 0);
    machine.write32(machine.symbols.address('nr_cpu_ids'), cpus);
  }

  #banner(info: { unitSize: number; staticSize: number; dynSize: number; reservedSize: number }): void {
    const { kernel, cpu, layout } = this.#options;
    const put = (text: string): void => this.#printk.line(6, text);
    put(
      `Linux version 6.1.192-percpu-malta (guest slice, per-CPU allocator of ${kernelRules(kernel, this.#options.rules).title}) #1 SMP`,
    );
    put(
      `CPU0 revision is: ${PRID[cpu].toString(16).padStart(8, '0')} (${cpu === '24Kf' ? 'MIPS 24Kc' : 'MIPS P5600'})`,
    );
    put('MIPS: machine is mti,malta');
    put(
      `percpu: Embedded ${info.unitSize / layout.pageSize} pages/cpu s${info.staticSize} r${info.reservedSize} d${info.dynSize} u${info.unitSize}`,
    );
    put('Kernel command line: root=/dev/sda rw rootwait console=ttyS0');
  }

  #exceptionTaken(exception: ExceptionRecord): void {
    const { name, noMatch, badVAddr, pc } = exception;
    const write = name === 'TLBS';
    if (write || name === 'TLBL') this.#append({ type: 'tlb_refill', va: badVAddr, miss: noMatch, write, pc });
    this.#percpu.countRefill(exception);
    for (const observer of this.#onException) observer(exception);
  }

  // ---- time and interrupts --------------------------------------------------------------------------------------------

  /** Whether `#interrupts` has anything to do. */
  #interruptDue(): boolean {
    const { now, nextDue } = this.#clock;
    return !this.#softirqs.inInterrupt && (nextDue <= now || this.#nextTick <= now || this.#irqLines.size > 0);
  }

  /** Delivers what has become due, unless an interrupt is being served already. */
  *#interrupts(): Run {
    const softirqs = this.#softirqs;
    if (softirqs.inInterrupt) return;
    for (;;) {
      this.#clock.takeDue();
      if (this.#irqLines.size > 0) {
        this.#append({ type: 'irq', line: 'device' });
        softirqs.inInterrupt = true;
        const handled = yield this.#machine.fn('megasas_interrupt');
        softirqs.inInterrupt = false;
        if (handled === 0) this.#irqLines.clear(); // nobody listens: the line stays masked
      } else if (this.#clock.now >= this.#nextTick) {
        while (this.#nextTick <= this.#clock.now) this.#nextTick += JIFFY_US;
        this.#scheduler.tick();
        if (this.#rcu.pending(this.#scheduler.current === this.#scheduler.idleTask)) {
          softirqs.inInterrupt = true;
          softirqs.raise(RCU_SOFTIRQ);
          softirqs.inInterrupt = false;
        }
      } else break;
      if (softirqs.pending) yield* softirqs.run();
      this.#startBalance();
    }
  }

  /** pcpu_schedule_balance_work(), once it is safe to run guest code. */
  #startBalance(): void {
    if (!this.#journal.balanceWanted) return;
    this.#journal.balanceWanted = false;
    this.#workqueues.queue(0, this.#machine.symbols.address('pcpu_balance_work'));
  }

  /** The CPU sleeps until something is due. */
  *#idle(): Run {
    const clock = this.#clock;
    const endAt = Math.min(this.#init.endAt, BUDGET_US);
    const tick = this.#rcu.busy || this.#softirqs.pending ? this.#nextTick : Infinity;
    const next = Math.min(tick, clock.nextDue, endAt);
    if (next >= endAt) {
      clock.now = Math.max(clock.now, endAt);
      this.#end();
      // the machine stops behind this host call
      return void (yield this.#machine.fn('local_flush_tlb_all'));
    }
    clock.now = Math.max(clock.now, next);
    if (this.#nextTick < clock.now) this.#nextTick = Math.ceil(clock.now / JIFFY_US) * JIFFY_US;
    yield* this.#interrupts();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    // User space has nothing to do here and switches off, as the recorded boots' init does.
    if (this.#init.reachedInit && this.#crash.panicText === undefined) this.#printk.line(6, 'reboot: Power down');
    this.#machine.stop();
  }

  // ---- calls --------------------------------------------------------------------------------------------------------

  /**
   * What answers host calls of the boot that comes first. Functions of the class, bound to a boot: V8 keeps a function's optimised
   * code as long as the function, and closures of a boot were compiled anew in every boot of a sweep.
   */
  static readonly #calls: readonly (readonly [number, (boot: Boot, ...args: number[]) => Answered])[] = [
    [HC.PRINTK, (boot, level, text, length) => boot.#print(level, text, length)],
    [HC.PCPU_ALLOC, (boot, size, align, gfp, caller) => boot.#answer(boot.#alloc(size, align, gfp !== 0, caller))],
    [HC.PCPU_FREE, (boot, ptr, caller) => boot.#answer(boot.#free(ptr, caller))],
    [HC.ALLOC_PAGES, (boot, order, cachep, caller) => boot.#pages.alloc(order, cachep, boot.#functionName(caller))],
    [HC.FREE_PAGES, (boot, address, order) => boot.#pages.free(address, order)],
    [HC.SCHEDULE, (boot, state) => boot.#schedule(state)],
    [
      HC.WAKE_UP,
      (boot, task) => {
        const woken = boot.#scheduler.byAddress(task);
        if (woken) boot.#scheduler.wake(woken);
      },
    ],
    [HC.NEW_TASK, (boot, address) => boot.#newTask(address)],
    [HC.NEXT_WORK, (boot, pool) => boot.#workqueues.next(pool)],
    [HC.QUEUE_WORK, (boot, pool, work) => boot.#workqueues.queue(pool, work)],
    [HC.RAISE_SOFTIRQ, (boot, vector) => boot.#softirqs.raise(vector)],
    [HC.STEP, (boot, which) => boot.#answer(boot.#step(which))],
    [HC.PCPU_BALANCE, (boot) => boot.#balance()],
    [HC.NEXT_INITCALL, (boot, at) => boot.#init.next(at)],
    [HC.DUMP_STACK, (boot) => boot.#crash.dumpStack()],
    [HC.NEW_CACHE, (boot, cachep) => boot.#pages.newCache(cachep)],
    [HC.DO_SOFTIRQ, (boot) => boot.#ksoftirqd()],
    [HC.BOOT_EVENT, (boot, event, a, b, c) => boot.#init.event(event, a, b, c)],
    [HC.COND_RESCHED, (boot) => boot.#scheduler.condResched()],
    [HC.RCU_GP, (boot) => boot.#rcu.threadStep()],
    [HOST_CALL.EXCEPTION, (boot, frame) => boot.#crash.exception(frame)],
    [HOST_CALL.THREAD_EXIT, (boot) => boot.#scheduler.schedule(TASK_DEAD)],
  ];

  #registerCalls(): void {
    for (const [nr, call] of Boot.#calls) this.#machine.onHostCall(nr, call.bind(undefined, this));
  }

  /** An interrupt that is due comes before a task that waits for it goes to sleep. */
  *#schedule(state: number): Run {
    if (this.#interruptDue()) yield* this.#interrupts();
    yield* this.#scheduler.schedule(state);
  }

  *#print(level: number, text: number, length: number): Run {
    const string = latin1(this.#machine.bytes(text, length));
    this.#printk.print(level, string);
    if (level === 0 && string.startsWith('BUG:')) {
      this.#bug = true;
      this.#append({ type: 'bug', text: string.trimEnd() });
    }
    yield* this.#interrupts();
  }

  #symbolName(address: number): string {
    let name = this.#symbolNames.get(address);
    if (name === undefined) this.#symbolNames.set(address, (name = symbolName(this.#machine, address)));
    return name;
  }

  #functionName(address: number): string {
    const name = this.#symbolName(address);
    const end = name.indexOf('+');
    return end < 0 ? name : name.slice(0, end);
  }

  /** Where a per-CPU call comes from; a row of the recorded table knows the function only. */
  #callSite(address: number): string {
    return this.#init.rowOf(address)?.text ?? (address === 0 ? '' : this.#symbolName(address));
  }

  // A boot has some ten thousand calls of each of these. Nearly all are answered at once: a generator is for those that are not.

  #answer<T>(answer: T): T {
    if (typeof answer !== 'object') this.#machine.skipToken();
    return answer;
  }

  #alloc(size: number, align: number, atomic: boolean, caller: number): number | Run<number> {
    const row = this.#init.rowOf(caller);
    const ptr = this.#percpu.alloc(size, align, atomic, this.#callSite(caller));
    return typeof ptr === 'number' ? this.#allocated(ptr, size, row, caller) : this.#allocLater(ptr, size, row, caller);
  }

  *#allocLater(steps: Run<number>, size: number, row: Initcall | undefined, caller: number): Run<number> {
    const end = this.#allocated(yield* steps, size, row, caller);
    return typeof end === 'number' ? end : yield* end;
  }

  #allocated(ptr: number, size: number, row: Initcall | undefined, caller: number): number | Run<number> {
    if (row) this.#init.allocated(row, ptr);
    else this.#init.replaces(this.#functionName(caller), size);
    return this.#percpuAnswer(ptr, this.#percpu.hasReleased);
  }

  #free(ptr: number, caller: number): number | Run<number> {
    return this.#percpuAnswer(this.#percpu.free(ptr, this.#callSite(caller)), false);
  }

  /** The answer of a per-CPU call, behind what it leaves the guest to do. @param released what destroyed chunks had goes too */
  #percpuAnswer(value: number, released: boolean): number | Run<number> {
    const { touching } = this.#percpu;
    this.#percpu.touching = null;
    if (touching === null && !released && !this.#journal.balanceWanted) return value;
    return this.#percpuFinish(value, touching, released);
  }

  *#percpuFinish(value: number, touching: GuestFunction | null, released: boolean): Run<number> {
    if (touching !== null) yield touching;
    if (released) yield* this.#percpu.freeReleased();
    this.#startBalance();
    return value;
  }

  *#balance(): Run {
    yield* this.#percpu.balance();
    yield* this.#percpu.freeReleased();
    this.#startBalance();
  }

  #step(which: number): Run | undefined {
    if (which === STEP.INITCALL) return undefined;
    this.#clock.advance(this.#timing.step(which));
    return this.#interruptDue() ? this.#interrupts() : undefined;
  }

  *#ksoftirqd(): Run {
    while (this.#softirqs.pending) {
      yield* this.#softirqs.run();
      this.#startBalance();
      yield* this.#scheduler.condResched();
    }
  }

  #newTask(address: number): void {
    const task = this.#scheduler.add(address);
    if (task.pid === 1) this.#init.task = task;
    else if (task.pid === 10) this.#softirqs.ksoftirqd = task;
    else if (task.pid === 11) this.#rcu.thread = task;
  }

  // ---- the whole ------------------------------------------------------------------------------------------------------

  run(): BootResult {
    const machine = this.#machine;
    const counters = this.#counters;
    const { allocator, flushCounts } = this.#percpu;
    machine.board.cpu.instructionBudget = BUDGET_INSTRUCTIONS;
    const mapAt = FIRST_CHUNK + allocator.info.unitSize * allocator.units.nrUnits;
    try {
      machine.start('start_kernel', (this.#options.memoryMB << 20) / machine.pageSize, mapAt);
      const { exceptions, instructions, pc } = machine.board.cpu;
      if (this.#outcome() === 'stall')
        this.#append({ type: 'stall', looping: machine.exhausted, pc, sym: symbolName(machine, pc) });
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
    counters.oopses = this.#crash.oopses;
    counters.targetsScanned = this.#init.targetsScanned;
    counters.simulatedSeconds = Math.round(this.#clock.now) / 1e6;
    return {
      outcome: this.#outcome(),
      reachedInit: this.#init.reachedInit,
      panic: this.#crash.panicText,
      console: this.#console,
      log: this.#log,
      counters,
    };
  }

  #outcome(): Outcome {
    if (this.#crash.panicText !== undefined) return 'panic';
    if (this.#crash.oopses > 0) return 'oops';
    if (this.#bug) return 'bug';
    return this.#init.reachedInit ? 'clean' : 'stall';
  }
}

/** Boots once. @throws UsageError for options the machine cannot have */
export function bootOnce(options: BootOptions): BootResult {
  return new Boot(options).run();
}
