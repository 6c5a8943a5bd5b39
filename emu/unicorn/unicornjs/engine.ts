// A guest of unicorn.js (the Emscripten build of Unicorn, core 2.1.4) as an Engine, on the module's raw exports. What it relies on was
// measured on builds of its head and of its tag v2.1.4.
import { EngineCrashError } from '../../errors.js';
import {
  type CodeCallback,
  type Context,
  type Engine,
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
  REG,
} from '../engine.js';
import type { StateMemory } from '../shim/cpu-state.js';
import type { UnicornJsLibrary } from './library.js';
import type { Heap, UnicornModule } from './module.js';

export const ARCH_MIPS = 3;
const MODE_MIPS32 = 0x0000_0004;
const MODE_BIG_ENDIAN = 0x4000_0000;

/** UC_CTL(type, arguments, direction write) of unicorn.h. */
const ctlWrite = (type: number, count: number): number => (type | (count << 26) | (1 << 30)) >>> 0;
const CTL_CPU_MODEL = ctlWrite(7, 1);
const CTL_TB_REMOVE_CACHE = ctlWrite(9, 2);
const CTL_TB_FLUSH = ctlWrite(10, 0);

/** Bytes of a saved context that are of interest; the module does not tell its size. */
const CONTEXT_BYTES = 0x2c00;
/**
 * What lies behind all devices' registers: reads are planted there, so one piece serves any number of pages. The smaller it is, the more
 * regions a large window is, and the engine takes longer for each one than for the one before.
 */
const DEVICE_BYTES = 4 << 20;
/** Static data ends below this; the heap proper starts there. */
const STATIC_END = 8 << 20;
/** Bytes of uc_engine that are searched for the CPU model, and what uc_open puts there: "the default" (INT_MAX). */
const ENGINE_BYTES = 0x1000;
const DEFAULT_MODEL = 0x7fff_ffff;

/** An address in kseg0 at which every guest has memory, and not the first one of a page: the engine looks before it, too. */
const SOMEWHERE = 0x8000_0100n;

/** Signatures for addFunction: i is a 32-bit, j a 64-bit integer, the first letter the result. */
const SIGNATURE = { interrupt: 'viii', code: 'vijii', memory: 'viijiji', event: 'iiijiji' } as const;

/** The low half of a 64-bit argument. */
const low32 = (value: bigint): number => Number(BigInt.asUintN(32, value));

export class HeapContext implements Context {
  readonly #heap: Heap;
  readonly pointer: number;

  constructor(heap: Heap, pointer: number) {
    this.#heap = heap;
    this.pointer = pointer;
  }

  words(): Uint32Array {
    return new Uint32Array(this.#heap.buffer, this.pointer, CONTEXT_BYTES / 4);
  }
}

class HeapMemory implements HostMemory {
  readonly pointerBytes = 4;
  readonly #heap: Heap;
  readonly engineAddress: number;

  constructor(heap: Heap, engineAddress: number) {
    this.#heap = heap;
    this.engineAddress = engineAddress;
  }

  read(address: number, length: number): Uint8Array {
    return this.#heap.bytes.slice(address, address + length);
  }

