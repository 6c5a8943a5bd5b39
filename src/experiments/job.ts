// What is asked of a process that boots, on this machine or another, and what it answers: plain data.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import type { KernelAnswer, KernelJob } from './kernel-job.js';
import type { BootRecord } from './record.js';
import type { BootSetup } from './setup.js';

/** Field order is the order in text: equal jobs are equal as JSON. */
export interface Job {
  setup: BootSetup;
  seed: number;
  /** End the boot as BootOptions.stopAtForeignPage does. */
  stopAtForeignPage?: boolean;
  /** SHA-256 of the files that the boot needs, in hexadecimal. Where they lie is not part of the job. */
  files?: { readonly [role in FileRole]?: string };
}

/** `image`: a guest image in place of the committed one. */
export type FileRole = 'image';

/** Where the files of jobs lie on this machine. */
export interface FilePlaces {
  /** @param sha256 in hexadecimal */
  path(sha256: string): string;
}

/** A job as a process of this machine gets it. */
export interface LocalJob {
  job: Job;
  paths: { readonly [role in FileRole]?: string };
}

/** Kinds of failure that the command line tells apart. */
export type FailureKind = 'usage' | 'engine' | 'crash' | 'error';

export type Failure = { failure: FailureKind; message: string };
export type Answer = { record: BootRecord } | { ran: KernelAnswer } | Failure;

/** What a worker process is sent. */
export type Task = LocalJob | { run: KernelJob };

/** Somewhere to boot: processes of this machine (pool.ts), or of others. Which of them runs a boot changes nothing about it. */
export interface BootRunner {
  /** Boots at the same time that a search may well ask for. */
  readonly jobs: number;
  /**
   * Boots once; jobs start in the order of the calls. Rejects with UsageError and EngineMissingError as a boot in this process would
   * throw them, with PoolClosed after `close`, with Error when the boot itself broke.
   */
  boot(job: Job): Promise<BootRecord>;
  /** Runs somebody's kernel once; rejects as `boot` does. */
  run(job: KernelJob): Promise<KernelAnswer>;
  /** Ends all boots; what waits is rejected with PoolClosed. */
  close(): Promise<void>;
}

export class PoolClosed extends Error {
  override readonly name = 'PoolClosed';
}

/** The files of this machine that jobs name. */
export class LocalFiles implements FilePlaces {
  readonly #paths = new Map<string, string>();

  /** @returns the SHA-256 for Job.files @throws Error of the file system */
  add(file: string): string {
    const sha256 = createHash('sha256').update(fs.readFileSync(file)).digest('hex');
    this.#paths.set(sha256, file);
    return sha256;
  }

  path(sha256: string): string {
    const file = this.#paths.get(sha256);
    if (file === undefined) throw new Error(`no file with SHA-256 ${sha256} was given`);
    return file;
  }
}

/** @throws Error when a file has not been given */
export function localJob(job: Job, files: FilePlaces | undefined): LocalJob {
  const paths = Object.entries(job.files ?? {}).map(([role, sha256]) => [role, files!.path(sha256)]);
  return { job, paths: Object.fromEntries(paths) as LocalJob['paths'] };
}

/** Names a boot in errors. */
export function jobText({ setup, seed }: Job): string {
  return `seed ${seed} and ${JSON.stringify(setup)}`;
}
