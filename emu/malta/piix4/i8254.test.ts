import { describe, expect, test } from 'vitest';
import { Timers } from '../timers.js';
import { I8254, PIT_HZ } from './i8254.js';

const CONTROL = 3;
const TICK = 1e9 / PIT_HZ;

class Bench {
  now = 0;
  readonly timers = new Timers(() => this.now);
  /** Times of rising and falling edges of IRQ 0, nanoseconds. */
  readonly rises: number[] = [];
  readonly falls: number[] = [];
  #level = true;
  readonly pit = new I8254(this.timers, (asserted) => {
    if (asserted && !this.#level) this.rises.push(this.now);
    if (!asserted && this.#level) this.falls.push(this.now);
    this.#level = asserted;
  });

  /** Time passes, from one event to the next. */
  run(until: number): void {
    while (this.timers.next() <= until) {
      this.now = this.timers.next();
      this.timers.runDue();
    }
    this.now = until;
  }

  load(counter: number, mode: number, count: number): void {
    this.pit.write(CONTROL, (counter << 6) | 0x30 | (mode << 1));
    this.pit.write(counter, count & 0xff);
    this.pit.write(counter, count >> 8);
  }

  read(counter: number): number {
    const low = this.pit.read(counter);
    return low | (this.pit.read(counter) << 8);
  }
}

describe('counter 0', () => {
  test('mode 2 interrupts at the end of each period, 100 times a second for Linux', () => {
    const bench = new Bench();
    bench.load(0, 2, 11932);
    bench.run(1e9);
    expect(bench.rises).toHaveLength(Math.floor(PIT_HZ / 11932));
    bench.rises.forEach((at, i) => expect(at / ((i + 1) * 11932 * TICK)).toBeCloseTo(1, 6));
    expect(bench.falls[0] / (11931 * TICK)).toBeCloseTo(1, 6);
  });

  test('mode 0 interrupts once', () => {
    const bench = new Bench();
    bench.load(0, 0, 1000);
    bench.run(1e9);
    expect(bench.rises).toEqual([Math.ceil(1000 * TICK)]);
    bench.load(0, 0, 1);
    bench.run(2e9);
    expect(bench.rises).toHaveLength(2);
  });

  test('mode 3 is a square wave', () => {
    const bench = new Bench();
    bench.load(0, 3, 1001);
    bench.run(Math.ceil(2002 * TICK));
    expect(bench.falls.map((at) => Math.round(at / TICK))).toEqual([501, 1502]);
    expect(bench.rises.map((at) => Math.round(at / TICK))).toEqual([1001, 2002]);
  });

  test('mode 4 strobes once at the end', () => {
    const bench = new Bench();
    bench.load(0, 4, 500);
    bench.run(1e9);
    expect(bench.falls.map((at) => Math.round(at / TICK))).toEqual([500]);
    expect(bench.rises.map((at) => Math.round(at / TICK))).toEqual([501]);
  });

  test('stops when Linux shuts it down', () => {
    const bench = new Bench();
    bench.load(0, 2, 11932);
    bench.run(25e6);
    expect(bench.rises).toHaveLength(2);
    bench.pit.write(CONTROL, 0x30); // mode 0
    bench.pit.write(0, 0);
    bench.pit.write(0, 0); // 65536 ticks, 55 ms
    bench.run(1e9);
    expect(bench.rises).toHaveLength(3);
    expect(bench.timers.next()).toBe(Infinity);
  });

  test('a count of 0 is 65536', () => {
    const bench = new Bench();
    bench.load(0, 2, 0);
    bench.run(1e9);
    expect(bench.rises).toHaveLength(18);
  });

  test('looked at late, it has interrupted all the same', () => {
    const bench = new Bench();
    bench.load(0, 2, 11932);
    bench.now = 35e6;
    bench.timers.runDue();
    expect(bench.rises).toHaveLength(3);
    expect(bench.timers.next()).toBeGreaterThan(35e6);
  });
});

describe('reading', () => {
  test('counts down', () => {
    const bench = new Bench();
    bench.load(0, 2, 1000);
    bench.run(Math.ceil(100 * TICK));
    expect(bench.read(0)).toBe(900);
    bench.run(Math.ceil(1001 * TICK));
    expect(bench.read(0)).toBe(999);
  });

  test('a latched count stays until it is read', () => {
    const bench = new Bench();
    bench.load(0, 2, 0x8000);
    bench.run(Math.ceil(0x123 * TICK));
    bench.pit.write(CONTROL, 0x00);
    bench.run(Math.ceil(0x5000 * TICK));
    bench.pit.write(CONTROL, 0x00); // no effect before the first is read
    expect(bench.read(0)).toBe(0x8000 - 0x123);
    expect(bench.read(0)).toBe(0x3000);
  });

  test('one byte only, when the control word says so', () => {
    const bench = new Bench();
    bench.pit.write(CONTROL, 0x24); // counter 0, high byte, mode 2
    bench.pit.write(0, 0x12);
    expect(bench.pit.read(0)).toBe(0x12);
    bench.pit.write(CONTROL, 0x14); // low byte
    bench.pit.write(0, 0x34);
    expect([bench.pit.read(0), bench.pit.read(0)]).toEqual([0x34, 0x34]);
  });

  test('read-back gives status and count of several counters', () => {
    const bench = new Bench();
    bench.load(0, 2, 1000);
    bench.pit.write(CONTROL, 0xb6); // counter 2, mode 3, no count yet
    bench.pit.write(CONTROL, 0xc2 | 0x08); // counters 0 and 2: count and status
    expect(bench.pit.read(0)).toBe(0x80 | 0x30 | 0x04);
    expect(bench.read(0)).toBe(1000);
    expect(bench.pit.read(2)).toBe(0x80 | 0x40 | 0x30 | 0x06);
  });
});

test("port 61 has counter 2's gate and output: how long it takes can be polled", () => {
  const bench = new Bench();
  bench.pit.writeControl(0x01);
  expect(bench.pit.readControl() & 0x03).toBe(0x01);
  bench.load(2, 0, 59659); // 50 ms
  expect(bench.pit.readControl() & 0x20).toBe(0);
  bench.run(49e6);
  expect(bench.pit.readControl() & 0x20).toBe(0);
  bench.run(51e6);
  expect(bench.pit.readControl() & 0x20).toBe(0x20);
  const refresh = new Set<number>();
  for (let i = 0; i < 8; i++) {
    bench.run(bench.now + 10_000);
    refresh.add(bench.pit.readControl() & 0x10);
  }
  expect(refresh.size).toBe(2);
});

test('a restored timer goes on as the first would have', () => {
  const first = new Bench();
  first.load(0, 2, 11932);
  first.pit.write(CONTROL, 0x00);
  first.pit.read(0); // one byte of two
  first.run(12e6);
  const state = JSON.parse(JSON.stringify({ pit: first.pit.state(), timers: first.timers.state() })) as {
    pit: ReturnType<I8254['state']>;
    timers: ReturnType<Timers['state']>;
  };
  const second = new Bench();
  second.now = 12e6;
  second.timers.restore(state.timers);
  second.pit.restore(state.pit);
  expect(second.pit.read(0)).toBe(first.pit.read(0));
  first.rises.length = 0;
  first.run(50e6);
  second.run(50e6);
  expect(second.rises).toEqual(first.rises);
  expect(second.pit.state()).toEqual(first.pit.state());
});