  words(address: number, count: number): Uint32Array {
    return new Uint32Array(this.#heap.buffer, address, count);
  }

  dataRanges(): { start: number; end: number }[] {
    return [{ start: 1024, end: Math.min(STATIC_END, this.#heap.bytes.length) }];
  }
}

export class UnicornJsEngine implements Engine {
  /** The interpreter's helpers cannot tell which instruction called them (GETPC is 0 there), so hflags stay as the block began. */
  readonly losesBranchState = true;
  /** Without uc_ctl: see `ctl_remove_cache`. */
  readonly forgetsAtRest: boolean;
  readonly #library: UnicornJsLibrary;
  readonly #module: UnicornModule;
  readonly #heap: Heap;
  readonly #littleEndian: boolean;
  readonly #handle: number;
  /** Sixteen bytes of heap for results and variable arguments. */
  readonly #cell: number;
  readonly #allocated: number[] = [];
  /** Indices of callbacks in the function table. Translated code may call them until the guest is closed. */
  readonly #functions: number[] = [];
  #deviceMemory: number | undefined;
  #ram: { pointer: number; size: number } | undefined;
  #ramView: Uint8Array = new Uint8Array(0);
  #failure: { error: unknown } | undefined;
  readonly host: HostMemory;

  constructor(library: UnicornJsLibrary, module: UnicornModule, heap: Heap, littleEndian: boolean) {
    this.#library = library;
    this.#module = module;
    this.#heap = heap;
    this.#cell = this.#allocate(16);
    this.#littleEndian = littleEndian;
    this.forgetsAtRest = module._uc_ctl === undefined;
    const mode = MODE_MIPS32 | (littleEndian ? 0 : MODE_BIG_ENDIAN);
    this.#call('uc_open', () => module._uc_open(ARCH_MIPS, mode, this.#cell));
    this.#handle = heap.words[this.#cell >>> 2];
    this.host = new HeapMemory(heap, this.#handle);
  }

  #allocate(bytes: number): number {
    const pointer = this.#trapped(() => this.#module._malloc(bytes)) >>> 0;
    if (pointer === 0) throw new Error(`the WebAssembly engine has no ${bytes} bytes left: use less guest memory`);
    this.#allocated.push(pointer);
    return pointer;
  }

  /** A WebAssembly trap leaves the heap as it was in the middle of something: the module is of no more use. */
  #trapped<T>(body: () => T): T {
    try {
      return body();
    } catch (error) {
      throw this.#dead(error);
    }
  }

  #dead(error: unknown): Error {
    this.#library.crashed = true;
    const [reason] = String(error instanceof Error ? error.message : error).split('\n', 1);
    return new EngineCrashError(`${this.#library.description} crashed: ${reason.slice(0, 200)}`);
  }

  #call(name: string, body: () => number): void {
    this.#check(this.#trapped(body), name);
  }

  #check(code: number, name: string): void {
    if (code !== 0) throw new Error(`${name}: ${this.#library.strerror(code)} (${code})`);
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
    return this.#heap.words[this.#cell >>> 2];
  }

  reg_write_i32(id: number, value: number): void {
    this.#heap.words[this.#cell >>> 2] = value;
    this.#check(this.#module._uc_reg_write(this.#handle, id, this.#cell), 'uc_reg_write');
  }

  mem_map(address: number, size: number, perms: number): void {
    this.#call('uc_mem_map', () => this.#module._uc_mem_map(this.#handle, BigInt(address), BigInt(size), perms));
  }

  mem_map_ram(address: number, size: number): void {
    // 16 bytes for alignment: the engine handles RAM in units of its largest access.
    const pointer = ((this.#allocate(size + 16) + 15) & ~15) >>> 0;
    this.#ram = { pointer, size };
    this.mem_ram().fill(0);
    this.#mapPointer(address, size, pointer);
  }

  #mapPointer(address: number, size: number, pointer: number): void {
    this.#call('uc_mem_map_ptr', () =>
      this.#module._uc_mem_map_ptr(this.#handle, BigInt(address), BigInt(size), PROT_ALL, pointer),
    );
  }

  mem_ram(): Uint8Array {
    if (this.#ram && this.#ramView.length === 0)
      this.#ramView = new Uint8Array(this.#heap.buffer, this.#ram.pointer, this.#ram.size);
    return this.#ramView;
  }

  /** There is no uc_mmio_map: a device is memory with hooks on its physical range, which fire before the access. */
  mmio_map(address: number, size: number, read: MmioRead, write: MmioWrite): void {
    this.#deviceMemory ??= this.#allocate(DEVICE_BYTES);
    const memory = this.#deviceMemory;
    for (let offset = 0; offset < size; offset += DEVICE_BYTES)
      this.#mapPointer(address + offset, Math.min(DEVICE_BYTES, size - offset), memory);
    const access: MemoryCallback = (type, physical, width, value) => {
      const offset = physical - address;
      if (type === MEM.WRITE) {
        write(offset, width, value);
        return;
      }
      const result = read(offset, width);
      const bytes = new DataView(this.#heap.buffer, memory + (offset % DEVICE_BYTES), width);
      if (width === 1) bytes.setUint8(0, result);
      else if (width === 2) bytes.setUint16(0, result, this.#littleEndian);
      else bytes.setUint32(0, result, this.#littleEndian);
    };
    this.hook_add(HOOK.MEM_READ | HOOK.MEM_WRITE, access, address, address + size - 1);
  }

  mem_unmap(address: number, size: number): void {
    this.#call('uc_mem_unmap', () => this.#module._uc_mem_unmap(this.#handle, BigInt(address), BigInt(size)));
  }

  mem_read(address: number, size: number): Uint8Array {
    return this.#withBuffer(size, (pointer) => {
      this.#call('uc_mem_read', () => this.#module._uc_mem_read(this.#handle, BigInt(address), pointer, BigInt(size)));
      return this.#heap.bytes.slice(pointer, pointer + size);
    });
  }

  mem_write(address: number, bytes: Uint8Array): void {
    this.#withBuffer(bytes.length, (pointer) => {
      this.#heap.bytes.set(bytes, pointer);
      this.#call('uc_mem_write', () =>
        this.#module._uc_mem_write(this.#handle, BigInt(address), pointer, BigInt(bytes.length)),
      );
    });
  }

