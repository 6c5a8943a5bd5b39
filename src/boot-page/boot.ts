// One boot where there is no Node: console, story, report page. Runs in a Worker, because a boot keeps its thread busy.
import type { EngineLibrary } from '../../emu/unicorn/engine.js';
import { storyOf, CheckedBoot } from '../commands/check.js';
import { decodeConsole } from '../decode/console.js';
import { signature } from '../decode/record.js';
import { type BootSetup, setupBootOptions } from '../experiments/setup.js';
import { bootOnce, type BootParts, type BootResult } from '../kernel/boot.js';
import { bootReport } from '../report/html/boot-report.js';
import { TlbRecorder } from '../report/html/tlb-recorder.js';

export interface BootInPage {
  readonly result: BootResult;
  /** The crash as `percpu-malta decode` names it; '' for a clean boot. */
  readonly signature: string;
  /** The event log, one JSON object a line, as `percpu-malta boot --log` writes it. */
  readonly log: string;
  /** The page that `percpu-malta explain --html` writes: story, time line, chunks, TLB, frames. */
  readonly report: string;
}

/** Boots once with the checker of stale translations attached. @param onLine gets the console, line by line, as it happens */
export function bootInPage(
  engine: EngineLibrary,
  setup: BootSetup,
  seed: number,
  onLine: (line: string) => void,
): BootInPage {
  const recorder = new TlbRecorder();
  const checked = new CheckedBoot();
  const attach = (parts: BootParts): void => {
    recorder.attach(parts);
    checked.attach(parts);
  };
  const result = bootOnce({ ...setupBootOptions(setup, seed, engine, true), check: true, attach, onLine });
  return {
    result,
    signature: result.outcome === 'clean' ? '' : signature(decodeConsole(result.console)),
    log: result.log.events.map((event) => `${JSON.stringify(event)}\n`).join(''),
    report: bootReport({ setup, seed, result, recorder, story: storyOf(checked.cause(result)) }),
  };
}
