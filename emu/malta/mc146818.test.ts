import { describe, expect, test } from 'vitest';
import { dateOf, daysOf } from './calendar.js';
import { DEFAULT_START, Mc146818, type Mc146818Options } from './mc146818.js';
import { Timers } from './timers.js';

const SECOND = 1e9;
const [REG_A, REG_B, REG_C, REG_D] = [10, 11, 12, 13];

class Bench {
  now = 0;
  irq = false;
  readonly timers = new Timers(() => this.now);
  readonly rtc: Mc146818;

  constructor(options?: Mc146818Options) {
    this.rtc = new Mc146818(
      this.timers,
      (nanoseconds) => (this.now += nanoseconds),
      (asserted) => (this.irq = asserted),
      options,
    );
  }

  read(register: number): number {
    this.rtc.write(0, register);
    return this.rtc.read(1);
  }

  write(register: number, value: number): void {
    this.rtc.write(0, register);
    this.rtc.write(1, value);
  }

  run(until: number): void {
    while (this.timers.next() <= until) {
      this.now = Math.max(this.now, this.timers.next());
      this.timers.runDue();
    }
    this.now = Math.max(this.now, until);
  }

  /** Second, minute, hour, weekday, day, month, year, century, as they stand in the registers. */
  time(): number[] {
    return [0, 2, 4, 6, 7, 8, 9, 0x32].map((register) => this.read(register));
  }
}

describe('time', () => {
  test('starts at the beginning of 2026, a Thursday, in BCD and 24 hours', () => {
    expect(new Bench().time()).toEqual([0, 0, 0, 5, 1, 1, 0x26, 0x20]);
  });

  test('goes with virtual time', () => {
    const bench = new Bench();
    bench.now = (((31 + 28) * 24 + 13) * 60 + 59) * 60 * SECOND + 58 * SECOND;
    expect(bench.time()).toEqual([0x58, 0x59, 0x13, 1, 1, 3, 0x26, 0x20]);
  });

  test('in binary and 12 hours when register B says so', () => {
    const bench = new Bench({ start: DEFAULT_START + 13 * 3600 + 45 * 60 });
    bench.write(REG_B, 0x04);
    expect(bench.time()).toEqual([0, 45, 0x81, 5, 1, 1, 26, 20]);
    bench.write(REG_B, 0x00);
    expect(bench.read(4)).toBe(0x81);
    const midnight = new Bench();
    midnight.write(REG_B, 0x04);
    expect(midnight.read(4)).toBe(12);
  });

  test('is set as Linux does it: SET and the divider in reset, then half a second to the first update', () => {
    const bench = new Bench();
    bench.now = 3 * SECOND + 0.9e9;
    const [a, b] = [bench.read(REG_A), bench.read(REG_B)];
    bench.write(REG_B, b | 0x80);
    bench.write(REG_A, 0x70 | (a & 15));
    bench.now += 10 * SECOND; // it stands still
    [0x56, 0x34, 0x12, 0, 0x29, 0x02, 0x24].forEach((value, i) => bench.write([0, 2, 4, 6, 7, 8, 9][i], value));
    bench.write(REG_B, b);
    bench.write(REG_A, a & 0x7f);
    const set = bench.now;
    expect(bench.time()).toEqual([0x56, 0x34, 0x12, 5, 0x29, 2, 0x24, 0x20]);
    bench.now = set + 0.49e9;
    expect(bench.read(0)).toBe(0x56);
    bench.now = set + 0.51e9;
    expect(bench.read(0)).toBe(0x57);
    bench.now = set + 24 * 3600 * SECOND;
    expect(bench.time().slice(4)).toEqual([1, 3, 0x24, 0x20]);
  });

  test('a register may be written while it runs', () => {
    const bench = new Bench();
    bench.write(2, 0x30);
    expect(bench.time().slice(0, 3)).toEqual([0, 0x30, 0]);
  });
});

describe('update in progress', () => {
  test('rises 2.2 ms before each second and falls with it: a kernel that polls sees every edge', () => {
    const bench = new Bench({ phase: 0.25e9 });
    const falls: number[] = [];
    let polls = 0;
    for (let before = 0; bench.now < 3.5 * SECOND; polls++) {
      const uip = bench.read(REG_A) & 0x80;
      if (before && !uip) falls.push(bench.now);
      before = uip;
    }
    expect(falls).toHaveLength(3);
    falls.forEach((at, i) => expect(Math.abs(at - (i + 0.75) * SECOND)).toBeLessThan(0.5e6));
    expect(polls).toBeLessThan(20_000);
    expect(bench.read(REG_A) & 0x7f).toBe(0x26);
  });

  test('never while the clock stands still', () => {
    const bench = new Bench();
    bench.write(REG_B, 0x82);
    for (let i = 0; i < 6000; i++) expect(bench.read(REG_A) & 0x80).toBe(0);
  });
});

