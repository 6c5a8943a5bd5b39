// Every register of the CPU by its name, for debuggers: general registers, HI and LO, coprocessor 0, the FPU. The engine's own
// calls reach few of them; the others lie in a saved context, at places that are found by planting values in a scratch guest.
import { type Context, CPU_MODEL, type Engine, type EngineLibrary, HOOK, PROT_ALL, REG } from '../unicorn/engine.js';
import { type RegisterLayout, registerLayout } from './register-layout.js';

/** CP0 registers that hold what the guest puts there: number and select, values to plant, bits that are kept. */
const PLANTED: Readonly<Record<string, readonly [number, number, number, number, number]>> = {
  index: [0, 0, 5, 9, 0x1f],
  entrylo0: [2, 0, 0x0012_3456, 0x0021_4365, 0x00ff_ffff],
  entrylo1: [3, 0, 0x0034_1256, 0x0043_2165, 0x00ff_ffff],
  pagemask: [5, 0, 0x6000, 0x1e000, 0x01e000 | 0x6000],
  wired: [6, 0, 3, 7, 0x1f],
  errorepc: [30, 0, 0x1357_9bd0, 0x2468_ace0, 0xffff_ffff],
  ebase: [15, 1, 0x8012_3000, 0x8021_3000, 0x3fff_f000],
};

/** CP0 registers that say what CPU it is. */
const CONSTANT: Readonly<Record<string, readonly [number, number]>> = {
  prid: [15, 0],
  config: [16, 0],
  config1: [16, 1],
  config2: [16, 2],
  config3: [16, 3],
};

const CODE = 0x8000_1000;
const T0 = 8;
/** Coprocessors 0 and 1 usable. */
const STATUS_CU = 0x3000_0000;

const mtc0 = (rt: number, rd: number, sel: number): number => (0x4080_0000 | (rt << 16) | (rd << 11) | sel) >>> 0;
const mfc0 = (rt: number, rd: number, sel: number): number => (0x4000_0000 | (rt << 16) | (rd << 11) | sel) >>> 0;
const mthi = (rs: number): number => ((rs << 21) | 0x11) >>> 0;
const mtlo = (rs: number): number => ((rs << 21) | 0x13) >>> 0;
const mtc1 = (rt: number, fs: number): number => (0x4480_0000 | (rt << 16) | (fs << 11)) >>> 0;
const CTC1_T0_FCSR = 0x44c8_f800;
const CFC1_T0_FIR = 0x4448_0000;

interface Places {
  /** Index in a saved context's words, by name. */
  readonly words: ReadonlyMap<string, number>;
  readonly constants: ReadonlyMap<string, number>;
}

const known = new WeakMap<EngineLibrary, Map<number, Places>>();

/** @returns where registers lie in a saved context; a register that cannot be told apart is left out */
function places(library: EngineLibrary, model: number): Places {
  const ofLibrary = known.get(library) ?? new Map<number, Places>();
  known.set(library, ofLibrary);
  let found = ofLibrary.get(model);
  if (!found) {
    const engine = library.open();
    try {
      found = explore(engine, model, registerLayout(library));
    } finally {
      engine.close();
    }
    ofLibrary.set(model, found);
  }
  return found;
}

