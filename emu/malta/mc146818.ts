// MC146818 real-time clock of the PIIX4, ports 70 and 71. Registers and bits from Motorola's data sheet. The time is
// the simulation's: a start date plus virtual time.
import { dateOf, daysOf } from './calendar.js';
import { type Deadline, deadline, type Timer, type Timers } from './timers.js';

const SECONDS = 0x00;
const SECONDS_ALARM = 0x01;
const MINUTES = 0x02;
const MINUTES_ALARM = 0x03;
const HOURS = 0x04;
const HOURS_ALARM = 0x05;
const DAY_OF_WEEK = 0x06;
const DAY_OF_MONTH = 0x07;
const MONTH = 0x08;
const YEAR = 0x09;
const REG_A = 0x0a;
const REG_B = 0x0b;
const REG_C = 0x0c;
const REG_D = 0x0d;
/** Where PCs keep the century; not the chip's own. */
const CENTURY = 0x32;

const REG_A_UIP = 0x80;
/** Divider stages held in reset: the clock stands still. */
const REG_A_DV_RESET = 0x60;
const REG_A_RS = 0x0f;
const REG_B_SET = 0x80;
const REG_B_PIE = 0x40;
const REG_B_AIE = 0x20;
const REG_B_UIE = 0x10;
/** Data mode: binary, else BCD. */
const REG_B_DM = 0x04;
/** 24-hour mode. */
const REG_B_24 = 0x02;
const REG_C_IRQF = 0x80;
const REG_C_PF = 0x40;
const REG_C_AF = 0x20;
const REG_C_UF = 0x10;
const REG_C_FLAGS = REG_C_PF | REG_C_AF | REG_C_UF;
/** RAM and time are valid. */
const REG_D_VRT = 0x80;
/** An alarm register with both top bits set matches anything. */
const ALARM_ANY = 0xc0;
const HOURS_PM = 0x80;

const NS_PER_SECOND = 1_000_000_000;
const SECONDS_PER_DAY = 86_400;
/** UIP rises this long before the second; then the update itself takes its time (32.768 kHz time base). */
const UPDATE_NS = 244_000 + 1_984_000;
/** Ticks of the 32.768 kHz oscillator per second. */
const OSCILLATOR_HZ = 32_768;

/** 2026-01-01 00:00:00 UTC, in seconds since 1970. */
export const DEFAULT_START = 1_767_225_600;

/**
 * Virtual time that a read of a clock register takes, nanoseconds. Far more than the bus needs: a kernel that times
 * itself by polling UIP for seconds takes thousands of polls instead of millions, and one poll in the 2.2 ms of UIP is enough.
 */
const READ_NS = 200_000;

export interface Mc146818State {
  readonly index: number;
  readonly ram: readonly number[];
  readonly base: number;
  readonly phase: number;
  readonly stoppedPart: number | null;
  readonly flags: number;
  readonly checked: number;
  readonly event: Deadline;
}

export interface Mc146818Options {
  /** Seconds since 1970 at power-on; default DEFAULT_START. */
  readonly start?: number;
  /** Nanoseconds into that second, 0 .. 999,999,999; default 0. */
  readonly phase?: number;
}

export class Mc146818 {
  readonly #timers: Timers;
  readonly #consume: (nanoseconds: number) => void;
  readonly #setIrq8: (asserted: boolean) => void;
  #index = 0;
  readonly #ram = new Uint8Array(128);
  /** Clock time: `base` in seconds since 1970, and virtual time plus `phase` in nanoseconds (one number would not be exact). */
  #base: number;
  #phase: number;
  /** While the clock stands still: the nanoseconds into the second it stopped at; its time is in the registers. */
  #stoppedPart: number | null = null;
  #flags = 0;
  /** Flags are complete up to this virtual time. */
  #checked = 0;
  /** The next flag that interrupts. */
  #event: Timer | undefined;

  constructor(
    timers: Timers,
    consume: (nanoseconds: number) => void,
    setIrq8: (asserted: boolean) => void,
    { start = DEFAULT_START, phase = 0 }: Mc146818Options = {},
  ) {
    this.#timers = timers;
    this.#consume = consume;
    this.#setIrq8 = setIrq8;
    this.#base = start;
    this.#phase = phase;
    this.#ram[REG_A] = 0x26; // 32.768 kHz, periodic 1024 Hz
    this.#ram[REG_B] = REG_B_24;
  }

  /** @param port 0 (index) or 1 (data) */
  read(port: number): number {
    if (port === 0) return 0xff; // the index cannot be read back
    const value = this.#readRegister(this.#index);
    this.#consume(READ_NS);
    return value;
  }

  write(port: number, value: number): void {
    if (port === 0) this.#index = value & 0x7f;
    else this.#writeRegister(this.#index, value);
  }

