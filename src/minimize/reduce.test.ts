import { describe, expect, test } from 'vitest';
import { Random } from '../random.js';
import { type FirstOf, reduce } from './reduce.js';

const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Tests one after the other, and counts. */
function counted(test: (items: readonly number[]) => boolean): { firstOf: FirstOf<number>; count: () => number } {
  let count = 0;
  return {
    firstOf: async (candidates) => {
      for (let i = 0; i < candidates.length; i++) {
        count++;
        if (test(candidates[i]!)) return Promise.resolve(i);
      }
      return -1;
    },
    count: () => count,
  };
}

describe('reduce', () => {
  test.each([[[]], [[7]], [[0, 99]], [[3, 50, 51, 98]], [numbers(100)]])(
    'finds the items %j that it takes',
    async (needed) => {
      const { firstOf } = counted((items) => needed.every((item) => items.includes(item)));
      expect(await reduce(numbers(100), firstOf)).toEqual(needed);
    },
  );

  test('takes few tests when little is needed', async () => {
    const { firstOf, count } = counted((items) => items.includes(700) && items.includes(701));
    expect(await reduce(numbers(1536), firstOf)).toEqual([700, 701]);
    expect(count()).toBeLessThan(60);
  });

  test('ends 1-minimal also when more is not always better', async () => {
    // an even number of items, of which one is 5: neighbours of a passing list may fail
    const random = new Random(1);
    for (let round = 0; round < 20; round++) {
      const salt = random.below(1000);
      const passes = (items: readonly number[]): boolean =>
        items.includes(5) && (items.length >= 60 || items.reduce((a, b) => a + b, salt) % 3 < 2);
      const all = numbers(64);
      if (!passes(all)) continue;
      const kept = await reduce(all, counted(passes).firstOf);
      expect(passes(kept)).toBe(true);
      kept.forEach((_, i) => expect(passes(kept.filter((__, k) => k !== i))).toBe(false));
    }
  });

  test('keeps the order and tells of each step', async () => {
    const steps: number[] = [];
    const { firstOf } = counted((items) => items.includes('d'.charCodeAt(0)) && items.includes('b'.charCodeAt(0)));
    const kept = await reduce(
      [...'abcdef'].map((c) => c.charCodeAt(0)),
      firstOf,
      { onSmaller: (items) => steps.push(items.length) },
    );
    expect(String.fromCharCode(...kept)).toBe('bd');
    expect(steps).toEqual([...steps].sort((a, b) => b - a));
    expect(steps.at(-1)).toBe(2);
  });
});
