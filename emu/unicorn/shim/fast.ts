// Loads the compiled fast path (fast.c) and puts it on a guest. Where in the engine things are is worked out and proved by emu/mips/fast-path.ts.
import fs from 'node:fs';
import path from 'node:path';
import koffi, { type LibraryHandle } from 'koffi';
import { type CodeCallback, type Engine, HOOK, type MemoryCallback } from '../engine.js';
import type { LibUnicorn } from '../libunicorn.js';
import type { NativeEngine } from '../native.js';
import { type CheckPlaces, CheckState, checkStateBytes, MAPPED } from './check-state.js';
import type { CpuState } from './cpu-state.js';
import { FastState, WATCHED } from './fast-state.js';
import type { Places } from './timer-state.js';

/** UC_HOOK_EDGE_GENERATED of unicorn.h: a block was translated. */
const HOOK_EDGE_GENERATED = 1 << 15;

/** Where set-up puts the compiled fast path. */
export function fastShimPath(cacheDir: string): string {
  return path.join(cacheDir, `fast-${process.platform}-${process.arch}.so`);
}

/** The fast path of this installation, or why there is none. */
export function loadFastShim(cacheDir: string, libUnicorn: LibUnicorn): FastShim | string {
  const [major, minor] = libUnicorn.version;
  if (major !== 2 || minor !== 0) return `libunicorn ${libUnicorn.version.join('.')}: the fast path is for 2.0.x`;
  const file = fastShimPath(cacheDir);
  if (!fs.existsSync(file)) return 'its hooks in C are not compiled (no C compiler at set-up)';
  try {
    const shim = koffi.load(file);
    const fast = new FastShim(libUnicorn, shim);
    void new FastState(fast.layout); // of this version?
    return fast;
  } catch (error) {
    return `its hooks in C cannot be used: ${(error as Error).message}`;
  }
}

/** Where a guest's CPU is in the host's memory, and its parts. */
export interface CpuAddresses {
  /** The engine's CPUState and, in it or elsewhere, general register 0. */
  readonly cpu: number;
  readonly env: number;
  /** Of the function pointer that is called before the engine handles an exception. */
  readonly slot: number;
}

export interface FastOptions {
  readonly littleEndian: boolean;
  /** A hook per instruction: stops and the program counter are exact everywhere. */
  readonly precise: boolean;
  /** Entries thrown out by tlbwr are gone at once. */
  readonly hardwareTlb: boolean;
  readonly tlbVisible: number;
  /** Clear TLB_NOTDIRTY of pages without code. */
  readonly storeFix: boolean;
  /** Check translations, with CP0 registers at these places. */
  readonly check?: CheckPlaces;
}

/** A map of pages of which accesses are reported: two pointers, the guest's block, a reserved word, the bits. */
const WATCH_HEADER = 32;
const WATCH_PAGES = 1 << 17;
const DEVICE_BYTES = 32;
/** struct skip: the guest's block, callee, from, to, padding, the count. */
const SKIP_BYTES = 32;
/** struct stops: as struct instruction_stops (shim.ts). */
const STOPS_BYTES = 5 * 8 + (1 << 13);
const PAGE_SHIFT = 12;
/** Exported functions of the engine, without the suffix that names the target. */
const EXPORTS = { doInterrupt: 'mips_cpu_do_interrupt', loopExit: 'cpu_loop_exit' } as const;

export class FastShim {
  readonly #lib: LibUnicorn;
  /** Kept for its life: koffi unloads a library that nothing refers to, and the hooks with it. */
  readonly #shim: LibraryHandle;
  readonly layout: (index: number) => number;
  readonly #checkLayout: (index: number) => number;
  readonly #install: (state: bigint, slot: bigint) => number;
  readonly #remove: (state: bigint) => void;
  readonly #addSkip: (skip: bigint) => void;
  readonly #becomePrecise: (state: bigint, hookDel: bigint, block: bigint | number) => void;
  readonly #probeStores: (env: bigint, ram: bigint, va: number, pa: number, bits: Uint32Array) => number;
  readonly #probeEntries: (env: bigint) => number;
  readonly #probeSlot: (slot: bigint, env: bigint, pcAt: number) => void;
  readonly #probeSeen: (out: Uint32Array) => void;

