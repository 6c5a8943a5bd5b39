// A MIPS32 CPU with RAM and devices: the engine plus what it leaves out (exception entry, exact program counter, instruction
// count, bus errors), so that ordinary guest handlers run. The board (emu/malta) makes one and maps its devices.
import {
  type CheckedGuest,
  type Context,
  CPU_MODEL,
  type Engine,
  type EngineLibrary,
  ERR,
  HOOK,
  type MmioRead,
  type MmioWrite,
  type Operands,
  PROT_ALL,
  PROT_EXEC,
  REG,
  type Shim,
} from '../unicorn/engine.js';
import { UsageError } from '../errors.js';
import type { NativeEngine } from '../unicorn/native.js';
import type { CheckState } from '../unicorn/shim/check-state.js';
import type { UnicornJsEngine } from '../unicorn/unicornjs/engine.js';
import { CpuState, EXC_DELAY_SLOT, EXC_FETCH, EXC_NESTED, EXC_NO_MATCH } from '../unicorn/shim/cpu-state.js';
import type { FastGuest } from '../unicorn/shim/fast.js';
import type { Places, TimerState } from '../unicorn/shim/timer-state.js';
import {
  EXC_CODE,
  EXC_CODE_OF_INTERRUPT,
  type ExceptionName,
  exceptionName,
  EBASE_START,
  STATUS_START,
  VECTOR_CACHE_ERROR,
  WAIT,
} from './cp0.js';
import { blockFlags, MOST_INSTRUCTIONS } from './block-limit.js';
import { checkPlaces } from './check-places.js';
import { ExceptionEntry } from './exception-entry.js';
import { fastPath } from './fast-path.js';
import { InstructionStops } from './instruction-stops.js';
import { MemoryHooks } from './memory-hooks.js';
import {
  type AnyAccess,
  effectiveAddress,
  type MemoryAccess,
  observeAccesses,
  type ObservedCpu,
  observeMemory,
  observeUnmapped,
  type UnmappedAccess,
} from './memory-observer.js';
import { findPlaces } from './places.js';
import { RegisterFile } from './register-file.js';
import { HFLAGS, type RegisterLayout, registerLayout } from './register-layout.js';
import { type TimedGuest, TimedHooks } from './timed-hooks.js';
import { Timer } from './timer.js';
import { requireSeed, TlbRandom } from './tlb-random.js';
import { TranslationChecker } from './translation-checker.js';
import { type SavedTlb, type TlbEntry, TlbView } from './tlb-view.js';

export type { AnyAccess, MemoryAccess, UnmappedAccess } from './memory-observer.js';
export type { SavedTlb, TlbEntry, TlbPage } from './tlb-view.js';

export type CpuModel = keyof typeof CPU_MODEL;

/** TLB entries of each model. */
export const TLB_ENTRIES: Readonly<Record<CpuModel, number>> = { '24Kf': 16, '34Kf': 16, '74Kf': 16, P5600: 64 };

/**
 * How the guest's refill handler is to replace TLB entries. `qemu`: tlbwr, as on QEMU: the engine draws the index and entries
 * thrown out live on as shadows. `hardware`: tlbwi at an index that the guest draws itself, so there are no shadows.
 */
export type TlbMode = 'qemu' | 'hardware';

export interface MipsCpuOptions {
  engine: EngineLibrary;
  /** Default 24Kf. */
  model?: CpuModel;
  /** Bytes of RAM at physical address 0; a multiple of 64 KB, at most 256 MB (the Malta's). */
  ramBytes: number;
  /** Default qemu. */
  tlb?: TlbMode;
  /** Of TLB replacement; 32 bits. Default 0. */
  seed?: number;
  /** False: do without the C hooks even when they are there. Same results, slower. */
  shim?: boolean;
  /** The portable path even where there is the fast one. Same results, slower. */
  portable?: boolean;
  /** Instructions can be waited for (`stops`). */
  debug?: boolean;
  /** Default false. */
  littleEndian?: boolean;
  /** Keep pc and stops exact at every instruction, not only at accesses and exceptions. Same results, slower. */
  precise?: boolean;
  /** `tlb: 'hardware'` is done by the board: entries that tlbwr throws out are gone. For guests that use tlbwr. */
  dropShadows?: boolean;
  /** Brings Count, Compare and interrupts to life. */
  timer?: TimerOptions;
  /** Look at every access through the TLB whether its translation is still the kernel's (`translations`). With C hooks and a timer only. */
  checkTranslations?: boolean;
}

export interface TimerOptions {
  /** Virtual nanoseconds an instruction takes, whole. */
  nsPerInstruction: number;
  /** Nanoseconds per step of Count: 10 for the Malta's 100 MHz. */
  countNs: number;
  /** What Count shows at power-on. */
  countStart?: number;
}

/** How the guest runs: one hook per block, one per instruction with the engine's own exception entry, or what every engine can do. */
export type ExecutionPath = 'fast' | 'precise' | 'portable';

/** Of `pathReason`: the options say so. */
export const NOT_WANTED = 'not wanted';

