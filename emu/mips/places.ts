// Where the registers that time and interrupts need are in the engine's memory: found by planting values in a scratch guest, once per process.
import { CPU_MODEL, type Engine, type EngineLibrary, type HostMemory, REG } from '../unicorn/engine.js';
import type { Places } from '../unicorn/shim/timer-state.js';
import { STATUS_START } from './cp0.js';
import { HFLAGS, registerLayout } from './register-layout.js';
import { pointer, tlbPath, wordsAt } from './tlb-view.js';

export const SCRATCH_RAM = 4 << 20;
export const SCRATCH_CODE = 0x8000_1000;

/** What mtc0 can write of each register, the rest reads back as it was. */
const PLANTED = {
  epc: { mtc0: 0x4088_7000, mask: 0xffff_ffff },
  cause: { mtc0: 0x4088_6800, mask: 0x00c0_0300 },
  entryHi: { mtc0: 0x4088_5000, mask: 0xffff_e0ff },
  ebase: { mtc0: 0x4088_7801, mask: 0x3fff_f000 },
  intCtl: { mtc0: 0x4088_6001, mask: 0x0000_03e0 },
} as const;
const PATTERNS = [0x1357_a2c0, 0x2ca9_51a8, 0x1e5b_e163];

const MFC0_2_COMPARE = 0x4002_5800;

const known = new WeakMap<EngineLibrary, Places | string>();

/** The places in `library`, or why they cannot be told. */
export function findPlaces(library: EngineLibrary): Places | string {
  let places = known.get(library);
  if (places === undefined) {
    places = search(library);
    known.set(library, places);
  }
  return places;
}

function search(library: EngineLibrary): Places | string {
  const path = tlbPath(library);
  if (!path) return 'the TLB cannot be found in the engine';
  const layout = registerLayout(library);
  const offset = (index: number): number => 4 * (index - layout.gpr);
  const engine = library.open();
  try {
    const scratch = new Scratch(engine, '24Kf', () => registersOf(library, engine.host));
    const at = { entryHi: offset(layout.entryHi), cause: offset(layout.cause), epc: offset(layout.epc) };
    for (const name of ['entryHi', 'cause', 'epc'] as const)
      if (!scratch.find(PLANTED[name]).includes(at[name])) return `${name} is not where a saved context has it`;
    const ebase = scratch.find(PLANTED.ebase);
    const intCtl = scratch.find(PLANTED.intCtl);
    if (ebase.length !== 1 || intCtl.length !== 1) return 'EBase and IntCtl cannot be told apart in the engine';
    const compare = scratch.readBy(MFC0_2_COMPARE, at.entryHi + 4, offset(layout.status));
    if (compare === undefined) return 'Compare cannot be found in the engine';
    return {
      ...at,
      pc: offset(layout.pc),
      badVAddr: offset(layout.badVAddr),
      status: offset(layout.status),
      errorCode: offset(layout.errorCode),
      hflags: offset(layout.hflags),
      ebase: ebase[0]!,
      intCtl: intCtl[0]!,
      compare,
      tlb: path.tlb,
      tlbEntries: path.entries,
      hflagsBranch: HFLAGS.branch,
      context: offset(layout.context),
    };
  } finally {
    engine.close();
  }
}

/** Host address of general register 0 of a guest that has been set up; the way to its TLB is known. */
export function registersOf(library: EngineLibrary, host: HostMemory): number {
  const path = tlbPath(library)!;
  return pointer(host, pointer(host, host.engineAddress + path.cpu) + path.registers);
}

/** Runs snippets and looks at what they leave in the engine's registers. */
export class Scratch {
  readonly #engine: Engine;
  readonly #env: number;
  #at = SCRATCH_CODE & 0x1fff_ffff;

  /** @param engine fresh from `open` @param env tells the host address of general register 0, once the engine is set up */
  constructor(engine: Engine, model: keyof typeof CPU_MODEL, env: () => number) {
    this.#engine = engine;
    engine.ctl_set_cpu_model(CPU_MODEL[model]);
    engine.mem_map_ram(0, SCRATCH_RAM);
    engine.reg_write_i32(REG.CP0_STATUS, STATUS_START);
    this.#env = env();
  }

  /** Runs instructions, all but the last one, always from the same address. */
  run(words: readonly number[]): void {
    const view = new DataView(this.#engine.mem_ram().buffer, this.#engine.mem_ram().byteOffset);
    words.forEach((word, i) => view.setUint32(this.#at + 4 * i, word));
    this.#engine.ctl_remove_cache(SCRATCH_CODE, SCRATCH_CODE + 4 * words.length);
    this.#engine.emu_start(SCRATCH_CODE, SCRATCH_CODE + 4 * (words.length - 1), 0, 0);
  }

  /** Byte offsets of the words that show what mtc0 wrote, with every pattern. */
  find({ mtc0, mask, patterns = PATTERNS }: { mtc0: number; mask: number; patterns?: readonly number[] }): number[] {
    let hits: number[] | undefined;
    for (const pattern of patterns) {
      this.#engine.reg_write_i32(REG.GPR0 + 8, pattern);
      this.run([mtc0, 0, 0]);
      const words = wordsAt(this.#engine.host, this.#env, 0x200);
      const now: number[] = [];
      words.forEach((word, k) => {
        if (k > 32 && ((word ^ pattern) & mask) === 0) now.push(4 * k);
      });
      hits = hits?.filter((hit) => now.includes(hit)) ?? now;
    }
    return hits ?? [];
  }

  /** Offset of the word from `start` to `end` (exclusive) that an instruction reads into register 2. */
  readBy(instruction: number, start: number, end: number): number | undefined {
    for (let offset = start; offset < end; offset += 4) {
      const cell = this.#engine.host.words(this.#env + offset, 1);
      const before = cell[0];
      const read = PATTERNS.every((pattern) => {
        cell[0] = pattern;
        this.run([instruction, 0, 0]);
        return this.#engine.reg_read_i32(REG.GPR0 + 2) === pattern;
      });
      cell[0] = before;
      if (read) return offset;
    }
    return undefined;
  }
}
