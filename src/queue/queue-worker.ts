// Takes boots out of a queue, one per process of this machine at a time, and puts their records back.
import type { Job as QueuedJob, Worker } from 'bullmq';
import { BootPool } from '../experiments/pool.js';
import { filesOf, isKernelJob, PoolClosed } from '../experiments/job.js';
import { buildId } from '../experiments/version.js';
import { EngineCrashError, EngineMissingError, UsageError } from '../errors.js';
import { connect, type Connection, PREFIX } from './connection.js';
import { buildsDiffer, type Entry, type EntryAnswer, otherBuild } from './entry.js';
import { FetchedFiles, FileMissing } from './job-files.js';
import type { QueuePlace } from './place.js';

export interface WorkerOptions {
  /** Boots at the same time. */
  jobs: number;
  engine?: string | undefined;
  shim?: boolean | undefined;
  /** Ends by itself when there was nothing to do so long, in seconds. */
  maxIdle?: number | undefined;
  /** A worker that is not heard of so long has lost its boots to others, in seconds. */
  lostAfter: number;
  say: (line: string) => void;
  onBoot: (answer: EntryAnswer) => void;
}

/** A boot goes back into the queue when its worker is lost; one that so many workers are lost over is given up. */
const MOST_LOST = 20;

export class QueueWorker {
  readonly #connection: Connection;
  readonly #options: WorkerOptions;
  readonly #pool: BootPool;
  readonly #files: FetchedFiles;
  readonly #build = buildId();
  readonly #worker: Worker<Entry, EntryAnswer>;
  #busy = 0;
  #idle: NodeJS.Timeout | undefined;
  #end!: (problem?: Error) => void;
  /** Ends with `stop`, when there was nothing to do for long, or with an error that says why this worker is of no use. */
  readonly ended: Promise<void>;

  /** @throws UsageError when the queue cannot be used, or is for another version */
  static async open(place: QueuePlace, options: WorkerOptions): Promise<QueueWorker> {
    const connection = await connect(place, options.say);
    const queue = new connection.bull.Queue(place.name, { connection: connection.options, prefix: PREFIX });
    queue.on('error', () => {});
    let other: string | undefined;
    try {
      other = await otherBuild(connection, buildId(), await queue.getJobCountByTypes('waiting', 'active', 'delayed'));
    } finally {
      await queue.disconnect();
    }
    if (other !== undefined) {
      connection.close();
      throw new UsageError(other);
    }
    return new QueueWorker(connection, options);
  }

  private constructor(connection: Connection, options: WorkerOptions) {
    this.#connection = connection;
    this.#options = options;
    const { jobs, engine, shim, lostAfter } = options;
    this.#files = new FetchedFiles(connection.client);
    this.#pool = new BootPool({ jobs, engine, shim, files: this.#files });
    this.ended = new Promise((resolve, reject) => {
      this.#end = (problem) => (problem ? reject(problem) : resolve());
    });
    this.#worker = new connection.bull.Worker<Entry, EntryAnswer>(
      connection.place.name,
      (job, token) => this.#boot(job, token),
      {
        connection: connection.options,
        prefix: PREFIX,
        concurrency: jobs,
        lockDuration: lostAfter * 1000,
        stalledInterval: lostAfter * 1000,
        maxStalledCount: MOST_LOST,
        runRetryDelay: 1000,
        autorun: false,
      },
    );
    this.#worker.on('error', () => {}); // `connection` says so; what a lost lock was for is done by another
    void this.#worker.run();
    this.#waitForWork();
  }

  async #boot(queued: QueuedJob<Entry>, token: string | undefined): Promise<EntryAnswer> {
    const { build, job } = queued.data;
    if (build !== this.#build) {
      await queued.moveToWait(token); // for those who can
      this.#end(new UsageError(buildsDiffer(this.#connection.place.text, build, this.#build)));
      throw new this.#connection.bull.WaitingError();
    }
    clearTimeout(this.#idle);
    this.#busy++;
    const answer = await this.#answer(job);
    this.#busy--;
    this.#waitForWork();
    this.#options.onBoot(answer);
    return answer;
  }

  async #answer(job: Entry['job']): Promise<EntryAnswer> {
    try {
      for (const sha256 of filesOf(job)) await this.#files.fetch(sha256);
      return { record: await (isKernelJob(job) ? this.#pool.run(job) : this.#pool.boot(job)) };
    } catch (error) {
      if (error instanceof PoolClosed) throw error;
      const { message } = error as Error;
      if (error instanceof FileMissing) return { failure: 'missing', message };
      if (error instanceof UsageError) return { failure: 'usage', message };
      if (error instanceof EngineCrashError) return { failure: 'crash', message };
      return { failure: error instanceof EngineMissingError ? 'engine' : 'error', message };
    }
  }

  #waitForWork(): void {
    clearTimeout(this.#idle);
    const { maxIdle } = this.#options;
    if (maxIdle !== undefined && this.#busy === 0) this.#idle = setTimeout(() => this.#end(), maxIdle * 1000);
  }

  /** Takes no more boots; `ended` comes when those that run are done. */
  async stop(): Promise<void> {
    clearTimeout(this.#idle);
    await this.#worker.close();
    this.#end();
  }

  /** Lets go of the queue. @param now what still runs is left to other workers */
  async close(now: boolean): Promise<void> {
    clearTimeout(this.#idle);
    await Promise.all([this.#worker.close(now), now ? this.#pool.close() : undefined]);
    await this.#pool.close();
    this.#connection.close();
  }
}
