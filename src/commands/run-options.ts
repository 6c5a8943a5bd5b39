// The options of every command that runs somebody's kernel, and what they become.
import { Command, InvalidArgumentError, Option } from 'commander';
import { openDrives } from '../../emu/malta/disk/drives.js';
import { type KernelImage, parseKernel } from '../../emu/elf/kernel-image.js';
import { KERNEL_MEMORY_MB } from '../../emu/malta/kernel-machine.js';
import { COMMAND_SECONDS, MAX_CONTROLLERS } from '../../emu/malta/malta-board.js';
import type { CpuModel, TlbMode } from '../../emu/mips/cpu.js';
import type { EngineLibrary } from '../../emu/unicorn/engine.js';
import { GuestNames } from '../linux/guest-names.js';
import { UsageError } from '../errors.js';
import { readGunzipped, readInput } from '../files/input.js';
import {
  DEFAULT_MAX_INSTRUCTIONS,
  DEFAULT_MAX_SECONDS,
  DEFAULT_STALL_INSTRUCTIONS,
  type KernelRunOptions,
  type SkipCall,
} from '../run/kernel-run.js';
import { wholeNumber } from './boot-options.js';

const KERNEL_LIMIT = 256 << 20;
const INITRD_LIMIT = 256 << 20;

export interface RunFlags {
  append: string;
  initrd?: string;
  drive: string[];
  controllers?: number;
  memory: number;
  cpu: CpuModel;
  tlb: TlbMode;
  seed: number;
  commandLatency: number;
  until?: string;
  maxSeconds: number;
  maxInstructions: number;
  stallInstructions: number;
  input?: string;
  skipCall: SkipCall[];
  systemMap?: string;
  engine?: string;
  shim: boolean;
}

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

function parseSkipCall(text: string, before: SkipCall[]): SkipCall[] {
  const match = /^([^:\s]+):([^:\s]+)$/.exec(text);
  if (!match) throw new InvalidArgumentError('need two functions as CALLER:CALLEE.');
  return [...before, { caller: match[1]!, callee: match[2]! }];
}

export function addRunOptions(command: Command, { tlb = '--tlb <mode>' } = {}): Command {
  const { least, most, default: memory } = KERNEL_MEMORY_MB;
  return command
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
      '--seed <n>',
      'what hardware leaves to chance: latencies, TLB replacement, clocks',
      wholeNumber(0, 0xffff_ffff),
      1,
    )
    .option(
      '--command-latency <us>',
      "mean microseconds of a controller's commands that need no medium, drawn from the seed; 0: done as they are written, as in QEMU",
      latency,
      COMMAND_SECONDS * 1e6,
    )
    .option('--until <text>', 'end when the console has shown this')
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
    .option('--system-map <file>', "names from there instead of the kernel's own")
    .option('--engine <name>', 'native, unicorn.js or unicorn.js:FILE (default: the first that works)')
    .option('--no-shim', 'do without the compiled hooks');
}

/** Refuses disks that are written through, for what is run more than once. @param why what that is */
export function refuseWrittenDrives({ drive }: RunFlags, why: string): void {
  const written = drive.find((value) => /,rw(,|$)/.test(value));
  if (written !== undefined)
    throw new UsageError(`--drive ${written}: ${why} runs the kernel more than once; leave out rw`);
}

export interface OpenRun {
  readonly kernel: KernelImage;
  readonly options: KernelRunOptions;
  /** Closes the disks' files. */
  close(): void;
}

/** Reads what the flags name. @throws UsageError in one line for each thing that does not work */
export function openRun(file: string, flags: RunFlags, engine: EngineLibrary): OpenRun {
  const kernel = parseKernel(readGunzipped(file, { limit: KERNEL_LIMIT }), file);
  const initrd =
    flags.initrd === undefined ? undefined : readInput(flags.initrd, { flag: '--initrd', limit: INITRD_LIMIT });
  if (initrd?.length === 0) throw new UsageError(`--initrd ${flags.initrd}: the file is empty`);
  const input = flags.input === undefined ? undefined : readInput(flags.input, { flag: '--input' });
  const systemMap =
    flags.systemMap === undefined
      ? undefined
      : GuestNames.fromSystemMap(
          readGunzipped(flags.systemMap, { flag: '--system-map' }).toString('latin1'),
          flags.systemMap,
        );
  const controllers = flags.controllers ?? (flags.drive.length > 0 ? 1 : 0);
  const disks = openDrives(flags.drive, controllers);
  return {
    kernel,
    options: {
      engine,
      kernel,
      cpu: flags.cpu,
      memoryMB: flags.memory,
      tlb: flags.tlb,
      seed: flags.seed,
      commandLine: flags.append,
      controllers,
      drives: disks.drives,
      commandSeconds: flags.commandLatency / 1e6,
      maxSeconds: flags.maxSeconds,
      maxInstructions: flags.maxInstructions,
      stallInstructions: flags.stallInstructions,
      shim: flags.shim,
      skipCalls: flags.skipCall,
      ...(systemMap === undefined ? {} : { systemMap }),
      ...(initrd === undefined ? {} : { initrd }),
      ...(input === undefined ? {} : { input }),
      ...(flags.until === undefined ? {} : { until: flags.until }),
    },
    close: disks.close,
  };
}
