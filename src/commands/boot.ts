// `percpu-malta boot`: one boot, its console as it happens, then a summary.
import { Command, Option } from 'commander';
import { loadEngine } from '../../emu/unicorn/choose.js';
import type { StaleChecker } from '../analysis/checker.js';
import { decodeConsole, signature } from '../decode/index.js';
import { EXIT_DIFFERENCE, UsageError } from '../errors.js';
import { count } from '../experiments/table.js';
import { bootOnce, type BootParts, type BootResult } from '../kernel/boot.js';
import type { EventLog } from '../kernel/events.js';
import { kernelRules } from '../kernel/kernels.js';
import { TlbRecorder } from '../report/html/tlb-recorder.js';
import { chromeTrace } from '../report/trace/chrome-trace.js';
import { ftraceText } from '../report/trace/ftrace-text.js';
import { printableJson } from '../terminal-text.js';
import { addBootOptions, type BootFlags, bootOptions, setupFromFlags } from './boot-options.js';
import { storyOf, CheckedBoot, checkRecord, checkText, logLines } from './check.js';
import { addGdbOptions, type GdbFlags, gdbWanted, runWithGdb } from './gdb-option.js';
import { bootHtml } from './html-output.js';
import { paint } from '../files/color.js';
import { openOutput } from '../files/output.js';
import { report } from '../files/stdout.js';
import { bootRerun } from '../moments/own-guest.js';
import { addScriptOption } from './script-option.js';

interface BootCommandFlags extends BootFlags, GdbFlags {
  json?: boolean;
  log?: string;
  trace?: string;
  ftrace?: string;
  html?: string;
  quiet?: boolean;
  check?: boolean;
  expect?: 'clean' | 'crash';
}

/** The crash signature of a console, as `decode` names it; '' for a clean boot. */
export function bootSignature(result: BootResult): string {
  return result.outcome === 'clean' ? '' : signature(decodeConsole(result.console));
}

export function bootCommand(): Command {
  const command = new Command('boot').description('boot the guest once; exit 0 when the boot ran to an outcome');
  return addGdbOptions(addScriptOption(addBootOptions(command)))
    .option('--check', 'report the first accesses through stale translations at once, as KASAN would')
    .option('--json', 'print one JSON object in place of console and summary')
    .option('--log <file>', 'write the event log there, one JSON object a line')
    .option('--trace <file>', 'write a time line there, Trace Event JSON for ui.perfetto.dev')
    .option('--ftrace <file>', "write the kernel's percpu events there as ftrace text, for replay")
    .option('--html <file>', 'write a page there that shows the boot event by event')
    .option('--quiet', 'print the summary only')
    .addOption(new Option('--expect <what>', 'exit 1 when the boot ends otherwise').choices(['clean', 'crash']))
    .action(async (flags: BootCommandFlags) => {
      const debugged = debuggedBoot(flags);
      const log = openOutput('--log', flags.log);
      const trace = openOutput('--trace', flags.trace);
      const ftrace = openOutput('--ftrace', flags.ftrace);
      const html = openOutput('--html', flags.html);
      const recorder = html && new TlbRecorder();
      const engine = await loadEngine(flags.engine);
      const started = process.hrtime.bigint();
      const show = !flags.json && !flags.quiet;
      const found: string[] = [];
      const onReport = (lines: string[]): void => {
        found.push(...lines);
        if (!flags.json)
          report(`${lines.map((line) => (line.startsWith('BUG:') ? paint('red', line) : line)).join('\n')}\n`);
      };
      const checked = flags.check ? new CheckedBoot(onReport) : undefined;
      // the page tells why the boot ended as it did, whether the console is to tell of stale accesses or not
      const explained = checked ?? (html && new CheckedBoot());
      const print = (line: string): void => void (show && report(`${line}\n`));
      const options = {
        ...bootOptions(flags, engine),
        check: explained !== undefined,
        attach: (parts: BootParts) => {
          recorder?.attach(parts);
          explained?.attach(parts);
        },
      };
      const result = debugged
        ? await runWithGdb(flags, (onLine) => bootRerun({ ...options, onLine }), print)
        : bootOnce({ ...options, onLine: print });
      if (!result) return; // gdb has ended it
      const wallSeconds = Number(process.hrtime.bigint() - started) / 1e9;
      log?.write(checked ? logLines(result.log, checked.checker) : eventLines(result.log));
      trace?.write(chromeTrace(result.log.events, jsonRecord(flags, result)));
      ftrace?.write(ftraceText(result.log.events));
      if (recorder && explained) html?.write(bootHtml(flags, result, recorder, storyOf(explained.cause(result))));
      const check = checked && { check: { ...checkRecord(checked.checker), report: found } };
      if (flags.json) report(`${printableJson({ ...jsonRecord(flags, result), ...check })}\n`);
      else report(summary(flags, result, wallSeconds, checked?.checker));
      if (flags.expect !== undefined && (result.outcome === 'clean') !== (flags.expect === 'clean'))
        process.exitCode = EXIT_DIFFERENCE;
    });
}