  /** @throws for hooks that lack a function */
  constructor(lib: LibUnicorn, shim: LibraryHandle) {
    this.#lib = lib;
    this.#shim = shim;
    const f = (declaration: string) => shim.func(declaration) as never;
    this.layout = f('uint32 fast_layout(uint32 index)');
    this.#checkLayout = f('uint32 check_layout(uint32 index)');
    this.#install = f('int fast_install(void* state, void* slot)');
    this.#remove = f('void fast_remove(void* state)');
    this.#addSkip = f('void fast_add_skip(void* skip)');
    this.#becomePrecise = f('void fast_become_precise(void* state, void* hook_del, uint64 block)');
    this.#probeStores = f('int fast_probe_stores(void* env, void* ram, uint32 va, uint32 pa, void* bits)');
    this.#probeEntries = f('uint32 fast_probe_entries(void* env)');
    this.#probeSlot = f('void fast_probe_slot(void* slot, void* env, uint32 pc_at)');
    this.#probeSeen = f('void fast_probe_seen(void* out)');
  }

  /** Whether the engine exports what exception entry needs. */
  get complete(): boolean {
    try {
      for (const name of Object.values(EXPORTS))
        for (const target of ['mips', 'mipsel']) this.#lib.symbol(`${name}_${target}`);
      return true;
    } catch {
      return false;
    }
  }

