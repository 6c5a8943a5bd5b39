// What `--html` and `--svg` of the commands that boot once write.
import type { BootResult } from '../kernel/boot.js';
import { bootReport } from '../report/html/boot-report.js';
import type { BootStory } from '../report/html/story.js';
import type { TlbRecorder } from '../report/html/tlb-recorder.js';
import { UsageError } from '../errors.js';
import { kernelRules } from '../kernel/kernels.js';
import { reportData } from '../report/html/report-data.js';
import { bootFlags } from '../report/html/setup-text.js';
import { storyPicture } from '../report/html/story-picture.js';
import { type BootFlags, setupFromFlags } from './boot-options.js';

/** The page of one boot. @param recorder that was attached to it @param story what the checker's findings add up to */
export function bootHtml(flags: BootFlags, result: BootResult, recorder: TlbRecorder, story: BootStory): string {
  return bootReport({ setup: setupFromFlags(flags), seed: flags.seed, result, recorder, story });
}

/** The story in a picture. @throws UsageError when there is none */
export function bootSvg(flags: BootFlags, result: BootResult, recorder: TlbRecorder, story: BootStory): string {
  const kernel = kernelRules(flags.kernel, flags.define?.rules).title;
  const picture = storyPicture(
    reportData(result.log.events, recorder, story),
    `Seed ${flags.seed}, kernel ${kernel}: ${result.outcome}`,
    `percpu-malta explain ${bootFlags(setupFromFlags(flags), flags.seed)} --svg FILE`,
  );
  if (picture === undefined)
    throw new UsageError('--svg: no access of this boot went through a stale translation: nothing to draw');
  return picture;
}
