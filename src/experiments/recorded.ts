// Boots with a record file behind them: what it has is not booted again, what is booted goes into it, once.
import type { BootRunner, Job } from './job.js';
import type { KernelAnswer, KernelJob } from './kernel-job.js';
import type { BootRecord } from './record.js';
import type { RecordFile } from './record-file.js';

export class RecordedBoots implements BootRunner {
  readonly #runner: BootRunner;
  readonly #file: RecordFile;
  readonly #boots = new Map<string, Promise<BootRecord>>();

  constructor(runner: BootRunner, file: RecordFile) {
    this.#runner = runner;
    this.#file = file;
  }

  get jobs(): number {
    return this.#runner.jobs;
  }

  boot(job: Job): Promise<BootRecord> {
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

  async #bootAndAppend(job: Job): Promise<BootRecord> {
    const record = await this.#runner.boot(job);
    this.#file.append(record);
    return record;
  }

  run(job: KernelJob): Promise<KernelAnswer> {
    return this.#runner.run(job);
  }

  close(): Promise<void> {
    return this.#runner.close();
  }
}
