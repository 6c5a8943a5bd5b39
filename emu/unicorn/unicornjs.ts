// The WebAssembly build of Unicorn (@alexaltea/unicorn-js) as an Engine. It goes past the package's wrapper where that would
// throw strings after handled exceptions, copy memory or touch a detached heap; what it relies on was measured on 2.1.4.
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
  MEM,
  type MemoryCallback,
  type MmioRead,
  type MmioWrite,
  PROT_ALL,
} from './engine.js';

/** An instance of the package's Unicorn class, as far as it is used. */
interface UnicornObject {
  /** Heap offset of the pointer to the uc_engine. */
  readonly handle_ptr: number;
  hook_add(
    type: number,
    callback: (uc: unknown, ...args: never[]) => unknown,
    user: unknown,
    begin: number | bigint,
    end: number | bigint,
  ): unknown;
  hook_del(hook: unknown): void;
  ctl_set_cpu_model(model: number): void;
  ctl_remove_cache(begin: number | bigint, end: number | bigint): void;
  ctl_flush_tb?(): void;
  close(): void;
}

/** The module that the package's factory resolves to: constants, the class and the raw exports. */
export interface UnicornModule {
  readonly ARCH_MIPS: number;
  readonly MODE_MIPS32: number;
  readonly MODE_BIG_ENDIAN: number;
  /** Replaced by another view whenever the heap grows. */
  readonly HEAPU8: Uint8Array;
  Unicorn: new (arch: number, mode: number) => UnicornObject;
  version(): number;
  strerror(code: number): string;
  _malloc(bytes: number): number;
  _free(pointer: number): void;
  _uc_reg_read(uc: number, id: number, value: number): number;
  _uc_reg_write(uc: number, id: number, value: number): number;
  _uc_mem_map(uc: number, address: bigint, size: number, perms: number): number;
  _uc_mem_map_ptr(uc: number, address: bigint, size: number, perms: number, memory: number): number;
  _uc_mem_unmap(uc: number, address: bigint, size: number): number;
  _uc_mem_read(uc: number, address: bigint, bytes: number, size: number): number;
  _uc_mem_write(uc: number, address: bigint, bytes: number, size: number): number;
  _uc_emu_start(uc: number, begin: bigint, until: bigint, timeout: bigint, count: number): number;
  _uc_emu_stop(uc: number): number;
  _uc_context_alloc(uc: number, context: number): number;
  _uc_context_save(uc: number, context: number): number;
  _uc_context_restore(uc: number, context: number): number;
  _uc_free(memory: number): number;
}

/** Bytes of a saved context that are of interest; the package does not tell its size. */
const CONTEXT_BYTES = 0x2c00;
/** What lies behind a device's registers: reads are planted there, so one piece serves any number of pages. */
const DEVICE_BYTES = 0x1_0000;
/** Static data ends below this; the heap proper starts there. */
const STATIC_END = 8 << 20;

class HeapContext implements Context {
  readonly #module: UnicornModule;
  readonly pointer: number;

  constructor(module: UnicornModule, pointer: number) {
    this.#module = module;
    this.pointer = pointer;
  }

  words(): Uint32Array {
    return new Uint32Array(this.#module.HEAPU8.buffer, this.pointer, CONTEXT_BYTES / 4);
  }
}

class HeapMemory implements HostMemory {
  readonly pointerBytes = 4;
  readonly #module: UnicornModule;
  readonly engineAddress: number;

  constructor(module: UnicornModule, engineAddress: number) {
    this.#module = module;
    this.engineAddress = engineAddress;
  }

  read(address: number, length: number): Uint8Array {
    return this.#module.HEAPU8.slice(address, address + length);
  }

