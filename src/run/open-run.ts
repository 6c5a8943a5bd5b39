// From what the command line names (src/commands/run-options.ts) to a run: files are read, disks opened. Plain data goes to worker processes.
import { openDrives } from '../../emu/malta/disk/drives.js';
import { type KernelImage, parseKernel } from '../../emu/elf/kernel-image.js';
import type { CpuModel, TlbMode } from '../../emu/mips/cpu.js';
import type { EngineLibrary } from '../../emu/unicorn/engine.js';
import { UsageError } from '../errors.js';
import { readGunzipped, readInput } from '../files/input.js';
import { GuestNames } from '../linux/guest-names.js';
import type { KernelRunOptions } from './kernel-run.js';
import type { SkipCall } from './skip-calls.js';

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
          kernel.lines,
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