describe('interrupts', () => {
  test('update ended: at each second, until register C is read', () => {
    const bench = new Bench();
    bench.write(REG_B, 0x12);
    bench.run(0.99e9);
    expect(bench.irq).toBe(false);
    bench.run(1.01e9);
    expect(bench.irq).toBe(true);
    bench.run(5e9);
    expect(bench.read(REG_C) & 0xd0).toBe(0xd0);
    expect(bench.irq).toBe(false);
    expect(bench.read(REG_C) & 0x10).toBe(0);
    bench.run(6.01e9);
    expect(bench.irq).toBe(true);
  });

  test('periodic: 1024 a second at rate 6', () => {
    const bench = new Bench();
    bench.write(REG_B, 0x42);
    let interrupts = 0;
    while (bench.now < SECOND) {
      bench.run(bench.timers.next());
      if (!bench.irq) continue;
      interrupts++;
      expect(bench.read(REG_C) & 0xc0).toBe(0xc0);
    }
    expect(interrupts).toBe(1024);
  });

  test.each([
    ['the second, minute and hour', [0x30, 0x15, 0x02], 2 * 3600 + 15 * 60 + 30],
    ['every minute', [0x30, 0xff, 0xff], 30],
    ['every hour', [0x05, 0x10, 0xc0], 10 * 60 + 5],
    ['a time that has passed today', [0x00, 0x00, 0x00], 24 * 3600],
  ])('alarm: %s', (_name, [second, minute, hour], after) => {
    const bench = new Bench();
    bench.write(1, second);
    bench.write(3, minute);
    bench.write(5, hour);
    bench.write(REG_B, 0x22);
    bench.run((after - 0.01) * SECOND);
    expect(bench.irq).toBe(false);
    bench.run((after + 0.01) * SECOND);
    expect(bench.irq).toBe(true);
    expect(bench.read(REG_C) & 0xa0).toBe(0xa0);
  });

  test('an alarm that cannot come never does', () => {
    const bench = new Bench();
    bench.write(1, 0x75);
    bench.write(REG_B, 0x22);
    expect(bench.timers.next()).toBe(Infinity);
  });

  test('flags are there without interrupts too', () => {
    const bench = new Bench();
    expect(bench.read(REG_C)).toBe(0);
    bench.now = 2 * SECOND;
    expect(bench.read(REG_C)).toBe(0x50);
  });
});

test('its memory is valid, keeps bytes, and its index cannot be read', () => {
  const bench = new Bench();
  bench.write(0x40, 0x5a);
  expect(bench.read(0x40)).toBe(0x5a);
  bench.write(REG_D, 0);
  expect(bench.read(REG_D)).toBe(0x80);
  expect(bench.rtc.read(0)).toBe(0xff);
});

test('a restored clock goes on as the first would have', () => {
  const first = new Bench({ phase: 123_456_789 });
  first.write(2, 0x20);
  first.write(1, 0x05);
  first.write(3, 0xff);
  first.write(5, 0xff);
  first.write(REG_B, 0x32);
  first.run(2.5e9);
  const state = JSON.parse(JSON.stringify([first.timers.state(), first.rtc.state()])) as [
    ReturnType<Timers['state']>,
    ReturnType<Mc146818['state']>,
  ];
  const second = new Bench({ phase: 123_456_789 });
  second.now = first.now;
  second.irq = first.irq;
  second.timers.restore(state[0]);
  second.rtc.restore(state[1]);
  for (const bench of [first, second]) {
    bench.read(REG_C);
    bench.run(4.9e9);
  }
  expect([second.irq, second.time(), second.now]).toEqual([first.irq, first.time(), first.now]);
  expect(second.rtc.state()).toEqual(first.rtc.state());
});

test('dates and days are each other, through leap years and centuries', () => {
  expect(daysOf(1970, 1, 1)).toBe(0);
  expect(daysOf(2000, 2, 29)).toBe(11016);
  expect(dateOf(11016)).toEqual({ year: 2000, month: 2, day: 29, weekday: 2 });
  for (let day = -800; day < 60_000; day += 7) {
    const { year, month, day: ofMonth } = dateOf(day);
    expect(daysOf(year, month, ofMonth)).toBe(day);
  }
  expect(daysOf(2100, 3, 1) - daysOf(2100, 2, 28)).toBe(1);
});
