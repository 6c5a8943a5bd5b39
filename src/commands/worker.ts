// `percpu-malta worker`: boots what other commands put into a queue, on this machine.
import os from 'node:os';
import { Command } from 'commander';
import { loadEngine } from '../../emu/unicorn/choose.js';
import { count } from '../experiments/table.js';
import { Progress } from '../experiments/progress.js';
import { kernelCrashed } from '../experiments/kernel-summary.js';
import type { EntryAnswer } from '../queue/entry.js';
import { parseQueue, type QueuePlace } from '../queue/place.js';
import { QueueWorker } from '../queue/queue-worker.js';
import { wholeNumber } from './boot-options.js';
import { addEngineOptions } from './engine-options.js';
import { EXIT_INTERRUPTED, MAX_JOBS } from './pool-options.js';

interface WorkerFlags {
  queue: QueuePlace;
  jobs: number;
  engine?: string;
  shim: boolean;
  maxIdle?: number;
  lostAfter: number;
}

export function workerCommand(): Command {
  const command = new Command('worker')
    .description('boot what sweep --queue, compare --queue and others put into a queue')
    .requiredOption('--queue <url>', 'redis://HOST/NAME, or rediss:// for TLS', (text) => parseQueue(text))
    .option(
      '--jobs <n>',
      'boots at the same time, a process each (default: one per core)',
      wholeNumber(1, MAX_JOBS),
      os.availableParallelism(),
    )
    .option('--max-idle <seconds>', 'end when there was nothing to do so long (default: wait on)', wholeNumber(1, 1e6))
    .option(
      '--lost-after <seconds>',
      'boots of a worker that is silent so long go to others',
      wholeNumber(2, 3600),
      30,
    );
  return addEngineOptions(command).addHelpText('after', HELP).action(run);
}

const HELP = `
Any number of workers on any machines take boots from one queue; each has to be the version that put them there. The first Ctrl-C (or
SIGTERM) ends a worker when its boots are done, the second at once: what it had begun, others do again. A password may stand in the
address (redis://:PASSWORD@HOST/NAME) or in PERCPU_MALTA_QUEUE_PASSWORD.

  percpu-malta worker --queue redis://build-host/sweeps
  percpu-malta sweep --seeds 1..1000 --queue redis://build-host/sweeps --out a.ndjson    # anywhere else`;

async function run({ queue, jobs, engine, shim, maxIdle, lostAfter }: WorkerFlags): Promise<void> {
  await loadEngine(engine); // without one, boots are better left to others
  const progress = new Progress(process.stderr, undefined);
  const say = (line: string): void => {
    progress.clear();
    process.stderr.write(`percpu-malta: ${line}\n`);
  };
  let boots = 0;
  let crashes = 0;
  const onBoot = (answer: EntryAnswer): void => {
    boots++;
    if ('record' in answer && kernelCrashed(answer.record)) crashes++;
    progress.step(`${crashes} crashed`);
  };
  const worker = await QueueWorker.open(queue, { jobs, engine, shim, maxIdle, lostAfter, say, onBoot });
  say(`${queue.text}: up to ${count(jobs, 'boot')} at the same time`);
  let stops = 0;
  const stop = (signal: NodeJS.Signals): void => {
    process.exitCode = signal === 'SIGINT' ? EXIT_INTERRUPTED : 0;
    if (++stops > 1) process.exit();
    void worker.stop();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  let failed = true;
  try {
    await worker.ended;
    failed = false;
  } finally {
    progress.clear();
    await worker.close(failed);
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
  process.stdout.write(`${count(boots, 'boot')} done, ${crashes} crashed\n`);
}
