// The commander program. Each command lives in src/commands and is listed once here.
import './v8-flags.js';
import fs from 'node:fs';
import { Command, CommanderError } from 'commander';
import { bisectCommand } from './commands/bisect.js';
import { bootCommand } from './commands/boot.js';
import { compareCommand } from './commands/compare.js';
import { completionCommand } from './commands/completion.js';
import { decodeCommand } from './commands/decode.js';
import { diffCommand } from './commands/diff.js';
import { explainCommand } from './commands/explain.js';
import { fixesCommand } from './commands/fixes.js';
import { inspectCommand } from './commands/inspect.js';
import { kernelCommand } from './commands/kernel.js';
import { flushesCommand } from './commands/flushes.js';
import { mergeCommand } from './commands/merge.js';
import { minimizeCommand } from './commands/minimize.js';
import { opsCommand } from './commands/ops.js';
import { pageCommand } from './commands/page.js';
import { runCommand } from './commands/run.js';
import { selftestCommand } from './commands/selftest.js';
import { replayCommand } from './commands/replay.js';
import { setupCommand } from './commands/setup.js';
import { statsCommand } from './commands/stats.js';
import { kernelSweepCommand, wantsKernelSweep } from './commands/kernel-sweep.js';
import { sweepCommand } from './commands/sweep.js';
import { workerCommand } from './commands/worker.js';
import { EXIT_NO_ENGINE, EXIT_USAGE, EngineCrashError, EngineMissingError, UsageError } from './errors.js';
import { guardStandardStreams } from './files/stdout.js';
import { printable } from './terminal-text.js';

const packageJson = JSON.parse(fs.readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

function program(args: readonly string[] = []): Command {
  const cli = new Command('percpu-malta')
    .description('Reproduce and explain the per-CPU partial-depopulation crash on an emulated MIPS Malta.')
    .version(packageJson.version)
    .configureOutput({
      writeErr: (text) => process.stderr.write(printable(text)),
      // commander's own errors in the one style, suggestions on the same line
      outputError: (text, write) =>
        write(
          `percpu-malta: ${text
            .replace(/^error: /, '')
            .trimEnd()
            .replaceAll('\n', ' ')}\n`,
        ),
    })
    .enablePositionalOptions() // inspect run: its options are its own
    .exitOverride();
  const commands: Command[] = [
    bisectCommand(),
    bootCommand(),
    compareCommand(),
    completionCommand(() => cli),
    decodeCommand(),
    diffCommand(),
    explainCommand(),
    fixesCommand(),
    inspectCommand(),
    kernelCommand(),
    flushesCommand(),
    mergeCommand(),
    minimizeCommand(),
    opsCommand(),
    pageCommand(),
    runCommand(),
    selftestCommand(),
    setupCommand(),
    statsCommand(),
    wantsKernelSweep(args) ? kernelSweepCommand() : sweepCommand(),
    workerCommand(),
    replayCommand(),
  ];
  for (const command of commands) cli.addCommand(command.copyInheritedSettings(cli));
  return cli;
}

/** Runs the command line `argv` (as process.argv) and sets process.exitCode. */
export async function main(argv: string[]): Promise<void> {
  guardStandardStreams(EXIT_USAGE);
  try {
    await program(argv.slice(2)).parseAsync(argv);
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
    else if (error instanceof UsageError) fail(error.message, EXIT_USAGE);
    else if (error instanceof EngineMissingError || error instanceof EngineCrashError)
      fail(error.message, EXIT_NO_ENGINE);
    else throw error;
  }
}

function fail(message: string, exitCode: number): void {
  process.stderr.write(printable(`percpu-malta: ${message}\n`));
  process.exitCode = exitCode;
}
