// The block that one guest's hooks keep up to date and the host reads: program counter, instruction counter, exception
// counters. It lies in host memory and has the layout of struct cpu_state in shim.c, so that the C hooks
// and the TypeScript hooks are interchangeable.
import { type Places, placeWords, TIMER_BYTES, TimerState } from './timer-state.js';

/** Word (32-bit) indices of struct cpu_state. */
const WORD = {
  pc: 0,
  stop: 1,
  instructionsLow: 2,
  instructionsHigh: 3,
  failure: 4,
  excCode: 5,
  excFlags: 6,
  excPc: 7,
  excEpc: 8,
  excBadVAddr: 9,
  observe: 10,
  ramBytes: 11,
  exceptions: 12,
  codeOf: 76,
  atGpr: 92,
  atPc: 93,
  atBadVAddr: 94,
  atStatus: 95,
  atCause: 96,
  atEpc: 97,
  atErrorCode: 98,
  atHflags: 99,
  hflagsBranch: 100,
  hflagsMips16: 101,
  redirected: 102,
  previousPc: 103,
  ram: 104,
  contextWords: 106,
  context: 108,
  contextSave: 110,
  contextRestore: 112,
  regRead: 114,
  regWrite: 116,
  emuStop: 118,
  observer: 120,
  budgetLow: 122,
  budgetHigh: 123,
  imprecise: 124,
  littleEndian: 125,
  nextPc: 127,
  env: 128,
  onEvent: 130,
  blockFlags: 132,
  stops: 134,
  places: 136,
  timer: 152,
  checkJumps: 172,
  dropShadows: 173,
  redirectPc: 175,
  check: 178,
} as const;

/** sizeof(struct cpu_state). */
export const CPU_STATE_BYTES = 720;

/** Bits of `excFlags`: what the last exception was like. */
export const EXC_NO_MATCH = 1;
export const EXC_DELAY_SLOT = 2;
export const EXC_FETCH = 4;
export const EXC_NESTED = 8;

/** Where the C hooks find what they call and poke; addresses are host pointers. */
export interface NativeAddresses {
  readonly ram: bigint;
  readonly contextWords: bigint;
  readonly context: bigint;
  readonly contextSave: bigint;
  readonly contextRestore: bigint;
  readonly regRead: bigint;
  readonly regWrite: bigint;
  readonly emuStop: bigint;
  readonly observer: bigint;
  readonly stops?: bigint;
  /** With a timer: general register 0 among the engine's registers, a function of the observer's type for events, the word of block-limit.ts. */
  readonly env?: bigint;
  readonly onEvent?: bigint;
  readonly blockFlags?: bigint;
}

/** Word indices in a saved context, written by the host for the C hooks. */
export type ContextIndices = Readonly<
  Record<'gpr' | 'pc' | 'badVAddr' | 'status' | 'cause' | 'epc' | 'errorCode' | 'hflags', number>
>;

/** Where a block lies: in memory of its own, or in an engine's, whose buffer is another one when it has grown. */
export interface StateMemory {
  buffer(): ArrayBuffer;
  readonly offset: number;
}

export class CpuState {
  readonly #memory: StateMemory;
  #view = new Uint32Array(0);
  #timerView: Uint32Array = new Uint32Array(0);
  readonly timer: TimerState;

