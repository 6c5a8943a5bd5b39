// libunicorn as an Engine: memory shared with the host, callbacks guarded so that no exception crosses C code.
import koffi, { type TypeObject } from 'koffi';
import {
  type CodeCallback,
  type Context,
  type Engine,
  type EngineLibrary,
  type FetchCallback,
  HOOK,
  type Hook,
  type HostMemory,
  type InterruptCallback,
  type MemoryCallback,
  type MmioRead,
  type MmioWrite,
  type Shim,
} from './engine.js';
import { type LibUnicorn, PROTO } from './libunicorn.js';
import { ProcessMemory } from './process-memory.js';
import { type FastShim, loadFastShim } from './shim/fast.js';
import { loadShim } from './shim/shim.js';

const ARCH_MIPS = 3;
const MODE_MIPS32 = 0x0000_0004;
const MODE_BIG_ENDIAN = 0x4000_0000;

/** UC_CTL(type, arguments, direction write) of unicorn.h. */
const ctlWrite = (type: number, count: number): number => (type | (count << 26) | (1 << 30)) >>> 0;
const CTL_CPU_MODEL = ctlWrite(7, 1);
const CTL_TB_REMOVE_CACHE = ctlWrite(9, 2);

/** Host page size that guest memory is aligned to; the largest in use (arm64, Apple). */
const HOST_PAGE = 0x1_0000;

interface NativeHook extends Hook {
  readonly handle: bigint;
}

/**
 * Given C functions that answer a device's loads and stores (`base` is its physical address; a hole is where no device is), the
 * functions to be called in their place and their user word.
 */
export type WrapDevice = (
  read: bigint,
  write: bigint,
  base: number,
  hole: boolean,
) => { read: bigint; write: bigint; user: bigint };

/** The low half of a 64-bit argument, which koffi gives as a number where that is exact. */
function low32(value: number | bigint): number {
  return typeof value === 'number' ? value >>> 0 : Number(BigInt.asUintN(32, value));
}

// Callbacks as C calls them, bound to the engine and what they stand for. They are functions of the module, not closures of a boot: V8
// keeps optimised code as long as the function, and compiled them anew in each boot of a sweep.

function deviceRead(engine: NativeEngine, read: MmioRead, _uc: unknown, offset: number, width: number): number {
  try {
    return read(offset, width) >>> 0;
  } catch (error) {
    return engine.fail(error, 0);
  }
}

function deviceWrite(
  engine: NativeEngine,
  write: MmioWrite,
  _uc: unknown,
  offset: number,
  width: number,
  value: number | bigint,
): void {
  try {
    write(offset, width, low32(value));
  } catch (error) {
    engine.fail(error, undefined);
  }
}

/** Of hooks whose arguments are small numbers. @param otherwise what C gets when `callback` throws */
function hookCall<T>(
  engine: NativeEngine,
  callback: (first: number, address: number, size: number, value: number) => T,
  otherwise: T,
  _uc: unknown,
  first: number,
  address: number,
  size: number,
): T {
  try {
    return callback(first, address, size, 0);
  } catch (error) {
    return engine.fail(error, otherwise);
  }
}

function memoryCall(
  engine: NativeEngine,
  callbacks: readonly MemoryCallback[],
  _uc: unknown,
  kind: number,
  address: number,
  size: number,
  value: number | bigint,
  user: number,
): void {
  try {
    callbacks[user](kind, address, size, low32(value));
  } catch (error) {
    engine.fail(error, undefined);
  }
}

export class NativeContext implements Context {
  /** Host pointer of the words. */
  readonly address: bigint;
  readonly #bytes: number;
  #words: Uint32Array | undefined;

  constructor(address: bigint, bytes: number) {
    this.address = address;
    this.#bytes = bytes;
  }

  words(): Uint32Array {
    this.#words ??= new Uint32Array(koffi.view(this.address, this.#bytes & ~3));
    return this.#words;
  }
}

export class NativeEngine implements Engine {
  readonly #lib: LibUnicorn;
  /** The uc_engine. */
  readonly handle: bigint;
  readonly #word = new Uint32Array(1);
  readonly #cell = new BigUint64Array(1);
  readonly #trampolines = new Set<bigint>();
  /** Memory the engine points into: referenced here so that it lives as long. */
  #ram = new Uint8Array(0);
  readonly #hookMemory: ArrayBuffer[] = [];
  #failure: { error: unknown } | undefined;
  /**
   * One C function for all memory hooks, told apart by their user word: koffi's functions that are made inside a callback
   * cannot call back into JavaScript, and memory hooks are added there.
   */
  readonly #memoryTrampoline: bigint;
  readonly #memoryCallbacks: MemoryCallback[] = [];
  readonly host: HostMemory;
  #wrapDevice: WrapDevice | undefined;

