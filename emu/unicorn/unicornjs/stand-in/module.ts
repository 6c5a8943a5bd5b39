// For tests only: a module with the exports of unicorn.js whose guests an interpreter runs. It is stricter than the real one: every
// argument has to have the type that unicorn.h 2.1.4 gives it, memory that was freed is not freed again, views of the heap are detached
// in the middle of runs. `MUnicorn` is made of it for pages.
import { CONTEXT_BYTES, type Hook, Interpreter, MODELS } from './interpreter.js';
import { StandInHeap } from './heap.js';

export interface StandInOptions {
  /** With HEAPU8, as builds by Emscripten before 4.0.7. Default true. */
  heapu8?: boolean;
  /** With uc_ctl, as builds of the head; the tag v2.1.4 has none. Default true. */
  ctl?: boolean;
  /** Architectures: MIPS is 3. */
  mips?: boolean;
}

const ENGINE_BYTES = 0x1000;
const MODEL_AT = 0x18c;
const CPU_AT = 0x40;
const REGISTERS_AT = 0x60;
/** In CPUState: flags of the next block, among other words that say "none". */
const FLAGS_AT = 0x74;
const NONE_AT = [0x44, 0x70];
/** Static data: the generator's two words; on the stack above, what it leaves there. */
const RANDOM = { state: 2048, previous: 2056, decoy: 0x9000 };
const STRINGS = 4096;
const HEAP_START = 0x1_0000;
/** First general register in a saved context on wasm32. */
const CONTEXT_GPR = 28;
const OK = 0;
const ERR_ARG = 15;
const REG_PC = 1;
const REG_STATUS = 139;
const CTL = { cpuModel: 7, removeCache: 9, flush: 10 };

interface Guest {
  readonly bigEndian: boolean;
  cpu: Interpreter | undefined;
  readonly hooks: Map<number, Hook>;
  readonly owned: number[];
  running: number;
  countHook: boolean;
}

/** A letter for each argument: i a number, j a bigint, as WebAssembly itself would insist. */
function typed(name: string, signature: string, body: (...args: never[]) => number): (...args: unknown[]) => number {
  return (...args) => {
    [...signature].forEach((letter, i) => {
      if (typeof args[i] !== (letter === 'j' ? 'bigint' : 'number'))
        throw new TypeError(
          `${name}: argument ${i + 1}: cannot convert ${String(args[i])} to a ${letter === 'j' ? 'BigInt' : 'number'}`,
        );
    });
    return body(...(args as never[]));
  };
}