  constructor(memory?: StateMemory) {
    const own = memory ? undefined : new ArrayBuffer(CPU_STATE_BYTES);
    this.#memory = memory ?? { buffer: () => own!, offset: 0 };
    this.#words.fill(0);
    this.codeOf.fill(-1);
    this.timer = new TimerState(() => {
      if (this.#timerView.length === 0)
        this.#timerView = this.#words.subarray(WORD.timer, WORD.timer + TIMER_BYTES / 4);
      return this.#timerView;
    });
    this.budget = Number.MAX_SAFE_INTEGER;
  }

  /** The buffer that the block lies in. Fetch anew at each use. */
  get memory(): ArrayBuffer {
    return this.#memory.buffer();
  }

  /** Where in it. */
  get offset(): number {
    return this.#memory.offset;
  }

  get #words(): Uint32Array {
    // A view whose buffer was detached is empty.
    if (this.#view.length === 0)
      this.#view = new Uint32Array(this.#memory.buffer(), this.#memory.offset, CPU_STATE_BYTES / 4);
    return this.#view;
  }

  /** ExcCode per interrupt number, -1 for none. */
  get codeOf(): Int8Array {
    const { buffer, byteOffset } = this.#words;
    return new Int8Array(buffer, byteOffset + WORD.codeOf * 4, 64);
  }

  /** How often each ExcCode was entered; plus 32 when no TLB entry matched. */
  get exceptions(): Uint32Array {
    return this.#words.subarray(WORD.exceptions, WORD.exceptions + 64);
  }

  /** Virtual address of the instruction being executed. */
  get pc(): number {
    return this.#words[WORD.pc];
  }

  set pc(address: number) {
    this.#words[WORD.pc] = address;
  }

  set ramBytes(bytes: number) {
    this.#words[WORD.ramBytes] = bytes;
  }

  /** The instruction executed before it. */
  get previousPc(): number {
    return this.#words[WORD.previousPc];
  }

  /** Instructions started since the guest was made. */
  get instructions(): number {
    return this.#words[WORD.instructionsLow] + this.#words[WORD.instructionsHigh] * 0x1_0000_0000;
  }

  set instructions(count: number) {
    this.#words[WORD.instructionsLow] = count % 0x1_0000_0000;
    this.#words[WORD.instructionsHigh] = Math.floor(count / 0x1_0000_0000);
  }

  /** Records that the instruction at `pc` starts. */
  startInstruction(pc: number): void {
    this.#words[WORD.previousPc] = this.#words[WORD.pc];
    this.#words[WORD.pc] = pc;
    this.#words[WORD.nextPc] = pc + 4;
    if (++this.#words[WORD.instructionsLow] === 0) this.#words[WORD.instructionsHigh]++;
  }

  /** Asks the code hook to stop before the next instruction. */
  get stop(): boolean {
    return this.#words[WORD.stop] !== 0;
  }

  set stop(wanted: boolean) {
    this.#words[WORD.stop] = wanted ? 1 : 0;
  }

  /** Instructions after which the code hook stops the guest; unlimited at first. */
  set budget(instructions: number) {
    this.#words[WORD.budgetLow] = instructions % 0x1_0000_0000;
    this.#words[WORD.budgetHigh] = Math.floor(instructions / 0x1_0000_0000);
  }

  /** Whether it is used up. */
  get exhausted(): boolean {
    return this.instructions >= this.#words[WORD.budgetLow] + this.#words[WORD.budgetHigh] * 0x1_0000_0000;
  }

  /** The run was ended to go on in the general exception vector. */
  get redirected(): boolean {
    return this.#words[WORD.redirected] !== 0;
  }

  set redirected(wanted: boolean) {
    this.#words[WORD.redirected] = wanted ? 1 : 0;
  }

  /** Where it goes on then. */
  get redirectPc(): number {
    return this.#words[WORD.redirectPc];
  }

  set redirectPc(address: number) {
    this.#words[WORD.redirectPc] = address;
  }

  /** Address behind the instruction that started last; 1 when an exception came between. */
  get nextPc(): number {
    return this.#words[WORD.nextPc];
  }

  set nextPc(address: number) {
    this.#words[WORD.nextPc] = address;
  }

  /** An exception was entered: the next instruction does not follow the last one. */
  leaveSequence(): void {
    this.nextPc = 1;
    this.timer.answer = undefined;
    this.timer.forceBoundary();
  }

  /** Interrupt number that has no ExcCode and stopped the guest; undefined when there was none. */
  get failure(): number | undefined {
    const failure = this.#words[WORD.failure];
    return failure === 0 ? undefined : failure - 1;
  }

  set failure(intno: number) {
    this.#words[WORD.failure] = intno + 1;
  }

  /** Whether each exception entry is to be reported. */
  get observe(): boolean {
    return this.#words[WORD.observe] !== 0;
  }

  set observe(wanted: boolean) {
    this.#words[WORD.observe] = wanted ? 1 : 0;
  }

  /** The last exception, valid while it is being reported. */
  get lastException(): { excCode: number; flags: number; pc: number; epc: number; badVAddr: number } {
    const words = this.#words;
    return {
      excCode: words[WORD.excCode],
      flags: words[WORD.excFlags],
      pc: words[WORD.excPc],
      epc: words[WORD.excEpc],
      badVAddr: words[WORD.excBadVAddr],
    };
  }

  setLastException(excCode: number, flags: number, pc: number, epc: number, badVAddr: number): void {
    const words = this.#words;
    words[WORD.excCode] = excCode;
    words[WORD.excFlags] = flags;
    words[WORD.excPc] = pc;
    words[WORD.excEpc] = epc;
    words[WORD.excBadVAddr] = badVAddr;
  }

  /** Tells the C hooks which words of a saved context to edit and how much RAM there is. */
  describeCpu(
    indices: ContextIndices,
    hflags: { branch: number; mips16: number },
    ramBytes: number,
    littleEndian: boolean,
  ): void {
    const words = this.#words;
    words[WORD.atGpr] = indices.gpr;
    words[WORD.atPc] = indices.pc;
    words[WORD.atBadVAddr] = indices.badVAddr;
    words[WORD.atStatus] = indices.status;
    words[WORD.atCause] = indices.cause;
    words[WORD.atEpc] = indices.epc;
    words[WORD.atErrorCode] = indices.errorCode;
    words[WORD.atHflags] = indices.hflags;
    words[WORD.hflagsBranch] = hflags.branch;
    words[WORD.hflagsMips16] = hflags.mips16;
    words[WORD.ramBytes] = ramBytes;
    words[WORD.littleEndian] = littleEndian ? 1 : 0;
  }

  /** Tells the C hooks of what a guest with a timer needs. @param dropShadows visible TLB entries, when shadows are dropped */
  describeTimed(places: Places, checkJumps: boolean, dropShadows: number | undefined): void {
    const words = this.#words;
    words.set(placeWords(places), WORD.places);
    words[WORD.checkJumps] = checkJumps ? 1 : 0;
    words[WORD.dropShadows] = dropShadows ?? 0;
  }

  /** Tells the C hooks that exceptions are told as unicorn.js does. */
  set imprecise(imprecise: boolean) {
    this.#words[WORD.imprecise] = imprecise ? 1 : 0;
  }

  /** Tells the C hooks of the checker. @param hooks host address of struct check_hooks */
  set check(hooks: bigint) {
    new BigUint64Array(this.#memory.buffer(), this.#memory.offset, CPU_STATE_BYTES / 8)[WORD.check / 2] = hooks;
  }

  /** Tells the C hooks what to call and where things are in host memory. */
  setAddresses(addresses: NativeAddresses): void {
    const pointers = new BigUint64Array(this.#memory.buffer(), this.#memory.offset, CPU_STATE_BYTES / 8);
    for (const name of Object.keys(addresses) as (keyof NativeAddresses)[])
      pointers[WORD[name] / 2] = addresses[name] ?? 0n;
  }
}
