import { describe, expect, test } from 'vitest';
import { UsageError } from '../errors.js';
import { seedsOf } from './seeds.js';
import { arrayShard, parseShard } from './shard.js';

const slurm = (id: number, min: number, count: number, step = 1): NodeJS.ProcessEnv => ({
  SLURM_ARRAY_TASK_ID: String(id),
  SLURM_ARRAY_TASK_MIN: String(min),
  SLURM_ARRAY_TASK_MAX: String(min + (count - 1) * step),
  SLURM_ARRAY_TASK_STEP: String(step),
  SLURM_ARRAY_TASK_COUNT: String(count),
});

describe('--shard auto', () => {
  test.each<[string, (i: number) => NodeJS.ProcessEnv]>([
    ['Slurm, --array=0-3', (i) => slurm(i, 0, 4)],
    ['Slurm, --array=1-4', (i) => slurm(i + 1, 1, 4)],
    ['Slurm, --array=10-16:2', (i) => slurm(10 + 2 * i, 10, 4, 2)],
    ['Kubernetes', (i) => ({ JOB_COMPLETION_INDEX: String(i), JOB_COMPLETIONS: '4' })],
    ['AWS Batch', (i) => ({ AWS_BATCH_JOB_ARRAY_INDEX: String(i), AWS_BATCH_JOB_ARRAY_SIZE: '4' })],
    ['GitHub', (i) => ({ STRATEGY_JOB_INDEX: String(i), STRATEGY_JOB_TOTAL: '4' })],
    ['GitLab', (i) => ({ CI_NODE_INDEX: String(i + 1), CI_NODE_TOTAL: '4' })],
  ])('%s: all parts together are the whole', (_, env) => {
    const seeds = [0, 1, 2, 3].flatMap((i) => seedsOf({ first: 1, last: 11 }, parseShard('auto', env(i))));
    expect(seeds.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  test('the count may be written where the system does not tell it', () => {
    expect(parseShard('auto/8', { JOB_COMPLETION_INDEX: '2' })).toEqual({ index: 3, count: 8 });
    expect(() => parseShard('auto', { JOB_COMPLETION_INDEX: '2' })).toThrow(/JOB_COMPLETIONS is not set; Kubernetes/);
  });

  test.each<[NodeJS.ProcessEnv, RegExp]>([
    [{}, /no array job: none of SLURM_ARRAY_TASK_ID, .* is set; write i\/n$/],
    [
      { JOB_COMPLETION_INDEX: '1', CI_NODE_INDEX: '1' },
      /more than one array job: each of JOB_.*, CI_NODE_INDEX is set/,
    ],
    [{ AWS_BATCH_JOB_ARRAY_INDEX: '4', AWS_BATCH_JOB_ARRAY_SIZE: '4' }, /is no task of 4 of AWS Batch/],
    [{ AWS_BATCH_JOB_ARRAY_INDEX: 'x', AWS_BATCH_JOB_ARRAY_SIZE: '4' }, /"x" is no number/],
    [{ ...slurm(7, 1, 3), SLURM_ARRAY_TASK_MAX: '7' }, /the tasks have to be a range/],
  ])('%j', (env, message) => {
    expect(() => arrayShard(undefined, env)).toThrow(UsageError);
    expect(() => arrayShard(undefined, env)).toThrow(message);
  });

  test.each(['auto/', 'auto/0', 'auto/x', 'auto/10001', 'Auto'])('%s is no shard', (text) => {
    expect(() => parseShard(text, slurm(1, 1, 1))).toThrow(/--shard/);
  });
});