export async function standIn(options: StandInOptions = {}): Promise<Record<string, unknown>> {
  const { heapu8 = true, ctl = true, mips = true } = options;
  const heap = await StandInHeap.create(HEAP_START);
  const guests = new Map<number, Guest>();
  let hookHandles = 1000;
  heap.words[RANDOM.state >>> 2] = 1;
  heap.bytes.set(new TextEncoder().encode('the stand-in says so\0'), STRINGS);

  const guest = (uc: number): Guest => {
    const found = guests.get(uc);
    if (!found) throw new Error(`${uc} is no uc_engine`);
    return found;
  };
  /** The CPU is made at its first use, of the model that uc_engine says then. */
  const cpu = (uc: number): Interpreter => {
    const it = guest(uc);
    if (!it.cpu) {
      const model = heap.words[(uc + MODEL_AT) >>> 2];
      it.cpu = new Interpreter(heap, uc, RANDOM, MODELS[model] ? model : 8, it.bigEndian);
      const { object } = it.cpu;
      for (const at of [...NONE_AT, FLAGS_AT]) heap.words[(object + at) >>> 2] = 0xffff_ffff;
      it.cpu.flags = object + FLAGS_AT;
      heap.words[(object + REGISTERS_AT) >>> 2] = it.cpu.registers;
      heap.words[(uc + CPU_AT) >>> 2] = object;
    }
    return it.cpu;
  };
  const number = (value: bigint): number => Number(BigInt.asUintN(32, value));
  const map = (uc: number, address: bigint, size: bigint, pointer: number): number => {
    const start = number(address);
    const { regions } = cpu(uc);
    const overlaps = regions.some((other) => start < other.start + other.size && other.start < start + Number(size));
    if (start % 0x1000 !== 0 || Number(size) % 0x1000 !== 0 || overlaps) return ERR_ARG;
    regions.push({ start, size: Number(size), pointer });
    regions.sort((a, b) => b.size - a.size); // RAM first
    return OK;
  };
  const copy = (uc: number, address: bigint, pointer: number, size: bigint, write: boolean): number => {
    for (let k = 0; k < Number(size); k++) {
      const at = number(address) + k;
      const region = cpu(uc).regions.find(({ start, size: bytes }) => at >= start && at < start + bytes);
      if (!region) return write ? 7 : 6;
      const { bytes } = heap;
      const place = region.pointer + (at - region.start);
      if (write) bytes[place] = bytes[pointer + k];
      else bytes[pointer + k] = bytes[place];
    }
    return OK;
  };

  const exports: Record<string, (...args: unknown[]) => number> = {
    _malloc: typed('malloc', 'i', (bytes: number) => heap.malloc(bytes)),
    _free: typed('free', 'i', (pointer: number) => (heap.free(pointer), 0)),
    _uc_version: typed('uc_version', 'ii', () => 0x0201_04ff),
    _uc_arch_supported: typed('uc_arch_supported', 'i', (arch: number) => (mips && arch === 3 ? 1 : 0)),
    _uc_strerror: typed('uc_strerror', 'i', () => STRINGS),
    _uc_open: typed('uc_open', 'iii', (_arch: number, mode: number, handle: number) => {
      const uc = heap.malloc(ENGINE_BYTES);
      heap.words.fill(0, uc >>> 2, (uc + ENGINE_BYTES) >>> 2);
      heap.words[(uc + MODEL_AT) >>> 2] = 0x7fff_ffff;
      heap.words[handle >>> 2] = uc;
      const bigEndian = (mode & 0x4000_0000) !== 0;
      guests.set(uc, { bigEndian, cpu: undefined, hooks: new Map(), owned: [], running: 0, countHook: false });
      return OK;
    }),
    _uc_close: typed('uc_close', 'i', (uc: number) => {
      const { cpu: made, owned } = guest(uc);
      made?.free();
      for (const pointer of owned) heap.free(pointer);
      guests.delete(uc);
      heap.free(uc);
      return OK;
    }),
    _uc_reg_read: typed('uc_reg_read', 'iii', (uc: number, id: number, pointer: number) => {
      const it = cpu(uc);
      const value = id === REG_PC ? it.pc : id === REG_STATUS ? it.status : heap.words[(it.registers >>> 2) + id - 2];
      heap.words[pointer >>> 2] = value;
      return OK;
    }),
    _uc_reg_write: typed('uc_reg_write', 'iii', (uc: number, id: number, pointer: number) => {
      const it = cpu(uc);
      const value = heap.words[pointer >>> 2];
      if (id === REG_PC) it.jump(value);
      else if (id === REG_STATUS) it.status = value;
      else heap.words[(it.registers >>> 2) + id - 2] = value;
      return OK;
    }),
    _uc_mem_map: typed('uc_mem_map', 'ijji', (uc: number, address: bigint, size: bigint) => {
      cpu(uc);
      const pointer = heap.malloc(Number(size));
      guest(uc).owned.push(pointer);
      return map(uc, address, size, pointer);
    }),
    _uc_mem_map_ptr: typed(
      'uc_mem_map_ptr',
      'ijjii',
      (uc: number, address: bigint, size: bigint, _p: number, pointer: number) => map(uc, address, size, pointer),
    ),
    _uc_mem_unmap: typed('uc_mem_unmap', 'ijj', (uc: number, address: bigint, size: bigint) => {
      const { regions } = cpu(uc);
      const index = regions.findIndex((region) => region.start === number(address) && region.size === Number(size));
      if (index < 0) return ERR_ARG;
      regions.splice(index, 1);
      return OK;
    }),
    _uc_mem_read: typed('uc_mem_read', 'ijij', (uc: number, address: bigint, pointer: number, size: bigint) =>
      copy(uc, address, pointer, size, false),
    ),
    _uc_mem_write: typed('uc_mem_write', 'ijij', (uc: number, address: bigint, pointer: number, size: bigint) =>
      copy(uc, address, pointer, size, true),
    ),
    _uc_hook_add: typed(
      'uc_hook_add',
      'iiiiijji',
      (uc: number, result: number, type: number, callback: number, user: number, begin: bigint, end: bigint) => {
        const call = heap.table.get(callback) as Hook['call'] | null;
        if (!call) throw new Error(`uc_hook_add: nothing at ${callback} in the table`);
        const hook = { type, call, user, begin: number(begin), end: number(end), deleted: false };
        cpu(uc).hooks.push(hook);
        guest(uc).hooks.set(++hookHandles, hook);
        heap.grow();
        heap.words[result >>> 2] = hookHandles;
        return OK;
      },
    ),
    _uc_hook_del: typed('uc_hook_del', 'ii', (uc: number, handle: number) => {
      const hook = guest(uc).hooks.get(handle);
      if (!hook) return 9;
      hook.deleted = true;
      return OK;
    }),
    _uc_emu_start: typed(
      'uc_emu_start',
      'ijjji',
      (uc: number, begin: bigint, until: bigint, timeout: bigint, count: number) => {
        if (timeout !== 0n) throw new Error('a timeout aborts the module');
        const it = guest(uc);
        it.running++;
        // The hook that counts: taking it away forgets all code.
        if (it.countHook && count === 0) cpu(uc).forgetCode();
        it.countHook = count > 0;
        try {
          return cpu(uc).run(number(begin), number(until), count);
        } finally {
          it.running--;
        }
      },
    ),
    _uc_emu_stop: typed('uc_emu_stop', 'i', (uc: number) => (cpu(uc).stop(), OK)),
    _uc_context_alloc: typed('uc_context_alloc', 'ii', (uc: number, result: number) => {
      cpu(uc);
      const context = heap.malloc(CONTEXT_GPR + CONTEXT_BYTES + 0x100);
      heap.words[result >>> 2] = context; // only now: the heap may have moved
      return OK;
    }),
    _uc_context_save: typed('uc_context_save', 'ii', (uc: number, context: number) => {
      const { registers } = cpu(uc);
      heap.bytes.copyWithin(context + CONTEXT_GPR, registers, registers + CONTEXT_BYTES);
      return OK;
    }),
    _uc_context_restore: typed('uc_context_restore', 'ii', (uc: number, context: number) => {
      const { registers } = cpu(uc);
      heap.bytes.copyWithin(registers, context + CONTEXT_GPR, context + CONTEXT_GPR + CONTEXT_BYTES);
      return OK;
    }),
    _uc_context_free: typed('uc_context_free', 'i', (context: number) => (heap.free(context), OK)),
  };
  if (ctl)
    exports._uc_ctl = typed('uc_ctl', 'iii', (uc: number, control: number, rest: number) => {
      const type = control & 0xffff;
      if (type === CTL.cpuModel) {
        if (guest(uc).cpu) return ERR_ARG;
        heap.words[(uc + MODEL_AT) >>> 2] = heap.words[rest >>> 2];
      } else if (type === CTL.removeCache || type === CTL.flush) {
        cpu(uc).forgetCode();
      } else {
        return ERR_ARG;
      }
      return OK;
    });

  const module: Record<string, unknown> = {
    ...exports,
    addFunction: (callback: unknown, signature: string) => heap.addFunction(callback, signature),
    removeFunction: (index: number) => heap.removeFunction(index),
    /** For tests: what has been given out and not given back. */
    live: () => ({ pieces: heap.pieces.size, functions: heap.functions.size }),
  };
  if (heapu8) Object.defineProperty(module, 'HEAPU8', { get: () => heap.bytes });
  return module;
}
