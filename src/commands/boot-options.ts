// The options every command that boots the guest has, and what they become.
import { Command, InvalidArgumentError, Option } from 'commander';
import { MAX_CONTROLLERS, MAX_DISKS } from '../../emu/malta/megaraid/pci-device.js';
import type { EngineLibrary } from '../../emu/unicorn/engine.js';
import { type Defines, DEFINES, type LayoutFile, parseDefines, readLayout } from '../experiments/define.js';
import { type BootSetup, setupBootOptions } from '../experiments/setup.js';
import { KERNEL_ALIASES, KERNELS, type KernelName, kernelName } from '../kernel/kernels.js';
import type { BootOptions } from '../kernel/boot.js';
import { addEngineOptions } from './engine-options.js';
import { BOOT_LAYOUTS } from '../layouts/boot-layouts.js';
import type { LayoutName } from '../layouts/layouts.js';

type SetupFlags = Omit<BootSetup, 'geometry' | 'rules' | 'layout'> & {
  layout: LayoutName | LayoutFile;
  define?: Defines;
};

/** As commander parses them. */
export interface BootFlags extends SetupFlags {
  seed: number;
  engine?: string;
  shim: boolean;
}

/** A parser for whole numbers from `min` to `max`. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^(\d+|0x[0-9a-f]+)$/i.test(text) || value < min || value > max)
      throw new InvalidArgumentError(`need a whole number from ${min} to ${max}.`);
    return value;
  };
}

/** `--memory`: what fits on the board, and in which every layout boots. MB. */
export const MEMORY_MB = { min: 32, max: 256 };

function parseKernel(text: string): KernelName {
  const name = kernelName(text);
  if (name === undefined)
    throw new InvalidArgumentError(
      `need one of ${[...Object.keys(KERNELS), ...Object.keys(KERNEL_ALIASES)].join(', ')}.`,
    );
  return name;
}

const RAM_HELP = `RAM of the board, ${MEMORY_MB.min} to ${MEMORY_MB.max}`;

function kernelOption(): Option {
  const option = new Option('--kernel <version>', 'the per-CPU allocator of this commit')
    .choices(Object.keys(KERNELS))
    .default('f183324133ea' satisfies KernelName);
  // the choices are for help and completion: other commits stand for these
  return option.argParser(parseKernel);
}

function layoutOption(): Option {
  const option = new Option(
    '--layout <name>',
    'memory layout, or a JSON file with one: {"like": "malta-4k", "atomSize": 65536}',
  )
    .choices(Object.keys(BOOT_LAYOUTS))
    .default('malta-4k');
  return option.argParser((text: string): LayoutName | LayoutFile => {
    if (Object.hasOwn(BOOT_LAYOUTS, text)) return text as LayoutName;
    if (/[./]/.test(text)) return readLayout(text);
    throw new InvalidArgumentError(`Allowed choices are ${Object.keys(BOOT_LAYOUTS).join(', ')}, or a JSON file.`);
  });
}

/** Adds the boot options to `command`; `seed`, `kernel` false: the command brings its own; `tlb`: its spelling of that option. */
export function addBootOptions(command: Command, { seed = true, kernel = true, tlb = '--tlb <mode>' } = {}): Command {
  if (kernel) command.addOption(kernelOption());
  command
    .addOption(layoutOption())
    .option('--define <what>', `other rules and sizes: ${DEFINES}; may be given again`, parseDefines)
    .addOption(new Option(tlb, 'TLB replacement').choices(['qemu', 'hardware']).default('qemu'))
    .addOption(new Option('--cpu <model>', 'CPU model').choices(['24Kf', 'P5600']).default('24Kf'))
    .option('--cpus <n>', 'possible CPUs (units); one is online', wholeNumber(1, 8), 1)
    .addOption(
      new Option('--percpu-alloc <how>', 'first chunk: embed, or page for the smallest units (percpu_alloc= of x86)')
        .choices(['embed', 'page'])
        .default('embed'),
    )
    .option('--controllers <n>', 'MegaRAID controllers', wholeNumber(1, MAX_CONTROLLERS), 3)
    .option('--disks <n>', 'disks on the first controller', wholeNumber(1, MAX_DISKS), 4)
    .option('--memory <MB>', RAM_HELP, wholeNumber(MEMORY_MB.min, MEMORY_MB.max), 128);
  if (seed) command.option('--seed <n>', 'decides everything that is left to chance', wholeNumber(0, 0xffff_ffff), 1);
  return addEngineOptions(command);
}

export function setupFromFlags(flags: SetupFlags): BootSetup {
  const { kernel, percpuAlloc, tlb, cpu, cpus, controllers, disks, memory, kept, define = {} } = flags;
  const file = typeof flags.layout === 'string' ? undefined : flags.layout;
  const layout = file?.like ?? (flags.layout as LayoutName);
  const geometry = { ...file?.geometry, ...define.geometry };
  const setup = { kernel, layout, percpuAlloc, tlb, cpu, cpus, controllers, disks, memory };
  return {
    ...setup,
    ...(Object.keys(geometry).length > 0 ? { geometry } : {}),
    ...(define.rules === undefined ? {} : { rules: define.rules }),
    ...(kept === undefined ? {} : { kept }),
  };
}

/** What bootOnce() wants. */
export function bootOptions(flags: BootFlags, engine: EngineLibrary): BootOptions {
  return setupBootOptions(setupFromFlags(flags), flags.seed, engine, flags.shim);
}
