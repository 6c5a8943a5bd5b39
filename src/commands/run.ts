// `percpu-malta run`: somebody's kernel, unmodified, on the board. Its console as it happens, then how it ended.
import { Command, Option } from 'commander';
import { executionPath } from '../../emu/mips/cpu.js';
import { loadEngine } from '../../emu/unicorn/choose.js';
import type { EngineLibrary } from '../../emu/unicorn/engine.js';
import { EXIT_DIFFERENCE, UsageError } from '../errors.js';
import { count } from '../experiments/table.js';
import { openOutput } from '../files/output.js';
import { report } from '../files/stdout.js';
import type { PercpuWatch } from '../lockstep/percpu-watch.js';
import { kernelRerun } from '../moments/real-kernel.js';
import { KernelRun, type RunEnd, type RunOutcome, runOutcome } from '../run/kernel-run.js';
import { openRun, refuseWrittenDrives, type RunFlags } from '../run/open-run.js';
import { skipProblem } from '../run/skip-calls.js';
import { requireChecker, TranslationCheck } from '../run/translation-check.js';
import { printable, printableJson } from '../terminal-text.js';
import { causeRecord } from './check.js';
import { addGdbOptions, type GdbFlags, gdbWanted, runWithGdb } from './gdb-option.js';
import {
  addPercpuOptions,
  lockstepRecord,
  lockstepRows,
  openPercpuOutputs,
  type PercpuFlags,
  percpuWanted,
} from './percpu-option.js';
import { requireCheckable, requireFastPath } from './fast-path-option.js';
import { addRunOptions } from './run-options.js';
import { kernelPage } from './kernel-page.js';
import { RunProgress } from './run-progress.js';
import { SerialTerminal } from './serial-terminal.js';

interface RunCommandFlags extends RunFlags, GdbFlags, PercpuFlags {
  interactive?: boolean;
  json?: boolean;
  quiet?: boolean;
  check?: boolean;
  stopAtStale?: boolean;
  report?: string;
  expect?: 'clean' | 'crash' | 'no-stale' | 'predicted';
}

const EXIT_INTERRUPTED = 130;
/** In the summary. */
const MOST_PLACES = 12;

