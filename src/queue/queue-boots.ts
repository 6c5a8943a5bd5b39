// Boots by workers anywhere: puts jobs into the queue and collects their records. Whatever is lost on the way (a worker, a connection, a
// server's last second) is looked for and put there again; a boot's record is the same whoever makes it, and is taken once.
import type { Queue, QueueEvents } from 'bullmq';
import {
  type AnyJob,
  type BootRunner,
  filesOf,
  isKernelJob,
  type Job,
  jobText,
  type KernelJob,
  type LocalFiles,
  PoolClosed,
} from '../experiments/job.js';
import type { KernelRecord } from '../experiments/kernel-job.js';
import { kernelRecordProblem } from '../experiments/kernel-record-check.js';
import { recordProblem } from '../experiments/record-check.js';
import type { BootRecord } from '../experiments/record.js';
import { buildId, packageVersion } from '../experiments/version.js';
import { EngineCrashError, EngineMissingError, UsageError } from '../errors.js';
import { connect, type Connection, PREFIX } from './connection.js';
import { claimQueue, type Entry, type EntryAnswer, entryId } from './entry.js';
import { upload } from './job-files.js';
import type { QueuePlace } from './place.js';

export interface QueueOptions {
  /** Boots at the same time that a search may ask for. */
  jobs: number;
  /** Of jobs that name files. */
  files?: LocalFiles | undefined;
  /** Told what somebody who waits should know. */
  say: (line: string) => void;
}

/** Boots that are in the queue at the same time; the others wait here. */
const WINDOW = 1000;
const ADDED_AT_ONCE = 100;
/** How often boots that are long in the queue are looked after, and how many of them. */
const LOOK_MS = 2000;
const LOOKED_AT_ONCE = 100;
/** Jobs that nobody collected go from the server. */
const KEEP_SECONDS = 7 * 24 * 3600;
const NO_WORKER_MS = 30_000;
/** The end may take so long where the server does not answer. */
const CLOSE_MS = 3000;

interface Wanted {
  readonly id: string;
  readonly entry: Entry;
  readonly resolve: ((record: BootRecord | KernelRecord) => void)[];
  readonly reject: ((error: Error) => void)[];
  /** Clock of the last look, ms; 0 before it is in the queue. */
  seen: number;
  /** It broke once. That may be long ago, or the fault of the machine it was on. */
  broke: boolean;
}

const clock = (): number => Number(process.hrtime.bigint() / 1_000_000n);

export class QueueBoots implements BootRunner {
  readonly jobs: number;
  readonly #connection: Connection;
  readonly #options: QueueOptions;
  readonly #queue: Queue<Entry>;
  readonly #events: QueueEvents;
  readonly #build: string;
  /** All that are not answered, those in the queue (`#there`) and those that are not yet. */
  readonly #wanted = new Map<string, Wanted>();
  readonly #waiting: Wanted[] = [];
  #there = 0;
  #consumed: string[] = [];
  readonly #uploads = new Map<string, Promise<void>>();
  #closing: Promise<void> | undefined;
  #timer: NodeJS.Timeout;
  #noWorker: NodeJS.Timeout;

  /** @throws UsageError when the queue cannot be used, in one line */
  static async open(place: QueuePlace, options: QueueOptions): Promise<QueueBoots> {
    const connection = await connect(place, options.say);
    const { bull } = connection;
    const queue = new bull.Queue<Entry>(place.name, { connection: connection.options, prefix: PREFIX });
    queue.on('error', () => {}); // `connection` says so
    const build = buildId();
    let events: QueueEvents | undefined;
    try {
      await claimQueue(connection, build, await queue.getJobCountByTypes('waiting', 'active', 'delayed'));
      events = new bull.QueueEvents(place.name, { connection: connection.options, prefix: PREFIX });
      events.on('error', () => {});
      await events.waitUntilReady();
    } catch (error) {
      await Promise.all([events?.close(), queue.disconnect()]);
      connection.close();
      throw error;
    }
    return new QueueBoots(connection, queue, events, build, options);
  }