/** The path of guests on `library`, and why it is not the fast one (empty when it is). @param shim as in the options */
export function executionPath(library: EngineLibrary, shim = true): { path: 'fast' | 'portable'; reason: string } {
  const fast = shim ? fastPath(library) : NOT_WANTED;
  return typeof fast === 'string' ? { path: 'portable', reason: fast } : { path: 'fast', reason: '' };
}

/** Why the translations of guests on `library` cannot be checked; empty when they can. @param shim as in the options */
export function uncheckable(library: EngineLibrary, shim = true): string {
  const { path } = executionPath(library, shim);
  if (path === 'fast' || (shim && library.shim?.attachChecker)) return '';
  return shim ? `${library.description} has no hooks in C that check` : 'the hooks in C are not wanted';
}

/**
 * Why `run` came back: `stop()`, the guest's `wait` instruction, the instruction budget; or nothing can be fetched at the exception vector, so that
 * the guest takes bus errors for ever without an instruction.
 */
export type RunEnd = 'stop' | 'wait' | 'budget' | 'locked up';

/** How often each kind of exception was taken since the guest was made. */
export interface ExceptionCounts {
  /** No TLB entry matched: at a load or fetch, at a store. */
  tlbRefillLoad: number;
  tlbRefillStore: number;
  /** An entry matched with V = 0. */
  tlbInvalidLoad: number;
  tlbInvalidStore: number;
  /** Store to an entry with D = 0. */
  tlbModified: number;
  addressErrorLoad: number;
  addressErrorStore: number;
  busErrorFetch: number;
  busErrorData: number;
  syscall: number;
  breakpoint: number;
  reservedInstruction: number;
  coprocessorUnusable: number;
  overflow: number;
  trap: number;
  other: number;
}

/** An exception as it was entered. */
export interface ExceptionRecord {
  name: ExceptionName;
  /** No TLB entry matched (TLBL and TLBS only). */
  noMatch: boolean;
  /** At an instruction fetch. */
  fetch: boolean;
  delaySlot: boolean;
  /** EXL was set already: EPC is the older one. */
  nested: boolean;
  /** Address of the instruction at fault. */
  pc: number;
  epc: number;
  /** Only meaningful for TLB and address errors. */
  badVAddr: number;
}

/** The guest cannot go on for a reason that is no MIPS exception. */
export class MachineError extends Error {
  override readonly name = 'MachineError';
}

/** End of the physical addresses that kseg0 and kseg1 reach. */
const KSEG_PHYSICAL_END = 0x2000_0000;

const GENERAL_REGISTERS = 32;

/** The engine maps memory in units of this size. */
const PAGE = 0x1000;

/** A page of `b .; nop`. Of zeros, which are nops, it would be one block, longer than unicorn.js can translate. */
const ENDLESS_LOOPS = Uint8Array.from({ length: PAGE }, (_, i) => [0x10, 0x00, 0xff, 0xff, 0, 0, 0, 0][i % 8]);

interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * What only the TLB translates and no bus address of the board: kuseg above the first 512 MB, kseg2 and kseg3, whose last page the engine wants by
 * itself. Code has to be able to run there, so these are memory that nobody touches, not devices.
 */
const MAPPED_SEGMENTS: readonly [Range, ...Range[]] = [
  { start: KSEG_PHYSICAL_END, end: 0x8000_0000 },
  { start: 0xc000_0000, end: 0xffff_f000 },
  { start: 0xffff_f000, end: 0x1_0000_0000 },
];

/**
 * What uc_emu_start of libunicorn 2.1.x and unicorn.js returns after TLB misses and address errors, though they were handled: the run then
 * ends at the engine's next pause, such as when it throws its translated code away because there is no more room for any.
 */
const LEFT_OVER = new Set<number>([ERR.READ_UNMAPPED, ERR.WRITE_UNMAPPED, ERR.READ_UNALIGNED, ERR.WRITE_UNALIGNED]);

/** libunicorn before 2.1, whose rules differ. */
function isVersion20({ kind, version: [major, minor] }: EngineLibrary): boolean {
  return kind === 'native' && major === 2 && minor === 0;
}

const hex = (value: number): string => `0x${(value >>> 0).toString(16).padStart(8, '0')}`;

