// 8254 interval timer of the PIIX4: three counters at 1.193182 MHz, and port 61 with the third one's gate and output.
// Words and modes from Intel's data sheet. Counter 0's output is ISA interrupt 0. BCD counting is not done, as in QEMU.
import { type Deadline, deadline, type Timer, type Timers } from '../timers.js';

export const PIT_HZ = 1_193_182;
const NS_PER_SECOND = 1_000_000_000;

/** Control word, port 3. */
const SC_SHIFT = 6;
const SC_READ_BACK = 3;
const RW_SHIFT = 4;
const RW_LATCH = 0;
const RW_LSB = 1;
const RW_MSB = 2;
const RW_BOTH = 3;
/** Read-back command: cleared bits choose. */
const READ_BACK_COUNT = 0x20;
const READ_BACK_STATUS = 0x10;
const STATUS_OUTPUT = 0x80;
const STATUS_NULL_COUNT = 0x40;

/** Port 61: NMI status and control. */
const NMISC_GATE2 = 0x01;
const NMISC_SPEAKER = 0x02;
const NMISC_REFRESH = 0x10;
const NMISC_OUTPUT2 = 0x20;
/** The refresh bit toggles with each refresh request. */
const REFRESH_NS = 15_085;

/** Whole clock ticks in `ns`; exact over years. */
function ticksIn(ns: number): number {
  const seconds = Math.floor(ns / NS_PER_SECOND);
  return seconds * PIT_HZ + Math.floor(((ns - seconds * NS_PER_SECOND) * PIT_HZ) / NS_PER_SECOND);
}

/** The first nanosecond at which `ticks` have passed. */
function nsOf(ticks: number): number {
  const seconds = Math.floor(ticks / PIT_HZ);
  return seconds * NS_PER_SECOND + Math.ceil(((ticks - seconds * PIT_HZ) * NS_PER_SECOND) / PIT_HZ);
}

export interface CounterState {
  readonly mode: number;
  readonly access: number;
  readonly count: number;
  readonly start: number;
  readonly loaded: boolean;
  readonly gate: boolean;
  readonly lowByte: number;
  readonly writeHigh: boolean;
  readonly readHigh: boolean;
  readonly latch: number;
  readonly latchBytes: number;
  readonly status: number | null;
}

class Counter {
  /** Square wave, as firmware leaves the counters: the output is high. */
  mode = 3;
  /** RW field of the last control word. */
  access = RW_BOTH;
  /** Initial count, 1 .. 65536. */
  count = 0x1_0000;
  /** Virtual nanoseconds of the last load or trigger. */
  start = 0;
  /** A count was written since the last control word. */
  loaded = false;
  gate: boolean;
  #lowByte = 0;
  #writeHigh = false;
  #readHigh = false;
  #latch = 0;
  /** Bytes of the latched count still to be read. */
  #latchBytes = 0;
  #status: number | null = null;

  constructor(gate: boolean) {
    this.gate = gate;
  }

  /** The control word. */
  program(access: number, mode: number): void {
    this.mode = mode > 5 ? mode & 3 : mode;
    this.access = access;
    this.loaded = false;
    this.#writeHigh = this.#readHigh = false;
    this.#latchBytes = 0;
    this.#status = null;
  }

  /** One byte of a count. @returns whether the count is complete */
  writeByte(value: number, now: number): boolean {
    switch (this.access) {
      case RW_LSB:
        return this.#load(value, now);
      case RW_MSB:
        return this.#load(value << 8, now);
      default:
        this.#writeHigh = !this.#writeHigh;
        if (!this.#writeHigh) return this.#load((value << 8) | this.#lowByte, now);
        this.#lowByte = value;
        return false;
    }
  }

  #load(count: number, now: number): true {
    this.count = count || 0x1_0000;
    this.start = now;
    this.loaded = true;
    return true;
  }

