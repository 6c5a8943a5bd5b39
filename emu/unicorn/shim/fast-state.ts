// One guest's block of the fast path (struct fast in fast.c), seen from TypeScript: where in the engine things are, virtual time, the
// budget, counters.

/** Byte offsets in struct fast. */
const AT = {
  uc: 0,
  cpu: 8,
  env: 16,
  ram: 24,
  shared: 32,
  doInterrupt: 40,
  tlbFlush: 48,
  loopExit: 56,
  regWrite: 64,
  emuStop: 72,
  hookAdd: 80,
  ctl: 88,
  onException: 96,
  onEvent: 104,
  stops: 112,
  check: 120,
  watched: 128,
  codePages: 136,
  places: 144,
  littleEndian: 204,
  precise: 208,
  hardwareTlb: 212,
  tlbVisible: 216,
  hasTimer: 220,
  nsPerInstruction: 224,
  countNs: 228,
  storeFix: 232,
  pausing: 236,
  paused: 240,
  budget: 248,
  skewNs: 256,
  eventNs: 264,
  compareNs: 272,
  countBase: 280,
  resched: 284,
  icount: 288,
  blockPc: 304,
  blockEnd: 308,
  forceBoundary: 312,
  redirected: 316,
  blocks: 344,
  interrupts: 352,
  timerInterrupts: 376,
  hookedCount: 384,
} as const;

/** Size of the table of struct watched. */
export const WATCHED = 1 << 12;

/** What fast_layout() must say, for the two to speak of the same block. */
const LAYOUT = [
  undefined,
  AT.places,
  AT.littleEndian,
  AT.budget,
  AT.icount,
  AT.blocks,
  AT.hookedCount,
  32,
  32 + (1 << 17),
  8 + 4 * WATCHED,
];

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

export type PointerName =
  | 'uc'
  | 'cpu'
  | 'env'
  | 'ram'
  | 'shared'
  | 'doInterrupt'
  | 'tlbFlush'
  | 'loopExit'
  | 'regWrite'
  | 'emuStop'
  | 'hookAdd'
  | 'ctl'
  | 'onException'
  | 'onEvent'
  | 'stops'
  | 'check'
  | 'watched'
  | 'codePages';

/** 2^64 - 1: never. */
const NEVER = 0xffff_ffff_ffff_ffffn;

export class FastState {
  readonly memory: ArrayBuffer;
  readonly #view: DataView;

  /** @param layout fast_layout() of the compiled hooks @throws Error when they are of another version */
  constructor(layout: (index: number) => number) {
    if (LAYOUT.some((bytes, i) => bytes !== undefined && layout(i) !== bytes))
      throw new Error('the compiled hooks are of another version');
    this.memory = new ArrayBuffer(layout(0));
    this.#view = new DataView(this.memory);
    this.#set64(AT.budget, NEVER);
    this.#set64(AT.eventNs, NEVER);
    this.#set64(AT.compareNs, NEVER);
    this.#set(AT.resched, 1);
    this.#set(AT.nsPerInstruction, 1);
    this.#set(AT.countNs, 10);
  }

  #set(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  #get(at: number): number {
    return this.#view.getUint32(at, true);
  }

  #set64(at: number, value: bigint): void {
    this.#view.setBigUint64(at, value, true);
  }

  #number(at: number): number {
    return this.#get(at) + this.#get(at + 4) * 0x1_0000_0000;
  }

  #setNumber(at: number, value: number): void {
    if (value > Number.MAX_SAFE_INTEGER) this.#set64(at, NEVER);
    else {
      this.#set(at, value % 0x1_0000_0000);
      this.#set(at + 4, Math.floor(value / 0x1_0000_0000));
    }
  }

  point(name: PointerName, address: bigint): void {
    this.#set64(AT[name], address);
  }

  setPlaces(places: Places): void {
    PLACE_NAMES.forEach((name, i) => this.#set(AT.places + 4 * i, places[name]));
  }

  configure(options: {
    littleEndian: boolean;
    precise: boolean;
    hardwareTlb: boolean;
    tlbVisible: number;
    storeFix: boolean;
  }): void {
    this.#set(AT.littleEndian, Number(options.littleEndian));
    this.#set(AT.precise, Number(options.precise));
    this.#set(AT.hardwareTlb, Number(options.hardwareTlb));
    this.#set(AT.tlbVisible, options.tlbVisible);
    this.#set(AT.storeFix, Number(options.storeFix));
  }

  /** Brings Count, Compare and interrupts to life. @param nsPerInstruction whole @param countNs nanoseconds per step of Count */
  startTimer(nsPerInstruction: number, countNs: number, countStart: number): void {
    this.#set(AT.hasTimer, 1);
    this.#set(AT.nsPerInstruction, nsPerInstruction);
    this.#set(AT.countNs, countNs);
    this.#set(AT.countBase, countStart);
  }

  /** Instructions started, those of the block being run included. */
  get icount(): number {
    return this.#number(AT.icount);
  }

  /** Whether the budget is a place to pause, at the last block that begins before it. */
  set pausing(pausing: boolean) {
    this.#set(AT.pausing, Number(pausing));
  }

  /** The run was paused there. */
  get paused(): boolean {
    return this.#get(AT.paused) !== 0;
  }

  /** Address behind the block that ran last. */
  get blockEnd(): number {
    return this.#get(AT.blockEnd);
  }

  set budget(instructions: number) {
    this.#setNumber(AT.budget, instructions);
  }

  get exhausted(): boolean {
    return this.icount >= this.#number(AT.budget);
  }

  get skewNs(): number {
    return this.#number(AT.skewNs);
  }

  set skewNs(ns: number) {
    this.#setNumber(AT.skewNs, ns);
    this.#set(AT.resched, 1);
  }

  /** When `onEvent` is to be called, virtual nanoseconds; Infinity for never. */
  set eventNs(ns: number) {
    this.#setNumber(AT.eventNs, Math.ceil(ns));
    this.#set(AT.resched, 1);
  }

  get compareNs(): number {
    return this.#view.getBigUint64(AT.compareNs, true) === NEVER ? Infinity : this.#number(AT.compareNs);
  }

  /** Asks for events and interrupts to be looked at before the next instruction. */
  forceBoundary(): void {
    this.#set(AT.forceBoundary, 1);
  }

  /** The run was ended to go on at the program counter; asking forgets it. */
  takeRedirected(): boolean {
    const redirected = this.#get(AT.redirected) !== 0;
    this.#set(AT.redirected, 0);
    return redirected;
  }

  get interrupts(): number {
    return this.#number(AT.interrupts);
  }

  get timerInterrupts(): number {
    return this.#number(AT.timerInterrupts);
  }

  get blocks(): number {
    return this.#number(AT.blocks);
  }
}