export class MipsCpu {
  readonly model: CpuModel;
  readonly tlbMode: TlbMode;
  readonly ramBytes: number;
  readonly littleEndian: boolean;
  /** Whether the C hooks do the work. */
  readonly usesShim: boolean;
  readonly path: ExecutionPath;
  /** Why it is not the fast path; empty when it is. */
  readonly pathReason: string;
  readonly #fast: FastGuest | undefined;
  /** Virtual time; on the fast path in its own block. */
  readonly #time: TimerState;
  /** Absent without the option. */
  #timer: Timer | undefined;
  #translations: TranslationChecker | undefined;
  #onEvent: () => void = () => {};
  /** The guest is behind its `wait` and sleeps. */
  #asleep = false;
  /** How often it went to sleep. */
  sleeps = 0;
  readonly #engine: Engine;
  readonly #library: EngineLibrary;
  readonly #state: CpuState;
  readonly #context: Context;
  readonly #layout: RegisterLayout;
  readonly #entry: ExceptionEntry;
  /** Physical ranges that are RAM or devices, in no order. */
  readonly #mapped: Range[] = [];
  #sealed = false;
  /** A load or store, or the page mapped at a fetch, where nothing is. */
  #busError: 'data' | { page: number } | undefined;
  /** In the engine: hooks are being called. */
  #running = false;
  /** Code has changed that the engine can forget only when it is at rest, and whether the run was stopped for that alone. */
  #codeIsOld = false;
  #pausing = false;
  /** Keeps the next block short, with engines that cannot translate long ones. */
  #limitBlock: (() => void) | undefined;
  #view: DataView | undefined;
  #onException: ((exception: ExceptionRecord) => void) | undefined;
  #tlb: TlbView | undefined;
  #registers: RegisterFile | undefined;
  /** The general registers in the engine's memory, on the fast path. */
  #general: (() => Uint32Array) | undefined;
  readonly #memoryHooks: MemoryHooks;
  readonly #stops: InstructionStops | undefined;
  readonly #preciseFromStart: boolean;
  #budget = Number.MAX_SAFE_INTEGER;
  /** Absent in hardware mode, where the guest draws indices itself. */
  readonly #tlbRandom: TlbRandom | undefined;

