// What lies in the queue: a job with the build that is to boot it. Its name is made of both, so that a boot is in the queue once.
import { createHash } from 'node:crypto';
import type { AnyJob, FailureKind } from '../experiments/job.js';
import type { KernelRecord } from '../experiments/kernel-job.js';
import type { BootRecord } from '../experiments/record.js';
import { UsageError } from '../errors.js';
import type { Connection } from './connection.js';

export interface Entry {
  /** As buildId(). */
  build: string;
  job: AnyJob;
}

/** `missing`: the server has not got the file with this SHA-256 (any more). */
export type EntryAnswer = { record: BootRecord | KernelRecord } | { failure: FailureKind | 'missing'; message: string };

export function entryId({ build, job }: Entry): string {
  return `boot-${createHash('sha256')
    .update(`${build}\n${JSON.stringify(job)}`)
    .digest('hex')
    .slice(0, 32)}`;
}

const buildKey = (name: string): string => `percpu-malta-build:${name}`;

/** @returns what a queue with jobs of another build says of it, in one line; undefined when this build may use it */
export async function otherBuild(
  { client, place }: Connection,
  build: string,
  jobs: number,
): Promise<string | undefined> {
  const theirs = await client.get(buildKey(place.name));
  if (theirs === null || theirs === build || jobs === 0) return undefined;
  return buildsDiffer(place.text, theirs, build);
}

export function buildsDiffer(queue: string, theirs: string, ours: string): string {
  return `--queue ${queue}: its boots are for percpu-malta ${theirs}, this is ${ours}; use the same version, or another name`;
}

/** Says which build this queue is for. @throws UsageError when it has jobs of another */
export async function claimQueue(connection: Connection, build: string, jobs: number): Promise<void> {
  const other = await otherBuild(connection, build, jobs);
  if (other !== undefined) throw new UsageError(other);
  await connection.client.set(buildKey(connection.place.name), build);
}
