// `percpu-malta flushes`: leaves out each call of a TLB flush function that a boot of somebody's kernel makes, and says what that does.
import { Command } from 'commander';
import { loadEngine } from '../../emu/unicorn/choose.js';
import { UsageError } from '../errors.js';
import { Progress } from '../experiments/progress.js';
import { textTable } from '../experiments/table.js';
import { report } from '../files/stdout.js';
import { openRun, type RunFlags } from '../run/open-run.js';
import { type FlushCalls, type FlushVerdict, surveyFlushes, withoutFlush } from '../run/flush-survey.js';
import { printable } from '../terminal-text.js';
import { requireFastPath } from './fast-path-option.js';
import { addRunOptions } from './run-options.js';

const EXIT_INTERRUPTED = 130;

export function flushesCommand(): Command {
  return addRunOptions(
    new Command('flushes')
      .description("leave out each of a kernel's TLB flushes in turn and say what the translation checker sees")
      .argument('<kernel>', 'as for run'),
  )
    .option('--json', 'print one JSON object in place of the table')
    .action(async (file: string, flags: RunFlags & { json?: boolean }) => {
      const engine = await loadEngine(flags.engine);
      requireFastPath(engine, flags, 'flushes');
      const { options, close } = openRun(file, flags, engine);
      let interrupted = false;
      const interrupt = (): void => void (interrupted = true);
      process.on('SIGINT', interrupt);
      try {
        const survey = surveyFlushes(options);
        const reached = survey.calls.filter(({ count }) => count > 0);
        const unreached = survey.calls.filter(({ count }) => count === 0);
        if (reached.length === 0)
          throw new UsageError(
            `${file}: no call of a flush function was seen: the kernel has no names for them, or none was reached`,
          );
        const progress = new Progress(process.stderr, reached.length);
        const verdicts: FlushVerdict[] = [];
        for (const calls of reached) {
          await new Promise((resolve) => setImmediate(resolve));
          if (interrupted) break;
          verdicts.push(withoutFlush(options, calls, survey.instructions));
          progress.step(`${calls.caller} -> ${calls.callee}`);
        }
        progress.clear();
        if (flags.json)
          report(
            `${JSON.stringify({ kernel: file, end: survey.end, instructions: survey.instructions, complete: !interrupted, flushes: verdicts, neverReached: unreached.map(({ caller, callee }) => ({ caller, callee })) })}\n`,
          );
        else report(flushTable(verdicts, unreached));
        if (interrupted) {
          process.stderr.write(`interrupted: ${verdicts.length} of ${reached.length} calls were tried\n`);
          process.exitCode = EXIT_INTERRUPTED;
        }
      } finally {
        process.off('SIGINT', interrupt);
        close();
      }
    });
}

function flushTable(verdicts: readonly FlushVerdict[], unreached: readonly FlushCalls[]): string {
  const rows = verdicts.map(({ caller, callee, count, finding, outcome }) => [
    printable(caller),
    printable(callee),
    String(count),
    finding ? 'needed' : 'not needed in this run',
    finding ? `${finding.kind} in ${printable(finding.place)}` : outcome,
  ]);
  for (const { caller, callee } of unreached)
    rows.push([printable(caller), printable(callee), '0', 'never reached', '']);
  return textTable(['caller', 'flush', 'calls', 'left out', 'what the checker saw'], rows);
}
