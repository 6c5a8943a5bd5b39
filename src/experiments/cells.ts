// The cells of `compare`: which layouts, kernels and TLBs, and a line of counters for each.
import type { CpuModel, TlbMode } from '../../emu/mips/cpu.js';
import { TLB_ENTRIES } from '../../emu/mips/cpu.js';
import { UsageError } from '../errors.js';
import { KERNELS, type KernelName } from '../kernel/kernels.js';
import { BOOT_LAYOUTS } from '../layouts/boot-layouts.js';
import type { LayoutName } from '../layouts/layouts.js';
import { type BootSetup, DEFAULT_SETUP, setupGeometry } from './setup.js';
import { bytesText, short } from './table.js';
import { intervalText, percent, type Tally } from './tally.js';

/** A layout with what belongs to its geometry. */
export type LayoutChoice = Pick<BootSetup, 'layout' | 'cpus' | 'percpuAlloc'>;

/** Real machines, and x86-64's geometry for one and for eight CPUs and with percpu_alloc=page. */
export const DEFAULT_LAYOUTS = 'malta,malta-4k,x86-like,x86-like/8,x86-like/page';

/** `NAME[/CPUS][/page]`, several separated by commas. @throws UsageError */
export function parseLayouts(text: string): LayoutChoice[] {
  return text.split(',').map((item) => {
    const [name = '', ...rest] = item.split('/');
    if (!Object.hasOwn(BOOT_LAYOUTS, name))
      throw new UsageError(`--layouts ${item}: unknown layout; there are ${Object.keys(BOOT_LAYOUTS).join(', ')}`);
    const choice: LayoutChoice = { layout: name as LayoutName, cpus: 1, percpuAlloc: 'embed' };
    for (const part of rest) {
      if (part === 'page') choice.percpuAlloc = 'page';
      else if (/^[1-8]$/.test(part)) choice.cpus = Number(part);
      else throw new UsageError(`--layouts ${item}: behind / come 1..8 CPUs or the word page, as in x86-like/8`);
    }
    return choice;
  });
}

/** Every layout with every kernel, TLB mode and CPU model; the first varies slowest. */
export function setupsOf(
  layouts: readonly LayoutChoice[],
  kernels: readonly KernelName[],
  tlbs: readonly TlbMode[],
  cpus: readonly CpuModel[],
  common: Partial<BootSetup>,
): BootSetup[] {
  const setups: BootSetup[] = [];
  for (const layout of layouts)
    for (const kernel of kernels)
      for (const tlb of tlbs)
        for (const cpu of cpus) setups.push({ ...DEFAULT_SETUP, ...common, ...layout, kernel, tlb, cpu });
  return setups;
}

export function layoutText({ layout, cpus, percpuAlloc }: LayoutChoice): string {
  return `${layout}${cpus > 1 ? `/${cpus}` : ''}${percpuAlloc === 'page' ? '/page' : ''}`;
}

/** "16+shadows": QEMU keeps entries that tlbwr threw out. "64": none. */
export function tlbText({ tlb, cpu }: Pick<BootSetup, 'tlb' | 'cpu'>): string {
  return `${TLB_ENTRIES[cpu]}${tlb === 'qemu' ? '+shadows' : ''}`;
}

export const CELL_HEAD = [
  'layout',
  'kernel',
  'TLB',
  'page',
  'unit',
  'atom',
  'pages/unit',
  'reclaim at',
  'chunks',
  'depop.',
  'repop. stale',
  'stale stores',
  "others' pages",
  'crashed',
  '%',
  '95 %',
];

/** One row under CELL_HEAD. Counters are means per boot. */
export function cellRow(setup: BootSetup, total: Tally): string[] {
  return [layoutText(setup), kernelText(setup.kernel), tlbText(setup), ...geometryCells(setup), ...counterCells(total)];
}

function kernelText(kernel: KernelName): string {
  return Object.hasOwn(KERNELS, kernel) && kernel === '93274f1dd6b0' ? `${kernel} (fix)` : kernel;
}

export function geometryCells(setup: BootSetup): string[] {
  const { pageSize, unitSize, atomSize, unitPages, reclaimPages } = setupGeometry(setup);
  return [bytesText(pageSize), bytesText(unitSize), bytesText(atomSize), String(unitPages), String(reclaimPages)];
}

export function counterCells({ mean, crashes, boots, interval }: Tally): string[] {
  return [
    short(mean.chunksCreated),
    short(mean.depopulatedPages),
    short(mean.repopulatedStale),
    short(mean.staleStores),
    short(mean.foreignPages),
    `${crashes}/${boots}`,
    percent(crashes / boots).replace(' %', ''),
    intervalText(interval),
  ];
}
