// The C hooks (shim.c) in WebAssembly, on the engine's own memory and function table: an instruction costs no call into JavaScript.
import {
  type CodeCallback,
  type Context,
  type Engine,
  HOOK,
  type MemoryCallback,
  type Operands,
  type Shim,
  type TimedShim,
} from '../engine.js';
import { CPU_STATE_BYTES, type CpuState, type StateMemory } from '../shim/cpu-state.js';
import { WASM_HOOKS } from '../shim/wasm-hooks.js';
import type { HeapContext, UnicornJsEngine } from './engine.js';
import { type UnicornModule, wasm, type WasmMemory, type WasmTable } from './module.js';

/** struct memory_watch: four pointers, 8 bytes each, then a bit for each 4 KB of virtual memory. */
const WATCH_HEADER = 32;
const PAGE_MAP_BYTES = 1 << 17;

type HookName =
  'shim_code' | 'shim_code_checking_jumps' | 'shim_code_timed' | 'shim_interrupt' | 'shim_memory_physical';

/** C types of the functions that the hooks call, and of the hooks. */
const SIGNATURE = {
  save: 'iii',
  register: 'iiii',
  stop: 'ii',
  interrupt: 'viii',
  code: 'vijii',
  memory: 'viijiji',
} as const;

export class WasmHooks implements Shim {
  readonly canAsk = false;
  readonly #module: UnicornModule;
  readonly #exports: Readonly<Record<HookName, unknown>>;
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
