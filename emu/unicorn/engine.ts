// The one interface the emulated machine is written against, in unicorn.js's shape: the same method names, numbers
// and units, so that libunicorn through koffi (native.ts) and the WebAssembly build (unicornjs.ts) are interchangeable.
//
// Differences from unicorn.js, all forced by what its callers need (each is said at the method):
// emu_start returns the engine's code instead of throwing, RAM is shared instead of copied, mmio_map exists everywhere.

import type { CheckPlaces, CheckState } from './shim/check-state.js';
import type { CpuState, StateMemory } from './shim/cpu-state.js';
import type { FastShim } from './shim/fast.js';
import type { Places } from './shim/timer-state.js';

/** Which engine runs the guest: libunicorn through koffi, or the WebAssembly package @alexaltea/unicorn-js. */
export type EngineKind = 'native' | 'unicorn.js';

/** Register ids of unicorn/mips.h (the same in 2.0.1 to 2.1.x). General register n is `GPR0 + n`. */
export const REG = { PC: 1, GPR0: 2, CP0_STATUS: 139 } as const;

/** CPU model ids of unicorn/mips.h for `ctl_set_cpu_model`. */
export const CPU_MODEL = { '24Kf': 8, '34Kf': 9, '74Kf': 10, P5600: 13 } as const;

/** Hook types of unicorn.h. */
export const HOOK = {
  INTR: 1,
  CODE: 4,
  BLOCK: 8,
  MEM_FETCH_UNMAPPED: 1 << 6,
  MEM_FETCH_PROT: 1 << 9,
  MEM_READ: 1 << 10,
  MEM_WRITE: 1 << 11,
} as const;

/** `type` argument of a memory hook: a load or a store (enum uc_mem_type). */
export const MEM = { READ: 16, WRITE: 17 } as const;

/** Memory permissions (UC_PROT_*). */
export const PROT_ALL = 7;
export const PROT_EXEC = 4;

/** Codes of uc_err that callers distinguish; see unicorn.h for the others. */
export const ERR = {
  OK: 0,
  READ_UNMAPPED: 6,
  WRITE_UNMAPPED: 7,
  FETCH_UNMAPPED: 8,
  FETCH_PROT: 14,
  READ_UNALIGNED: 16,
  WRITE_UNALIGNED: 17,
} as const;

export type CodeCallback = (address: number, size: number) => void;
export type InterruptCallback = (intno: number) => void;
/** Returns whether the fetch is to be tried again, after mapping memory at `address`. */
export type FetchCallback = (type: number, address: number, size: number, value: number) => boolean;
/** `value` is what a store writes, 32 bits; 0 for a load. */
export type MemoryCallback = (type: number, address: number, size: number, value: number) => void;

/** What `hook_add` gives back, to be handed to `hook_del`. */
export interface Hook {
  readonly type: number;
  readonly handle: unknown;
}

/** A saved register file (uc_context). It holds no RAM and no TLB. */
export interface Context {
  /** The saved bytes as 32-bit words of the host. Fetch anew at each use: unicorn.js moves them when its heap grows. */
  words(): Uint32Array;
}

/** A device register read: byte offset into the mapped range, access size in bytes; returns the value. */
export type MmioRead = (offset: number, size: number) => number;
/** A device register write: byte offset into the mapped range, access size in bytes, value (unsigned). */
export type MmioWrite = (offset: number, size: number, value: number) => void;

/**
 * The engine's own data in host memory, to look at what its API does not show: the TLB, the random word of tlbwr. Addresses are
 * host pointers (in unicorn.js: offsets in its heap). Whoever uses it checks by experiment that things are where he thinks.
 */
export interface HostMemory {
  readonly pointerBytes: 4 | 8;
  /** Address of this guest's uc_engine. */
  readonly engineAddress: number;
  /** A copy of up to `length` bytes at any address, shorter at the end of readable memory; never crashes. */
  read(address: number, length: number): Uint8Array;
  /** The words at an address known to be good, live and writable. Fetch anew at each use. */
  words(address: number, count: number): Uint32Array;
  /** Where the engine's static variables may be; empty when this system does not tell. */
  dataRanges(): { start: number; end: number }[];
}

/**
 * One guest CPU with its memory, MIPS32. Addresses are physical unless said otherwise, 0 .. 2^32-1.
 * A callback may throw: the engine stops and `emu_start` rethrows (a throw never crosses the engine).
 */
export interface Engine {
  /** Reads a 32-bit register as an unsigned number (unicorn.js: signed). */
  reg_read_i32(id: number): number;
  reg_write_i32(id: number, value: number): void;

  /** Maps engine-owned memory. Its content is undefined in unicorn.js. */
  mem_map(address: number, size: number, perms: number): void;
  /**
   * Maps `size` bytes of zeroed RAM at `address`, shared with the host: `mem_ram()` is the same memory, without copies.
   * Pages are not touched before somebody uses them (native). One RAM per engine.
   */
  mem_map_ram(address: number, size: number): void;
  /** The RAM of `mem_map_ram`. Fetch anew at each use: unicorn.js moves it when its heap grows. Empty after `close`. */
  mem_ram(): Uint8Array;
  /**
   * Maps a device, readable and writable, not executable. Offsets are relative to `address`; both `address` and `size` are
   * multiples of 4096. `hole`: nobody is there, an access is a bus error; the callbacks are how the engine's user hears of it.
   */
  mmio_map(address: number, size: number, read: MmioRead, write: MmioWrite, hole?: boolean): void;
  mem_unmap(address: number, size: number): void;
  mem_read(address: number, size: number): Uint8Array;
  mem_write(address: number, bytes: Uint8Array): void;

