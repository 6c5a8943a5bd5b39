// The options of a boot as pages show them.
import { tlbText } from '../../experiments/cells.js';
import { definesText } from '../../experiments/define.js';
import { type Kept, targetCount } from '../../experiments/kept.js';
import { type BootSetup, DEFAULT_SETUP, setupGeometry } from '../../experiments/setup.js';
import { bytesText, camelWords } from '../../experiments/table.js';
import { packageVersion } from '../../experiments/version.js';
import type { BootCounters } from '../../kernel/counters.js';
import { kernelRules } from '../../kernel/kernels.js';

/** Names and values, in order. */
export function setupRows(setup: BootSetup): [string, string][] {
  const { kernel, layout, percpuAlloc, cpu, cpus, controllers, disks, memory, kept, rules } = setup;
  const { pageSize, unitSize, unitPages } = setupGeometry(setup);
  return [
    ['kernel', kernelRules(kernel, rules).title],
    ['layout', percpuAlloc === 'page' ? `${layout}, percpu_alloc=page` : layout],
    ['page', bytesText(pageSize)],
    ['unit', `${bytesText(unitSize)}, ${unitPages} pages`],
    ['CPU', cpu],
    ['TLB entries', tlbText(setup)],
    ['possible CPUs', String(cpus)],
    ['controllers', String(controllers)],
    ['disks', String(disks)],
    ['memory', `${memory} MB`],
    ...(kept ? [['script', keptText(kept)] as [string, string]] : []),
  ];
}

/** What differs from the defaults, as on the command line: `--controllers 1 --percpu-alloc page`. */
export function setupFlags(setup: BootSetup): string {
  const entries = Object.entries(setup) as [keyof BootSetup, unknown][];
  return entries
    .filter(([name, value]) => typeof value !== 'object' && value !== DEFAULT_SETUP[name])
    .map(([name, value]) => `--${camelWords(name, '-')} ${String(value)}`)
    .concat(definesText(setup) === '' ? [] : `--define ${definesText(setup)}`)
    .join(' ');
}

/** What boots it again: `--controllers 1 --seed 3`. */
export const bootFlags = (setup: BootSetup, seed: number): string =>
  setup.kept ? '--script FILE' : `${setupFlags(setup)} --seed ${seed}`.trim();

/** Which boot a page shows: version and options. A script has no name. */
export const bootName = (setup: BootSetup, seed: number): string => `${packageVersion()} ${bootFlags(setup, seed)}`;

/** `depopulated pages` for depopulatedPages. */
export const counterName = (name: keyof BootCounters): string => camelWords(name, ' ').replace(/^tlb\b/, 'TLB');

/** What a boot script keeps: `124 targets, 2 steps`. */
function keptText({ targets, steps }: Kept): string {
  return `${targets ? targetCount(targets) : 'all'} targets, ${steps ? steps.length : 'all'} steps of kernel_init`;
}
