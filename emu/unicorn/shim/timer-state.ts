// Virtual time of one guest (struct timer in machine.h), seen from TypeScript, and where in the engine's registers things are (struct places).

/** Offsets from general register 0 in the engine's registers, bytes. */
export interface Places {
  readonly pc: number;
  readonly badVAddr: number;
  readonly entryHi: number;
  readonly status: number;
  readonly intCtl: number;
  readonly cause: number;
  readonly epc: number;
  readonly ebase: number;
  readonly compare: number;
  readonly errorCode: number;
  readonly hflags: number;
  /** Of the pointer to the TLB; entry 0 is at `tlbEntries` behind what it points to. */
  readonly tlb: number;
  readonly tlbEntries: number;
  /** Bits of hflags: a delay slot is next. */
  readonly hflagsBranch: number;
  readonly context: number;
}

/** In the order of struct places. */
const PLACE_NAMES = [
  'pc',
  'badVAddr',
  'entryHi',
  'status',
  'intCtl',
  'cause',
  'epc',
  'ebase',
  'compare',
  'errorCode',
  'hflags',
  'tlb',
  'tlbEntries',
  'hflagsBranch',
  'context',
] as const;

/** As the words of struct places. */
export function placeWords(places: Places): number[] {
  return PLACE_NAMES.map((name) => places[name]);
}

/** Word (32-bit) indices in struct timer. */
const WORD = {
  alive: 0,
  nsPerInstruction: 1,
  countNs: 2,
  countBase: 3,
  skewNs: 4,
  eventNs: 6,
  compareNs: 8,
  nextEvent: 10,
  interrupts: 12,
  timerInterrupts: 14,
  resched: 16,
  forceBoundary: 17,
  countRt: 18,
  countValue: 19,
} as const;
type Name = keyof typeof WORD;

/** sizeof(struct timer). */
export const TIMER_BYTES = 80;

const TWO_32 = 0x1_0000_0000;

export class TimerState {
  readonly #words: () => Uint32Array;

  /** @param words the block, to be fetched anew at each use */
  constructor(words: () => Uint32Array) {
    this.#words = words;
    this.nsPerInstruction = 1;
    this.countNs = 10;
    this.eventNs = Infinity;
    this.compareNs = Infinity;
    this.#set('resched', 1);
  }

  #get(name: Name): number {
    return this.#words()[WORD[name]]!;
  }

  #set(name: Name, value: number): void {
    this.#words()[WORD[name]] = value;
  }

  /** Infinity is 2^64 - 1, which C has for never. */
  #get64(name: Name): number {
    const words = this.#words();
    const high = words[WORD[name] + 1]!;
    return high === 0xffff_ffff ? Infinity : high * TWO_32 + words[WORD[name]]!;
  }

  #set64(name: Name, value: number): void {
    const words = this.#words();
    const never = value > Number.MAX_SAFE_INTEGER;
    words[WORD[name]] = never ? 0xffff_ffff : value % TWO_32;
    words[WORD[name] + 1] = never ? 0xffff_ffff : Math.floor(value / TWO_32);
  }

  /** Brings Count, Compare and interrupts to life. @param nsPerInstruction whole @param countNs nanoseconds per step of Count */
  start(nsPerInstruction: number, countNs: number, countStart: number): void {
    this.#set('alive', 1);
    this.nsPerInstruction = nsPerInstruction;
    this.countNs = countNs;
    this.countBase = countStart;
  }

  get nsPerInstruction(): number {
    return this.#get('nsPerInstruction');
  }

  set nsPerInstruction(ns: number) {
    this.#set('nsPerInstruction', ns);
  }

  get countNs(): number {
    return this.#get('countNs');
  }

  set countNs(ns: number) {
    this.#set('countNs', ns);
  }

  /** What Count shows at time 0, modulo 2^32. */
  get countBase(): number {
    return this.#get('countBase');
  }

  set countBase(value: number) {
    this.#set('countBase', value);
  }

  /** Time that passed without instructions. */
  get skewNs(): number {
    return this.#get64('skewNs');
  }

  set skewNs(ns: number) {
    this.#set64('skewNs', ns);
    this.#set('resched', 1);
  }

  /** When the host is to be called, virtual nanoseconds; Infinity for never. */
  get eventNs(): number {
    return this.#get64('eventNs');
  }

  set eventNs(ns: number) {
    this.#set64('eventNs', Math.ceil(ns));
    this.#set('resched', 1);
  }

  /** When Count reaches Compare; Infinity before Compare is written. */
  get compareNs(): number {
    return this.#get64('compareNs');
  }

  set compareNs(ns: number) {
    this.#set64('compareNs', ns);
    this.#set('resched', 1);
  }

  /** Instructions at which to look at events. */
  get nextEvent(): number {
    return this.#get64('nextEvent');
  }

  set nextEvent(instructions: number) {
    this.#set64('nextEvent', instructions);
  }

  /** Something changed since `nextEvent` was worked out; asking forgets it. */
  takeResched(): boolean {
    const resched = this.#get('resched') !== 0;
    this.#set('resched', 0);
    return resched;
  }

  /** Asks for events and interrupts to be looked at before the next instruction. */
  forceBoundary(): void {
    this.#set('forceBoundary', 1);
  }

  /** Whether that was asked for; asking forgets it. */
  takeForced(): boolean {
    const forced = this.#get('forceBoundary') !== 0;
    this.#set('forceBoundary', 0);
    return forced;
  }

  /** What a general register is to get when the instruction is over, when it read Count. */
  get answer(): { register: number; value: number } | undefined {
    const register = this.#get('countRt') - 1;
    return register < 0 ? undefined : { register, value: this.#get('countValue') };
  }

  set answer(answer: { register: number; value: number } | undefined) {
    this.#set('countRt', answer ? answer.register + 1 : 0);
    this.#set('countValue', answer?.value ?? 0);
  }

  get interrupts(): number {
    return this.#get64('interrupts');
  }

  set interrupts(count: number) {
    this.#set64('interrupts', count);
  }

  get timerInterrupts(): number {
    return this.#get64('timerInterrupts');
  }

  set timerInterrupts(count: number) {
    this.#set64('timerInterrupts', count);
  }
}