  latchCount(now: number): void {
    if (this.#latchBytes > 0) return;
    this.#latch = this.value(now);
    this.#latchBytes = this.access === RW_BOTH ? 2 : 1;
  }

  latchStatus(now: number): void {
    if (this.#status !== null) return;
    this.#status =
      (this.output(now) ? STATUS_OUTPUT : 0) |
      (this.loaded ? 0 : STATUS_NULL_COUNT) |
      (this.access << RW_SHIFT) |
      (this.mode << 1);
  }

  readByte(now: number): number {
    if (this.#status !== null) {
      const status = this.#status;
      this.#status = null;
      return status;
    }
    const value = this.#latchBytes > 0 ? this.#latch : this.value(now);
    const high = this.access === RW_MSB || (this.access === RW_BOTH && this.#readHigh);
    if (this.access === RW_BOTH) this.#readHigh = !this.#readHigh;
    if (this.#latchBytes > 0) this.#latchBytes--;
    return high ? value >> 8 : value & 0xff;
  }

  /** A rising gate starts the count anew but in modes 0 and 4. A low one does not stop it, as in QEMU. */
  setGate(gate: boolean, now: number): void {
    if (gate && !this.gate && this.mode !== 0 && this.mode !== 4) this.start = now;
    this.gate = gate;
  }

  /** The counting element, 16 bits. */
  value(now: number): number {
    const ticks = ticksIn(now - this.start);
    if (this.mode === 2) return (this.count - (ticks % this.count)) & 0xffff;
    // A square wave is counted down in twos.
    if (this.mode === 3) return (this.count - ((2 * ticks) % this.count)) & 0xffff;
    return (this.count - ticks) & 0xffff;
  }

  output(now: number): boolean {
    const ticks = ticksIn(now - this.start);
    switch (this.mode) {
      case 0:
        return this.loaded && ticks >= this.count;
      case 1:
        return ticks >= this.count;
      case 2:
        return !this.loaded || ticks % this.count !== this.count - 1;
      case 3:
        return !this.loaded || ticks % this.count < (this.count + 1) >> 1;
      default: // a strobe of one tick at the end
        return !this.loaded || ticks !== this.count;
    }
  }

  /** Virtual nanoseconds of the output's next change; undefined when it stays. */
  nextChange(now: number): number | undefined {
    if (!this.loaded) return undefined;
    const ticks = ticksIn(now - this.start);
    const period = ticks - (ticks % this.count);
    const at = (tick: number) => this.start + nsOf(tick);
    switch (this.mode) {
      case 2:
        return at(ticks % this.count < this.count - 1 ? period + this.count - 1 : period + this.count);
      case 3: {
        const half = (this.count + 1) >> 1;
        return at(ticks % this.count < half ? period + half : period + this.count);
      }
      case 0:
      case 1:
        return ticks < this.count ? at(this.count) : undefined;
      default:
        return ticks <= this.count ? at(ticks < this.count ? this.count : this.count + 1) : undefined;
    }
  }

  state(): CounterState {
    const { mode, access, count, start, loaded, gate } = this;
    return {
      ...{ mode, access, count, start, loaded, gate },
      lowByte: this.#lowByte,
      writeHigh: this.#writeHigh,
      readHigh: this.#readHigh,
      latch: this.#latch,
      latchBytes: this.#latchBytes,
      status: this.#status,
    };
  }

  restore(state: CounterState): void {
    this.mode = state.mode;
    this.access = state.access;
    this.count = state.count;
    this.start = state.start;
    this.loaded = state.loaded;
    this.gate = state.gate;
    this.#lowByte = state.lowByte;
    this.#writeHigh = state.writeHigh;
    this.#readHigh = state.readHigh;
    this.#latch = state.latch;
    this.#latchBytes = state.latchBytes;
    this.#status = state.status;
  }
}

export interface I8254State {
  readonly counters: readonly CounterState[];
  readonly speaker: boolean;
  readonly change: Deadline;
}

export class I8254 {
  readonly #timers: Timers;
  readonly #setIrq0: (asserted: boolean) => void;
  readonly #counters = [new Counter(true), new Counter(true), new Counter(false)] as const;
  #speaker = false;
  /** Counter 0's output changes. */
  #change: Timer | undefined;

  constructor(timers: Timers, setIrq0: (asserted: boolean) => void) {
    this.#timers = timers;
    this.#setIrq0 = setIrq0;
    setIrq0(true);
  }

  /** @param port 0 .. 3 */
  read(port: number): number {
    return port === 3 ? 0 : this.#counters[port].readByte(this.#timers.now());
  }

  write(port: number, value: number): void {
    const now = this.#timers.now();
    if (port !== 3) {
      if (this.#counters[port].writeByte(value, now) && port === 0) this.#follow();
      return;
    }
    const select = value >> SC_SHIFT;
    if (select === SC_READ_BACK) {
      this.#counters.forEach((counter, i) => {
        if (!(value & (2 << i))) return;
        if (!(value & READ_BACK_COUNT)) counter.latchCount(now);
        if (!(value & READ_BACK_STATUS)) counter.latchStatus(now);
      });
      return;
    }
    const access = (value >> RW_SHIFT) & 3;
    if (access === RW_LATCH) return this.#counters[select].latchCount(now);
    this.#counters[select].program(access, (value >> 1) & 7);
    if (select === 0) this.#follow();
  }

  /** Port 61. */
  readControl(): number {
    const now = this.#timers.now();
    const counter = this.#counters[2];
    return (
      (counter.gate ? NMISC_GATE2 : 0) |
      (this.#speaker ? NMISC_SPEAKER : 0) |
      (Math.floor(now / REFRESH_NS) % 2 ? NMISC_REFRESH : 0) |
      (counter.output(now) ? NMISC_OUTPUT2 : 0)
    );
  }

  writeControl(value: number): void {
    this.#speaker = (value & NMISC_SPEAKER) !== 0;
    this.#counters[2].setGate((value & NMISC_GATE2) !== 0, this.#timers.now());
  }

  /** Puts counter 0's output on the interrupt line, and again whenever it changes. */
  #follow(): void {
    const now = this.#timers.now();
    const counter = this.#counters[0];
    this.#change?.cancel();
    this.#setIrq0(counter.output(now));
    const next = counter.nextChange(now);
    this.#change = next === undefined ? undefined : this.#timers.at(next, () => this.#changed());
  }

  /** The queue may be late; what the output did in between is an edge all the same. */
  #changed(): void {
    const due = this.#change!.at;
    const counter = this.#counters[0];
    this.#setIrq0(counter.output(due));
    const next = counter.nextChange(due);
    this.#change = next === undefined ? undefined : this.#timers.at(next, () => this.#changed());
  }

  state(): I8254State {
    return {
      counters: this.#counters.map((counter) => counter.state()),
      speaker: this.#speaker,
      change: deadline(this.#change),
    };
  }

  restore({ counters, speaker, change }: I8254State): void {
    this.#counters.forEach((counter, i) => counter.restore(counters[i]));
    this.#speaker = speaker;
    this.#change = this.#timers.again(change, () => this.#changed());
  }
}
