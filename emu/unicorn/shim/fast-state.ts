// One guest's block of the fast path (struct fast in fast.c), seen from TypeScript: where in the engine things are, virtual time, the
// budget, counters.
import { type Places, placeWords, TIMER_BYTES, TimerState } from './timer-state.js';

/** Byte offsets in struct fast. */
const AT = {
  uc: 0,
  cpu: 8,
  env: 16,
  ram: 24,
  shared: 32,
  doInterrupt: 40,
  loopExit: 48,
  regWrite: 56,
  emuStop: 64,
  hookAdd: 72,
  ctl: 80,
  onException: 88,
  onEvent: 96,
  stops: 104,
  check: 112,
  watched: 120,
  codePages: 128,
  places: 136,
  littleEndian: 196,
  precise: 200,
  hardwareTlb: 204,
  tlbVisible: 208,
  storeFix: 212,
  pausing: 220,
  paused: 224,
  budget: 232,
  timer: 240,
  icount: 320,
  blockPc: 328,
  blockEnd: 332,
  redirected: 336,
  blocks: 352,
  hookedCount: 376,
} as const;

/** Size of the table of struct watched. */
export const WATCHED = 1 << 12;

/** What fast_layout() must say, for the two to speak of the same block. */
const LAYOUT = [
  undefined,
  AT.places,
  AT.littleEndian,
  AT.budget,
  AT.timer,
  AT.icount,
  AT.blocks,
  AT.hookedCount,
  32,
  32 + (1 << 17),
  8 + 4 * WATCHED,
];

export type PointerName =
  | 'uc'
  | 'cpu'
  | 'env'
  | 'ram'
  | 'shared'
  | 'doInterrupt'
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
  readonly timer: TimerState;
  readonly #view: DataView;

  /**
   * @param layout fast_layout() of the compiled hooks; without it, the block has only what the checker of translations reads
   * @throws Error when they are of another version
   */
  constructor(layout?: (index: number) => number) {
    if (layout && LAYOUT.some((bytes, i) => bytes !== undefined && layout(i) !== bytes))
      throw new Error('the compiled hooks are of another version');
    this.memory = new ArrayBuffer(layout?.(0) ?? AT.hookedCount);
    this.#view = new DataView(this.memory);
    this.#set64(AT.budget, NEVER);
    const timer = new Uint32Array(this.memory, AT.timer, TIMER_BYTES / 4);
    this.timer = new TimerState(() => timer);
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
    placeWords(places).forEach((word, i) => this.#set(AT.places + 4 * i, word));
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

  /** The run was ended to go on at the program counter; asking forgets it. */
  takeRedirected(): boolean {
    const redirected = this.#get(AT.redirected) !== 0;
    this.#set(AT.redirected, 0);
    return redirected;
  }

  get blocks(): number {
    return this.#number(AT.blocks);
  }
}
