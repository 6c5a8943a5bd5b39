import { describe, expect, test } from 'vitest';
import { DEFAULT_SETUP } from '../experiments/setup.js';
import { Random } from '../random.js';
import { Trials } from './trials.js';

const setup = (memory: number): typeof DEFAULT_SETUP => ({ ...DEFAULT_SETUP, memory });

/** Passes from 40 MB on, after a while that is different each time. */
function trials(jobs: number): { trials: Trials; booted: number[] } {
  const random = new Random(jobs);
  const booted: number[] = [];
  const passes = async ({ memory }: typeof DEFAULT_SETUP): Promise<boolean> => {
    booted.push(memory);
    await new Promise((resolve) => setTimeout(resolve, random.below(5)));
    return memory >= 40;
  };
  return { trials: new Trials(passes, jobs), booted };
}

describe('trials', () => {
  test.each([1, 2, 7, 100])('the first that passes and the count are the same with %i at a time', async (jobs) => {
    const { trials: some } = trials(jobs);
    const answers: unknown[] = [];
    for (const candidates of [[10, 20, 50, 60, 70], [60, 10], [11, 12], [12, 11, 80, 40], []]) {
      answers.push([await some.firstOf(candidates.map(setup)), some.runs]);
    }
    expect(answers).toEqual([[2, 3], [0, 4], [-1, 6], [2, 7], [-1, 7]]); // prettier-ignore
  });

  test('nothing is booted twice, and no more than the jobs allow ahead', async () => {
    const { trials: some, booted } = trials(2);
    await some.firstOf([10, 50, 60, 70].map(setup));
    expect(booted).toEqual([10, 50, 60]);
    await some.firstOf([60, 50].map(setup));
    expect(booted).toEqual([10, 50, 60]);
  });

  test('a boot that breaks ends the search', async () => {
    const broken = new Trials(() => Promise.reject(new Error('no such engine')), 2);
    await expect(broken.firstOf([1, 2, 3].map(setup))).rejects.toThrow('no such engine');
  });
});
