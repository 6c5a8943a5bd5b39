// Loads the compiled C hooks of shim.c, when set-up could compile them, and installs them on a guest.
import fs from 'node:fs';
import koffi, { type LibraryHandle } from 'koffi';
import { shimPath } from '../cache-dir.js';
import {
  type CheckedGuest,
  type CodeCallback,
  type Context,
  type Engine,
  HOOK,
  type MemoryCallback,
  type Operands,
  type Shim,
  type TimedShim,
} from '../engine.js';
import { type LibUnicorn } from '../libunicorn.js';
import { type NativeContext, type NativeEngine } from '../native.js';
import { CheckState, checkStateBytes, MAPPED, watchMappedPages } from './check-state.js';
import { CPU_STATE_BYTES, type CpuState } from './cpu-state.js';
import { fastShimPath } from './fast.js';
import { FastState } from './fast-state.js';

/** The shim of this installation for guests of `libUnicorn`, undefined when there is none that fits. */
export function loadShim(cacheDir: string, libUnicorn: LibUnicorn): Shim | undefined {
  const file = shimPath(cacheDir);
  if (!fs.existsSync(file)) return undefined;
  try {
    const shim = koffi.load(file);
    const stateBytes = shim.func('uint32 shim_state_size()') as () => number;
    if (stateBytes() !== CPU_STATE_BYTES) return undefined;
    return new CompiledShim(libUnicorn, shim, loadChecker(cacheDir));
  } catch {
    // Built for another system or C library: the TypeScript hooks do the same work.
    return undefined;
  }
}

/** The checker, which is compiled into the fast path's hooks and needs nothing of the engine; undefined when there is none that fits. */
function loadChecker(cacheDir: string): Checker | undefined {
  const file = fastShimPath(cacheDir);
  if (!fs.existsSync(file)) return undefined;
  try {
    const shim = koffi.load(file);
    const layout = (name: string) => shim.func(`uint32 ${name}(uint32 index)`) as (index: number) => number;
    const checker = { shim, layout: layout('fast_layout'), checkLayout: layout('check_layout') };
    void new FastState(checker.layout); // of this version?
    checkStateBytes(checker.checkLayout);
    return checker;
  } catch {
    return undefined;
  }
}

interface Checker {
  readonly shim: LibraryHandle;
  readonly layout: (index: number) => number;
  readonly checkLayout: (index: number) => number;
}

/** struct memory_watch: four pointers, then a bit for each 4 KB of virtual memory. */
const WATCH_HEADER = 4 * 8;
const PAGE_MAP_BYTES = 1 << 17;

/** struct instruction_stops: a pointer, two reserved ones, `number`, `moved` and padding, the map of addresses. */
const STOPS_BYTES = 5 * 8 + (1 << 13);

class CompiledShim implements Shim {
  readonly #libUnicorn: LibUnicorn;
  /** Kept for its life: koffi unloads a library that nothing refers to, and the hooks with it. */
  readonly #shim: LibraryHandle;
  readonly canAsk = true;

  readonly attachChecker: Shim['attachChecker'];

  /** @throws for a shim that lacks a function */
  constructor(libUnicorn: LibUnicorn, shim: LibraryHandle, checker: Checker | undefined) {
    this.#libUnicorn = libUnicorn;
    this.#shim = shim;
    if (checker)
      this.attachChecker = (engine, guest, onFinding) =>
        this.#attachChecker(checker, engine as NativeEngine, guest, onFinding);
    for (const name of ['shim_memory', 'shim_memory_physical']) shim.symbol(name);
  }

