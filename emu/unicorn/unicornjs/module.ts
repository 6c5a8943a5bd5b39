// A unicorn.js module as its Emscripten build shows it: raw exports of unicorn.h, the heap, the function table. The package's own
// wrapper is left aside: it throws strings after handled exceptions, copies memory and keeps callbacks for ever.

export interface WasmMemory {
  readonly buffer: ArrayBuffer;
}
export interface WasmTable {
  readonly length: number;
}
export interface WasmInstance {
  readonly exports: Readonly<Record<string, unknown>>;
}

/** The global WebAssembly, as far as it is used; @types/node and the DOM describe different parts of it. */
export const wasm = (
  globalThis as unknown as {
    WebAssembly: {
      Memory: new (limits: { initial: number; maximum?: number }) => WasmMemory;
      Table: new (limits: { initial: number; element: 'anyfunc' }) => WasmTable;
      Module: new (bytes: Uint8Array) => object;
      Instance: new (module: object, imports: object) => WasmInstance;
      instantiate(source: unknown, imports?: object): Promise<WasmInstance | { readonly instance: WasmInstance }>;
    };
  }
).WebAssembly;

/**
 * The module that the package's factory resolves to, as far as it is used. Types are those of unicorn.h 2.1.4 compiled for wasm32 with
 * WASM_BIGINT: uint64_t is a bigint, everything else (pointers, size_t, int) a number, variable arguments a pointer to them.
 */
export interface UnicornModule {
  /** Another view whenever the heap grows; absent in builds by Emscripten 4.0.7 and later. */
  readonly HEAPU8?: Uint8Array;
  addFunction(callback: unknown, signature: string): number;
  removeFunction(index: number): void;
  _malloc(bytes: number): number;
  _free(pointer: number): void;
  _uc_version(major: number, minor: number): number;
  _uc_arch_supported(arch: number): number;
  _uc_strerror(code: number): number;
  _uc_open(arch: number, mode: number, handle: number): number;
  _uc_close(uc: number): number;
  _uc_reg_read(uc: number, id: number, value: number): number;
  _uc_reg_write(uc: number, id: number, value: number): number;
  _uc_mem_map(uc: number, address: bigint, size: bigint, perms: number): number;
  _uc_mem_map_ptr(uc: number, address: bigint, size: bigint, perms: number, memory: number): number;
  _uc_mem_unmap(uc: number, address: bigint, size: bigint): number;
  _uc_mem_read(uc: number, address: bigint, bytes: number, size: bigint): number;
  _uc_mem_write(uc: number, address: bigint, bytes: number, size: bigint): number;
  _uc_hook_add(
    uc: number,
    hook: number,
    type: number,
    callback: number,
    user: number,
    begin: bigint,
    end: bigint,
    rest: number,
  ): number;
  _uc_hook_del(uc: number, hook: number): number;
  _uc_emu_start(uc: number, begin: bigint, until: bigint, timeout: bigint, count: number): number;
  _uc_emu_stop(uc: number): number;
  _uc_context_alloc(uc: number, context: number): number;
  _uc_context_save(uc: number, context: number): number;
  _uc_context_restore(uc: number, context: number): number;
  _uc_context_free(context: number): number;
  /** Not exported by the tag v2.1.4. */
  _uc_ctl?(uc: number, control: number, rest: number): number;
}

/** Exports without which nothing works; `_uc_ctl` and `HEAPU8` may be missing. */
export const REQUIRED_EXPORTS = [
  'addFunction',
  'removeFunction',
  '_malloc',
  '_free',
  '_uc_version',
  '_uc_arch_supported',
  '_uc_strerror',
  '_uc_open',
  '_uc_close',
  '_uc_reg_read',
  '_uc_reg_write',
  '_uc_mem_map',
  '_uc_mem_map_ptr',
  '_uc_mem_unmap',
  '_uc_mem_read',
  '_uc_mem_write',
  '_uc_hook_add',
  '_uc_hook_del',
  '_uc_emu_start',
  '_uc_emu_stop',
  '_uc_context_alloc',
  '_uc_context_save',
  '_uc_context_restore',
  '_uc_context_free',
] as const satisfies readonly (keyof UnicornModule)[];

/** The engine's memory. It moves to another buffer when it grows: nothing here is to be kept across a call into the engine. */
export class Heap {
  readonly #module: UnicornModule;
  /** What the module exports, when it could be seen at instantiation: the compiled hooks need both. */
  readonly memory: WasmMemory | undefined;
  readonly table: WasmTable | undefined;
  #bytes = new Uint8Array(0);
  #words = new Uint32Array(0);

  /** @throws Error when neither the module nor `memory` shows the heap */
  constructor(module: UnicornModule, memory?: WasmMemory, table?: WasmTable) {
    this.#module = module;
    this.memory = memory;
    this.table = table;
    if (!memory && !module.HEAPU8) throw new Error('it hides its memory');
  }

  get buffer(): ArrayBuffer {
    return this.bytes.buffer as ArrayBuffer;
  }

  get bytes(): Uint8Array {
    // A view whose buffer was detached is empty.
    if (this.#bytes.length === 0)
      this.#bytes = new Uint8Array(this.memory?.buffer ?? (this.#module.HEAPU8!.buffer as ArrayBuffer));
    return this.#bytes;
  }

  /** All of it as 32-bit words. */
  get words(): Uint32Array {
    if (this.#words.length === 0) this.#words = new Uint32Array(this.buffer);
    return this.#words;
  }

  /** The 0-terminated string at `pointer`. */
  string(pointer: number): string {
    const end = this.bytes.indexOf(0, pointer);
    return new TextDecoder('latin1').decode(this.bytes.slice(pointer, end));
  }
}