export function runCommand(): Command {
  const command = addRunOptions(
    new Command('run')
      .description("run a MIPS Malta kernel of one's own, unmodified; exit 0 when it ran to an outcome")
      .argument('<kernel>', 'ELF vmlinux, or vmlinuz that unpacks itself; either may be gzipped'),
  );
  return addGdbOptions(addPercpuOptions(command))
    .option('-i, --interactive', "connect the terminal to the kernel's console; Ctrl-A x ends")
    .option('--json', 'print one JSON object in place of console and summary')
    .option('--quiet', 'print the summary only')
    .option('--check', 'report accesses through stale translations, the first of each function at once')
    .option('--stop-at-stale', 'end the run at the first of them; implies --check')
    .option('--report <file>', 'write the reports there as well')
    .addOption(
      new Option(
        '--expect <what>',
        'exit 1 when the run ends otherwise; no-stale implies --check, predicted --percpu',
      ).choices(['clean', 'crash', 'no-stale', 'predicted']),
    )
    .action(async (file: string, flags: RunCommandFlags) => {
      if (flags.interactive && (flags.json || flags.quiet))
        throw new UsageError('--interactive goes with neither --json nor --quiet');
      const check = flags.check || flags.stopAtStale || flags.expect === 'no-stale';
      if (flags.report !== undefined && !check)
        throw new UsageError('--report: there is nothing to report without --check');
      const reportFile = openOutput('--report', flags.report);
      const debugged = gdbWanted(flags);
      if (debugged && check) throw new UsageError('--gdb goes without --check: monitor stale asks the checker');
      const watched = percpuWanted(flags) ?? (flags.expect === 'predicted' ? '--expect predicted' : undefined);
      if (debugged && watched !== undefined)
        throw new UsageError(`--gdb goes without ${watched}: a run that goes back is seen more than once`);
      const startPercpu = openPercpuOutputs(flags);
      const engine = await loadEngine(flags.engine);
      const needs = [
        [debugged, '--gdb'],
        [flags.percpu || flags.expect === 'predicted', '--percpu'],
        [flags.skipCall.length > 0, '--skip-call'],
      ] as const;
      for (const [wanted, what] of needs) if (wanted) requireFastPath(engine, flags, what);
      if (check) requireCheckable(engine, flags, '--check');
      if (debugged) return runDebugged(file, flags, engine);
      tellPath(engine, flags);
      const { options: opened, close } = openRun(file, flags, engine);
      const options = { ...opened, check: (check || flags.explain || flags.html !== undefined) ?? false };
      const progress = new RunProgress(process.stderr);
      const terminal = flags.interactive ? new SerialTerminal() : undefined;
      const show = !flags.json && !flags.quiet && !terminal;
      let run: KernelRun | undefined;
      try {
        run = new KernelRun({
          ...options,
          ...(terminal ? { onByte: (byte: number) => terminal.show(byte) } : {}),
          ...(show
            ? {
                onLine: (line: string) => {
                  progress.clear();
                  report(`${printable(line)}\n`);
                },
              }
            : {}),
        });
        const reports: string[] = [];
        const checker = check
          ? new TranslationCheck(run, options, (lines) => {
              reports.push(...lines, '');
              if (!flags.json) {
                progress.clear();
                report(`${lines.map(printable).join('\n')}\n`);
              }
              if (flags.stopAtStale) run?.end('stale');
            })
          : undefined;
        if (flags.explain || flags.html !== undefined) requireChecker(run, flags.explain ? '--explain' : '--html');
        if (watched !== undefined && run.machine.cpu.path === 'portable')
          throw new UsageError(
            `${watched} needs the fast path, which is not in use here: ${run.machine.cpu.pathReason} (percpu-malta selftest says more)`,
          );
        const percpu = watched === undefined ? undefined : startPercpu(run);
        const started = process.hrtime.bigint();
        const end = await drive(run, terminal, progress);
        const wallSeconds = Number(process.hrtime.bigint() - started) / 1e9;
        const record = { ...runOutcome(end, run.lines), end };
        checker?.finish();
        if (checker?.first && end !== 'interrupted') {
          const history = ['How the first of them came about (from a second run):', '', ...checker.history()];
          reports.push(...history, '');
          if (!flags.json) report(`\n${history.map(printable).join('\n')}\n`);
        }
        reportFile?.write(reports.map((line) => `${line}\n`).join(''));
        const story = percpu?.explain();
        const made = { file, flags, run, outcome: record.outcome, how: ENDS[end] };
        percpu?.write(runRecord(file, flags, run, record), (events, tlb) =>
          kernelPage({ ...made, events, tlb, watch: percpu.watch, explanation: story! }),
        );
        report(
          flags.json
            ? `${printableJson({ ...runRecord(file, flags, run, record), ...(checker ? { check: checkRecord(checker, reports) } : {}), ...(percpu ? { percpu: lockstepRecord(percpu.watch) } : {}), ...(story && flags.explain ? causeRecord(story.cause) : {}) })}\n`
            : summary(file, flags, run, record, wallSeconds, checker, percpu?.watch),
        );
        if (story && flags.explain && !flags.json) report(`\n${story.lines.map(printable).join('\n')}\n`);
        const problem = skipProblem(run.skipped);
        if (problem !== undefined) throw new UsageError(problem);
        if (end === 'interrupted') process.exitCode = EXIT_INTERRUPTED;
        else if (!asExpected(flags.expect, record.outcome, checker ? checker.total : 0, percpu?.watch.asPredicted))
          process.exitCode = EXIT_DIFFERENCE;
      } finally {
        terminal?.close();
        progress.clear();
        run?.close();
        close();
      }
    });
}

/** One line when the run is going to be slow with the C hooks, too. */
function tellPath(engine: EngineLibrary, { shim }: RunFlags): void {
  const { path, reason } = executionPath(engine, shim);
  if (path === 'portable' && shim && engine.shim)
    process.stderr.write(`percpu-malta: on the portable path, the same run but slower: ${printable(reason)}\n`);
}

function asExpected(
  expect: RunCommandFlags['expect'],
  outcome: RunOutcome,
  findings: number,
  predicted = false,
): boolean {
  if (expect === undefined) return true;
  if (expect === 'predicted') return predicted;
  if (expect === 'no-stale') return findings === 0;
  return (outcome === 'clean') === (expect === 'clean');
}

function checkRecord(checker: TranslationCheck, reports: readonly string[]): Record<string, unknown> {
  const { first, places, total, counts } = checker;
  return { total, counts, places, firstTrace: first?.trace ?? [], report: reports };
}

/** The run under gdb: it may be made several times, and is summed up when it has come to its end. */
async function runDebugged(file: string, flags: RunCommandFlags, engine: EngineLibrary): Promise<void> {
  if (flags.interactive || flags.input !== undefined)
    throw new UsageError(
      `--gdb with ${flags.interactive ? '--interactive' : '--input'}: what is typed cannot be typed again`,
    );
  refuseWrittenDrives(flags, '--gdb');
  const show = !flags.json && !flags.quiet;
  const started = process.hrtime.bigint();
  const result = await runWithGdb(
    flags,
    (onLine) => kernelRerun(() => openRun(file, flags, engine), onLine),
    (line) => void (show && report(`${printable(line)}\n`)),
  );
  if (!result) return; // gdb has ended it
  const { run, end } = result;
  const record = { ...runOutcome(end, run.lines), end };
  const wallSeconds = Number(process.hrtime.bigint() - started) / 1e9;
  report(
    flags.json
      ? `${printableJson(runRecord(file, flags, run, record))}\n`
      : summary(file, flags, run, record, wallSeconds, undefined),
  );
}

