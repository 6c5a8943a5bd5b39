// Where the checker of translations finds the registers of a refill in the engine's memory: by planting values in a scratch guest, once per
// model of the CPU.
import type { CPU_MODEL, EngineLibrary } from '../unicorn/engine.js';
import type { CheckPlaces } from '../unicorn/shim/check-state.js';
import { registersOf, Scratch } from './places.js';
import { registerLayout } from './register-layout.js';

type CpuModelName = keyof typeof CPU_MODEL;

/** Patterns that PageMask takes, and ones below 16, for Index and Wired. */
const PAGE_MASKS = [0x0000_6000, 0x0001_e000, 0x0007_e000];
const SMALL = [5, 9, 14, 3, 10];
/** mtc0 $8 of each, and what of it can be written. */
const REFILL_REGISTERS = {
  index: { mtc0: 0x4088_0000, mask: 0x8fff_ffff, patterns: SMALL },
  entryLo0: { mtc0: 0x4088_1000, mask: 0x03ff_ffff },
  entryLo1: { mtc0: 0x4088_1800, mask: 0x03ff_ffff },
  pageMask: { mtc0: 0x4088_2800, mask: 0x1fff_e000, patterns: PAGE_MASKS },
} as const;
/** Registers that a refill handler may read and some CPUs do not have: 0 for those. */
const OPTIONAL_REGISTERS = {
  wired: { mtc0: 0x4088_3000, mask: 0xffff_ffff, patterns: SMALL },
  userLocal: { mtc0: 0x4088_2002, mask: 0xffff_ffff },
} as const;
const MTC0_8_KSCRATCH2 = 0x4088_f802;
const KSCRATCHES = 6;

const known = new WeakMap<EngineLibrary, Map<CpuModelName, CheckPlaces | undefined>>();

/** The places in `library` for a model; undefined when they cannot be told. */
export function checkPlaces(library: EngineLibrary, model: CpuModelName): CheckPlaces | undefined {
  let found = known.get(library);
  if (!found) known.set(library, (found = new Map()));
  if (!found.has(model)) found.set(model, search(library, model));
  return found.get(model);
}

function search(library: EngineLibrary, model: CpuModelName): CheckPlaces | undefined {
  const layout = registerLayout(library);
  const engine = library.open();
  try {
    const scratch = new Scratch(engine, model, () => registersOf(library, engine.host));
    const only = (register: { mtc0: number; mask: number; patterns?: readonly number[] }): number | undefined => {
      const hits = scratch.find(register);
      return hits.length === 1 ? hits[0] : undefined;
    };
    const [index, entryLo0, entryLo1, pageMask] = Object.values(REFILL_REGISTERS).map(only);
    if (index === undefined || entryLo0 === undefined || entryLo1 === undefined || pageMask === undefined)
      return undefined;
    const [wired, userLocal] = Object.values(OPTIONAL_REGISTERS).map((register) => only(register) ?? 0);
    const kscratch = Array.from(
      { length: KSCRATCHES },
      (_, n) => only({ mtc0: MTC0_8_KSCRATCH2 + n, mask: 0xffff_ffff }) ?? 0,
    );
    const context = 4 * (layout.context - layout.gpr);
    return { index, entryLo0, entryLo1, pageMask, wired: wired!, context, kscratch, userLocal: userLocal! };
  } finally {
    engine.close();
  }
}
