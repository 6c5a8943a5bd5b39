// The cells of the comparison: a board, and how each of the three sides gets it.
import type { CpuModel, TlbMode } from '../../emu/mips/cpu.js';
import { type BootSetup, DEFAULT_SETUP } from '../../src/experiments/setup.js';

export interface Cell {
  readonly name: string;
  readonly title: string;
  readonly pageSize: '4k' | '16k';
  readonly controllers: number;
  readonly cpu: CpuModel;
  readonly tlb: TlbMode;
  /** Possible CPUs. A kernel on our board finds one. */
  readonly units: number;
}

const common = { pageSize: '4k', controllers: 3, cpu: '24Kf', tlb: 'qemu', units: 1 } as const;

export const CELLS: readonly Cell[] = [
  { ...common, name: '4k-1', title: '4 KB, 1 controller', controllers: 1 },
  { ...common, name: '4k-3', title: '4 KB, 3 controllers' },
  { ...common, name: '16k-3', title: '16 KB, 3 controllers', pageSize: '16k' },
  { ...common, name: '4k-3-hardware', title: '4 KB, 3 controllers, no shadow entries', tlb: 'hardware' },
  { ...common, name: '4k-3-p5600', title: '4 KB, 3 controllers, P5600', cpu: 'P5600' },
  { ...common, name: '4k-3-2units', title: '4 KB, 3 controllers, 2 units', units: 2 },
];

/** @param fixed with the flush */
export function guestSetup({ pageSize, controllers, cpu, tlb, units }: Cell, fixed: boolean): BootSetup {
  return {
    ...DEFAULT_SETUP,
    kernel: fixed ? '93274f1dd6b0' : '6.1-noflush',
    layout: pageSize === '4k' ? 'malta-4k' : 'malta',
    controllers,
    cpu,
    tlb,
    cpus: units,
  };
}