  constructor(options: MipsCpuOptions) {
    const { engine: library, model = '24Kf', ramBytes, tlb = 'qemu', seed = 0 } = options;
    this.model = model;
    this.tlbMode = tlb;
    this.ramBytes = ramBytes;
    this.#library = library;
    this.littleEndian = options.littleEndian ?? false;
    this.#layout = registerLayout(library);
    if (tlb === 'qemu') requireSeed(library, this.littleEndian);
    this.#engine = library.open(this.littleEndian);
    const shim = options.shim === false || (options.debug && !library.shim?.canAsk) ? undefined : library.shim;
    this.#state = new CpuState(shim?.stateMemory?.(this.#engine));
    if (tlb === 'qemu') this.#tlbRandom = new TlbRandom(library, this.#engine.host, seed, this.littleEndian);
    this.#engine.ctl_set_cpu_model(CPU_MODEL[model]);
    this.#engine.mem_map_ram(0, ramBytes);
    this.#mapped.push({ start: 0, end: ramBytes });
    this.#context = this.#engine.context_alloc();
    for (const [intno, excCode] of EXC_CODE_OF_INTERRUPT) this.#state.codeOf[intno] = excCode;

    const observer = (): void => this.#report();
    this.#entry = new ExceptionEntry(
      this.#engine,
      this.#state,
      this.#context,
      this.#layout,
      (address) => this.instructionAt(address),
      observer,
    );
    this.#preciseFromStart = options.precise ?? false;
    const ask = options.debug ? (pc: number) => this.#stops!.ask(pc, this.#ending) : undefined;
    const fast = options.shim === false || options.portable ? NOT_WANTED : fastPath(library);
    if (typeof fast !== 'string') {
      const precise = options.precise ?? false;
      this.path = precise || ask ? 'precise' : 'fast';
      this.pathReason = this.path === 'precise' ? 'wanted exact at every instruction' : '';
      this.usesShim = true;
      const { host } = this.#engine;
      const addresses = fast.addresses(host);
      this.#general = () => host.words(addresses.env, GENERAL_REGISTERS);
      const places = options.checkTranslations ? checkPlaces(library, model) : undefined;
      this.#fast = fast.shim.attach(
        this.#engine as NativeEngine,
        addresses,
        fast.places,
        {
          littleEndian: this.littleEndian,
          precise,
          hardwareTlb: options.dropShadows ?? false,
          tlbVisible: TLB_ENTRIES[model],
          storeFix: fast.storeFix,
          ...(places ? { check: places } : {}),
        },
        this.#state,
        observer,
        () => this.#event(),
        ask,
        () => this.#translations?.report(),
      );
      if (this.#fast.check) this.#translations = this.#checker(this.#fast.check);
      this.#time = this.#fast.state.timer;
      if (options.timer) this.#startTimer(options.timer, fast.places);
      this.#stops = ask && new InstructionStops(this.#state, this.#fast.stops);
      const { watchMemory } = this.#fast;
      this.#memoryHooks = new MemoryHooks(this.#engine, {
        watchMemory: (callback) => {
          const map = watchMemory(callback);
          return () => map;
        },
      });
    } else {
      const checkJumps = !isVersion20(library);
      this.path = 'portable';
      this.pathReason = fast;
      this.usesShim = shim !== undefined;
      this.#memoryHooks = new MemoryHooks(
        this.#engine,
        shim && {
          watchMemory: (callback) => shim.watchMemory(this.#engine, callback, this.#operands()),
        },
      );
      this.#time = this.#state.timer;
      const flags = isVersion20(library) ? undefined : blockFlags(library, this.#engine.host);
      if (flags !== undefined) this.#limitBlock = () => (this.#engine.host.words(flags, 1)[0] = MOST_INSTRUCTIONS);
      let timed: TimedGuest | undefined;
      if (options.timer) timed = this.#timedGuest(options.timer, options.dropShadows ?? false);
      let block: ArrayBuffer | undefined;
      if (shim) {
        this.#state.describeCpu(this.#layout, HFLAGS, ramBytes, this.littleEndian);
        if (timed) {
          this.#state.describeTimed(timed.places, checkJumps, timed.dropShadows);
          if (options.checkTranslations) this.#attachChecker(shim, timed);
        }
        block = shim.attach(this.#engine, this.#state, this.#context, checkJumps, observer, {
          ...(ask ? { ask } : {}),
          ...(timed ? { timed: { registers: timed.registers, onEvent: () => this.#event() } } : {}),
          ...(flags === undefined ? {} : { blockFlags: flags }),
        });
      }
      this.#stops = ask && new InstructionStops(this.#state, block);
      if (!shim) this.#entry.attach(checkJumps, this.#limitBlock, timed && new TimedHooks(timed), this.#stops, ask);
    }
    this.#state.ramBytes = ramBytes;
    this.#engine.reg_write_i32(REG.CP0_STATUS, STATUS_START);
  }

  #attachChecker(shim: Shim, { places, registers }: TimedGuest): void {
    const found = shim.attachChecker && checkPlaces(this.#library, this.model);
    if (!found) return;
    const guest: CheckedGuest = {
      state: this.#state,
      littleEndian: this.littleEndian,
      registers,
      places,
      checkPlaces: found,
      tlbVisible: TLB_ENTRIES[this.model],
      physical: !isVersion20(this.#library),
    };
    const state = shim.attachChecker!(this.#engine, guest, () => this.#translations?.report());
    this.#translations = this.#checker(state);
  }

  #checker(state: CheckState): TranslationChecker {
    const engine = this.#engine as NativeEngine | UnicornJsEngine;
    return new TranslationChecker(state, this, (callback) => state.tell(BigInt(engine.interrupt_callback(callback))));
  }

  #startTimer({ nsPerInstruction, countNs, countStart = 0 }: TimerOptions, places: Places): Timer {
    const view = this.#tlbView();
    const timer = new Timer(
      this.#time,
      places,
      (offset) => view.register(offset),
      () => this.#event(),
    );
    // The engine numbers its only CPU -1: kernels want 0 in EBase.CPUNum.
    view.register(places.ebase)[0] = EBASE_START;
    this.#time.start(nsPerInstruction, countNs, countStart);
    this.#entry.vectorBase = () => timer.vectorBase;
    this.#timer = timer;
    return timer;
  }

  /** @throws Error when this engine's registers cannot be found */
  #timedGuest(options: TimerOptions, dropShadows: boolean): TimedGuest {
    const places = findPlaces(this.#library);
    if (typeof places === 'string')
      throw new UsageError(`time and interrupts are not to be had with ${this.#library.description}: ${places}`);
    const timer = this.#startTimer(options, places);
    const view = this.#tlbView();
    return {
      state: this.#state,
      places,
      timer,
      host: this.#engine.host,
      registers: view.registers,
      tlbInUse: view.inUse,
      dropShadows: dropShadows ? TLB_ENTRIES[this.model] : undefined,
      ramAddress: (virtual) => {
        const physical = this.physicalAddress(virtual);
        return physical !== undefined && physical < this.ramBytes ? physical : undefined;
      },
      ramWord: (physical) => this.view.getUint32(physical, this.littleEndian),
    };
  }

  /**
   * Guest RAM by physical address, shared with the guest. Big endian words. Fetch anew at each use: an engine may move it.
   */
  get ram(): Uint8Array {
    return this.#engine.mem_ram();
  }

  /** The same memory as a DataView, whose default byte order (big endian) is the guest's. Fetch anew at each use. */
  get view(): DataView {
    const ram = this.#engine.mem_ram();
    if (this.#view?.buffer !== ram.buffer) this.#view = new DataView(ram.buffer, ram.byteOffset, ram.byteLength);
    return this.#view;
  }

  /**
   * Maps a device at a physical range (multiples of 4096), before the first `run`. Its callbacks may read `pc`, registers and
   * RAM, call `stop`, and throw: the error comes out of `run`.
   */
  mapMmio(physical: number, size: number, read: MmioRead, write: MmioWrite): void {
    if (this.#sealed) throw new Error('devices are mapped before the first run');
    if (this.#timer && this.#engine.losesBranchState)
      this.#engine.mmio_map(
        physical,
        size,
        (offset, width) => {
          this.#forgetDelaySlot();
          return read(offset, width);
        },
        (offset, width, value) => {
          this.#forgetDelaySlot();
          write(offset, width, value);
        },
      );
    else this.#engine.mmio_map(physical, size, read, write);
    this.#mapped.push({ start: physical, end: physical + size });
  }

  /**
   * libunicorn 2.1.x and unicorn.js write into hflags that an access is in a delay slot, for their memory hooks, and do not take it back: the
   * generated code believes that they said nothing, and the branch's target would be taken for a delay slot.
   */
  #forgetDelaySlot(): void {
    this.#cp0(this.#layout.hflags)[0]! &= ~HFLAGS.branch;
  }

  /** Tells the engine that the host changed code in a virtual range that may have run before. */
  codeChanged(start: number, bytes: number): void {
    this.onHostStore();
    if (this.#running && this.#engine.forgetsAtRest) this.#pauseToForget();
    else this.#engine.ctl_remove_cache(start, start + bytes);
  }

  /** Ends the engine's run before the next instruction, to go on at once with no code translated. */
  #pauseToForget(): void {
    this.#codeIsOld = true;
    if (this.#state.stop) return;
    this.#state.stop = true;
    this.#pausing = true;
  }

  /** General register n (0 .. 31), unsigned. */
  reg(n: number): number {
    // where they lie is known: a call of the engine takes ten times as long
    return this.#general ? this.#general()[n]! : this.#engine.reg_read_i32(REG.GPR0 + n);
  }

  /** CP0 Status, for loaders: the CPU starts with STATUS_START. */
  set status(value: number) {
    this.#engine.reg_write_i32(REG.CP0_STATUS, value);
  }

  setReg(n: number, value: number): void {
    this.#engine.reg_write_i32(REG.GPR0 + n, value);
  }

  /** Called when a bus master has stored to RAM (`codeChanged`). */
  onHostStore: () => void = () => {};

  /** Where a debugger wants the guest to wait. Only with the option `debug`. */
  get stops(): InstructionStops {
    if (!this.#stops) throw new Error('this CPU was not made with the option debug');
    return this.#stops;
  }

  /** A stop was asked for that is no bus error in disguise, or the instruction budget is used up. */
  get #ending(): boolean {
    return (this.#state.stop && !this.#busError && !this.#pausing) || this.#state.exhausted;
  }

  /** All registers by name. */
  get registers(): RegisterFile {
    this.#registers ??= new RegisterFile(this.#library, this.#engine, this.model);
    return this.#registers;
  }

  /** Makes the guest that waits at a stop (`stops`) go on elsewhere; the instruction it waits before does not start. */
  jump(pc: number): void {
    this.#engine.reg_write_i32(REG.PC, pc);
    this.#stops?.moved();
  }

  /** Virtual address of the instruction being executed: exact in device callbacks and observers. */
  get pc(): number {
    return this.#state.pc;
  }

  /** Instructions started since the guest was made; one that faults and is run again counts twice. */
  get instructions(): number {
    return this.#state.instructions;
  }

  get exceptions(): ExceptionCounts {
    const count = this.#state.exceptions;
    const named: Omit<ExceptionCounts, 'other'> = {
      tlbRefillLoad: count[EXC_CODE.TLBL + 32],
      tlbRefillStore: count[EXC_CODE.TLBS + 32],
      tlbInvalidLoad: count[EXC_CODE.TLBL],
      tlbInvalidStore: count[EXC_CODE.TLBS],
      tlbModified: count[EXC_CODE.Mod],
      addressErrorLoad: count[EXC_CODE.AdEL],
      addressErrorStore: count[EXC_CODE.AdES],
      busErrorFetch: count[EXC_CODE.IBE],
      busErrorData: count[EXC_CODE.DBE],
      syscall: count[EXC_CODE.Sys],
      breakpoint: count[EXC_CODE.Bp],
      reservedInstruction: count[EXC_CODE.RI],
      coprocessorUnusable: count[EXC_CODE.CpU],
      overflow: count[EXC_CODE.Ov],
      trap: count[EXC_CODE.Tr],
    };
    const sum = (values: Iterable<number>): number => [...values].reduce((a, b) => a + b, 0);
    return { ...named, other: sum(count) - sum(Object.values(named)) };
  }

  /** Called after each exception entry, before the guest's handler runs; undefined (the default) costs nothing. */
  set onException(observer: ((exception: ExceptionRecord) => void) | undefined) {
    this.#onException = observer;
    this.#state.observe = observer !== undefined;
  }

  #report(): void {
    const { excCode, flags, pc, epc, badVAddr } = this.#state.lastException;
    this.#onException?.({
      name: exceptionName(excCode),
      noMatch: (flags & EXC_NO_MATCH) !== 0,
      fetch: (flags & EXC_FETCH) !== 0,
      delaySlot: (flags & EXC_DELAY_SLOT) !== 0,
      nested: (flags & EXC_NESTED) !== 0,
      pc,
      epc,
      badVAddr,
    });
  }

  /** Ends `run` when so many instructions have started since the guest was made: it is in a loop without an end. */
  set instructionBudget(instructions: number) {
    this.#state.budget = this.#budget = instructions;
    if (this.#fast) this.#fast.state.budget = instructions;
  }

  /** What has to be settled before the first instruction. */
  #start(): void {
    this.#seal();
    if (!this.#stops) return;
    if (!this.#fast || this.#preciseFromStart) return this.#stops.onExact();
    // one instruction at least is seen before the first that can be waited for
    this.#fast.state.budget = Math.min(this.#budget, Math.max(this.#stops.from - 1, 0));
    this.#fast.state.pausing = true;
  }

  /** The guest has come to where instructions can be waited for from now on. */
  #becomePrecise(fast: FastGuest): void {
    fast.becomePrecise();
    fast.state.budget = this.#budget;
    this.#stops!.onExact();
  }

  /** Ends `run` before the next instruction. For device callbacks and observers. */
  stop(): void {
    this.#state.stop = true;
    this.#pausing = false;
  }

  /**
   * Runs from virtual address `pc` until `stop` or `wait`; with a timer, `wait` passes the time until an interrupt and ends the
   * run only when none can come. To go on, run from `nextPc`.
   * @throws MachineError when the guest cannot go on, and whatever a callback threw
   */
  run(pc: number): RunEnd {
    if (!this.#sealed) this.#start();
    if (this.#asleep) {
      this.#state.stop = false;
      const woken = this.#sleep();
      if (woken !== 'interrupt') return woken;
    }
    for (let from = pc; ;) {
      this.#state.stop = false;
      const before = this.#state.instructions;
      const outer = this.#tlbRandom?.takeTurn();
      let code;
      try {
        this.#limitBlock?.();
        this.#running = true;
        code = this.#engine.emu_start(from, VECTOR_CACHE_ERROR, 0, 0);
      } finally {
        this.#running = false;
        outer?.takeTurn();
      }
      const ended = this.#fast ? this.#whyFastEnded(this.#fast, code, before) : this.#whyEnded(code, before, from);
      const end = ended === 'stop' && this.#pausing ? 'exception' : ended;
      this.#pausing = false;
      if (this.#codeIsOld) {
        this.#codeIsOld = false;
        this.#engine.ctl_remove_cache(0, 2 ** 32);
      }
      if (end === 'wait' && this.#timer) {
        this.#asleep = true;
        this.sleeps++;
        const woken = this.#sleep();
        if (woken !== 'interrupt') return woken;
      } else if (end !== 'exception') return end;
      from = this.nextPc;
    }
  }

  // ---- virtual time and interrupts ------------------------------------------------------------------------------------

  /** Virtual nanoseconds since power-on; 0 without a timer. Exact in device callbacks. */
  get now(): number {
    return this.#timer ? this.#timer.now(this.#state.instructions) : 0;
  }

  /** Lets virtual time pass without instructions. */
  passTime(nanoseconds: number): void {
    this.#time.skewNs += nanoseconds;
  }

  /** Has `callback` called once, at virtual time `at` (or later, where interrupts are looked at next); Infinity for never. */
  set event({ at, callback }: { at: number; callback: () => void }) {
    this.#onEvent = callback;
    this.#time.eventNs = at;
  }

  #event(): void {
    this.#onEvent();
  }

  /** The checker, with the option `checkTranslations` and where the C hooks have it; undefined otherwise. */
  get translations(): TranslationChecker | undefined {
    return this.#translations;
  }

  /**
   * Steps over calls of the function at `callee` from text in `from` .. `to`: it returns at once, with the registers as the caller left them.
   * @returns how often that has happened @throws UsageError on the portable path
   */
  skipCall(callee: number, from: number, to: number): () => number {
    if (!this.#fast)
      throw new UsageError(`calls can only be stepped over on the fast path, which is not in use: ${this.pathReason}`);
    return this.#fast.skipCall(callee, from, to);
  }

  /**
   * Calls `observer` before each run of a block of instructions that begins at a watched address: where calls enter functions, and where they
   * return to. `pc`, `instructions` and `now` are exact in it. One observer; nothing is slower without. @throws UsageError on the portable path
   * @returns watches an address (virtual)
   */
  watchBlocks(observer: (pc: number) => void): (address: number) => void {
    if (!this.#fast)
      throw new UsageError(`calls can only be watched on the fast path, which is not in use: ${this.pathReason}`);
    return this.#fast.watchBlocks(observer);
  }

  /** Interrupts taken. */
  get interrupts(): { all: number; timer: number } {
    return { all: this.#time.interrupts, timer: this.#time.timerInterrupts };
  }

  /** Drives Cause.IP[n], n = 2 .. 7. */
  setInterruptLine(ip: number, asserted: boolean): void {
    const cause = this.#cp0(this.#layout.cause);
    const bit = 1 << (8 + ip);
    cause[0] = asserted ? cause[0]! | bit : cause[0]! & ~bit;
  }

  /** The live word of a CP0 register, by its place in a saved context. */
  #cp0(index: number): Uint32Array {
    return this.#tlbView().register(4 * (index - this.#layout.gpr));
  }

  /**
   * The guest waits: time passes until an interrupt can be taken; `wait` when none can come. As on QEMU, waiting with interrupts
   * disabled is for ever. A run that is stopped meanwhile goes on waiting.
   */
  #sleep(): 'interrupt' | 'wait' | 'stop' {
    const timer = this.#timer!;
    while (!timer.pending) {
      const { nextWake } = timer;
      if (nextWake === undefined) return 'wait';
      const { now } = this;
      if (nextWake > now) this.#time.skewNs += nextWake - now;
      timer.events(this.instructions);
      if (this.#state.stop) {
        this.#state.stop = false;
        return 'stop';
      }
    }
    this.#asleep = false;
    this.#time.forceBoundary();
    return 'interrupt';
  }

  /**
   * The TLB as it is now, shadow entries included, without disturbing it.
   * @throws Error when this engine's memory does not let it be found
   */
  tlb(): TlbEntry[] {
    return this.#tlbView().read();
  }

  /** One of them, by its index. Errors as for `tlb`. */
  tlbEntry(index: number): TlbEntry {
    return this.#tlbView().entry(index);
  }

  /** The TLB entry that translates a virtual address now (or in `saved`), valid or not; undefined when none matches. Errors as for `tlb`. */
  tlbMatch(virtual: number, saved?: SavedTlb): TlbEntry | undefined {
    return this.#tlbView().match(virtual, saved);
  }

  /** A copy of the TLB for `tlbMatch`. Errors as for `tlb`. */
  saveTlb(): SavedTlb {
    return this.#tlbView().save();
  }

  /** What a memory hook needs that is told physical addresses. */
  #operands(): Operands | undefined {
    return isVersion20(this.#library) ? undefined : { state: this.#state, registers: this.#tlbView().registers };
  }

  #tlbView(): TlbView {
    const entryHi = 4 * (this.#layout.entryHi - this.#layout.gpr);
    this.#tlb ??= new TlbView(this.#library, this.#engine, TLB_ENTRIES[this.model], entryHi);
    return this.#tlb;
  }

  /**
   * Calls `observer` before each load and store through the TLB to a virtual address in start .. end (inclusive) that its
   * entry allows. Nothing is slower before the first call. Errors as for `tlb`.
   * @returns ends the observation
   */
  observeMemory(start: number, end: number, observer: (access: MemoryAccess) => void): () => void {
    return observeMemory(this.#observed(), start, end, observer);
  }

  /** The same for loads and stores through kseg0 to a physical address in start .. end (inclusive): these use no TLB entry. */
  observeUnmapped(start: number, end: number, observer: (access: UnmappedAccess) => void): () => void {
    return observeUnmapped(this.#observed(), start, end, observer);
  }

  /**
   * The same for any load or store to a virtual address in start .. end (inclusive), before the TLB is asked.
   * @returns ends the observation; undefined for engines that do not report virtual addresses
   */
  observeAccesses(start: number, end: number, observer: (access: AnyAccess) => void): (() => void) | undefined {
    return observeAccesses(this.#observed(), start, end, observer);
  }

  #observed(): ObservedCpu {
    return {
      engine: this.#engine,
      hooks: this.#memoryHooks,
      library: this.#library,
      tlb: this.#tlbView(),
      pc: () => this.#state.pc,
      forgetDelaySlot: () => this.#forgetDelaySlot(),
      instructionAt: (address) => this.instructionAt(address),
    };
  }

  /**
   * Calls `observer` before each execution of the instruction at a kseg0 address; registers are as it finds them, and `pc`, `instructions`
   * (this one has started) and `now` exact.
   */
  observeInstruction(address: number, observer: () => void): void {
    const fast = this.path === 'fast' ? this.#fast!.state : undefined;
    const exactly = (): void => {
      if (fast) {
        // the fast path has counted the whole block, and says so only where somebody asked
        this.#state.instructions = fast.icount - ((fast.blockEnd - address) >> 2) + 1;
        this.#state.pc = address;
      }
      observer();
    };
    this.#engine.hook_add(HOOK.CODE, exactly, address, address);
  }

  /** Where the guest goes on: after `stop` the instruction that was not run yet, after `wait` the one behind it. */
  get nextPc(): number {
    return this.#engine.reg_read_i32(REG.PC);
  }

  #whyFastEnded(guest: FastGuest, code: number, before: number): RunEnd | 'exception' {
    const state = this.#state;
    const fast = guest.state;
    state.instructions = fast.icount;
    if (fast.blockEnd > 4) state.pc = fast.blockEnd - 4;
    this.#throwFailure();
    if (this.#busError) return this.#takeBusError(this.#busError);
    if (state.stop) {
      state.stop = false;
      return 'stop';
    }
    if (fast.paused) {
      this.#becomePrecise(guest);
      return 'exception';
    }
    if (fast.takeRedirected()) return 'exception';
    if (fast.exhausted) return 'budget';
    if (fast.icount > before && this.instructionAt(fast.blockEnd - 4) === WAIT) return 'wait';
    if (code === ERR.FETCH_UNMAPPED || code === ERR.FETCH_PROT) return this.#enterBusError(EXC_CODE.IBE, this.nextPc);
    throw new MachineError(`the engine stopped at ${hex(this.nextPc)} with code ${code}`);
  }

  #throwFailure(): void {
    const { failure, pc } = this.#state;
    if (failure !== undefined) throw new MachineError(`interrupt ${failure} at ${hex(pc)} is no MIPS exception`);
  }

  /** @param before instructions when the run began @param from where */
  #whyEnded(code: number, before: number, from: number): RunEnd | 'exception' {
    const state = this.#state;
    this.#throwFailure();
    if (this.#busError) return this.#takeBusError(this.#busError);
    if (state.redirected) {
      state.redirected = false;
      this.#engine.reg_write_i32(REG.PC, state.redirectPc);
      if (!state.stop) return 'exception';
    }
    if (state.stop) {
      state.stop = false;
      return 'stop';
    }
    if (state.exhausted) return 'budget';
    if (state.instructions > before && this.instructionAt(state.pc) === WAIT) return 'wait';
    const { nextPc } = this;
    if (code === ERR.FETCH_UNMAPPED || code === ERR.FETCH_PROT) return this.#enterBusError(EXC_CODE.IBE, nextPc);
    if (LEFT_OVER.has(code)) {
      if (this.#isNowhere(this.physicalAddress(nextPc))) return this.#enterBusError(EXC_CODE.IBE, nextPc);
      if (nextPc === state.pc && this.#accessesNowhere(nextPc)) return this.#enterBusError(EXC_CODE.DBE, nextPc);
      if (state.instructions > before || nextPc !== from) return 'exception';
    }
    throw new MachineError(`the engine stopped at ${hex(nextPc)} with code ${code}`);
  }

  /** Whether the instruction at `pc`, which has not been carried out, is a load or store where there is nothing. */
  #accessesNowhere(pc: number): boolean {
    const word = this.instructionAt(pc);
    const address = word === undefined ? undefined : effectiveAddress(word, (n) => this.reg(n));
    return address !== undefined && this.#isNowhere(this.physicalAddress(address));
  }

  #isNowhere(physical: number | undefined): boolean {
    return physical !== undefined && !this.#mapped.some(({ start, end }) => physical >= start && physical < end);
  }

  /** The word at an address in RAM, through the TLB where it is mapped; undefined elsewhere. */
  instructionAt(address: number): number | undefined {
    const physical = this.physicalAddress(address);
    return address % 4 === 0 && physical !== undefined && physical < this.ramBytes
      ? this.view.getUint32(physical, this.littleEndian)
      : undefined;
  }

  /** Physical address of a virtual one, without disturbing the TLB; undefined when nothing valid matches. */
  physicalAddress(virtual: number): number | undefined {
    if (virtual >>> 30 === 2) return virtual & (KSEG_PHYSICAL_END - 1);
    const entry = this.tlbMatch(virtual);
    const page = entry && ((virtual & entry.pageSize) === 0 ? entry.even : entry.odd);
    return page?.v ? page.physical + (virtual & (entry!.pageSize - 1)) : undefined;
  }

  #enterBusError(excCode: number, pc: number): 'exception' | 'locked up' {
    this.#entry.enter(excCode, pc);
    return excCode === EXC_CODE.IBE && this.nextPc === pc ? 'locked up' : 'exception';
  }

  /**
   * Turns what is neither RAM nor device into bus errors that do not upset the engine. libunicorn 2.0.x ends a run before the
   * TLB is asked unless the VIRTUAL address of an access, with kseg0 and kseg1 stripped, lies in some region: so all of the
   * address space becomes one. Later versions crash when they fetch from unmapped memory: they get a page.
   */
  #seal(): void {
    this.#sealed = true;
    if (isVersion20(this.#library)) {
      let hole = 0;
      for (const { start, end } of [...this.#mapped, MAPPED_SEGMENTS[0]].sort((a, b) => a.start - b.start)) {
        if (start > hole)
          this.#engine.mmio_map(
            hole,
            start - hole,
            () => this.#dataFault(),
            () => this.#dataFault(),
            true,
          );
        hole = Math.max(hole, end);
      }
      for (const { start, end } of MAPPED_SEGMENTS) this.#engine.mem_map(start, end - start, PROT_ALL);
      // Programs may run at virtual addresses that are a device's physical ones.
      this.#engine.hook_add(
        HOOK.MEM_FETCH_PROT,
        (_type, address) => (this.physicalAddress(address) ?? Infinity) < this.ramBytes,
      );
    } else {
      this.#engine.hook_add(HOOK.MEM_FETCH_UNMAPPED, (_type, address) => this.#fetchFault(address));
    }
  }

  #dataFault(): number {
    this.#busError = 'data';
    this.stop();
    return 0;
  }

  #fetchFault(address: number): boolean {
    this.#busError = { page: address - (address % PAGE) };
    this.#engine.mem_map(this.#busError.page, PAGE, PROT_EXEC);
    this.#engine.mem_write(this.#busError.page, ENDLESS_LOOPS);
    this.stop();
    return true;
  }

  /** Enters the bus error that the engine has just reported. */
  #takeBusError(busError: 'data' | { page: number }): 'exception' | 'locked up' {
    this.#busError = undefined;
    this.#state.stop = false;
    if (busError === 'data') return this.#enterBusError(EXC_CODE.DBE, this.#state.pc);
    const pc = this.nextPc;
    this.#engine.mem_unmap(busError.page, PAGE);
    this.#engine.ctl_remove_cache(pc - (pc % PAGE), pc - (pc % PAGE) + PAGE);
    return this.#enterBusError(EXC_CODE.IBE, pc);
  }

  /** Frees the guest; `ram` becomes empty. */
  close(): void {
    this.#tlbRandom?.close();
    this.#fast?.remove();
    this.#tlb = undefined;
    this.#general = undefined;
    this.#registers?.close();
    this.#engine.context_free(this.#context);
    this.#engine.close();
  }
}
