// The options of every command that runs somebody's kernel.
import { Command, InvalidArgumentError, Option } from 'commander';
import { KERNEL_MEMORY_MB } from '../../emu/malta/kernel-machine.js';
import { COMMAND_SECONDS, MAX_CONTROLLERS } from '../../emu/malta/malta-board.js';
import { DEFAULT_MAX_INSTRUCTIONS, DEFAULT_MAX_SECONDS, DEFAULT_STALL_INSTRUCTIONS } from '../run/kernel-run.js';
import type { SkipCall } from '../run/skip-calls.js';
import { wholeNumber } from './boot-options.js';
import { addEngineOptions } from './engine-options.js';

const LONGEST_COMMAND_US = 1e6;

/** A parser for microseconds. */
function latency(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value > LONGEST_COMMAND_US)
    throw new InvalidArgumentError(`need microseconds from 0 to ${LONGEST_COMMAND_US}, such as 0 or 40.`);
  return value;
}

/** A parser for numbers above 0, also such as 2e9. */
function positive(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?(e\d+)?$/i.test(text) || !(value > 0) || value > Number.MAX_SAFE_INTEGER)
    throw new InvalidArgumentError('need a number above 0, such as 30 or 2e9.');
  return value;
}

function someText(text: string): string {
  if (text === '') throw new InvalidArgumentError('need a text, such as "login:".');
  return text;
}

function parseSkipCall(text: string, before: SkipCall[]): SkipCall[] {
  const match = /^([^:\s]+):([^:\s]+)$/.exec(text);
  if (!match) throw new InvalidArgumentError('need two functions as CALLER:CALLEE.');
  return [...before, { caller: match[1]!, callee: match[2]! }];
}

/** @param seed false for a command that has many */
export function addRunOptions(command: Command, { tlb = '--tlb <mode>', seed = true } = {}): Command {
  const { least, most, default: memory } = KERNEL_MEMORY_MB;
  if (seed)
    command.option(
      '--seed <n>',
      'what hardware leaves to chance: latencies, TLB replacement, clocks',
      wholeNumber(0, 0xffff_ffff),
      1,
    );
  command
    .option('--append <line>', "the kernel's command line", 'console=ttyS0')
    .option('--initrd <file>', 'initial RAM disk')
    .option(
      '--drive <what>',
      'a disk: FILE (raw image, never changed), FILE,rw (written through), FILE,ro, 8M (blank), none (empty drive); ,controller=N; may be given again',
      (value: string, before: string[]) => [...before, value],
      [] as string[],
    )
    .option(
      '--controllers <n>',
      `MegaRAID controllers, 0 to ${MAX_CONTROLLERS} (default: 1 when there is a drive, else 0)`,
      wholeNumber(0, MAX_CONTROLLERS),
    )
    .option('--memory <MB>', `RAM of the board, ${least} to ${most}`, wholeNumber(least, most), memory)
    .addOption(new Option('--cpu <model>', 'CPU model').choices(['24Kf', '34Kf', '74Kf', 'P5600']).default('24Kf'))
    .addOption(
      new Option(tlb, "qemu: entries that tlbwr throws out live on as QEMU's do; hardware: they are gone")
        .choices(['qemu', 'hardware'])
        .default('qemu'),
    )
    .option(
      '--command-latency <us>',
      "mean microseconds of a controller's commands that need no medium, drawn from the seed; 0: done as they are written, as in QEMU",
      latency,
      COMMAND_SECONDS * 1e6,
    )
    .option('--until <text>', 'end when the console has shown this', someText)
    .option('--max-seconds <s>', 'end after so much virtual time', positive, DEFAULT_MAX_SECONDS)
    .option('--max-instructions <n>', 'end after so many instructions', positive, DEFAULT_MAX_INSTRUCTIONS)
    .option(
      '--stall-instructions <n>',
      'a kernel that says nothing and never sleeps for so long hangs',
      positive,
      DEFAULT_STALL_INSTRUCTIONS,
    )
    .option('--input <file>', 'typed on the console as soon as somebody listens')
    .option(
      '--skip-call <caller:callee>',
      'step over the calls from one function to another, both by symbol; may be given again',
      parseSkipCall,
      [] as SkipCall[],
    )
    .option('--system-map <file>', "names from there instead of the kernel's own");
  return addEngineOptions(command);
}