/** Runs slice by slice; between them signals and keys are heard. */
async function drive(run: KernelRun, terminal: SerialTerminal | undefined, progress: RunProgress): Promise<RunEnd> {
  const interrupt = (): void => run.end('interrupted');
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  terminal?.open((bytes) => run.type(bytes), interrupt);
  try {
    const slices = run.slices();
    for (let before = 0; ;) {
      const step = slices.next();
      if (step.done) return step.value;
      const { cpu } = run.machine;
      progress.show(cpu.instructions, cpu.now, run.lines.length);
      await terminal?.pace(cpu.now, cpu.instructions - before);
      before = cpu.instructions;
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

interface Ended {
  outcome: RunOutcome;
  signature: string;
  end: RunEnd;
}

/** One run as data: the same bytes for the same version, files, options and seed. */
function runRecord(file: string, flags: RunCommandFlags, run: KernelRun, ended: Ended): Record<string, unknown> {
  const { cpu, tlb, memory, seed, append, drive: drives, commandLatency } = flags;
  const { controllers } = run.machine.board;
  return {
    kernel: file,
    options: { cpu, tlb, memory, controllers: controllers.length, drives, seed, commandLatency, append },
    ...ended,
    counters: run.counters,
    console: run.lines,
  };
}

/** How a run ended, in words. */
const ENDS: Readonly<Record<RunEnd, string>> = {
  'power off': 'the kernel switched the power off',
  reset: 'the kernel reset the board',
  halt: 'the board halted',
  'waits for ever': 'the CPU sleeps and nothing can wake it',
  'locked up': 'the CPU is locked up: nothing can be fetched at its exception vector',
  panic: 'panic',
  stall: 'it hangs: no word, no sleep for too long (--stall-instructions)',
  until: 'the text of --until was shown',
  seconds: 'the virtual time is over (--max-seconds)',
  instructions: 'the instructions are used up (--max-instructions)',
  stale: 'stopped at the first stale access',
  interrupted: 'interrupted',
};

function summary(
  file: string,
  flags: RunCommandFlags,
  run: KernelRun,
  ended: Ended,
  wallSeconds: number,
  checker: TranslationCheck | undefined,
  percpu?: PercpuWatch,
): string {
  const { counters: c, machine } = run;
  const { bigEndian } = machine.kernel;
  const rows: [string, string][] = [
    ['kernel', `${printable(file)}, ${bigEndian ? 'big' : 'little'} endian`],
    [
      'board',
      `${flags.cpu}, ${flags.memory} MB, TLB ${flags.tlb}, ${count(machine.board.controllers.length, 'controller')}, ${count(machine.board.disks.length, 'disk')}`,
    ],
    ['seed', String(flags.seed)],
    ['outcome', `${ended.outcome}: ${ENDS[ended.end]}`],
  ];
  if (ended.signature !== '') rows.push(['signature', printable(ended.signature)]);
  rows.push(
    ['time', `${c.virtualSeconds.toFixed(3)} s virtual, ${wallSeconds.toFixed(2)} s wall`],
    [
      'CPU',
      `${c.instructions} instructions, ${c.interrupts} interrupts (${c.timerInterrupts} of the timer), ${c.syscalls} system calls`,
    ],
    ['TLB', `${c.tlbRefills} refills, ${c.tlbInvalid} invalid, ${c.tlbModified} modified`],
    ['devices', `${c.deviceAccesses} accesses, ${c.blocksRead} blocks read, ${c.blocksWritten} written`],
  );
  for (const { call, count: times } of run.skipped)
    rows.push([
      'skipped',
      `${call.caller} -> ${call.callee}, ${times === undefined ? 'names never found' : times === 0 ? 'never reached in this run' : count(times, 'time')}`,
    ]);
  if (checker) {
    const { accesses, codeBlocks, unknownAccesses } = checker.counts;
    rows.push([
      'checker',
      `${count(checker.total, 'finding')} in ${accesses} accesses and ${codeBlocks} jumps through the TLB` +
        (unknownAccesses > 0 ? `; ${unknownAccesses} by entries whose origin cannot be told` : ''),
    ]);
    for (const { kind, place, count: times } of checker.places.slice(0, MOST_PLACES))
      rows.push(['', `${kind} in ${printable(place)}: ${times}`]);
    if (checker.places.length > MOST_PLACES) rows.push(['', `and ${checker.places.length - MOST_PLACES} places more`]);
  }
  if (percpu) rows.push(...lockstepRows(percpu));
  return `\n${rows.map(([key, value]) => `${key.padEnd(10)} ${value}\n`).join('')}`;
}
