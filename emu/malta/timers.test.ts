import { describe, expect, test } from 'vitest';
import { Timers } from './timers.js';

function clock() {
  const time = { ns: 0 };
  return { time, timers: new Timers(() => time.ns) };
}

describe('the time queue', () => {
  test('makes calls in order of time, and of equal times in the order they were asked for', () => {
    const { time, timers } = clock();
    const calls: string[] = [];
    for (const [at, name] of [
      [20, 'c'],
      [10, 'a'],
      [20, 'd'],
      [10, 'b'],
    ] as const)
      timers.at(at, () => calls.push(name));
    expect(timers.next()).toBe(10);
    timers.runDue();
    expect(calls).toEqual([]);
    time.ns = 20;
    timers.runDue();
    expect(calls.join('')).toBe('abcd');
    expect(timers.next()).toBe(Infinity);
  });

  test('makes calls that a call asks for when they are due too', () => {
    const { time, timers } = clock();
    const calls: number[] = [];
    const tick = (at: number) => {
      calls.push(at);
      timers.at(at + 10, () => tick(at + 10));
    };
    timers.at(0, () => tick(0));
    time.ns = 35;
    timers.runDue();
    expect(calls).toEqual([0, 10, 20, 30]);
    expect(timers.next()).toBe(40);
  });

  test('a cancelled call is not made, whenever it is cancelled', () => {
    const { time, timers } = clock();
    const calls: string[] = [];
    const late = timers.at(5, () => calls.push('late'));
    timers.at(5, () => calls.push('other'));
    const first = timers.at(1, () => {
      calls.push('first');
      late.cancel();
    });
    time.ns = 9;
    timers.runDue();
    first.cancel();
    expect(calls).toEqual(['first', 'other']);
  });

  test('restored calls keep the order that they had', () => {
    const { time, timers } = clock();
    const calls: string[] = [];
    const first = timers.at(5, () => {});
    const second = timers.at(5, () => {});
    const state = JSON.parse(JSON.stringify(timers.state())) as ReturnType<Timers['state']>;
    timers.restore(state);
    expect(timers.next()).toBe(Infinity);
    timers.at(5, () => calls.push('new'));
    timers.at(5, () => calls.push('second'), second.order);
    timers.at(5, () => calls.push('first'), first.order);
    time.ns = 5;
    timers.runDue();
    expect(calls).toEqual(['first', 'second', 'new']);
  });
});
