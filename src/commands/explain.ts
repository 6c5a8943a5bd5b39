// `percpu-malta explain`: boots with the checker on and tells the way from the crash back to the translation that was not flushed.
import { causeText, storyWidth, verdictText } from './cause-text.js';
import { Command } from 'commander';
import { loadEngine } from '../../emu/unicorn/choose.js';
import type { Cause } from '../analysis/cause.js';
import type { StaleChecker } from '../analysis/checker.js';
import { bootOnce, type BootResult } from '../kernel/boot.js';
import { kernelRules } from '../kernel/kernels.js';
import { TlbRecorder } from '../report/html/tlb-recorder.js';
import { printableJson } from '../terminal-text.js';
import { addBootOptions, type BootFlags, bootOptions } from './boot-options.js';
import { bootSignature, jsonRecord, outcomeText } from './boot.js';
import { storyOf, CheckedBoot, causeRecord, checkRecord, checkText, logLines } from './check.js';
import { bootHtml, bootSvg } from './html-output.js';
import { openOutput } from '../files/output.js';
import { report } from '../files/stdout.js';
import { addScriptOption } from './script-option.js';

interface ExplainFlags extends BootFlags {
  json?: boolean;
  log?: string;
  html?: string;
  svg?: string;
}

export function explainCommand(): Command {
  const command = new Command('explain').description(
    'boot once and tell the chain of events from the crash back to the missing TLB flush',
  );
  return addScriptOption(addBootOptions(command))
    .option('--json', 'print one JSON object')
    .option('--log <file>', 'write the event log there, with what the checker saw')
    .option('--html <file>', 'write a page there that shows the boot, with links from the story into it')
    .option('--svg <file>', 'write a picture there: the address with its two translations, at the turning points')
    .action(async (flags: ExplainFlags) => {
      const log = openOutput('--log', flags.log);
      const html = openOutput('--html', flags.html);
      const svg = openOutput('--svg', flags.svg);
      const recorder = html || svg ? new TlbRecorder() : undefined;
      const engine = await loadEngine(flags.engine);
      const boot = new CheckedBoot();
      const result = bootOnce({
        ...bootOptions(flags, engine),
        check: true,
        attach: (parts) => {
          recorder?.attach(parts);
          boot.attach(parts);
        },
      });
      const { checker } = boot;
      const cause = boot.cause(result);
      log?.write(logLines(result.log, checker));
      if (recorder && html) html.write(bootHtml(flags, result, recorder, storyOf(cause)));
      if (recorder && svg) svg.write(bootSvg(flags, result, recorder, storyOf(cause)));
      if (flags.json)
        report(
          `${printableJson({ ...jsonRecord(flags, result), check: checkRecord(checker), ...causeRecord(cause) })}\n`,
        );
      else report(`${story(flags, result, checker, cause).join('\n')}\n`);
    });
}

function story(flags: BootFlags, result: BootResult, checker: StaleChecker, cause: Cause): string[] {
  const width = storyWidth();
  const signature = bootSignature(result);
  const lines = [
    `Seed ${flags.seed}, kernel ${kernelRules(flags.kernel, flags.define?.rules).title}`,
    `${outcomeText(result)}${signature ? ` (${signature})` : ''}`,
    '',
  ];
  if (checker.accesses.length === 0)
    return [...lines, 'Nothing to explain: no access went through a stale translation.'];
  lines.push(...causeText(cause, width));
  if (result.outcome === 'clean') lines.push('The boot reaches init all the same: nobody fell over it by then.', '');
  lines.push(...verdictText(cause, width));
  lines.push(checkText(checker));
  return lines;
}
