// What `--html` of the commands that boot once writes.
import type { BootResult } from '../kernel/boot.js';
import { bootReport, type ChainStep } from '../report/html/boot-report.js';
import type { TlbRecorder } from '../report/html/tlb-recorder.js';
import { type BootFlags, setupFromFlags } from './boot-options.js';

/**
 * The page of one boot.
 * @param recorder that was attached to it
 * @param chain from the crash back to its cause, for commands that know it
 */
export function bootHtml(
  flags: BootFlags,
  result: BootResult,
  recorder: TlbRecorder,
  chain?: readonly ChainStep[],
): string {
  const setup = setupFromFlags(flags);
  return bootReport({ setup, seed: flags.seed, result, recorder, ...(chain === undefined ? {} : { chain }) });
}