  private constructor(
    connection: Connection,
    queue: Queue<Entry>,
    events: QueueEvents,
    build: string,
    options: QueueOptions,
  ) {
    this.#connection = connection;
    this.#queue = queue;
    this.#events = events;
    this.#build = build;
    this.#options = options;
    this.jobs = options.jobs;
    events.on('completed', ({ jobId, returnvalue }) => this.#answered(jobId, returnvalue));
    events.on('failed', ({ jobId, failedReason }) =>
      this.#answered(jobId, { failure: 'error', message: failedReason }),
    );
    this.#timer = setTimeout(() => void this.#lookAfter(), LOOK_MS);
    this.#noWorker = setTimeout(() => void this.#lookForWorkers(), NO_WORKER_MS);
  }

  boot(job: Job): Promise<BootRecord> {
    return this.#ask(job) as Promise<BootRecord>;
  }

  run(job: KernelJob): Promise<KernelRecord> {
    return this.#ask(job) as Promise<KernelRecord>;
  }

  #ask(job: AnyJob): Promise<BootRecord | KernelRecord> {
    if (this.#closing) return Promise.reject(new PoolClosed('no more boots'));
    const entry = { build: this.#build, job };
    const id = entryId(entry);
    return new Promise((resolve, reject) => {
      const known = this.#wanted.get(id);
      if (known) {
        known.resolve.push(resolve);
        known.reject.push(reject);
        return;
      }
      const wanted: Wanted = { id, entry, resolve: [resolve], reject: [reject], seen: 0, broke: false };
      this.#wanted.set(id, wanted);
      this.#waiting.push(wanted);
      if (this.#waiting.length === 1) queueMicrotask(() => this.#fill());
    });
  }

  #fill(): void {
    while (!this.#closing && this.#waiting.length > 0 && this.#there < WINDOW) {
      const some = this.#waiting.splice(0, Math.min(ADDED_AT_ONCE, WINDOW - this.#there));
      this.#there += some.length;
      void this.#add(some).catch((error: Error) => this.#broken(some, error));
    }
  }

  /** Puts jobs into the queue; those that are there already, from an earlier run or another one's, stay as they are. */
  async #add(some: readonly Wanted[]): Promise<void> {
    for (const { entry } of some) for (const sha256 of filesOf(entry.job)) await this.#upload(sha256);
    await this.#queue.addBulk(
      some.map(({ id, entry }) => ({
        name: 'boot',
        data: entry,
        opts: { jobId: id, removeOnComplete: { age: KEEP_SECONDS }, removeOnFail: { age: KEEP_SECONDS } },
      })),
    );
    await Promise.all(some.map((wanted) => this.#look(wanted)));
  }

  #upload(sha256: string, anew = false): Promise<void> {
    let done = this.#uploads.get(sha256);
    if (done === undefined || anew) {
      const file = this.#options.files!.path(sha256);
      this.#uploads.set(sha256, (done = upload(this.#connection.client, sha256, file, anew)));
    }
    return done;
  }

  /** Takes the answer of a boot that has ended, whatever became of the event that says so. */
  async #look(wanted: Wanted): Promise<void> {
    wanted.seen = clock();
    const job = await this.#queue.getJob(wanted.id);
    if (job === undefined) return void (await this.#again([wanted]));
    if (job.finishedOn === undefined) return;
    if (job.failedReason) this.#answered(wanted.id, { failure: 'error', message: job.failedReason });
    else this.#answered(wanted.id, job.returnvalue);
  }

  /** Now and then: are boots that should be in the queue still there? */
  async #lookAfter(): Promise<void> {
    const before = clock() - LOOK_MS;
    const old = [...this.#wanted.values()].filter(({ seen }) => seen > 0 && seen < before);
    old.sort((a, b) => a.seen - b.seen);
    try {
      await Promise.all(old.slice(0, LOOKED_AT_ONCE).map((wanted) => this.#look(wanted)));
    } catch {
      // next time
    }
    if (!this.#closing) this.#timer = setTimeout(() => void this.#lookAfter(), LOOK_MS);
  }

  async #again(some: readonly Wanted[]): Promise<void> {
    const still = some.filter(({ id }) => this.#wanted.has(id));
    if (!this.#closing && still.length > 0) await this.#add(still);
  }

  async #lookForWorkers(): Promise<void> {
    const workers = await this.#queue.getWorkersCount().catch(() => 1); // a server that does not tell
    if (workers > 0 || this.#closing || this.#wanted.size === 0) return;
    const { text } = this.#connection.place;
    this.#options.say(`${text}: no worker yet; start some by: percpu-malta worker --queue ${text}`);
  }

  #answered(id: string, said: unknown): void {
    const wanted = this.#wanted.get(id);
    if (!wanted || wanted.seen === 0) return; // another one's, or taken before
    const answer = checked(wanted.entry.job, said);
    if ('failure' in answer && answer.failure !== 'usage' && (answer.failure === 'missing' || !wanted.broke)) {
      if (answer.failure !== 'missing') wanted.broke = true;
      wanted.seen = 0;
      void this.#queue
        .remove(id)
        .then(() => (answer.failure === 'missing' ? this.#upload(answer.message, true) : undefined))
        .then(() => this.#again([wanted]))
        .catch((error: Error) => {
          if (error instanceof UsageError) this.#broken([wanted], error); // else it is looked after later
        });
      return;
    }
    this.#wanted.delete(id);
    this.#there--;
    if ('record' in answer) for (const resolve of wanted.resolve) resolve(answer.record);
    else for (const reject of wanted.reject) reject(this.#failure(wanted.entry.job, answer));
    // Whoever has asked writes the record down before the server forgets it.
    if (this.#consumed.push(id) === 1) setTimeout(() => void this.#forget(), 100);
    this.#fill();
  }

  #failure(job: AnyJob, { failure, message: text }: { failure: string; message: string }): Error {
    // A worker names files as they lie in its cache.
    const message = filesOf(job).reduce(
      (words, sha256) => words.replaceAll(new RegExp(`\\S*${sha256}`, 'g'), this.#options.files!.path(sha256)),
      text,
    );
    if (failure === 'usage') return new UsageError(message);
    if (failure === 'engine') return new EngineMissingError(message);
    if (failure === 'crash') return new EngineCrashError(message);
    // What a worker's own processes say names the boot already.
    const what = jobText(job);
    return new Error(message.startsWith(what) ? message : `${what} broke: ${message}`);
  }

  async #forget(): Promise<void> {
    const ids = this.#consumed;
    this.#consumed = [];
    await Promise.all(ids.map((id) => this.#queue.remove(id))).catch(() => {}); // they go by themselves after a while
  }

  #broken(some: readonly Wanted[], error: Error): void {
    for (const { id, reject } of some) if (this.#wanted.delete(id)) for (const each of reject) each(error);
  }

  /** Takes what nobody has begun out of the queue; what has been begun ends there, for whoever asks next. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearTimeout(this.#timer);
    clearTimeout(this.#noWorker);
    this.#waiting.length = 0;
    const left = [...this.#wanted.values()];
    this.#wanted.clear();
    for (const { reject } of left) for (const each of reject) each(new PoolClosed('stopped'));
    const there = left.filter(({ seen }) => seen > 0).map(({ id }) => id);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, CLOSE_MS)));
    const remove = async (): Promise<void> => {
      await this.#forget();
      await Promise.allSettled(there.map((id) => this.#queue.remove(id)));
    };
    await Promise.race([remove().catch(() => {}), late]);
    await Promise.race([Promise.allSettled([this.#events.close(), this.#queue.disconnect()]), late]);
    clearTimeout(timer);
    this.#connection.close();
  }
}

/** What came back, if it is an answer to this job: anybody with the password could have put it there. */
function checked(job: AnyJob, said: unknown): EntryAnswer {
  const answer = (typeof said === 'object' && said !== null ? said : {}) as Partial<Record<string, unknown>>;
  if (typeof answer.failure === 'string' && typeof answer.message === 'string') return answer as unknown as EntryAnswer;
  const problem = (isKernelJob(job) ? kernelRecordProblem : recordProblem)(answer.record);
  const record = answer.record as BootRecord | KernelRecord;
  const same =
    problem === undefined &&
    record.seed === job.seed &&
    record.version === packageVersion() &&
    JSON.stringify(record.options) === JSON.stringify(job.setup);
  if (same) return { record };
  return { failure: 'error', message: `a worker answered with something else${problem ? ` (${problem})` : ''}` };
}
