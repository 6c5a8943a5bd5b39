// A loaded unicorn.js: what its factory gives, checked, with what Emscripten does to the process undone.
import { EngineCrashError } from '../../errors.js';
import { CPU_MODEL, type EngineLibrary, PROT_ALL, REG } from '../engine.js';
import { ARCH_MIPS, UnicornJsEngine } from './engine.js';
import { WasmHooks } from './hooks.js';
import { Heap, REQUIRED_EXPORTS, type UnicornModule, wasm, type WasmMemory, type WasmTable } from './module.js';

/** What a build of unicorn.js defines: `MUnicorn` in a page, `module.exports` in CommonJS. */
export type UnicornFactory = (options?: object) => Promise<unknown>;

/** PRId and TLB entries of each model (MIPS data sheets; QEMU's target/mips). */
const IDENTITY = new Map<number, { prid: number; entries: number }>([
  [CPU_MODEL['24Kf'], { prid: 0x0001_9300, entries: 16 }],
  [CPU_MODEL['34Kf'], { prid: 0x0001_9500, entries: 16 }],
  [CPU_MODEL['74Kf'], { prid: 0x0001_9700, entries: 16 }],
  [CPU_MODEL.P5600, { prid: 0x0001_a800, entries: 64 }],
]);
const CODE = 0x8000_1000;
const MFC0_PRID_CONFIG1 = [0x40, 0x02, 0x78, 0x00, 0x40, 0x03, 0x80, 0x01, 0, 0, 0, 0]; // mfc0 $2, PRId; mfc0 $3, Config1; nop

export class UnicornJsLibrary implements EngineLibrary {
  readonly kind = 'unicorn.js';
  readonly shim: WasmHooks | undefined;
  readonly fast = 'unicorn.js: the fast path is for libunicorn 2.0.x';
  readonly version: readonly [number, number, number];
  readonly description: string;
  /** The module trapped: it is of no more use, load another one. */
  crashed = false;
  readonly #module: UnicornModule;
  readonly #heap: Heap;
  readonly #checkedModels = new Set<number>();

  /** @param source file or package, for `description` @throws Error when `module` is no unicorn.js 2.x with MIPS */
  constructor(module: UnicornModule, source: string, memory?: WasmMemory, table?: WasmTable) {
    const missing = REQUIRED_EXPORTS.filter((name) => typeof module[name] !== 'function');
    if (missing.length > 0) throw new Error(`is no unicorn.js 2.x: it does not export ${missing.join(', ')}`);
    this.#module = module;
    this.#heap = new Heap(module, memory, table);
    const packed = module._uc_version(0, 0);
    this.version = [packed >>> 24, (packed >>> 16) & 255, (packed >>> 8) & 255];
    if (this.version[0] !== 2) throw new Error(`has Unicorn ${this.version.join('.')}, need 2.x`);
    if (module._uc_arch_supported(ARCH_MIPS) === 0)
      throw new Error('was built without MIPS: take the MIPS or the full build');
    this.shim = hooks(module, memory, table);
    this.description = `unicorn.js ${this.version.join('.')} (${source})`;
  }

  /** Bytes of WebAssembly memory. It grows and never shrinks. */
  get heapBytes(): number {
    return this.#heap.bytes.length;
  }

  strerror(code: number): string {
    return this.#heap.string(this.#module._uc_strerror(code));
  }

