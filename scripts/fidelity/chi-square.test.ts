import { expect, test } from 'vitest';
import { sameDistribution } from './chi-square.js';

const kinds = (counts: Record<string, number>): Map<string, number> => new Map(Object.entries(counts));

test('critical values of tables of the distribution', () => {
  const two = sameDistribution(kinds({ a: 57, b: 43 }), kinds({ a: 43, b: 57 }));
  expect(two.statistic).toBeCloseTo(3.92, 10);
  expect(two.degrees).toBe(1);
  expect(two.p).toBeCloseTo(0.0477, 4);
  const three = sameDistribution(kinds({ a: 30, b: 30, c: 40 }), kinds({ a: 40, b: 30, c: 30 }));
  expect(three.degrees).toBe(2);
  expect(three.p).toBeCloseTo(Math.exp(-three.statistic / 2), 10);
});

test('rare kinds go together, and one kind alone says nothing', () => {
  const { degrees } = sameDistribution(kinds({ a: 50, b: 3, c: 4 }), kinds({ a: 40, d: 9 }));
  expect(degrees).toBe(1);
  expect(sameDistribution(kinds({ a: 9 }), kinds({ a: 4 }))).toEqual({ statistic: 0, degrees: 0, p: 1 });
});