  #withBuffer<T>(size: number, body: (pointer: number) => T): T {
    const pointer = this.#trapped(() => this.#module._malloc(size)) >>> 0;
    if (pointer === 0) throw new Error(`the WebAssembly engine has no ${size} bytes left`);
    try {
      return body(pointer);
    } finally {
      if (!this.#library.crashed) this.#module._free(pointer);
    }
  }

  hook_add(
    type: number,
    callback: CodeCallback | InterruptCallback | FetchCallback | MemoryCallback,
    begin = 1,
    end = 0,
  ): Hook {
    return this.hook_add_function(type, this.#register(type, callback), 0, begin, end);
  }

  /**
   * Adds a hook that calls the function at an index of the table.
   * @param user its last argument
   */
  hook_add_function(type: number, index: number, user: number, begin = 1, end = 0): Hook {
    const rest = this.#cell + 8;
    this.#heap.words.fill(0, rest >>> 2, (rest >>> 2) + 2);
    this.#call('uc_hook_add', () =>
      this.#module._uc_hook_add(this.#handle, this.#cell, type, index, user, BigInt(begin), BigInt(end), rest),
    );
    const handle = this.#heap.words[this.#cell >>> 2];
    this.#flushTranslations();
    return { type, handle };
  }

  /** A table index of a function of type uc_cb_hookintr_t that calls `callback`. */
  interrupt_callback(callback: InterruptCallback): number {
    return this.#register(HOOK.INTR, callback);
  }