  open(littleEndian = false): UnicornJsEngine {
    if (this.crashed) throw new EngineCrashError(`${this.description} has crashed: load it again`);
    return new UnicornJsEngine(this, this.#module, this.#heap, littleEndian);
  }

  /**
   * Proves once per model that a guest is what was asked for: the model may have been set behind unicorn.h's back.
   * @throws Error when it is another CPU
   */
  checkModel(model: number): void {
    const identity = IDENTITY.get(model);
    if (!identity || this.#checkedModels.has(model)) return;
    this.#checkedModels.add(model);
    const engine = this.open();
    try {
      engine.ctl_set_cpu_model(model);
      engine.mem_map(0, 0x1_0000, PROT_ALL);
      engine.mem_write(CODE & 0x1fff_ffff, Uint8Array.from(MFC0_PRID_CONFIG1));
      engine.reg_write_i32(REG.CP0_STATUS, 0x1000_0000);
      engine.emu_start(CODE, CODE + 8, 0, 0);
      const prid = engine.reg_read_i32(REG.GPR0 + 2);
      const entries = ((engine.reg_read_i32(REG.GPR0 + 3) >>> 25) & 63) + 1;
      if (prid !== identity.prid || entries !== identity.entries)
        throw new Error(
          `${this.description}: the CPU model cannot be set (PRId ${prid.toString(16)}, ${entries} TLB entries)`,
        );
    } catch (error) {
      this.#checkedModels.delete(model);
      throw error;
    } finally {
      engine.close();
    }
  }
}

/** The compiled hooks; undefined where they cannot be: the TypeScript hooks do the same work. */
function hooks(module: UnicornModule, memory?: WasmMemory, table?: WasmTable): WasmHooks | undefined {
  if (!memory || !table) return undefined;
  try {
    return new WasmHooks(module, memory, table);
  } catch {
    return undefined;
  }
}

/** One at a time: each looks at what WebAssembly.instantiate gives. */
let last: Promise<unknown> = Promise.resolve();

/**
 * Makes an engine of a unicorn.js factory (`MUnicorn`), in Node or in a page.
 * @param source where it came from, for messages
 * @throws Error, in one line, when it is no usable build
 */
export function instantiateUnicornJs(factory: UnicornFactory, source = 'MUnicorn'): Promise<UnicornJsLibrary> {
  const next = last.then(() => instantiate(factory, source));
  last = next.catch(() => undefined);
  return next;
}

async function instantiate(factory: UnicornFactory, source: string): Promise<UnicornJsLibrary> {
  if (typeof factory !== 'function') throw new Error('is no unicorn.js: it exports no factory function (MUnicorn)');
  let memory: WasmMemory | undefined;
  let table: WasmTable | undefined;
  // Emscripten 4.0.7 and later do not show the memory unless asked to, and the table is never shown: look while it is instantiated.
  const original = wasm.instantiate;
  wasm.instantiate = async (...args) => {
    const result = await original(...args);
    const { exports } = 'instance' in result ? result.instance : result;
    for (const value of Object.values(exports)) {
      if (value instanceof wasm.Memory) memory = value;
      if (value instanceof wasm.Table) table = value;
    }
    return result;
  };
  const restoreHandlers = keepProcessHandlers();
  try {
    const module = await new Promise<unknown>((resolve, reject) => {
      const silent = { print: () => undefined, printErr: () => undefined };
      const onAbort = (reason: unknown): void => reject(new Error(String(reason)));
      factory({ ...silent, onAbort }).then(resolve, reject);
    });
    if (typeof module !== 'object' || module === null) throw new Error('is no unicorn.js: its factory gives no module');
    return new UnicornJsLibrary(module as UnicornModule, source, memory, table);
  } finally {
    wasm.instantiate = original;
    restoreHandlers();
  }
}

/** Builds by older Emscriptens install handlers that end the process for errors which are not theirs. */
function keepProcessHandlers(): () => void {
  const node = (globalThis as { process?: NodeJS.Process }).process;
  if (typeof node?.listeners !== 'function') return () => undefined;
  const events = ['uncaughtException', 'unhandledRejection'] as const;
  const before = events.map((event) => new Set<unknown>(node.listeners(event as 'uncaughtException')));
  return () =>
    events.forEach((event, i) => {
      for (const listener of node.listeners(event as 'uncaughtException'))
        if (!before[i].has(listener)) node.off(event, listener);
    });
}
