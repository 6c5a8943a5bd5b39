// What `--html` of the commands that boot once writes.
import type { BootResult } from '../kernel/boot.js';
import { bootReport } from '../report/html/boot-report.js';
import type { BootStory } from '../report/html/story.js';
import type { TlbRecorder } from '../report/html/tlb-recorder.js';
import { type BootFlags, setupFromFlags } from './boot-options.js';

/** The page of one boot. @param recorder that was attached to it @param story what the checker's findings add up to */
export function bootHtml(flags: BootFlags, result: BootResult, recorder: TlbRecorder, story: BootStory): string {
  return bootReport({ setup: setupFromFlags(flags), seed: flags.seed, result, recorder, story });
}
