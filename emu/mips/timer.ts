// Virtual time, Count, Compare and interrupts of a guest: what machine.h does in C, for the hooks in TypeScript, and what is done while the
// guest waits, on every path.
import type { Places, TimerState } from '../unicorn/shim/timer-state.js';
import {
  CAUSE_BD,
  CAUSE_EXC_CODE,
  CAUSE_IP7,
  CAUSE_IV,
  CAUSE_TI,
  STATUS_BEV,
  STATUS_ERL,
  STATUS_EXL,
  STATUS_IE,
  STATUS_IM7,
} from './cp0.js';

/** mfc0 and mtc0 of Count and Compare; rdhwr of Count. */
const COUNT_MASK = 0xff60_efff;
const COUNT_WORD = 0x4000_4800;
const RDHWR_MASK = 0xffe0_ffff;
const RDHWR_CC = 0x7c00_103b;
const CP0_COUNT = 9;

const VECTOR_SPACING = 0x3e0;
const TWO_32 = 0x1_0000_0000;

/** Offsets of the general and the interrupt vector (Cause.IV) from where vectors begin. */
export const OFFSET_GENERAL = 0x180;
const OFFSET_INTERRUPT = 0x200;
const BASE_BOOTSTRAP = 0xbfc0_0200;

export class Timer {
  readonly #state: TimerState;
  readonly #places: Places;
  readonly #register: (offset: number) => Uint32Array;
  readonly #onEvent: () => void;

  /** @param register the live word at an offset from general register 0 @param onEvent called at `state.eventNs` */
  constructor(state: TimerState, places: Places, register: (offset: number) => Uint32Array, onEvent: () => void) {
    this.#state = state;
    this.#places = places;
    this.#register = register;
    this.#onEvent = onEvent;
  }

  #get(place: keyof Places): number {
    return this.#register(this.#places[place])[0]!;
  }

  #set(place: keyof Places, value: number): void {
    this.#register(this.#places[place])[0] = value;
  }

  now(instructions: number): number {
    return instructions * this.#state.nsPerInstruction + this.#state.skewNs;
  }

  #reschedule(): void {
    const state = this.#state;
    state.takeResched();
    const at = Math.min(state.eventNs, state.compareNs);
    state.nextEvent = at === Infinity ? Infinity : Math.max(0, Math.ceil((at - state.skewNs) / state.nsPerInstruction));
  }

  #count(instructions: number): number {
    return (Math.floor(this.now(instructions) / this.#state.countNs) + this.#state.countBase) % TWO_32;
  }

  #armCompare(instructions: number): void {
    const { countNs } = this.#state;
    const distance = (this.#get('compare') - this.#count(instructions)) >>> 0 || TWO_32;
    this.#state.compareNs = (Math.floor(this.now(instructions) / countNs) + distance) * countNs;
    this.#reschedule();
  }

  /** Runs what is due; the host's part last, it may change everything. */
  events(instructions: number): void {
    const state = this.#state;
    const now = this.now(instructions);
    if (state.compareNs <= now) {
      this.#set('cause', this.#get('cause') | CAUSE_TI | CAUSE_IP7);
      state.compareNs += TWO_32 * state.countNs;
    }
    if (state.eventNs <= now) {
      state.eventNs = Infinity;
      this.#onEvent();
    }
    this.#reschedule();
  }

  /** An interrupt is asserted and enabled. */
  get pending(): boolean {
    const status = this.#get('status');
    return (
      (status & (STATUS_IE | STATUS_EXL | STATUS_ERL)) === STATUS_IE && (status & this.#get('cause') & 0xff00) !== 0
    );
  }

  /**
   * When a guest that waits is woken next at the earliest; undefined when nothing can wake it: as on QEMU, waiting with interrupts disabled is
   * for ever.
   */
  get nextWake(): number | undefined {
    const status = this.#get('status');
    if ((status & (STATUS_IE | STATUS_EXL | STATUS_ERL)) !== STATUS_IE) return undefined;
    const next = Math.min(status & STATUS_IM7 ? this.#state.compareNs : Infinity, this.#state.eventNs);
    return next === Infinity ? undefined : next;
  }

  /** Where exception vectors begin. */
  get vectorBase(): number {
    return this.#get('status') & STATUS_BEV ? BASE_BOOTSTRAP : (this.#get('ebase') & ~0xfff) >>> 0;
  }

  // ---- for the hooks in TypeScript ------------------------------------------------------------------------------------

  /** Before each instruction: gives a register the Count that the one before read. */
  answerCount(): void {
    const { answer } = this.#state;
    if (!answer) return;
    this.#state.answer = undefined;
    if (answer.register > 0) this.#register(4 * answer.register)[0] = answer.value;
  }

  /** Events where the program counter did not go on sequentially. @returns whether there were any */
  runDue(instructions: number): boolean {
    if (this.#state.takeResched()) this.#reschedule();
    if (instructions < this.#state.nextEvent) return false;
    this.events(instructions);
    return true;
  }

  /** Whether the engine is behind a branch whose delay slot is next. */
  get inDelaySlot(): boolean {
    return (this.#get('hflags') & this.#places.hflagsBranch) !== 0;
  }

  /**
   * Enters the interrupt exception before the instruction at `pc`, but for Status.EXL.
   * @returns its vector, and Status with EXL
   */
  enterInterrupt(pc: number): { vector: number; status: number } {
    const state = this.#state;
    const status = this.#get('status');
    const cause = this.#get('cause');
    const pending = status & cause & 0xff00;
    if (pending & CAUSE_IP7) state.timerInterrupts++;
    state.interrupts++;
    state.forceBoundary();
    let offset = OFFSET_GENERAL;
    if (cause & CAUSE_IV) {
      const spacing = this.#get('intCtl') & VECTOR_SPACING;
      offset = OFFSET_INTERRUPT + spacing * (31 - Math.clz32(pending >>> 8));
    }
    this.#set('epc', pc);
    this.#set('cause', cause & ~(CAUSE_BD | CAUSE_EXC_CODE));
    return { vector: this.vectorBase + offset, status: (status | STATUS_EXL) >>> 0 };
  }

  /** The instruction `word` starts, `before` have started before it: reads and writes of Count and Compare. */
  instruction(word: number, before: number): void {
    const rdhwr = ((word & RDHWR_MASK) ^ RDHWR_CC) === 0;
    if (!rdhwr && ((word & COUNT_MASK) ^ COUNT_WORD) !== 0) return;
    const state = this.#state;
    const rt = (word >>> 16) & 31;
    const isCount = rdhwr || ((word >>> 11) & 31) === CP0_COUNT;
    if (rdhwr || (word & 0x0080_0000) === 0) {
      if (isCount) state.answer = { register: rt, value: this.#count(before) };
      return;
    }
    const value = this.#register(4 * rt)[0]!;
    if (isCount) {
      state.countBase = (state.countBase + value - this.#count(before)) >>> 0;
      if (state.compareNs !== Infinity) this.#armCompare(before);
    } else {
      this.#set('compare', value);
      this.#set('cause', this.#get('cause') & ~(CAUSE_TI | CAUSE_IP7));
      this.#armCompare(before);
    }
  }
}
