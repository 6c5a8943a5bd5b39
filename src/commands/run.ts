// `percpu-malta run`: somebody's kernel, unmodified, on the board. Its console as it happens, then how it ended.
import { Command, Option } from 'commander';
import { loadEngine } from '../../emu/unicorn/choose.js';
import { EXIT_DIFFERENCE, UsageError } from '../errors.js';
import { count } from '../experiments/table.js';
import { report } from '../files/stdout.js';
import { KernelRun, type RunEnd, type RunOutcome, runOutcome } from '../run/kernel-run.js';
import { printable } from '../terminal-text.js';
import { addRunOptions, openRun, type RunFlags } from './run-options.js';
import { RunProgress } from './run-progress.js';
import { SerialTerminal } from './serial-terminal.js';

interface RunCommandFlags extends RunFlags {
  interactive?: boolean;
  json?: boolean;
  quiet?: boolean;
  expect?: 'clean' | 'crash';
}

const EXIT_INTERRUPTED = 130;

export function runCommand(): Command {
  return addRunOptions(
    new Command('run')
      .description("run a MIPS Malta kernel of one's own, unmodified; exit 0 when it ran to an outcome")
      .argument('<kernel>', 'ELF vmlinux, or vmlinuz that unpacks itself; either may be gzipped'),
  )
    .option('-i, --interactive', "connect the terminal to the kernel's console; Ctrl-A x ends")
    .option('--json', 'print one JSON object in place of console and summary')
    .option('--quiet', 'print the summary only')
    .addOption(new Option('--expect <what>', 'exit 1 when the run ends otherwise').choices(['clean', 'crash']))
    .action(async (file: string, flags: RunCommandFlags) => {
      if (flags.interactive && (flags.json || flags.quiet))
        throw new UsageError('--interactive goes with neither --json nor --quiet');
      const engine = await loadEngine(flags.engine);
      const { options, close } = openRun(file, flags, engine);
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
        const started = process.hrtime.bigint();
        const end = await drive(run, terminal, progress);
        const wallSeconds = Number(process.hrtime.bigint() - started) / 1e9;
        const record = { ...runOutcome(end, run.lines), end };
        report(
          flags.json
            ? `${JSON.stringify(runRecord(file, flags, run, record))}\n`
            : summary(file, flags, run, record, wallSeconds),
        );
        if (end === 'interrupted') process.exitCode = EXIT_INTERRUPTED;
        else if (flags.expect !== undefined && (record.outcome === 'clean') !== (flags.expect === 'clean'))
          process.exitCode = EXIT_DIFFERENCE;
      } finally {
        terminal?.close();
        progress.clear();
        run?.close();
        close();
      }
    });
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
  const { cpu, tlb, memory, seed, append, drive: drives } = flags;
  const { controllers } = run.machine.board;
  return {
    kernel: file,
    options: { cpu, tlb, memory, controllers: controllers.length, drives, seed, append },
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
  panic: 'panic',
  stall: 'it hangs: no word, no sleep for too long (--stall-instructions)',
  until: 'the text of --until was shown',
  seconds: 'the virtual time is over (--max-seconds)',
  instructions: 'the instructions are used up (--max-instructions)',
  stale: 'stopped at the first stale access',
  interrupted: 'interrupted',
};

function summary(file: string, flags: RunCommandFlags, run: KernelRun, ended: Ended, wallSeconds: number): string {
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
  return `\n${rows.map(([key, value]) => `${key.padEnd(10)} ${value}\n`).join('')}`;
}
