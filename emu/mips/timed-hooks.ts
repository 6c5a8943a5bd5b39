// What the hook in TypeScript does at each instruction of a guest with a timer, as shim_code_timed in shim.c.
import type { HostMemory } from '../unicorn/engine.js';
import type { CpuState } from '../unicorn/shim/cpu-state.js';
import { TLBWR } from './cp0.js';
import type { Places } from '../unicorn/shim/timer-state.js';
import type { Timer } from './timer.js';

/** QEMU's MIPS_TLB_MAX. */
const TLB_MAX = 128;
const PAGE = 0x1000;

export interface TimedGuest {
  readonly state: CpuState;
  readonly places: Places;
  readonly timer: Timer;
  readonly host: HostMemory;
  /** Physical address of a virtual one in RAM, without disturbing the TLB; undefined elsewhere. */
  readonly ramAddress: (virtual: number) => number | undefined;
  /** The word at a physical address in RAM. */
  readonly ramWord: (physical: number) => number;
  /** Host addresses: general register 0; the TLB's count of entries in use. */
  readonly registers: number;
  readonly tlbInUse: number;
  /** Visible entries, when entries thrown out by tlbwr are to be gone. */
  readonly dropShadows: number | undefined;
}

export class TimedHooks {
  readonly #guest: TimedGuest;
  readonly timer: Timer;
  #tlbIsFull = false;
  /** The 4 KB page of code looked up last, and where it is. */
  #page = -1;
  #physical: number | undefined;

  constructor(guest: TimedGuest) {
    this.#guest = guest;
    this.timer = guest.timer;
  }

  /** Before the instruction at `pc`: whether it is a place where events and interrupts are looked at. */
  isBoundary(pc: number): boolean {
    const { state, timer } = this.#guest;
    timer.answerCount();
    if (this.#tlbIsFull) this.#setInUse(this.#guest.dropShadows!);
    this.#tlbIsFull = false;
    const forced = state.timer.takeForced();
    if (pc === state.nextPc && !forced) return false;
    this.#page = -1;
    return true;
  }

  /** The instruction at `pc` has started. */
  started(pc: number): void {
    const { state, timer, dropShadows } = this.#guest;
    const word = this.#word(pc);
    if (word === undefined) return;
    if (word === TLBWR && dropShadows !== undefined) {
      // The engine makes no shadow entries while its TLB seems full.
      this.#setInUse(TLB_MAX);
      this.#tlbIsFull = true;
    } else timer.instruction(word, state.instructions - 1);
  }

  #setInUse(entries: number): void {
    this.#guest.host.words(this.#guest.tlbInUse, 1)[0] = entries;
  }

  #word(pc: number): number | undefined {
    const page = pc - (pc % PAGE);
    if (page !== this.#page) {
      this.#page = page;
      this.#physical = this.#guest.ramAddress(page);
    }
    return this.#physical === undefined ? undefined : this.#guest.ramWord(this.#physical + (pc % PAGE));
  }
}