function explore(engine: Engine, model: number, layout: RegisterLayout): Places {
  engine.ctl_set_cpu_model(model);
  engine.mem_map(0, 0x1_0000, PROT_ALL);
  engine.hook_add(HOOK.INTR, () => engine.emu_stop());
  const context = engine.context_alloc();
  const run = (words: readonly number[]): void => {
    const bytes = new DataView(new ArrayBuffer(4 * words.length + 4));
    words.forEach((word, i) => bytes.setUint32(4 * i, word));
    engine.mem_write(CODE & 0x1fff_ffff, new Uint8Array(bytes.buffer));
    engine.ctl_remove_cache(CODE, CODE + bytes.byteLength);
    engine.emu_start(CODE, CODE + 4 * words.length, 0, 0);
  };
  const planted = (instruction: number, value: number): Uint32Array => {
    engine.reg_write_i32(REG.CP0_STATUS, STATUS_CU);
    engine.reg_write_i32(REG.GPR0 + T0, value);
    run([instruction]);
    engine.reg_write_i32(REG.GPR0 + T0, 0);
    engine.context_save(context);
    return context.words().slice();
  };
  const words = new Map<string, number>([
    ...Array.from({ length: 32 }, (_, n) => [`r${n}`, layout.gpr + n] as const),
    ['pc', layout.pc],
    ['status', layout.status],
    ['cause', layout.cause],
    ['badvaddr', layout.badVAddr],
    ['epc', layout.epc],
    ['entryhi', layout.entryHi],
    ['context', layout.context],
  ]);
  const find = (name: string, instruction: number, a: number, b: number, mask = 0xffff_ffff): void => {
    const [before, after] = [planted(instruction, a), planted(instruction, b)];
    const hits: number[] = [];
    before.forEach((word, k) => {
      if ((word & mask) >>> 0 === a && (after[k]! & mask) >>> 0 === b && k !== layout.gpr + T0) hits.push(k);
    });
    if (hits.length === 1) words.set(name, hits[0]!);
  };
  find('hi', mthi(T0), 0x1122_3344, 0x5566_7788);
  find('lo', mtlo(T0), 0x9911_2233, 0x4455_6699);
  for (const [name, [rd, sel, a, b, mask]] of Object.entries(PLANTED))
    find(name, mtc0(T0, rd, sel), a & mask, b & mask, mask);
  for (let n = 0; n < 32; n++) find(`f${n}`, mtc1(T0, n), 0x1234_5600 + n, 0x6543_2100 + n);
  find('fcsr', CTC1_T0_FCSR, 0x0080_0000, 0x0100_0000);

  const constants = new Map<string, number>();
  const read = (name: string, instruction: number): void => {
    engine.reg_write_i32(REG.CP0_STATUS, STATUS_CU);
    run([instruction]);
    constants.set(name, engine.reg_read_i32(REG.GPR0 + T0));
  };
  for (const [name, [rd, sel]] of Object.entries(CONSTANT)) read(name, mfc0(T0, rd, sel));
  read('fir', CFC1_T0_FIR);
  engine.context_free(context);
  return { words, constants };
}

/** Registers whose value decides how the engine goes on: these are not written from outside. */
const READ_ONLY = new Set(['r0', 'pc', 'entryhi', 'ebase', 'wired']);

export class RegisterFile {
  readonly #engine: Engine;
  readonly #places: Places;
  readonly #context: Context;

  constructor(library: EngineLibrary, engine: Engine, model: keyof typeof CPU_MODEL) {
    this.#engine = engine;
    this.#places = places(library, CPU_MODEL[model]);
    this.#context = engine.context_alloc();
  }

  /** Words of all registers as they are now, for `read`. */
  save(): Uint32Array {
    this.#engine.context_save(this.#context);
    return this.#context.words().slice();
  }

  /** The register `name` (`r4`, `hi`, `epc`, `f0` ...) in what `save` gave; undefined when this CPU's is not known. */
  read(saved: Uint32Array, name: string): number | undefined {
    const at = this.#places.words.get(name);
    return at === undefined ? this.#places.constants.get(name) : saved[at];
  }

  /**
   * The values of all registers that can change in what `save` gave: general ones, HI and LO, coprocessor 0, FPU, in an order of their own.
   * Without PC, which the engine brings up to date between blocks only.
   */
  all(saved: Uint32Array): Uint32Array {
    const { words } = this.#places;
    return Uint32Array.from(
      [...words.keys()].filter((name) => name !== 'pc'),
      (name) => saved[words.get(name)!]!,
    );
  }

  /** Sets a register of the guest that waits in a hook. @returns whether it can be set */
  write(name: string, value: number): boolean {
    const at = this.#places.words.get(name);
    if (at === undefined || READ_ONLY.has(name)) return false;
    if (name === 'status') {
      this.#engine.reg_write_i32(REG.CP0_STATUS, value);
    } else if (name.startsWith('r')) {
      this.#engine.reg_write_i32(REG.GPR0 + Number(name.slice(1)), value);
    } else {
      this.#engine.context_save(this.#context);
      this.#context.words()[at] = value;
      this.#engine.context_restore(this.#context);
    }
    return true;
  }

  close(): void {
    this.#engine.context_free(this.#context);
  }
}