  attach(
    engine: NativeEngine,
    at: CpuAddresses,
    places: Places,
    options: FastOptions,
    shared: CpuState,
    onException: () => void,
    onEvent: () => void,
    ask?: CodeCallback,
    onFinding?: () => void,
  ): FastGuest {
    const state = new FastState(this.layout);
    const target = options.littleEndian ? 'mipsel' : 'mips';
    const ram = engine.mem_ram();
    const codePages = engine.hook_memory(ram.length >>> PAGE_SHIFT);
    const symbol = (name: string): bigint => this.#lib.symbol(name);
    state.point('uc', engine.handle);
    state.point('cpu', BigInt(at.cpu));
    state.point('env', BigInt(at.env));
    state.point('ram', koffi.address(ram));
    state.point('shared', koffi.address(shared.memory));
    state.point('doInterrupt', symbol(`${EXPORTS.doInterrupt}_${target}`));
    state.point('loopExit', symbol(`${EXPORTS.loopExit}_${target}`));
    state.point('regWrite', symbol('uc_reg_write'));
    state.point('emuStop', symbol('uc_emu_stop'));
    state.point('hookAdd', symbol('uc_hook_add'));
    state.point('ctl', symbol('uc_ctl'));
    state.point('codePages', koffi.address(codePages));
    state.point('onException', engine.interrupt_callback(onException));
    state.point('onEvent', engine.interrupt_callback(onEvent));
    let stops: ArrayBuffer | undefined;
    if (ask) {
      stops = engine.hook_memory(STOPS_BYTES);
      new BigUint64Array(stops, 0, 1)[0] = engine.code_callback(ask);
      state.point('stops', koffi.address(stops));
    }
    state.setPlaces(places);
    state.configure(options);
    const address = koffi.address(state.memory);
    let check: CheckState | undefined;
    let checkAddress = 0n;
    if (options.check && onFinding) {
      const memory = engine.hook_memory(checkStateBytes(this.#checkLayout));
      check = new CheckState({ buffer: () => memory, offset: 0 });
      check.setPlaces(options.check);
      check.point(address, engine.interrupt_callback(onFinding));
      checkAddress = koffi.address(memory);
      state.point('check', checkAddress);
    }
    if (this.#install(address, BigInt(at.slot)) === 0) throw new Error('too many guests at once');
    const hook = (name: string): bigint => this.#shim.symbol(name) as bigint;
    const each = options.precise
      ? engine.hook_add_native(HOOK.CODE, hook('fast_code'), address)
      : engine.hook_add_native(HOOK.BLOCK, hook('fast_block'), address);
    engine.hook_add_native(HOOK_EDGE_GENERATED, hook('fast_edge'), address);
    if (check)
      for (const [begin, end] of MAPPED)
        engine.hook_add_native(HOOK.MEM_READ | HOOK.MEM_WRITE, hook('check_memory'), checkAddress, begin, end);
    engine.wrapDevices((read, write, base, hole) => {
      const device = new BigUint64Array(engine.hook_memory(DEVICE_BYTES));
      device.set([address, read, write, BigInt(base)]);
      const kind = hole ? 'hole' : 'device';
      return {
        read: hook(`fast_${kind}_read`),
        write: hook(`fast_${kind}_write`),
        user: koffi.address(device.buffer as ArrayBuffer),
      };
    });
    return new FastGuest(
      state,
      stops,
      check,
      (callback) => this.#watchMemory(engine, address, callback),
      (callee, from, to) => this.#skipCall(engine, address, callee, from, to),
      (callback) => watchBlocks(engine, state, callback),
      () => this.#becomePrecise(address, symbol('uc_hook_del'), each.handle),
      () => this.#remove(address),
    );
  }

  #watchMemory(engine: NativeEngine, state: bigint, callback: MemoryCallback): Uint8Array {
    const watch = engine.hook_memory(WATCH_HEADER + WATCH_PAGES);
    const { trampoline, user } = engine.memory_callback(callback);
    new BigUint64Array(watch, 0, 3).set([trampoline, user, state]);
    engine.hook_add_native(
      HOOK.MEM_READ | HOOK.MEM_WRITE,
      this.#shim.symbol('fast_memory') as bigint,
      koffi.address(watch),
    );
    return new Uint8Array(watch, WATCH_HEADER);
  }

  #skipCall(engine: NativeEngine, state: bigint, callee: number, from: number, to: number): () => number {
    const skip = engine.hook_memory(SKIP_BYTES);
    const words = new Uint32Array(skip);
    new BigUint64Array(skip)[0] = state;
    words.set([callee, from, to], 2);
    this.#addSkip(koffi.address(skip));
    return () => words[6]!;
  }

  // ---- for the probe ------------------------------------------------------------------------------------------------

  /** Where the software TLB has the entry for stores to `va`: 1 in its place, 2 among the victims, 0 nowhere; and its low bits. */
  probeStores(engine: Engine, env: number, va: number, pa: number): { where: number; bits: number } {
    const bits = new Uint32Array(1);
    const where = this.#probeStores(BigInt(env), koffi.address(engine.mem_ram()), va, pa, bits);
    return { where, bits: bits[0] };
  }

  /** Entries of the software TLB of kernel mode. */
  probeEntries(env: number): number {
    return this.#probeEntries(BigInt(env));
  }

  /** Puts a function into the slot that counts calls for exceptions. */
  probeSlot(slot: number, env: number, pcAt: number): void {
    this.#probeSlot(BigInt(slot), BigInt(env), pcAt);
  }

  /** What came through the slot. */
  probeSeen(): { calls: number; number: number; pc: number } {
    const out = new Uint32Array(3);
    this.#probeSeen(out);
    return { calls: out[0], number: out[1], pc: out[2] };
  }
}

/** struct watched: a table of addresses, hashed, in front of it the callback. */
function watchBlocks(engine: NativeEngine, state: FastState, callback: CodeCallback): (address: number) => void {
  const watched = engine.hook_memory(8 + 4 * WATCHED);
  new BigUint64Array(watched, 0, 1)[0] = engine.code_callback(callback);
  const table = new Uint32Array(watched, 8);
  let free = WATCHED / 2;
  state.point('watched', koffi.address(watched));
  return (address) => {
    let slot = (address >>> 2) % WATCHED;
    for (; table[slot] !== 0; slot = (slot + 1) % WATCHED) if (table[slot] === (address | 1) >>> 0) return;
    if (free-- === 0) throw new Error('too many addresses are watched');
    table[slot] = (address | 1) >>> 0;
  };
}

/** The fast path of one guest. */
export class FastGuest {
  constructor(
    readonly state: FastState,
    /** struct stops, when somebody asks. */
    readonly stops: ArrayBuffer | undefined,
    /** struct check, when translations are checked. */
    readonly check: CheckState | undefined,
    /** As Shim.watchMemory; the program counter is exact in the callback. */
    readonly watchMemory: (callback: MemoryCallback) => Uint8Array,
    /** Steps over calls of the function at `callee` from text in `from` .. `to`. @returns how often that happened so far */
    readonly skipCall: (callee: number, from: number, to: number) => () => number,
    /** Has `callback` called before each block that begins at a watched address. @returns watches an address */
    readonly watchBlocks: (callback: CodeCallback) => (address: number) => void,
    /** Between two runs: from here on stops and the program counter are exact at every instruction, and new memory hooks see all accesses. */
    readonly becomePrecise: () => void,
    /** Ends with the guest. */
    readonly remove: () => void,
  ) {}
}