/** Whether gdb is to attach. @throws UsageError for what does not go together */
function debuggedBoot(flags: BootCommandFlags): boolean {
  const wanted = gdbWanted(flags);
  const { check, html } = flags;
  if (wanted && (check || html !== undefined))
    throw new UsageError(`--gdb with ${check ? '--check' : '--html'}: a run that goes back is seen more than once`);
  return wanted;
}

/** `panic: Fatal exception in interrupt` */
export function outcomeText({ outcome, panic }: BootResult): string {
  return paint(outcome === 'clean' ? 'green' : 'red', panic === undefined ? outcome : `${outcome}: ${panic}`);
}

/** The event log as text: one JSON object a line. */
export function eventLines(log: EventLog): string {
  return log.events.map((event) => `${JSON.stringify(event)}\n`).join('');
}

/** One boot as data; the same bytes for the same version, options and seed. */
export function jsonRecord(flags: BootFlags, result: BootResult): Record<string, unknown> {
  return {
    options: { ...setupFromFlags(flags), seed: flags.seed },
    outcome: result.outcome,
    signature: bootSignature(result),
    panic: result.panic ?? '',
    reachedInit: result.reachedInit,
    counters: result.counters,
  };
}

function summary(flags: BootFlags, result: BootResult, wallSeconds: number, checker: StaleChecker | undefined): string {
  const { counters: c } = result;
  const rows: [string, string][] = [
    ['kernel', kernelRules(flags.kernel, flags.define?.rules).title],
    ['seed', String(flags.seed)],
    ['outcome', outcomeText(result)],
  ];
  const name = bootSignature(result);
  if (name) rows.push(['signature', name]);
  rows.push(
    [
      'boot',
      `${c.simulatedSeconds.toFixed(3)} s simulated, ${result.reachedInit ? 'init reached' : 'init not reached'}`,
    ],
    [
      'per-CPU',
      `${c.allocs} allocated, ${c.frees} freed, ${c.chunksCreated} chunks made, ${c.chunksDestroyed} destroyed`,
    ],
    [
      'pages',
      `${c.depopulatedPages} depopulated in ${count(c.depopulatedRanges, 'range')}, ${c.repopulatedPages} populated again, ` +
        `${c.repopulatedStale} of them with a live translation to the old frame`,
    ],
    [
      'stale',
      `${count(c.staleStores, 'area')} zeroed through a stale translation (${c.staleBytes} bytes), ${count(c.foreignPages, 'page')} of others hit`,
    ],
    ...(checker ? ([['checker', checkText(checker)]] as [string, string][]) : []),
    ['TLB', `${c.tlbRefills} refills, ${c.tlbInvalid} invalid, ${c.tlbFlushes} range flushes`],
    ['guest', `${c.instructions} instructions, ${c.targetsScanned} targets scanned, ${wallSeconds.toFixed(2)} s wall`],
  );
  return `\n${rows.map(([key, value]) => `${key.padEnd(10)} ${value}\n`).join('')}`;
}
