// A process that boots what the pool sends it, one boot after the other. Processes, not threads: libunicorn keeps one random
// word per process (emu/mips/tlb-random.ts).
import { loadImage } from '../../emu/elf/image-file.js';
import { loadEngine } from '../../emu/unicorn/choose.js';
import type { EngineLibrary } from '../../emu/unicorn/engine.js';
import { EngineCrashError, EngineMissingError, UsageError } from '../errors.js';
import { bootOnce } from '../kernel/boot.js';
import { type Answer, type FailureKind, isKernelJob, type Job, type Task } from './job.js';
import { runKernelJob } from './kernel-job.js';
import { bootRecord } from './record.js';
import { setupBootOptions } from './setup.js';
import { packageVersion } from './version.js';

/** Serves the parent process until it disconnects. argv: engine name or '', 'shim' or 'no-shim'. */
export function serve(engineName: string, shim: boolean): void {
  // Ctrl-C goes to the whole process group: the parent decides when this process ends.
  process.on('SIGINT', () => {});
  process.on('disconnect', () => process.exit());
  const load = () => loadEngine(engineName === '' ? undefined : engineName);
  let engine = load();
  engine.catch(() => {}); // told with the first boot
  const version = packageVersion();
  const boot = async ({ job, paths }: Task<Job>, library: EngineLibrary): Promise<Answer> => {
    const { setup, seed, stopAtForeignPage = false, files } = job;
    const image = files?.image && paths[files.image];
    const result = await bootOnce({
      ...setupBootOptions(setup, seed, library, shim),
      stopAtForeignPage,
      ...(image === undefined ? {} : { image: loadImage(image) }),
    });
    return { record: bootRecord(version, job, result) };
  };
  const run = ({ job, paths }: Task, library: EngineLibrary): Answer | Promise<Answer> =>
    isKernelJob(job) ? { record: runKernelJob(version, job, paths, shim, library) } : boot({ job, paths }, library);
  process.on('message', (task: Task) => {
    // An engine that broke in an earlier boot is replaced.
    engine = engine.then((library) => (library.crashed ? load() : library));
    void engine
      .then((library) => run(task, library))
      .then(answer, (error: Error) => answer({ failure: failureKind(error), message: failureText(error) }));
  });
}

/** A parent that was killed hears nothing any more: the worker ends as quietly. */
function answer(text: Answer): void {
  if (!process.connected) process.exit();
  process.send!(text, undefined, undefined, (error) => {
    if (error) process.exit();
  });
}

function failureKind(error: Error): FailureKind {
  if (error instanceof UsageError) return 'usage';
  if (error instanceof EngineCrashError) return 'crash';
  return error instanceof EngineMissingError ? 'engine' : 'error';
}

function failureText(error: Error): string {
  return error instanceof UsageError || error instanceof EngineMissingError || error instanceof EngineCrashError
    ? error.message
    : (error.stack ?? error.message);
}