  /** Seconds since 1970. */
  #seconds(now: number): number {
    return this.#base + Math.floor((now + this.#phase) / NS_PER_SECOND);
  }

  /** Nanoseconds into the second. */
  #part(now: number): number {
    return modulo(now + this.#phase, NS_PER_SECOND);
  }

  #readRegister(register: number): number {
    const now = this.#timers.now();
    switch (register) {
      case REG_A:
        return this.#ram[REG_A] | (this.#updating(now) ? REG_A_UIP : 0);
      case REG_C: {
        this.#collectFlags(now);
        const flags = this.#flags | (this.#flags & this.#enables() ? REG_C_IRQF : 0);
        this.#flags = 0;
        this.#interrupt();
        return flags;
      }
      case REG_D:
        return REG_D_VRT;
    }
    if (isClock(register) && this.#stoppedPart === null) this.#fillClock(now);
    return this.#ram[register];
  }

  #updating(now: number): boolean {
    if (this.#stoppedPart !== null) return false;
    return this.#part(now) >= NS_PER_SECOND - UPDATE_NS;
  }

  #writeRegister(register: number, value: number): void {
    const now = this.#timers.now();
    this.#collectFlags(now);
    if (register === REG_A) this.#control(now, value & 0x7f, this.#ram[REG_B]);
    else if (register === REG_B) this.#control(now, this.#ram[REG_A], value);
    else if (isClock(register) && this.#stoppedPart === null) {
      this.#fillClock(now);
      this.#ram[register] = value;
      this.#setClock(now, this.#part(now));
    } else if (register !== REG_C && register !== REG_D) this.#ram[register] = value;
    this.#interrupt();
  }

  /** Registers A and B: the clock stops for SET and for the divider's reset, and goes on from the registers. */
  #control(now: number, a: number, b: number): void {
    const wasReset = isReset(this.#ram[REG_A]);
    const stop = isReset(a) || (b & REG_B_SET) !== 0;
    if (stop && this.#stoppedPart === null) {
      this.#fillClock(now);
      this.#stoppedPart = this.#part(now);
    }
    // Out of the divider's reset the first update comes half a second later.
    if (wasReset && !isReset(a)) this.#stoppedPart = NS_PER_SECOND / 2;
    this.#ram[REG_A] = a;
    // SET takes the update interrupt's enable away.
    this.#ram[REG_B] = b & REG_B_SET ? b & ~REG_B_UIE : b;
    if (!stop && this.#stoppedPart !== null) {
      this.#setClock(now, this.#stoppedPart);
      this.#stoppedPart = null;
    }
  }

  /** Puts the clock's time into its registers. */
  #fillClock(now: number): void {
    const time = this.#seconds(now);
    const seconds = modulo(time, SECONDS_PER_DAY);
    const hours = Math.floor(seconds / 3600);
    const date = dateOf((time - seconds) / SECONDS_PER_DAY);
    const afternoon = hours >= 12 && !(this.#ram[REG_B] & REG_B_24) ? HOURS_PM : 0;
    const shown = this.#ram[REG_B] & REG_B_24 ? hours : hours % 12 || 12;
    this.#ram[SECONDS] = this.#encode(seconds % 60);
    this.#ram[MINUTES] = this.#encode(Math.floor(seconds / 60) % 60);
    this.#ram[HOURS] = this.#encode(shown) | afternoon;
    this.#ram[DAY_OF_WEEK] = this.#encode(date.weekday + 1);
    this.#ram[DAY_OF_MONTH] = this.#encode(date.day);
    this.#ram[MONTH] = this.#encode(date.month);
    this.#ram[YEAR] = this.#encode(date.year % 100);
    this.#ram[CENTURY] = this.#encode(Math.floor(date.year / 100));
  }

  /** Sets the clock to what its registers say, `part` nanoseconds into the second. */
  #setClock(now: number, part: number): void {
    const year = this.#decode(this.#ram[CENTURY]) * 100 + this.#decode(this.#ram[YEAR]);
    const seconds =
      daysOf(year, this.#decode(this.#ram[MONTH]), this.#decode(this.#ram[DAY_OF_MONTH])) * SECONDS_PER_DAY +
      this.#hours(this.#ram[HOURS]) * 3600 +
      this.#decode(this.#ram[MINUTES]) * 60 +
      this.#decode(this.#ram[SECONDS]);
    this.#base = seconds;
    this.#phase = part - now;
  }

  #hours(value: number): number {
    if (this.#ram[REG_B] & REG_B_24) return this.#decode(value);
    return (this.#decode(value & ~HOURS_PM) % 12) + (value & HOURS_PM ? 12 : 0);
  }

  #encode(value: number): number {
    return this.#ram[REG_B] & REG_B_DM ? value : (Math.floor(value / 10) << 4) | (value % 10);
  }

  #decode(value: number): number {
    return this.#ram[REG_B] & REG_B_DM ? value : (value >> 4) * 10 + (value & 15);
  }

  // ---- interrupts -----------------------------------------------------------------------------------------------------

  #enables(): number {
    return this.#ram[REG_B] & (REG_B_PIE | REG_B_AIE | REG_B_UIE); // the same bits as the flags
  }

  /** Sets the flags of what has happened since they were last looked at. */
  #collectFlags(now: number): void {
    if (this.#nextPeriodic(this.#checked) <= now) this.#flags |= REG_C_PF;
    if (this.#nextUpdate(this.#checked) <= now) this.#flags |= REG_C_UF;
    if (!(this.#flags & REG_C_AF) && this.#nextAlarm(this.#checked) <= now) this.#flags |= REG_C_AF;
    this.#checked = now;
  }

  /** Drives the line, and waits for the next flag that can raise it. */
  #interrupt(): void {
    this.#setIrq8((this.#flags & this.#enables()) !== 0);
    this.#event?.cancel();
    this.#event = undefined;
    const waiting = this.#enables() & ~this.#flags & REG_C_FLAGS;
    const next = Math.min(
      waiting & REG_C_PF ? this.#nextPeriodic(this.#checked) : Infinity,
      waiting & REG_C_UF ? this.#nextUpdate(this.#checked) : Infinity,
      waiting & REG_C_AF ? this.#nextAlarm(this.#checked) : Infinity,
    );
    if (next < Infinity) this.#event = this.#timers.at(next, () => this.#due());
  }

  #due(): void {
    this.#event = undefined;
    this.#collectFlags(this.#timers.now());
    this.#interrupt();
  }

  /** Virtual time of the first periodic tick after `from`. */
  #nextPeriodic(from: number): number {
    const rate = this.#ram[REG_A] & REG_A_RS;
    if (rate === 0 || isReset(this.#ram[REG_A])) return Infinity;
    const hertz = OSCILLATOR_HZ >> ((rate < 3 ? rate + 7 : rate) - 1);
    const period = NS_PER_SECOND / hertz;
    return Math.ceil((Math.floor(from / period) + 1) * period);
  }

  /** Virtual time of the first end of an update after `from`. */
  #nextUpdate(from: number): number {
    if (this.#stoppedPart !== null) return Infinity;
    return from + NS_PER_SECOND - this.#part(from);
  }

  /** Virtual time of the first end of an update after `from` that the alarm matches. */
  #nextAlarm(from: number): number {
    const first = this.#nextUpdate(from);
    if (first === Infinity) return Infinity;
    const second = this.#seconds(first);
    const matches = (register: number, value: number, decode: (raw: number) => number) =>
      this.#ram[register] >= ALARM_ANY || decode(this.#ram[register]) === value;
    const number = (raw: number) => this.#decode(raw);
    for (let wait = 0; wait < SECONDS_PER_DAY;) {
      const time = modulo(second + wait, SECONDS_PER_DAY);
      if (!matches(HOURS_ALARM, Math.floor(time / 3600), (raw) => this.#hours(raw))) wait += 3600 - (time % 3600);
      else if (!matches(MINUTES_ALARM, Math.floor(time / 60) % 60, number)) wait += 60 - (time % 60);
      else if (!matches(SECONDS_ALARM, time % 60, number)) wait++;
      else return first + wait * NS_PER_SECOND;
    }
    return Infinity;
  }

  state(): Mc146818State {
    return {
      index: this.#index,
      ram: [...this.#ram],
      base: this.#base,
      phase: this.#phase,
      stoppedPart: this.#stoppedPart,
      flags: this.#flags,
      checked: this.#checked,
      event: deadline(this.#event),
    };
  }

  restore(state: Mc146818State): void {
    this.#index = state.index;
    this.#ram.set(state.ram);
    this.#base = state.base;
    this.#phase = state.phase;
    this.#stoppedPart = state.stoppedPart;
    this.#flags = state.flags;
    this.#checked = state.checked;
    this.#event = this.#timers.again(state.event, () => this.#due());
  }
}

function isClock(register: number): boolean {
  return (
    register === SECONDS ||
    register === MINUTES ||
    register === HOURS ||
    (register >= DAY_OF_WEEK && register <= YEAR) ||
    register === CENTURY
  );
}

function isReset(a: number): boolean {
  return (a & REG_A_DV_RESET) === REG_A_DV_RESET;
}

function modulo(value: number, divisor: number): number {
  return ((value % divisor) + divisor) % divisor;
}
