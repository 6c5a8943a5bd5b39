// What is asked of a process that boots, on this machine or another, and what it answers: plain data.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import type { KernelRecord, KernelSetup } from './kernel-job.js';
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

/** One run of somebody's kernel. Its setup names the files by SHA-256. */
export interface KernelJob {
  run: true;
  setup: KernelSetup;
  seed: number;
}

export type AnyJob = Job | KernelJob;

export function isKernelJob(job: AnyJob): job is KernelJob {
  return 'run' in job;
}

/** `image`: a guest image in place of the committed one. */
export type FileRole = 'image';

/** Where the files of jobs lie on this machine. */
export interface FilePlaces {
  /** @param sha256 in hexadecimal */
  path(sha256: string): string;
}

/** A job as a process of this machine gets it, and where the files lie that it names. */
export interface Task<J extends AnyJob = AnyJob> {
  job: J;
  paths: { readonly [sha256 in string]?: string };
}

/** Kinds of failure that the command line tells apart. */
export type FailureKind = 'usage' | 'engine' | 'crash' | 'error';

export type Failure = { failure: FailureKind; message: string };
export type Answer = { record: BootRecord | KernelRecord } | Failure;

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
  run(job: KernelJob): Promise<KernelRecord>;
  /** Ends all boots; what waits is rejected with PoolClosed. */
  close(): Promise<void>;
}

export class PoolClosed extends Error {
  override readonly name = 'PoolClosed';
}

/** Lets PoolClosed pass: what has ended before is kept. */
export function unlessClosed(error: unknown): void {
  if (!(error instanceof PoolClosed)) throw error;
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

/** SHA-256 of all files that a job needs, each once. */
export function filesOf(job: AnyJob): string[] {
  if (!isKernelJob(job)) return Object.values(job.files ?? {});
  const { kernel, initrd, input, systemMap, drives } = job.setup;
  const disks = drives.flatMap((text) => DRIVE_FILE.exec(text)?.[1] ?? []);
  return [...new Set([kernel, initrd, input, systemMap, ...disks].filter((sha256) => sha256 !== undefined))];
}

/** A drive of a KernelSetup that is a file: its SHA-256, what stands behind it. */
export const DRIVE_FILE = /^([0-9a-f]{64})((?:,.*)?)$/s;

/** @throws Error when a file has not been given */
export function localTask(job: AnyJob, files: FilePlaces | undefined): Task {
  return { job, paths: Object.fromEntries(filesOf(job).map((sha256) => [sha256, files!.path(sha256)])) };
}

/** Names a boot in errors. */
export function jobText(job: AnyJob): string {
  const what = isKernelJob(job) ? `the run of kernel ${job.setup.kernel.slice(0, 12)}` : 'the boot';
  return `${what} with seed ${job.seed}${isKernelJob(job) ? '' : ` and ${JSON.stringify(job.setup)}`}`;
}
