// The C hooks (shim.c) in WebAssembly, on the engine's own memory and function table: an instruction costs no call into JavaScript.
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
import { CheckState, watchMappedPages } from '../shim/check-state.js';
import { CPU_STATE_BYTES, type CpuState, type StateMemory } from '../shim/cpu-state.js';
import { FastState } from '../shim/fast-state.js';
import { WASM_HOOKS } from '../shim/wasm-hooks.js';
import type { HeapContext, UnicornJsEngine } from './engine.js';
import { type UnicornModule, wasm, type WasmMemory, type WasmTable } from './module.js';

/** struct memory_watch: four pointers, 8 bytes each, then a bit for each 4 KB of virtual memory. */
const WATCH_HEADER = 32;
const PAGE_MAP_BYTES = 1 << 17;

/** Bytes of stack for the checker: a few dozen words in each of a handful of functions. */
const STACK_BYTES = 1 << 14;

type HookName =
  | 'shim_code'
  | 'shim_code_checking_jumps'
  | 'shim_code_timed'
  | 'shim_interrupt'
  | 'shim_memory_physical'
  | 'check_site'
  | 'check_block'
  | 'check_refused'
  | 'check_miss'
  | 'check_memory';

/** C types of the functions that the hooks call, and of the hooks. */
const SIGNATURE = {
  save: 'iii',
  register: 'iiii',
  stop: 'ii',
  interrupt: 'viii',
  code: 'vijii',
  memory: 'viijiji',
  site: 'viii',
  block: 'vii',
  refused: 'viiii',
  miss: 'viiiii',
} as const;

export class WasmHooks implements Shim {
  readonly canAsk = false;
  readonly #module: UnicornModule;
  readonly #exports: Readonly<Record<HookName, unknown>>;
  readonly #checkBytes: number;
  readonly #stackPointer: { value: number };
  #hasStack = false;
  /**
   * Indices of functions that all guests share: Emscripten puts the same function into its table once, so none of them may be
   * taken out when one guest ends.
   */
  readonly #shared = new Map<unknown, number>();

  /** @throws when this WebAssembly engine does not let them in */
  constructor(module: UnicornModule, memory: WasmMemory, table: WasmTable) {
    const bytes = Uint8Array.from(atob(WASM_HOOKS), (character) => character.charCodeAt(0));
    const { exports } = new wasm.Instance(new wasm.Module(bytes), {
      env: { memory, __indirect_function_table: table },
    });
    if ((exports.shim_state_size as () => number)() !== CPU_STATE_BYTES) throw new Error('hooks of another version');
    this.#module = module;
    this.#exports = exports as Readonly<Record<HookName, unknown>>;
    this.#checkBytes = (exports.check_size as () => number)();
    this.#stackPointer = exports.__stack_pointer as { value: number };
  }

