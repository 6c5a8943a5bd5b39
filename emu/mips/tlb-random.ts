// The two static words behind tlbwr and Random. QEMU draws the index from one linear congruential generator for the whole
// process (cpu_mips_get_random in target/mips/cp0_timer.c): guests that share it disturb each other. Found here by watching
// the engine's static data while a scratch guest reads Random, they let every guest have its own.
import { CPU_MODEL, type Engine, type EngineLibrary, type HostMemory, PROT_ALL, REG } from '../unicorn/engine.js';
import { UsageError } from '../errors.js';
import { STATUS_START } from './cp0.js';

/** Host addresses of the generator's state and of the index drawn last, and whose values they hold. */
interface RandomWords {
  readonly state: number;
  readonly previous: number;
  owner: TlbRandom | undefined;
}

/** @throws UsageError when tlbwr of this engine would follow no seed: a run could not be repeated */
export function requireSeed(library: EngineLibrary, littleEndian: boolean): RandomWords {
  const words = randomWords(library, littleEndian);
  if (!words)
    throw new UsageError(
      `the random TLB replacement of ${library.description} cannot be seeded here: use --tlb hardware or another engine`,
    );
  return words;
}

/** One guest's generator of TLB indices. */
export class TlbRandom {
  readonly #words: RandomWords;
  readonly #host: HostMemory;
  #state: number;
  #previous = 0;

  /** @param seed 32 bits @throws UsageError as `requireSeed` */
  constructor(library: EngineLibrary, host: HostMemory, seed: number, littleEndian = false) {
    this.#words = requireSeed(library, littleEndian);
    this.#host = host;
    this.#state = scramble(seed);
  }

  /** Lets this guest draw next. Returns who was to draw before, to be given the turn back. */
  takeTurn(): TlbRandom | undefined {
    const words = this.#words;
    const before = words.owner;
    if (before === this) return before;
    const state = this.#host.words(words.state, 1);
    const previous = this.#host.words(words.previous, 1);
    if (before) {
      before.#state = state[0];
      before.#previous = previous[0];
    }
    state[0] = this.#state;
    previous[0] = this.#previous;
    words.owner = this;
    return before;
  }

  /** Ends with the guest. */
  close(): void {
    if (this.#words.owner === this) this.#words.owner = undefined;
  }
}

/** Spreads a seed over 32 bits (the finisher of MurmurHash3), so that neighbours differ at once. */
function scramble(seed: number): number {
  let h = seed ^ 0x9e37_79b9;
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** By byte order: the engine has a generator for each. */
const found = [false, true].map(() => new WeakMap<EngineLibrary, { words: RandomWords | undefined }>());

/** The words of `library`, undefined when they cannot be told. */
function randomWords(library: EngineLibrary, littleEndian: boolean): RandomWords | undefined {
  const known = found[Number(littleEndian)]!;
  let entry = known.get(library);
  if (!entry) {
    const engine = library.open(littleEndian);
    try {
      entry = { words: watch(engine, littleEndian) };
    } finally {
      engine.close();
    }
    known.set(library, entry);
  }
  return entry.words;
}

const CODE = 0x8000_1000;
const MFC0_RANDOM = 0x4002_0800; // mfc0 $2, Random; a nop follows

/** ISO C's example generator. */
const step = (state: number): number => (Math.imul(1103515245, state) + 12345) >>> 0;
const indexOf = (state: number): number => (state >>> 16) % 16;

/** The generator steps again while it would repeat an index; chances of more than this in a row are below 1e-9. */
const MAX_STEPS = 8;

function follows(before: number, after: number): boolean {
  for (let i = 0, state = before; i < MAX_STEPS; i++) {
    state = step(state);
    if (state === after) return true;
  }
  return false;
}

function watch(engine: Engine, littleEndian: boolean): RandomWords | undefined {
  engine.ctl_set_cpu_model(CPU_MODEL['24Kf']); // 16 entries, none wired
  engine.mem_map(0, 0x1_0000, PROT_ALL);
  const code = new DataView(new ArrayBuffer(8));
  code.setUint32(0, MFC0_RANDOM, littleEndian);
  engine.mem_write(CODE & 0x1fff_ffff, new Uint8Array(code.buffer));
  engine.reg_write_i32(REG.CP0_STATUS, STATUS_START);
  const draw = (): number => {
    engine.emu_start(CODE, CODE + 4, 0, 0);
    return engine.reg_read_i32(REG.GPR0 + 2);
  };
  draw();
  const ranges = engine.host.dataRanges();
  const before = snapshot(engine.host, ranges);
  const index = draw();
  const after = snapshot(engine.host, ranges);

  let states: number[] = [];
  let previous: number[] = [];
  ranges.forEach(({ start }, r) => {
    for (let k = 0; k < after[r].length; k++) {
      const [x, y] = [before[r][k], after[r][k]];
      if (y === index && x !== y) previous.push(start + 4 * k);
      if (x !== y && indexOf(y) === index && follows(x, y)) states.push(start + 4 * k);
    }
  });
  const word = (address: number): number => engine.host.words(address, 1)[0];
  for (let i = 0; i < 8; i++) {
    const old = states.map(word);
    const drawn = draw();
    states = states.filter((address, k) => indexOf(word(address)) === drawn && follows(old[k], word(address)));
    previous = previous.filter((address) => word(address) === drawn);
  }
  // A copy of the index that the generator left on its stack looks the same: only its own word makes it step once more when it holds
  // the index that comes next.
  if (states.length === 1)
    previous = previous.filter((address) => keepsFromRepeating(engine, states[0], address, draw));
  return states.length === 1 && previous.length === 1
    ? { state: states[0], previous: previous[0], owner: undefined }
    : undefined;
}

/** Whether the index in the word at `previous` is one that the generator will not draw again. */
function keepsFromRepeating(engine: Engine, state: number, previous: number, draw: () => number): boolean {
  for (let i = 0; i < 8; i++) {
    const next = step(engine.host.words(state, 1)[0]);
    engine.host.words(previous, 1)[0] = indexOf(next);
    draw();
    if (engine.host.words(state, 1)[0] === next) return false;
  }
  return true;
}

function snapshot(host: HostMemory, ranges: readonly { start: number; end: number }[]): Uint32Array[] {
  return ranges.map(({ start, end }) => {
    const bytes = host.read(start, end - start);
    return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  });
}
