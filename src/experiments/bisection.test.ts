import { describe, expect, test } from 'vitest';
import { bisect, type Commit, commitIndex, COMMITS, seedsNeeded, type Step, type Verdict } from './bisection.js';
import { BootPool } from './pool.js';
import { crashed } from './record.js';
import { DEFAULT_SETUP } from './setup.js';

const LAST = COMMITS.length - 1;
const asIfFirstBad =
  (first: number) =>
  (commit: Commit): Promise<Verdict> =>
    Promise.resolve(COMMITS.indexOf(commit) >= first ? 'bad' : 'good');

describe('bisect', () => {
  test.each(COMMITS.slice(1).map((commit, i) => [commit.id, i + 1] as const))('finds %s', async (_id, first) => {
    const steps: Step[] = [];
    const { firstBad } = await bisect(0, LAST, asIfFirstBad(first), (step) => steps.push(step));
    expect(firstBad).toBe(first);
    expect(steps.length).toBeLessThanOrEqual(Math.ceil(Math.log2(LAST)));
  });

  test('names the commits it could not tell apart', async () => {
    const first = commitIndex('f183324133ea');
    const judge = (commit: Commit): Promise<Verdict> =>
      commit.id === '1c29a3ceaf5f' ? Promise.resolve('skip') : asIfFirstBad(first)(commit);
    expect(await bisect(0, LAST, judge, () => {})).toMatchObject({ firstBad: first, skipped: [first - 1] });
  });

  test('says how many clean boots it takes', () => {
    expect(seedsNeeded(0.5, 0.01)).toBe(7);
    expect(seedsNeeded(1, 0.01)).toBe(1);
    expect(seedsNeeded(0.125, 0.01)).toBe(35);
  });

  test('refuses commits it does not know', () => {
    expect(() => commitIndex('deadbeef')).toThrow(/f183324133ea/);
    for (const text of ['f183', 'F1833241', 'f183324133ea97b', 'v5.13-rc1-31-gf183324133ea'])
      expect(commitIndex(text)).toBe(commitIndex('f183324133ea'));
    for (const text of ['f18', 'f183324133eb97b', 'v5', 'e', '', 'f183324133ea' + '0'.repeat(40)])
      expect(() => commitIndex(text)).toThrow(/^commit /);
  });
});

test.each([1, 101, 201])('boots from seed %i on lead to f183324133ea', async (seed) => {
  const pool = new BootPool({ jobs: 2 });
  try {
    // Bad at the first crash, good after six clean boots: enough at the rate of three controllers (see the README).
    const judge = async (commit: Commit): Promise<Verdict> => {
      for (let i = 0; i < 6; i++)
        if (crashed(await pool.boot({ setup: { ...DEFAULT_SETUP, kernel: commit.kernel }, seed: seed + i })))
          return 'bad';
      return 'good';
    };
    const { firstBad } = await bisect(0, LAST, judge, () => {});
    expect(COMMITS[firstBad]!.id).toBe('f183324133ea');
  } finally {
    pool.close();
  }
});
