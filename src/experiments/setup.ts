// What a boot of an experiment is made of, as plain data: it goes to worker processes and into records.
import type { CpuModel, TlbMode } from '../../emu/mips/cpu.js';
import type { EngineLibrary } from '../../emu/unicorn/engine.js';
import type { BootOptions } from '../kernel/boot.js';
import { type KernelName, kernelRules, type RuleChange } from '../kernel/kernels.js';
import {
  BOOT_LAYOUTS,
  type BootLayout,
  type PercpuAlloc,
  percpuAllocInfo,
  percpuMachine,
  withPercpuAlloc,
} from '../layouts/boot-layouts.js';
import type { LayoutName } from '../layouts/layouts.js';
import { reclaimPages } from '../percpu/index.js';
import { type Kept, stepFilter, targetFilter } from './kept.js';

/** Sizes in bytes that replace those of the layout. */
export interface GeometryChange {
  atomSize?: number;
  dynReserve?: number;
  staticSize?: number;
}

/** All that decides a boot but its seed. Two boots with equal setups and seeds are equal byte for byte. */
export interface BootSetup {
  kernel: KernelName;
  layout: LayoutName;
  percpuAlloc: PercpuAlloc;
  tlb: TlbMode;
  cpu: CpuModel;
  /** Possible CPUs. */
  cpus: number;
  controllers: number;
  disks: number;
  /** MB */
  memory: number;
  geometry?: GeometryChange;
  /** Rules in the place of the kernel's. */
  rules?: RuleChange;
  /** What is kept of the boot; without it all is. */
  kept?: Kept;
}

export const DEFAULT_SETUP: BootSetup = {
  kernel: 'f183324133ea',
  layout: 'malta-4k',
  percpuAlloc: 'embed',
  tlb: 'qemu',
  cpu: '24Kf',
  cpus: 1,
  controllers: 3,
  disks: 4,
  memory: 128,
};

/** The layout with the setup's changes in it. */
export function setupLayout(setup: BootSetup): BootLayout {
  return withPercpuAlloc({ ...BOOT_LAYOUTS[setup.layout], ...setup.geometry }, setup.percpuAlloc);
}

export function setupBootOptions(setup: BootSetup, seed: number, engine: EngineLibrary, shim: boolean): BootOptions {
  const { kernel, tlb, cpu, cpus, controllers, disks, memory, kept, rules } = setup;
  return {
    engine,
    kernel,
    layout: setupLayout(setup),
    tlb,
    cpu,
    cpus,
    controllers,
    disks,
    memoryMB: memory,
    seed,
    shim,
    ...(rules === undefined ? {} : { rules }),
    ...(kept?.targets === undefined ? {} : { skipTarget: targetFilter(kept.targets) }),
    ...(kept?.steps === undefined ? {} : { skipStep: stepFilter(kept.steps) }),
  };
}

/** Shape of the chunks after the first. Sizes in bytes. */
export interface Geometry {
  pageSize: number;
  unitSize: number;
  atomSize: number;
  unitPages: number;
  /** A chunk is isolated for reclaim when at least this many of its pages are populated and empty. */
  reclaimPages: number;
}

export function setupGeometry(setup: BootSetup): Geometry {
  const layout = setupLayout(setup);
  const info = percpuAllocInfo(layout, percpuMachine(layout, setup.cpus));
  const unitPages = info.unitSize / layout.pageSize;
  return {
    pageSize: layout.pageSize,
    unitSize: info.unitSize,
    atomSize: info.atomSize,
    unitPages,
    reclaimPages: reclaimPages(kernelRules(setup.kernel, setup.rules).variant, unitPages),
  };
}