  /** CODE and BLOCK hooks get virtual addresses in begin .. end (inclusive); begin > end means everywhere. */
  hook_add(type: typeof HOOK.CODE | typeof HOOK.BLOCK, callback: CodeCallback, begin?: number, end?: number): Hook;
  hook_add(type: typeof HOOK.INTR, callback: InterruptCallback): Hook;
  hook_add(type: typeof HOOK.MEM_FETCH_UNMAPPED | typeof HOOK.MEM_FETCH_PROT, callback: FetchCallback): Hook;
  /**
   * MEM hooks fire before the access. libunicorn 2.0.x matches and reports VIRTUAL addresses before the TLB lookup, 2.1.x and
   * unicorn.js PHYSICAL ones after it.
   */
  hook_add(type: number, callback: MemoryCallback, begin?: number, end?: number): Hook;
  hook_del(hook: Hook): void;

  /**
   * Runs from virtual address `begin` until `until`, a stop or an error, and returns uc_err's code (unicorn.js throws it).
   * The code is 6, 7, 16 or 17 after handled TLB and address errors on 2.1.x: judge by your own state.
   * @param timeout must be 0 @param count instructions at most, 0 for no limit
   */
  emu_start(begin: number, until: number, timeout: number, count: number): number;
  emu_stop(): void;

  context_alloc(): Context;
  context_save(context: Context): void;
  context_restore(context: Context): void;
  context_free(context: Context): void;

  /** Chooses the CPU model; only before anything else is done with the engine. */
  ctl_set_cpu_model(model: number): void;
  /** Forgets translated code for the virtual range begin .. end (exclusive): needed after the host changed code. */
  ctl_remove_cache(begin: number, end: number): void;
  /** Whether `ctl_remove_cache` forgets all code, and only between runs: in a hook it would lose the guest's place. */
  readonly forgetsAtRest?: boolean;
  readonly host: HostMemory;
  /** Whether overflow and trap exceptions come with hflags that do not tell that the instruction is in a delay slot. */
  readonly losesBranchState?: boolean;

  /** Frees the guest. Its RAM view becomes empty; every other call is an error. */
  close(): void;
}

/** The instruction being executed and its operands: a guest's block and the host address of its general register 0. */
export interface Operands {
  readonly state: CpuState;
  readonly registers: number;
}

/** What the hooks need of a guest with a timer. */
export interface TimedShim {
  /** Host address of general register 0. */
  readonly registers: number;
  /** Called when virtual time has come to `timer.eventNs`. */
  readonly onEvent: () => void;
}

/** A guest with a timer whose translations are to be checked. */
export interface CheckedGuest {
  readonly state: CpuState;
  readonly littleEndian: boolean;
  /** Host address of general register 0, and byte offsets from there. */
  readonly registers: number;
  readonly places: Places;
  readonly checkPlaces: CheckPlaces;
  /** TLB entries that the guest can see. */
  readonly tlbVisible: number;
  /** The engine's memory hooks get physical addresses. */
  readonly physical: boolean;
}

/** Hooks in C (shim/shim.c) that do at every instruction and exception what emu/mips would do in TypeScript. */
export interface Shim {
  /**
   * Installs the CODE and INTR hooks on `engine`.
   * @param state the block they keep; `describeCpu` has been called, RAM is mapped
   * @param context scratch space for exception entry, freed with the engine by its owner
   * @param checkJumps turn jumps to misaligned addresses into address errors before the engine follows them
   * @param observer called after each exception entry while `state.observe` is set
   * @param options.ask called before instructions that a debugger waits for (emu/mips/instruction-stops.ts)
   * @param options.blockFlags host address of the word of emu/mips/block-limit.ts, if any
   * @param options.timed for a guest with a timer; `describeTimed` and `timer.start` have been called
   * @returns struct instruction_stops; undefined without `ask`
   */
  attach(
    engine: Engine,
    state: CpuState,
    context: Context,
    checkJumps: boolean,
    observer: () => void,
    options: { readonly ask?: CodeCallback; readonly timed?: TimedShim; readonly blockFlags?: number },
  ): ArrayBuffer | undefined;

  /**
   * Adds a hook to all loads and stores that calls `callback`, with virtual addresses, for those to pages of the map whose bit is set.
   * @param operands what an address is computed from, where the engine reports physical ones
   * @returns the map, to be fetched anew at each use: bit n % 8 of byte n / 8 stands for virtual addresses n * 4096 .. n * 4096 + 4095;
   *   none is set at first
   */
  watchMemory(engine: Engine, callback: MemoryCallback, operands?: Operands): () => Uint8Array;

  /**
   * Puts the checker of translations (shim/sanitizer.c) on a guest, before `attach`; absent where it was not compiled.
   * @param onFinding called while `CheckState.finding` is valid
   */
  readonly attachChecker?: ((engine: Engine, guest: CheckedGuest, onFinding: () => void) => CheckState) | undefined;

  /** Memory for the block, where it has to be the engine's own. */
  stateMemory?(engine: Engine): StateMemory;

  /** Whether they can ask a debugger (`ask` of `attach`). */
  readonly canAsk: boolean;
}

/** A loaded engine: opens any number of guests. */
export interface EngineLibrary {
  readonly kind: EngineKind;
  /** Of the core, such as [2, 0, 1]. */
  readonly version: readonly [major: number, minor: number, patch: number];
  /** For `--version` and reports: what was loaded, from where. */
  readonly description: string;
  /** Opens a guest, MIPS32. */
  open(littleEndian?: boolean): Engine;
  /** The engine broke: nothing can be opened any more, load it again. */
  readonly crashed?: boolean;
  /** The C hooks, when this engine can call them and set-up could compile them. */
  readonly shim: Shim | undefined;
  /** The fast path (native 2.0.x), or why there is none. */
  readonly fast: FastShim | string;
}