  attach(
    engine: Engine,
    state: CpuState,
    context: Context,
    checkJumps: boolean,
    observer: () => void,
    {
      ask,
      timed,
      blockFlags,
    }: { readonly ask?: CodeCallback; readonly timed?: TimedShim; readonly blockFlags?: number },
  ): ArrayBuffer | undefined {
    const native = engine as NativeEngine;
    const { address } = context as NativeContext;
    let stops: ArrayBuffer | undefined;
    if (ask) {
      stops = native.hook_memory(STOPS_BYTES);
      new BigUint64Array(stops, 0, 1)[0] = native.code_callback(ask);
    }
    state.setAddresses({
      ram: koffi.address(engine.mem_ram()),
      context: address,
      contextWords: address,
      contextSave: this.#libUnicorn.symbol('uc_context_save'),
      contextRestore: this.#libUnicorn.symbol('uc_context_restore'),
      regRead: this.#libUnicorn.symbol('uc_reg_read'),
      regWrite: this.#libUnicorn.symbol('uc_reg_write'),
      emuStop: this.#libUnicorn.symbol('uc_emu_stop'),
      observer: native.interrupt_callback(observer),
      stops: stops ? koffi.address(stops) : 0n,
      env: BigInt(timed?.registers ?? 0),
      blockFlags: BigInt(blockFlags ?? 0),
      onEvent: timed ? native.interrupt_callback(timed.onEvent) : 0n,
    });
    const block = koffi.address(state.memory);
    const code = timed ? 'shim_code_timed' : checkJumps ? 'shim_code_checking_jumps' : 'shim_code';
    native.hook_add_native(HOOK.INTR, this.#shim.symbol('shim_interrupt') as bigint, block);
    native.hook_add_native(HOOK.CODE, this.#shim.symbol(code) as bigint, block);
    return stops;
  }

  watchMemory(engine: Engine, callback: MemoryCallback, operands?: Operands): () => Uint8Array {
    const native = engine as NativeEngine;
    const watch = native.hook_memory(WATCH_HEADER + PAGE_MAP_BYTES);
    const { trampoline, user } = native.memory_callback(callback);
    const block = operands ? koffi.address(operands.state.memory) : 0n;
    new BigUint64Array(watch, 0, 4).set([trampoline, user, block, BigInt(operands?.registers ?? 0)]);
    const hook = this.#shim.symbol(operands ? 'shim_memory_physical' : 'shim_memory') as bigint;
    native.hook_add_native(HOOK.MEM_READ | HOOK.MEM_WRITE, hook, koffi.address(watch));
    const map = new Uint8Array(watch, WATCH_HEADER);
    return () => map;
  }

  #attachChecker(checker: Checker, engine: NativeEngine, guest: CheckedGuest, onFinding: () => void): CheckState {
    const keep = (memory: ArrayBuffer): bigint => koffi.address(engine.hook_memory(memory.byteLength, memory));
    const symbol = (name: string): bigint => checker.shim.symbol(name) as bigint;
    // What the checker reads of the fast path's block.
    const view = new FastState(checker.layout);
    view.point('uc', engine.handle);
    view.point('env', BigInt(guest.registers));
    view.point('ram', koffi.address(engine.mem_ram()));
    view.point('shared', koffi.address(guest.state.memory));
    view.setPlaces(guest.places);
    view.configure({ ...guest, precise: true, hardwareTlb: false, storeFix: false });
    const memory = engine.hook_memory(checkStateBytes(checker.checkLayout));
    const check = new CheckState({ buffer: () => memory, offset: 0 });
    check.setPlaces(guest.checkPlaces);
    check.point(keep(view.memory), engine.interrupt_callback(onFinding));
    const address = koffi.address(memory);
    const hooks = BigUint64Array.of(
      address,
      symbol('check_site'),
      symbol('check_block'),
      symbol('check_refused'),
      symbol('check_miss'),
    );
    guest.state.check = keep(hooks.buffer);
    if (guest.physical) {
      const watch = engine.hook_memory(WATCH_HEADER + PAGE_MAP_BYTES);
      new BigUint64Array(watch, 0, 4).set([
        symbol('check_memory'),
        address,
        koffi.address(guest.state.memory),
        BigInt(guest.registers),
      ]);
      watchMappedPages(new Uint8Array(watch, WATCH_HEADER));
      const hook = this.#shim.symbol('shim_memory_physical') as bigint;
      engine.hook_add_native(HOOK.MEM_READ | HOOK.MEM_WRITE, hook, koffi.address(watch));
    } else {
      for (const [begin, end] of MAPPED)
        engine.hook_add_native(HOOK.MEM_READ | HOOK.MEM_WRITE, symbol('check_memory'), address, begin, end);
    }
    return check;
  }
}