  #index(shared: unknown, signature: string): number {
    let index = this.#shared.get(shared);
    if (index === undefined) {
      index = this.#module.addFunction(shared, signature);
      this.#shared.set(shared, index);
    }
    return index;
  }

  stateMemory(engine: Engine): StateMemory {
    return (engine as UnicornJsEngine).hook_memory(CPU_STATE_BYTES);
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
  ): undefined {
    if (ask) throw new Error('these hooks ask nobody');
    const guest = engine as UnicornJsEngine;
    const module = this.#module;
    const { pointer } = context as HeapContext;
    state.setAddresses({
      ram: BigInt(guest.ram_pointer),
      context: BigInt(pointer),
      contextWords: BigInt(pointer),
      contextSave: BigInt(this.#index(module._uc_context_save, SIGNATURE.save)),
      contextRestore: BigInt(this.#index(module._uc_context_restore, SIGNATURE.save)),
      regRead: BigInt(this.#index(module._uc_reg_read, SIGNATURE.register)),
      regWrite: BigInt(this.#index(module._uc_reg_write, SIGNATURE.register)),
      emuStop: BigInt(this.#index(module._uc_emu_stop, SIGNATURE.stop)),
      observer: BigInt(guest.interrupt_callback(observer)),
      env: BigInt(timed?.registers ?? 0),
      blockFlags: BigInt(blockFlags ?? 0),
      onEvent: timed ? BigInt(guest.interrupt_callback(timed.onEvent)) : 0n,
    });
    state.imprecise = true;
    const code = this.#exports[timed ? 'shim_code_timed' : checkJumps ? 'shim_code_checking_jumps' : 'shim_code'];
    guest.hook_add_function(HOOK.CODE, this.#index(code, SIGNATURE.code), state.offset);
    guest.hook_add_function(HOOK.INTR, this.#index(this.#exports.shim_interrupt, SIGNATURE.interrupt), state.offset);
  }

  attachChecker(engine: Engine, guest: CheckedGuest, onFinding: () => void): CheckState {
    const made = engine as UnicornJsEngine;
    this.#giveStack();
    const view = new FastState();
    const checkMemory = made.hook_memory(this.#checkBytes);
    const viewMemory = made.hook_memory(view.memory.byteLength);
    const hooks = made.hook_memory(5 * 8);
    const watch = made.hook_memory(WATCH_HEADER + PAGE_MAP_BYTES);
    const report = made.interrupt_callback(onFinding);
    const [site, block, refused, miss, memory] = [
      this.#index(this.#exports.check_site, SIGNATURE.site),
      this.#index(this.#exports.check_block, SIGNATURE.block),
      this.#index(this.#exports.check_refused, SIGNATURE.refused),
      this.#index(this.#exports.check_miss, SIGNATURE.miss),
      this.#index(this.#exports.check_memory, SIGNATURE.memory),
    ];
    const physical = this.#index(this.#exports.shim_memory_physical, SIGNATURE.memory);
    made.hook_add_function(HOOK.MEM_READ | HOOK.MEM_WRITE, physical, watch.offset);
    // From here on nothing moves.
    view.point('env', BigInt(guest.registers));
    view.point('ram', BigInt(made.ram_pointer));
    view.point('shared', BigInt(guest.state.offset));
    view.setPlaces(guest.places);
    view.configure({ ...guest, precise: true, hardwareTlb: false, storeFix: false });
    const buffer = viewMemory.buffer();
    new Uint8Array(buffer, viewMemory.offset).set(new Uint8Array(view.memory));
    const check = new CheckState(checkMemory);
    check.setPlaces(guest.checkPlaces);
    check.point(BigInt(viewMemory.offset), BigInt(report));
    const pointers = (at: StateMemory, ...values: number[]): void =>
      new BigUint64Array(buffer, at.offset, values.length).set(values.map(BigInt));
    pointers(hooks, checkMemory.offset, site, block, refused, miss);
    pointers(watch, memory, checkMemory.offset, guest.state.offset, guest.registers);
    watchMappedPages(new Uint8Array(buffer, watch.offset + WATCH_HEADER, PAGE_MAP_BYTES));
    guest.state.check = BigInt(hooks.offset);
    return check;
  }

  #giveStack(): void {
    if (this.#hasStack) return;
    const bottom = this.#module._malloc(STACK_BYTES) >>> 0;
    if (bottom === 0) throw new Error('the WebAssembly engine has no memory left');
    this.#stackPointer.value = (bottom + STACK_BYTES) & ~15;
    this.#hasStack = true;
  }

  watchMemory(engine: Engine, callback: MemoryCallback, operands: Operands): () => Uint8Array {
    const guest = engine as UnicornJsEngine;
    const watch = guest.hook_memory(WATCH_HEADER + PAGE_MAP_BYTES);
    const { index, user } = guest.memory_callback(callback);
    const header = [index, user, operands.state.offset, operands.registers].flatMap((pointer) => [pointer, 0]);
    new Uint32Array(watch.buffer(), watch.offset, WATCH_HEADER / 4).set(header);
    const hook = this.#index(this.#exports.shim_memory_physical, SIGNATURE.memory);
    guest.hook_add_function(HOOK.MEM_READ | HOOK.MEM_WRITE, hook, watch.offset);
    let map = new Uint8Array(0);
    return () => {
      if (map.length === 0) map = new Uint8Array(watch.buffer(), watch.offset + WATCH_HEADER, PAGE_MAP_BYTES);
      return map;
    };
  }
}
