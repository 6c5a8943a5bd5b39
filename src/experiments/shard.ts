// Parts of a sweep: `--shard i/n`, and `auto` for a task of an array job, by what batch systems put into its environment.
import { UsageError } from '../errors.js';

/** One of `count` parts that together are the whole range. */
export interface Shard {
  /** 1 .. count */
  index: number;
  count: number;
}

export const MOST_SHARDS = 10_000;

/** `i/n`; `auto` or `auto/n` for a task of an array job. @throws UsageError */
export function parseShard(text: string, env: NodeJS.ProcessEnv = process.env): Shard {
  const auto = /^auto(?:\/([1-9]\d{0,4}))?$/.exec(text);
  if (auto) return arrayShard(auto[1] === undefined ? undefined : Number(auto[1]), env);
  const match = /^(\d+)\/(\d+)$/.exec(text);
  const index = Number(match?.[1]);
  const count = Number(match?.[2]);
  if (!match || index < 1 || index > count || count > MOST_SHARDS)
    throw new UsageError(`--shard ${text}: need i/n with i from 1 to n, as 1/4, or auto in an array job`);
  return { index, count };
}

interface BatchSystem {
  name: string;
  /** Number of this task. */
  index: string;
  /** How many there are. */
  count: string;
  /** The index of the first one: a number, or the variable that has it. */
  first: number | string;
  /** The variable that has the distance of two indices; 1 without one. */
  step?: string;
  /** Where the count comes from, if it is missing. */
  hint?: string;
}

const SYSTEMS: readonly BatchSystem[] = [
  {
    name: 'Slurm',
    index: 'SLURM_ARRAY_TASK_ID',
    count: 'SLURM_ARRAY_TASK_COUNT',
    first: 'SLURM_ARRAY_TASK_MIN',
    step: 'SLURM_ARRAY_TASK_STEP',
  },
  {
    name: 'a Kubernetes indexed job',
    index: 'JOB_COMPLETION_INDEX',
    count: 'JOB_COMPLETIONS',
    first: 0,
    hint: 'Kubernetes does not tell it: put the number of completions there in the manifest, or write --shard auto/N',
  },
  { name: 'AWS Batch', index: 'AWS_BATCH_JOB_ARRAY_INDEX', count: 'AWS_BATCH_JOB_ARRAY_SIZE', first: 0 },
  {
    name: "GitHub's matrix",
    index: 'STRATEGY_JOB_INDEX',
    count: 'STRATEGY_JOB_TOTAL',
    first: 0,
    hint: 'set it to ${{ strategy.job-total }} in the workflow, or write --shard auto/N',
  },
  { name: "GitLab's parallel jobs", index: 'CI_NODE_INDEX', count: 'CI_NODE_TOTAL', first: 1 },
];

/** @param given the number of tasks where it was written (`auto/N`) @throws UsageError when there is no array job, or more than one */
export function arrayShard(given: number | undefined, env: NodeJS.ProcessEnv = process.env): Shard {
  const found = SYSTEMS.filter(({ index }) => env[index]);
  if (found.length !== 1)
    throw new UsageError(
      `--shard auto: ${found.length === 0 ? 'no array job: none' : 'more than one array job: each'} of ` +
        `${(found.length === 0 ? SYSTEMS : found).map(({ index }) => index).join(', ')} is set; write i/n`,
    );
  const { name, index, count, first, step, hint } = found[0]!;
  const number = (variable: string): number => {
    const text = env[variable];
    if (!text) throw new UsageError(`--shard auto: ${name}, but ${variable} is not set${hint ? `; ${hint}` : ''}`);
    if (!/^\d{1,9}$/.test(text))
      throw new UsageError(`--shard auto: ${variable}: ${JSON.stringify(text)} is no number`);
    return Number(text);
  };
  const tasks = given ?? number(count);
  const at = number(index) - (typeof first === 'number' ? first : number(first));
  const steps = at / (step !== undefined && env[step] ? Math.max(1, number(step)) : 1);
  if (!Number.isInteger(steps) || steps < 0 || steps >= tasks || tasks > MOST_SHARDS)
    throw new UsageError(
      `--shard auto: ${index}=${env[index]!} is no task of ${tasks} of ${name}; the tasks have to be a range, at most ${MOST_SHARDS}`,
    );
  return { index: steps + 1, count: tasks };
}
