// Whether the fast path (emu/unicorn/shim/fast.c) may be used with an engine: every private place that it touches is found and proved on a
// scratch guest, once per process. What does not hold is said in words, and the portable path does the same work.
import { type Engine, type EngineLibrary, type HostMemory, REG } from '../unicorn/engine.js';
import type { CpuAddresses, FastShim } from '../unicorn/shim/fast.js';
import type { Places } from '../unicorn/shim/timer-state.js';
import { findPlaces, Scratch, SCRATCH_CODE, SCRATCH_RAM } from './places.js';
import { pointer, tlbPath, wordsAt } from './tlb-view.js';

export interface FastPath {
  readonly shim: FastShim;
  readonly places: Places;
  /** Stores may skip the search for translated code. */
  readonly storeFix: boolean;
  /** Where the CPU of an opened guest is. */
  readonly addresses: (host: HostMemory) => CpuAddresses;
}

const found = new WeakMap<EngineLibrary, FastPath | string>();

/** The fast path of `library`, or the reason why it has none. */
export function fastPath(library: EngineLibrary): FastPath | string {
  let path = found.get(library);
  if (path === undefined) {
    path = probe(library);
    found.set(library, path);
  }
  return path;
}

/** uc_struct.stop_interrupt in 2.0.x: called before the engine handles an exception; MIPS leaves it empty. */
const SLOT = 200;

const BREAK = 0x0000_000d;
const EXCP_BREAK = 18;

function probe(library: EngineLibrary): FastPath | string {
  const shim = library.fast;
  if (typeof shim === 'string') return shim;
  if (!shim.complete) return 'the engine does not export what exception entry needs';
  const places = findPlaces(library);
  if (typeof places === 'string') return places;
  const path = tlbPath(library)!;

  const addresses = (host: HostMemory): CpuAddresses => {
    const cpu = pointer(host, host.engineAddress + path.cpu);
    return { cpu, env: pointer(host, cpu + path.registers), slot: host.engineAddress + SLOT };
  };

  const engine = library.open();
  try {
    const { host } = engine;
    const scratch = new Scratch(engine, '24Kf', () => addresses(host).env);
    const { env, slot } = addresses(host);
    const slotWords = wordsAt(host, slot, 2);
    if (slotWords[0] !== 0 || slotWords[1] !== 0) return 'the slot for exceptions is in use';
    shim.probeSlot(slot, env, places.pc);
    scratch.run([0, 0, BREAK, 0, 0]);
    host.words(slot, 2).fill(0);
    const seen = shim.probeSeen();
    if (seen.calls !== 1 || seen.number !== EXCP_BREAK || seen.pc !== SCRATCH_CODE + 8)
      return 'the slot for exceptions is not where it was in 2.0.1';

    return { shim, places, storeFix: provesStores(engine, shim, scratch, env), addresses };
  } finally {
    engine.close();
  }
}

const SW_0_TO_4 = 0xac80_0000; // sw $0, 0($4)
const NOTDIRTY = 0x400;

/** Whether the software TLB is laid out as the store fix has it: an entry in its place, then thrown out among the victims. */
function provesStores(engine: Engine, shim: FastShim, scratch: Scratch, env: number): boolean {
  const store = (address: number): void => {
    engine.reg_write_i32(REG.GPR0 + 4, address);
    scratch.run([SW_0_TO_4, 0, 0]);
  };
  const page = 0x8000_5000;
  store(page);
  const first = shim.probeStores(engine, env, page, page & 0x1fff_ffff);
  const rival = page + shim.probeEntries(env) * 0x1000;
  if (first.where !== 1 || first.bits !== NOTDIRTY || (rival & 0x1fff_ffff) >= SCRATCH_RAM) return false;
  store(rival);
  const moved = shim.probeStores(engine, env, page, page & 0x1fff_ffff);
  return moved.where === 2 && moved.bits === NOTDIRTY;
}
