// Boots with a record file behind them: what it has is not booted again, what is booted goes into it, once.
import { type AnyJob, type BootRunner, isKernelJob, type Job, type KernelJob } from './job.js';
import type { KernelRecord } from './kernel-job.js';
import type { BootRecord } from './record.js';
import type { AnyRecord, RecordFile } from './record-file.js';

export class RecordedBoots implements BootRunner {
  readonly #runner: BootRunner;
  readonly #file: RecordFile<AnyRecord>;
  readonly #boots = new Map<string, Promise<AnyRecord>>();

  /** @param file of records of the kind that is asked for */
  constructor(runner: BootRunner, file: RecordFile<AnyRecord>) {
    this.#runner = runner;
    this.#file = file;
  }

  get jobs(): number {
    return this.#runner.jobs;
  }

  boot(job: Job): Promise<BootRecord> {
    return this.#once(job) as Promise<BootRecord>;
  }

  run(job: KernelJob): Promise<KernelRecord> {
    return this.#once(job) as Promise<KernelRecord>;
  }

  #once(job: AnyJob): Promise<AnyRecord> {
    const known = this.#file.find(job);
    if (known !== undefined) return Promise.resolve(known);
    const key = JSON.stringify(job);
    let boot = this.#boots.get(key);
    if (boot === undefined) {
      boot = this.#bootAndAppend(job);
      this.#boots.set(key, boot);
    }
    return boot;
  }

  async #bootAndAppend(job: AnyJob): Promise<AnyRecord> {
    const record = await (isKernelJob(job) ? this.#runner.run(job) : this.#runner.boot(job));
    this.#file.append(record);
    return record;
  }

  close(): Promise<void> {
    return this.#runner.close();
  }
}