  words(address: number, count: number): Uint32Array {
    return new Uint32Array(this.#module.HEAPU8.buffer, address, count);
  }

  dataRanges(): { start: number; end: number }[] {
    return [{ start: 1024, end: Math.min(STATIC_END, this.#module.HEAPU8.length) }];
  }
}

/** The package throws strings. */
function asError<T>(body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw typeof error === 'string' ? new Error(error) : error;
  }
}

export class UnicornJsEngine implements Engine {
  readonly #library: UnicornJsLibrary;
  readonly #module: UnicornModule;
  readonly #unicorn: UnicornObject;
  readonly #handle: number;
  /** Eight bytes of heap for results. */
  readonly #cell: number;
  readonly #allocated: number[] = [];
  #ram: { pointer: number; size: number } | undefined;
  #ramView: Uint8Array = new Uint8Array(0);
  #failure: { error: unknown } | undefined;
  readonly host: HostMemory;

  constructor(library: UnicornJsLibrary, module: UnicornModule) {
    this.#library = library;
    this.#module = module;
    this.#unicorn = asError(() => new module.Unicorn(module.ARCH_MIPS, module.MODE_MIPS32 | module.MODE_BIG_ENDIAN));
    this.#cell = this.#allocate(8);
    this.#handle = this.#word(this.#unicorn.handle_ptr);
    this.host = new HeapMemory(module, this.#handle);
  }

  #allocate(bytes: number): number {
    const pointer = this.#module._malloc(bytes) >>> 0;
    if (pointer === 0) throw new Error(`the WebAssembly engine has no ${bytes} bytes left: use less guest memory`);
    this.#allocated.push(pointer);
    return pointer;
  }

  #word(pointer: number): number {
    return new DataView(this.#module.HEAPU8.buffer).getUint32(pointer, true);
  }

  #check(code: number, what: string): void {
    if (code !== 0) throw new Error(`${what}: ${this.#module.strerror(code)} (${code})`);
  }

  /** Runs a callback's body: a throw would leave the engine one level of nesting short, so it is kept for later. */
  #guard<T>(body: () => T, otherwise: T): T {
    try {
      return body();
    } catch (error) {
      this.#failure ??= { error };
      this.#module._uc_emu_stop(this.#handle);
      return otherwise;
    }
  }

  reg_read_i32(id: number): number {
    this.#check(this.#module._uc_reg_read(this.#handle, id, this.#cell), 'uc_reg_read');
    return this.#word(this.#cell);
  }

  reg_write_i32(id: number, value: number): void {
    new DataView(this.#module.HEAPU8.buffer).setUint32(this.#cell, value >>> 0, true);
    this.#check(this.#module._uc_reg_write(this.#handle, id, this.#cell), 'uc_reg_write');
  }

  mem_map(address: number, size: number, perms: number): void {
    this.#check(this.#module._uc_mem_map(this.#handle, BigInt(address), size, perms), 'uc_mem_map');
  }

  mem_map_ram(address: number, size: number): void {
    // 16 bytes for alignment: the engine handles RAM in units of its largest access.
    const pointer = (this.#allocate(size + 16) + 15) & ~15;
    this.#ram = { pointer: pointer >>> 0, size };
    this.mem_ram().fill(0);
    this.#check(
      this.#module._uc_mem_map_ptr(this.#handle, BigInt(address), size, PROT_ALL, this.#ram.pointer),
      'uc_mem_map_ptr',
    );
  }

  mem_ram(): Uint8Array {
    const { buffer } = this.#module.HEAPU8;
    if (this.#ram && this.#ramView.buffer !== buffer)
      this.#ramView = new Uint8Array(buffer, this.#ram.pointer, this.#ram.size);
    return this.#ramView;
  }

  /** There is no uc_mmio_map: a device is memory with hooks on its physical range, which fire before the access. */
  mmio_map(address: number, size: number, read: MmioRead, write: MmioWrite): void {
    const memory = this.#allocate(DEVICE_BYTES);
    for (let offset = 0; offset < size; offset += DEVICE_BYTES) {
      const bytes = Math.min(DEVICE_BYTES, size - offset);
      this.#check(
        this.#module._uc_mem_map_ptr(this.#handle, BigInt(address + offset), bytes, PROT_ALL, memory),
        'uc_mem_map_ptr',
      );
    }
    const access: MemoryCallback = (type, physical, width, value) => {
      const offset = physical - address;
      if (type === MEM.WRITE) {
        write(offset, width, value);
        return;
      }
      const bytes = new DataView(this.#module.HEAPU8.buffer, memory + (offset % DEVICE_BYTES), width);
      const result = read(offset, width);
      if (width === 1) bytes.setUint8(0, result);
      else if (width === 2) bytes.setUint16(0, result);
      else bytes.setUint32(0, result);
    };
    this.hook_add(HOOK.MEM_READ | HOOK.MEM_WRITE, access, address, address + size - 1);
  }

  mem_unmap(address: number, size: number): void {
    this.#check(this.#module._uc_mem_unmap(this.#handle, BigInt(address), size), 'uc_mem_unmap');
  }

  mem_read(address: number, size: number): Uint8Array {
    const pointer = this.#module._malloc(size) >>> 0;
    this.#check(this.#module._uc_mem_read(this.#handle, BigInt(address), pointer, size), 'uc_mem_read');
    const bytes = this.#module.HEAPU8.slice(pointer, pointer + size);
    this.#module._free(pointer);
    return bytes;
  }

  mem_write(address: number, bytes: Uint8Array): void {
    const pointer = this.#module._malloc(bytes.length) >>> 0;
    this.#module.HEAPU8.set(bytes, pointer);
    const code = this.#module._uc_mem_write(this.#handle, BigInt(address), pointer, bytes.length);
    this.#module._free(pointer);
    this.#check(code, 'uc_mem_write');
  }

  hook_add(
    type: number,
    callback: CodeCallback | InterruptCallback | FetchCallback | MemoryCallback,
    begin = 1,
    end = 0,
  ): Hook {
    const handle = asError(() => this.#unicorn.hook_add(type, this.#wrap(type, callback), {}, begin, end));
    // Code translated before does not call the new hook.
    this.#unicorn.ctl_flush_tb?.();
    return { type, handle };
  }

  /** The package's callbacks get the instance first, 64-bit values as BigInt and user data last. */
  #wrap(type: number, callback: unknown): (uc: unknown, ...args: never[]) => unknown {
    const call = callback as (...args: number[]) => unknown;
    if (type === HOOK.INTR)
      return (_uc: unknown, intno: number) => void this.#guard(() => call(intno >>> 0), undefined);
    if (type === HOOK.CODE || type === HOOK.BLOCK)
      return (_uc: unknown, address: bigint, size: number) =>
        void this.#guard(() => call(Number(BigInt.asUintN(32, address)), size), undefined);
    return (_uc: unknown, kind: number, address: bigint, size: number, value: bigint) =>
      this.#guard(
        () => call(kind, Number(BigInt.asUintN(32, address)), size, Number(BigInt.asUintN(32, BigInt(value)))),
        false,
      );
  }

  hook_del(hook: Hook): void {
    asError(() => this.#unicorn.hook_del(hook.handle));
    this.#unicorn.ctl_flush_tb?.();
  }

  emu_start(begin: number, until: number, timeout: number, count: number): number {
    if (timeout !== 0) throw new RangeError('a timeout aborts unicorn.js');
    let code;
    try {
      code = this.#module._uc_emu_start(this.#handle, BigInt(begin), BigInt(until), 0n, count);
    } catch (error) {
      // A WebAssembly trap leaves the heap as it was in the middle of something.
      this.#library.poison();
      throw this.#failure?.error ?? error;
    }
    const failure = this.#failure;
    if (failure) {
      this.#failure = undefined;
      throw failure.error;
    }
    return code;
  }

  emu_stop(): void {
    this.#module._uc_emu_stop(this.#handle);
  }

  context_alloc(): Context {
    this.#check(this.#module._uc_context_alloc(this.#handle, this.#cell), 'uc_context_alloc');
    return new HeapContext(this.#module, this.#word(this.#cell));
  }

  context_save(context: Context): void {
    this.#check(this.#module._uc_context_save(this.#handle, (context as HeapContext).pointer), 'uc_context_save');
  }

  context_restore(context: Context): void {
    this.#check(this.#module._uc_context_restore(this.#handle, (context as HeapContext).pointer), 'uc_context_restore');
  }

  context_free(context: Context): void {
    this.#module._uc_free((context as HeapContext).pointer);
  }

  ctl_set_cpu_model(model: number): void {
    asError(() => this.#unicorn.ctl_set_cpu_model(model));
  }

  ctl_remove_cache(begin: number, end: number): void {
    asError(() => this.#unicorn.ctl_remove_cache(begin, end));
  }

  close(): void {
    asError(() => this.#unicorn.close());
    for (const pointer of this.#allocated) this.#module._free(pointer);
    this.#ram = undefined;
    this.#ramView = new Uint8Array(0);
  }
}

export class UnicornJsLibrary implements EngineLibrary {
  readonly kind = 'unicorn.js';
  readonly shim = undefined;
  readonly fast = 'unicorn.js: the fast path is for libunicorn 2.0.x';
  readonly version: readonly [number, number, number];
  readonly #module: UnicornModule;
  #poisoned = false;

  constructor(module: UnicornModule) {
    this.#module = module;
    const packed = module.version();
    this.version = [packed >>> 24, (packed >>> 16) & 255, (packed >>> 8) & 255];
  }

  get description(): string {
    return `unicorn.js ${this.version.join('.')} (@alexaltea/unicorn-js)`;
  }

  /** Called after a WebAssembly trap: the module is of no more use. */
  poison(): void {
    this.#poisoned = true;
  }

  open(): UnicornJsEngine {
    if (this.#poisoned) throw new Error('the WebAssembly engine has crashed in this process');
    return new UnicornJsEngine(this, this.#module);
  }
}

/** Loads the package: its MIPS build, else the one with all architectures. @throws Error when it is not installed */
export async function loadUnicornJs(): Promise<UnicornJsLibrary> {
  const name = '@alexaltea/unicorn-js';
  const load = async (specifier: string): Promise<UnicornModule> => {
    const imported = (await import(specifier)) as { default: () => Promise<UnicornModule> };
    return imported.default();
  };
  return new UnicornJsLibrary(await load(`${name}/mips`).catch(() => load(name)));
}
