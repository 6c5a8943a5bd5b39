// Where a debugger wants the guest to wait: before an instruction by its number, before those at some addresses, before the end of
// the run. The guest waits inside the engine's hook: a run that is left and entered again would not be the same run (its blocks
// begin elsewhere), and a stop in a delay slot would lose PC.
import { type CpuState } from '../unicorn/shim/cpu-state.js';

/** Byte offsets in struct instruction_stops of shim.c. */
const NUMBER = 24;
const MOVED = 32;
const MAP = 40;
const MAP_BYTES = 1 << 13;

export class InstructionStops {
  readonly #state: CpuState;
  readonly #number: Uint32Array;
  readonly #moved: Uint32Array;
  readonly #map: Uint8Array;
  readonly #addresses = new Set<number>();
  #wanted = Infinity;
  /**
   * Until so many instructions have started nobody waits, and the guest runs as fast as without a debugger (where the engine has the
   * fast path). To be set before the first run.
   */
  from = 0;
  /** Called once, when instructions can be waited for from now on: all accesses are seen by memory hooks that are added here. */
  onExact: () => void = () => {};
  /**
   * Called before an instruction that is waited for, and (`ending`) before the run ends; PC, registers and RAM are as it finds
   * them and may be changed. It may throw: the error comes out of `run`.
   */
  onStop: (pc: number, ending: boolean) => void = () => {};

  /** @param block struct instruction_stops; without one the TypeScript hooks ask */
  constructor(state: CpuState, block: ArrayBuffer = new ArrayBuffer(MAP + MAP_BYTES)) {
    this.#state = state;
    this.#number = new Uint32Array(block, NUMBER, 2);
    this.#moved = new Uint32Array(block, MOVED, 1);
    this.#map = new Uint8Array(block, MAP, MAP_BYTES);
    this.number = Infinity;
  }

  /** The guest waits before each instruction from the one on before which so many have started; Infinity: none. */
  get number(): number {
    return this.#wanted;
  }

  set number(instructions: number) {
    this.#wanted = instructions;
    const finite = Math.min(instructions, Number.MAX_SAFE_INTEGER);
    this.#number[0] = finite % 0x1_0000_0000;
    this.#number[1] = Math.floor(finite / 0x1_0000_0000);
  }

  /** The guest waits before each execution of the instruction at this virtual address. */
  add(address: number): void {
    this.#addresses.add(address);
    this.#mark(address);
  }

  delete(address: number): void {
    this.#addresses.delete(address);
    this.#map.fill(0);
    for (const other of this.#addresses) this.#mark(other);
  }

  has(address: number): boolean {
    return this.#addresses.has(address);
  }

  #mark(address: number): void {
    const bit = (address >>> 2) & 0xffff;
    this.#map[bit >> 3] |= 1 << (bit & 7);
  }

  /** For the hook in TypeScript: whether to ask before the instruction at `pc`. */
  wants(pc: number): boolean {
    return (
      this.#state.stop || this.#state.exhausted || this.#state.instructions >= this.#wanted || this.#addresses.has(pc)
    );
  }

  /** Tells the hook that PC was changed: the instruction that it is called for does not start. */
  moved(): void {
    this.#moved[0] = 1;
  }

  /** For the hook in TypeScript: whether PC was changed since the last call. */
  takeMoved(): boolean {
    const moved = this.#moved[0] !== 0;
    this.#moved[0] = 0;
    return moved;
  }

  /** Answers the hook. @param ending whether a stop that was asked for is the end of the run */
  ask(pc: number, ending: boolean): void {
    if (ending || this.#state.instructions >= this.#wanted || this.#addresses.has(pc)) this.onStop(pc, ending);
  }
}
