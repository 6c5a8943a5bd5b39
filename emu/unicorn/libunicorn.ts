// Finds libunicorn and declares the functions of unicorn.h that are used, once per process.
import fs from 'node:fs';
import path from 'node:path';
import koffi from 'koffi';

/** Every function returns a uc_err code unless said otherwise; pointers are BigInts (koffi) or typed arrays. */
export interface LibUnicorn {
  readonly path: string;
  readonly version: readonly [number, number, number];
  open(arch: number, mode: number, handle: BigUint64Array): number;
  close(handle: bigint): number;
  strerror(code: number): string;
  reg_read(handle: bigint, id: number, value: Uint32Array): number;
  reg_write(handle: bigint, id: number, value: Uint32Array): number;
  mem_map(handle: bigint, address: number, size: number, perms: number): number;
  mem_map_ptr(handle: bigint, address: number, size: number, perms: number, memory: Uint8Array): number;
  mem_unmap(handle: bigint, address: number, size: number): number;
  mem_read(handle: bigint, address: number, bytes: Uint8Array, size: number): number;
  mem_write(handle: bigint, address: number, bytes: Uint8Array, size: number): number;
  mmio_map(
    handle: bigint,
    address: number,
    size: number,
    read: bigint,
    readUser: bigint | null,
    write: bigint,
    writeUser: bigint | null,
  ): number;
  emu_start(handle: bigint, begin: number, until: number, timeout: number, count: number): number;
  emu_stop(handle: bigint): number;
  hook_add(
    handle: bigint,
    hook: BigUint64Array,
    type: number,
    callback: bigint,
    user: bigint | null,
    begin: number,
    end: number,
  ): number;
  hook_del(handle: bigint, hook: bigint): number;
  context_alloc(handle: bigint, context: BigUint64Array): number;
  context_save(handle: bigint, context: bigint): number;
  context_restore(handle: bigint, context: bigint): number;
  context_free(context: bigint): number;
  /** Bytes of a saved context. */
  context_size(handle: bigint): number;
  ctl(handle: bigint, control: number, ...typesAndValues: (string | number)[]): number;
  /** Address of an exported function, to be handed to the shim. */
  symbol(name: string): bigint;
}

/** Callback types of unicorn.h. */
export const PROTO = {
  code: koffi.pointer(koffi.proto('void uc_code(void* uc, uint64 address, uint32 size, void* user)')),
  interrupt: koffi.pointer(koffi.proto('void uc_interrupt(void* uc, uint32 intno, void* user)')),
  memory: koffi.pointer(
    koffi.proto('void uc_memory(void* uc, int type, uint64 address, int size, int64 value, uintptr_t user)'),
  ),
  event: koffi.pointer(
    koffi.proto('bool uc_event(void* uc, int type, uint64 address, int size, int64 value, void* user)'),
  ),
  mmioRead: koffi.pointer(koffi.proto('uint64 uc_mmio_read(void* uc, uint64 offset, uint32 size, void* user)')),
  mmioWrite: koffi.pointer(
    koffi.proto('void uc_mmio_write(void* uc, uint64 offset, uint32 size, uint64 value, void* user)'),
  ),
};

/** File names a system's package gives the library, newest first. */
const SYSTEM_NAMES = ['libunicorn.so.2', 'libunicorn.so', 'libunicorn.2.dylib', 'libunicorn.dylib', 'unicorn.dll'];

/** Folders that the dynamic linker does not search by itself. */
const SYSTEM_FOLDERS = ['/opt/homebrew/lib', '/usr/local/lib', '/opt/local/lib'];

/** Where set-up puts a private libunicorn (a Debian package unpacked without root); empty when it made none. */
function privateCopies(cacheDir: string): string[] {
  const folder = path.join(cacheDir, 'libunicorn');
  if (!fs.existsSync(folder)) return [];
  return fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => SYSTEM_NAMES.includes(path.basename(name)))
    .sort()
    .map((name) => path.join(folder, name));
}

/**
 * Loads libunicorn: UNICORN_LIB and nothing else when it is set, then the private copy, then the system's.
 * @param cacheDir where set-up works
 * @returns undefined with the reasons in `problems` when none is usable
 */
export function loadLibUnicorn(cacheDir: string, problems: string[]): LibUnicorn | undefined {
  const chosen = process.env.UNICORN_LIB;
  const candidates = chosen
    ? [chosen]
    : [
        ...privateCopies(cacheDir),
        ...SYSTEM_NAMES,
        ...SYSTEM_FOLDERS.flatMap((folder) => SYSTEM_NAMES.map((name) => path.join(folder, name))),
      ];
  for (const candidate of candidates) {
    try {
      const library = declare(candidate);
      if (library.version[0] === 2) return library;
      problems.push(`${candidate}: version ${library.version.join('.')}, need 2.x`);
    } catch (error) {
      if (chosen) problems.push(`UNICORN_LIB: ${(error as Error).message}`);
    }
  }
  return undefined;
}

function declare(file: string): LibUnicorn {
  const lib = koffi.load(file);
  const f = (declaration: string) => lib.func(declaration) as never;
  const packed = (lib.func('uint uc_version(void* major, void* minor)') as (a: null, b: null) => number)(null, null);
  return {
    path: file,
    version: [packed >>> 24, (packed >>> 16) & 255, (packed >>> 8) & 255],
    open: f('int uc_open(int arch, int mode, void* handle)'),
    close: f('int uc_close(void* uc)'),
    strerror: f('const char* uc_strerror(int code)'),
    reg_read: f('int uc_reg_read(void* uc, int id, void* value)'),
    reg_write: f('int uc_reg_write(void* uc, int id, void* value)'),
    mem_map: f('int uc_mem_map(void* uc, uint64 address, size_t size, uint32 perms)'),
    mem_map_ptr: f('int uc_mem_map_ptr(void* uc, uint64 address, size_t size, uint32 perms, void* memory)'),
    mem_unmap: f('int uc_mem_unmap(void* uc, uint64 address, size_t size)'),
    mem_read: f('int uc_mem_read(void* uc, uint64 address, void* bytes, size_t size)'),
    mem_write: f('int uc_mem_write(void* uc, uint64 address, void* bytes, size_t size)'),
    mmio_map: f('int uc_mmio_map(void* uc, uint64 address, size_t size, void* read, void* ru, void* write, void* wu)'),
    emu_start: f('int uc_emu_start(void* uc, uint64 begin, uint64 until, uint64 timeout, size_t count)'),
    emu_stop: f('int uc_emu_stop(void* uc)'),
    hook_add: f(
      'int uc_hook_add(void* uc, void* hook, int type, void* callback, void* user, uint64 begin, uint64 end, ...)',
    ),
    hook_del: f('int uc_hook_del(void* uc, size_t hook)'),
    context_alloc: f('int uc_context_alloc(void* uc, void* context)'),
    context_save: f('int uc_context_save(void* uc, void* context)'),
    context_restore: f('int uc_context_restore(void* uc, void* context)'),
    context_free: f('int uc_context_free(void* context)'),
    context_size: f('size_t uc_context_size(void* uc)'),
    ctl: f('int uc_ctl(void* uc, uint32 control, ...)'),
    symbol: (name) => lib.symbol(name) as bigint,
  };
}
