// Boots on all cores: one worker process per job of --jobs. Which process runs a boot changes nothing about it.
import { type ChildProcess, fork } from 'node:child_process';
import path from 'node:path';
import { packageRoot } from '../../emu/unicorn/choose.js';
import { EngineCrashError, EngineMissingError, UsageError } from '../errors.js';
import {
  type Answer,
  type AnyJob,
  type BootRunner,
  type FilePlaces,
  type Job,
  jobText,
  type KernelJob,
  localTask,
  PoolClosed,
  type Task,
} from './job.js';
import type { KernelRecord } from './kernel-job.js';
import type { BootRecord } from './record.js';

export interface PoolOptions {
  /** Worker processes. */
  jobs: number;
  engine?: string | undefined;
  shim?: boolean | undefined;
  /** Of jobs that name files. */
  files?: FilePlaces | undefined;
}

/** A boot whose process is killed from outside (out of memory, somebody's kill) is done again, this many times. */
const MOST_KILLS = 3;

interface Waiting {
  task: Task;
  /** Processes that were killed over it. */
  kills: number;
  resolve: (record: BootRecord | KernelRecord) => void;
  reject: (error: Error) => void;
}

export class BootPool implements BootRunner {
  readonly #options: PoolOptions;
  readonly #queue: Waiting[] = [];
  /** Every worker and what it is busy with. */
  readonly #workers = new Map<ChildProcess, Waiting | undefined>();
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get jobs(): number {
    return this.#options.jobs;
  }

  /** Boots once, when a worker is free. */
  boot(job: Job): Promise<BootRecord> {
    return this.#submit(job) as Promise<BootRecord>;
  }

  /** Runs somebody's kernel once, when a worker is free. */
  run(job: KernelJob): Promise<KernelRecord> {
    return this.#submit(job) as Promise<KernelRecord>;
  }

  #submit(job: AnyJob): Promise<BootRecord | KernelRecord> {
    if (this.#closed) return Promise.reject(new PoolClosed('no more boots'));
    return new Promise((resolve, reject) => {
      this.#queue.push({ task: localTask(job, this.#options.files), kills: 0, resolve, reject });
      this.#dispatch();
    });
  }

  #dispatch(): void {
    for (const [worker, busy] of this.#workers) {
      if (this.#queue.length === 0) return;
      if (busy === undefined) this.#give(worker, this.#queue.shift()!);
    }
    while (this.#queue.length > 0 && this.#workers.size < this.#options.jobs)
      this.#give(this.#start(), this.#queue.shift()!);
  }

  #give(worker: ChildProcess, task: Waiting): void {
    this.#workers.set(worker, task);
    worker.send(task.task);
  }

  #start(): ChildProcess {
    const { engine = '', shim = true } = this.#options;
    const file = path.join(packageRoot(), 'dist', 'boot-worker.js');
    const worker = fork(file, [engine, shim ? 'shim' : 'no-shim'], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      // glibc before 2.38 does not find the holes again that aligned blocks leave: with the engine's large ones in the heap, each boot took
      // half a MB more. From this size on blocks are mapped, and given back. Other C libraries do not look at it.
      env: { ...process.env, MALLOC_MMAP_THRESHOLD_: '131072' },
      // --jobs says how many cores to use: the collector's helper threads would take others, or be in each other's way.
      execArgv: ['--single-threaded-gc'],
    });
    worker.on('message', (answer: Answer) => this.#answered(worker, answer));
    worker.on('exit', (code, signal) => this.#ended(worker, signal ?? `exit code ${code}`));
    this.#workers.set(worker, undefined);
    return worker;
  }

  #answered(worker: ChildProcess, answer: Answer): void {
    const task = this.#workers.get(worker);
    if (task === undefined) return;
    this.#workers.set(worker, undefined);
    const what = jobText(task.task.job);
    if (!('failure' in answer)) task.resolve(answer.record);
    else if (answer.failure === 'usage') task.reject(new UsageError(answer.message));
    else if (answer.failure === 'engine') task.reject(new EngineMissingError(answer.message));
    else if (answer.failure === 'crash') task.reject(new EngineCrashError(`${what}: ${answer.message}`));
    else task.reject(new Error(`${what} broke: ${answer.message}`));
    this.#dispatch();
  }

  #ended(worker: ChildProcess, how: string): void {
    const task = this.#workers.get(worker);
    this.#workers.delete(worker);
    if (this.#closed) return;
    if (task && how === 'SIGKILL' && ++task.kills < MOST_KILLS) this.#queue.unshift(task);
    else task?.reject(new Error(`${jobText(task.task.job)} ended its process (${how})`));
    this.#dispatch();
  }

  /** Ends the workers, also those in the middle of a boot. */
  close(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    const error = new PoolClosed('stopped');
    for (const { reject } of this.#queue.splice(0)) reject(error);
    for (const [worker, task] of this.#workers) {
      task?.reject(error);
      worker.kill('SIGKILL');
    }
    return Promise.resolve();
  }
}