  /** A table index of a function of type uc_cb_hookmem_t that calls `callback`, and its last argument. */
  memory_callback(callback: MemoryCallback): { index: number; user: number } {
    return { index: this.#register(HOOK.MEM_READ, callback), user: 0 };
  }

  /** Zeroed memory for a compiled hook, aligned to 8 bytes, until `close`. */
  hook_memory(bytes: number): StateMemory {
    const offset = ((this.#allocate(bytes + 8) + 7) & ~7) >>> 0;
    this.#heap.bytes.fill(0, offset, offset + bytes);
    return { buffer: () => this.#heap.buffer, offset };
  }

  /** Heap offset of the RAM. */
  get ram_pointer(): number {
    return this.#ram!.pointer;
  }

  /** Puts a function into the engine's table until `close`. */
  add_function(callback: unknown, signature: string): number {
    const index = this.#trapped(() => this.#module.addFunction(callback, signature));
    this.#functions.push(index);
    return index;
  }

  #register(type: number, callback: unknown): number {
    const call = callback as (...args: number[]) => unknown;
    if (type === HOOK.INTR)
      return this.add_function(
        (_uc: number, intno: number) => void this.#guard(() => call(intno >>> 0), undefined),
        SIGNATURE.interrupt,
      );
    if (type === HOOK.CODE || type === HOOK.BLOCK)
      return this.add_function(
        (_uc: number, address: bigint, size: number) => void this.#guard(() => call(low32(address), size), undefined),
        SIGNATURE.code,
      );
    const body = (_uc: number, kind: number, address: bigint, size: number, value: bigint): unknown =>
      this.#guard(() => call(kind, low32(address), size, low32(value)), false);
    if (type === HOOK.MEM_FETCH_UNMAPPED)
      return this.add_function((...args: Parameters<typeof body>) => (body(...args) ? 1 : 0), SIGNATURE.event);
    return this.add_function((...args: Parameters<typeof body>) => void body(...args), SIGNATURE.memory);
  }

  hook_del(hook: Hook): void {
    this.#call('uc_hook_del', () => this.#module._uc_hook_del(this.#handle, hook.handle as number));
    this.#flushTranslations();
  }

  /** Code translated before does not call a new hook. */
  #flushTranslations(): void {
    if (this.#module._uc_ctl) this.#ctl('uc_ctl_flush_tb', CTL_TB_FLUSH);
  }

  /** @param words the variable arguments, as 32-bit words */
  #ctl(name: string, control: number, ...words: number[]): void {
    const rest = this.#trapped(() => this.#module._malloc(16)) >>> 0;
    this.#heap.words.set(words, rest >>> 2);
    try {
      this.#call(name, () => this.#module._uc_ctl!(this.#handle, control, rest));
    } finally {
      if (!this.#library.crashed) this.#module._free(rest);
    }
  }

  emu_start(begin: number, until: number, timeout: number, count: number): number {
    if (timeout !== 0) throw new RangeError('a timeout aborts unicorn.js');
    let code;
    try {
      code = this.#module._uc_emu_start(this.#handle, BigInt(begin), BigInt(until), 0n, count);
    } catch (error) {
      const dead = this.#dead(error);
      throw this.#failure?.error ?? dead;
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
    this.#call('uc_context_alloc', () => this.#module._uc_context_alloc(this.#handle, this.#cell));
    return new HeapContext(this.#heap, this.#heap.words[this.#cell >>> 2]);
  }

  context_save(context: Context): void {
    this.#check(this.#module._uc_context_save(this.#handle, (context as HeapContext).pointer), 'uc_context_save');
  }

  context_restore(context: Context): void {
    this.#check(this.#module._uc_context_restore(this.#handle, (context as HeapContext).pointer), 'uc_context_restore');
  }

  context_free(context: Context): void {
    if (!this.#library.crashed) this.#module._uc_context_free((context as HeapContext).pointer);
  }

  ctl_set_cpu_model(model: number): void {
    if (this.#module._uc_ctl) this.#ctl('uc_ctl_set_cpu_model', CTL_CPU_MODEL, model);
    else this.#pokeCpuModel(model);
  }

  /** Without uc_ctl: no other word of a fresh uc_engine has the value that stands for "the default model". */
  #pokeCpuModel(model: number): void {
    const first = this.#handle >>> 2;
    const words = this.#heap.words.subarray(first, first + ENGINE_BYTES / 4);
    const at = words.indexOf(DEFAULT_MODEL);
    if (at < 0 || words.indexOf(DEFAULT_MODEL, at + 1) >= 0)
      throw new Error(`${this.#library.description} has no uc_ctl and hides its CPU model`);
    words[at] = model;
    this.#library.checkModel(model);
  }

  ctl_remove_cache(begin: number, end: number): void {
    if (this.#module._uc_ctl) {
      this.#ctl('uc_ctl_remove_cache', CTL_TB_REMOVE_CACHE, begin, 0, end, 0);
      return;
    }
    // Without uc_ctl: taking away the hook that counts instructions forgets all code (uc_emu_start in uc.c). Nothing is executed.
    const pc = this.reg_read_i32(REG.PC);
    for (const count of [1, 0])
      this.#trapped(() => this.#module._uc_emu_start(this.#handle, SOMEWHERE, SOMEWHERE, 0n, count));
    this.reg_write_i32(REG.PC, pc);
  }

  close(): void {
    this.#ram = undefined;
    this.#ramView = new Uint8Array(0);
    if (this.#library.crashed) return;
    this.#call('uc_close', () => this.#module._uc_close(this.#handle));
    for (const index of this.#functions.splice(0)) this.#module.removeFunction(index);
    for (const pointer of this.#allocated.splice(0)) this.#module._free(pointer);
  }
}