  constructor(lib: LibUnicorn, littleEndian: boolean) {
    this.#lib = lib;
    const mode = MODE_MIPS32 | (littleEndian ? 0 : MODE_BIG_ENDIAN);
    this.#check(lib.open(ARCH_MIPS, mode, this.#cell), 'uc_open');
    this.handle = this.#cell[0];
    this.#memoryTrampoline = this.#register(memoryCall.bind(undefined, this, this.#memoryCallbacks), PROTO.memory);
    this.host = new ProcessMemory(Number(this.handle), Number(lib.symbol('uc_version')));
  }

  #check(code: number, what: string): void {
    if (code !== 0) throw new Error(`${what}: ${this.#lib.strerror(code)} (${code})`);
  }

  /** What a callback has thrown stops the engine and comes out of emu_start. @returns `otherwise`, for C */
  fail<T>(error: unknown, otherwise: T): T {
    this.#failure ??= { error };
    this.#lib.emu_stop(this.handle);
    return otherwise;
  }

  #register(callback: (...args: never[]) => unknown, type: TypeObject): bigint {
    const trampoline = koffi.register(callback, type);
    this.#trampolines.add(trampoline);
    return trampoline;
  }

  reg_read_i32(id: number): number {
    this.#check(this.#lib.reg_read(this.handle, id, this.#word), 'uc_reg_read');
    return this.#word[0];
  }

  reg_write_i32(id: number, value: number): void {
    this.#word[0] = value;
    this.#check(this.#lib.reg_write(this.handle, id, this.#word), 'uc_reg_write');
  }

  mem_map(address: number, size: number, perms: number): void {
    this.#check(this.#lib.mem_map(this.handle, address, size, perms), 'uc_mem_map');
  }

  mem_map_ram(address: number, size: number): void {
    // ArrayBuffers of this size come from calloc, hence from fresh zero pages: nothing is touched until used.
    const memory = new ArrayBuffer(size + HOST_PAGE);
    const misaligned = Number(koffi.address(memory) % BigInt(HOST_PAGE));
    this.#ram = new Uint8Array(memory, HOST_PAGE - misaligned, size);
    this.#check(this.#lib.mem_map_ptr(this.handle, address, size, 7, this.#ram), 'uc_mem_map_ptr');
  }

  mem_ram(): Uint8Array {
    return this.#ram;
  }

  mmio_map(address: number, size: number, read: MmioRead, write: MmioWrite, hole = false): void {
    const readPointer = this.#register(deviceRead.bind(undefined, this, read), PROTO.mmioRead);
    const writePointer = this.#register(deviceWrite.bind(undefined, this, write), PROTO.mmioWrite);
    const device = this.#wrapDevice?.(readPointer, writePointer, address, hole);
    const { read: onLoad, write: onStore, user } = device ?? { read: readPointer, write: writePointer, user: null };
    this.#check(this.#lib.mmio_map(this.handle, address, size, onLoad, user, onStore, user), 'uc_mmio_map');
  }

  mem_unmap(address: number, size: number): void {
    this.#check(this.#lib.mem_unmap(this.handle, address, size), 'uc_mem_unmap');
  }

  mem_read(address: number, size: number): Uint8Array {
    const bytes = new Uint8Array(size);
    this.#check(this.#lib.mem_read(this.handle, address, bytes, size), 'uc_mem_read');
    return bytes;
  }

  mem_write(address: number, bytes: Uint8Array): void {
    this.#check(this.#lib.mem_write(this.handle, address, bytes, bytes.length), 'uc_mem_write');
  }

  hook_add(
    type: number,
    callback: CodeCallback | InterruptCallback | FetchCallback | MemoryCallback,
    begin = 1,
    end = 0,
  ): NativeHook {
    const call = callback as (...args: number[]) => void;
    if (type === HOOK.INTR) {
      return this.hook_add_native(type, this.interrupt_callback(call), null, begin, end);
    }
    if (type === HOOK.CODE || type === HOOK.BLOCK) {
      return this.hook_add_native(type, this.code_callback(call), null, begin, end);
    }
    if (type === HOOK.MEM_FETCH_UNMAPPED || type === HOOK.MEM_FETCH_PROT) {
      const body = hookCall.bind(undefined, this, callback as FetchCallback, false);
      return this.hook_add_native(type, this.#register(body, PROTO.event), null, begin, end);
    }
    const { trampoline, user } = this.memory_callback(callback as MemoryCallback);
    return this.hook_add_native(type, trampoline, user, begin, end);
  }

  /** Adds a hook whose callback is C code at `callback`, called with `user` as its last argument. */
  hook_add_native(type: number, callback: bigint, user: bigint | null, begin = 1, end = 0): NativeHook {
    this.#check(this.#lib.hook_add(this.handle, this.#cell, type, callback, user, begin, end), 'uc_hook_add');
    return { type, handle: this.#cell[0] };
  }

  /** A C function pointer of type uc_cb_hookintr_t that calls `callback`. */
  interrupt_callback(callback: InterruptCallback): bigint {
    return this.#register(hookCall.bind(undefined, this, callback, undefined), PROTO.interrupt);
  }

  /** A C function pointer of type uc_cb_hookcode_t that calls `callback`. */
  code_callback(callback: CodeCallback): bigint {
    return this.#register(hookCall.bind(undefined, this, callback, undefined), PROTO.code);
  }

  /** A C function pointer of type uc_cb_hookmem_t that calls `callback` when its last argument is `user`. */
  memory_callback(callback: MemoryCallback): { trampoline: bigint; user: bigint } {
    return { trampoline: this.#memoryTrampoline, user: BigInt(this.#memoryCallbacks.push(callback) - 1) };
  }

  /** Puts C code between the engine and the callbacks of devices that are mapped from now on. */
  wrapDevices(wrap: WrapDevice): void {
    this.#wrapDevice = wrap;
  }

  /** Memory for a C hook, zeroed if it is not given, that stays where it is until `close`. */
  hook_memory(bytes: number, memory = new ArrayBuffer(bytes)): ArrayBuffer {
    this.#hookMemory.push(memory);
    return memory;
  }

  hook_del(hook: Hook): void {
    // Translated code may still call the trampoline: close() releases it.
    this.#check(this.#lib.hook_del(this.handle, (hook as NativeHook).handle), 'uc_hook_del');
  }

  emu_start(begin: number, until: number, timeout: number, count: number): number {
    const code = this.#lib.emu_start(this.handle, begin, until, timeout, count);
    const failure = this.#failure;
    if (failure) {
      this.#failure = undefined;
      throw failure.error;
    }
    return code;
  }

  emu_stop(): void {
    this.#lib.emu_stop(this.handle);
  }

  context_alloc(): Context {
    this.#check(this.#lib.context_alloc(this.handle, this.#cell), 'uc_context_alloc');
    return new NativeContext(this.#cell[0], Number(this.#lib.context_size(this.handle)));
  }

  context_save(context: Context): void {
    this.#check(this.#lib.context_save(this.handle, (context as NativeContext).address), 'uc_context_save');
  }

  context_restore(context: Context): void {
    this.#check(this.#lib.context_restore(this.handle, (context as NativeContext).address), 'uc_context_restore');
  }

  context_free(context: Context): void {
    this.#lib.context_free((context as NativeContext).address);
  }

  ctl_set_cpu_model(model: number): void {
    this.#check(this.#lib.ctl(this.handle, CTL_CPU_MODEL, 'int', model), 'uc_ctl_set_cpu_model');
  }

  ctl_remove_cache(begin: number, end: number): void {
    this.#check(this.#lib.ctl(this.handle, CTL_TB_REMOVE_CACHE, 'uint64', begin, 'uint64', end), 'uc_ctl_remove_cache');
  }

  close(): void {
    this.#check(this.#lib.close(this.handle), 'uc_close');
    for (const trampoline of this.#trampolines) koffi.unregister(trampoline);
    this.#trampolines.clear();
    this.#ram = new Uint8Array(0);
    this.#hookMemory.length = 0;
  }
}

export class NativeLibrary implements EngineLibrary {
  readonly kind = 'native';
  readonly lib: LibUnicorn;
  readonly shim: Shim | undefined;
  readonly fast: FastShim | string;

  /** @param cacheDir where set-up puts the compiled shim */
  constructor(lib: LibUnicorn, cacheDir: string) {
    this.lib = lib;
    this.shim = loadShim(cacheDir, lib);
    this.fast = loadFastShim(cacheDir, lib);
  }

  get version() {
    return this.lib.version;
  }

  get description(): string {
    return `libunicorn ${this.lib.version.join('.')} (${this.lib.path})`;
  }

  open(littleEndian = false): NativeEngine {
    return new NativeEngine(this.lib, littleEndian);
  }
}
