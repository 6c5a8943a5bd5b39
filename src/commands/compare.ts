// `percpu-malta compare`: layouts, kernels and TLBs side by side; `--explain` finds the factor that decides.
import { Command } from 'commander';
import {
  CELL_HEAD,
  cellRow,
  counterCells,
  DEFAULT_LAYOUTS,
  geometryCells,
  type LayoutChoice,
  layoutText,
  parseLayouts,
  setupsOf,
} from '../experiments/cells.js';
import { attribution, stepsOf } from '../experiments/factors.js';
import { seedsOf } from '../experiments/seeds.js';
import type { BootSetup } from '../experiments/setup.js';
import { sweepEach } from '../experiments/sweep.js';
import { textTable } from '../experiments/table.js';
import { tally } from '../experiments/tally.js';
import { LIMITS, sideSentences, verdict } from '../experiments/verdict.js';
import { UsageError } from '../errors.js';
import { KERNEL_ALIASES, KERNELS, type KernelName, kernelName } from '../kernel/kernels.js';
import { comparePage } from '../report/html/compare-page.js';
import type { CpuModel, TlbMode } from '../../emu/mips/cpu.js';
import { addEngineOptions, wholeNumber } from './boot-options.js';
import { openOutput } from '../files/output.js';
import { report } from '../files/stdout.js';
import { addJobsOption, type PoolFlags, withPool } from './pool-options.js';

interface CompareFlags extends PoolFlags {
  layouts: LayoutChoice[];
  kernels: KernelName[];
  tlb: TlbMode[];
  cpu: CpuModel[];
  controllers: number;
  seeds: number;
  cpus: number;
  explain?: boolean;
  html?: string;
}

export function compareCommand(): Command {
  const command = new Command('compare')
    .description('measure which layouts, kernels and TLBs crash; --explain says what makes the difference')
    .option('--layouts <list>', 'NAME[/CPUS][/page], separated by commas', parseLayouts, parseLayouts(DEFAULT_LAYOUTS))
    .option('--kernels <list>', 'kernels as boot knows them', parseKernels, parseKernels('f183324133ea,93274f1dd6b0'))
    .option('--tlb <list>', 'qemu (with shadow entries), hardware', choices('--tlb', ['qemu', 'hardware']), [
      'qemu',
      'hardware',
    ])
    .option('--cpu <list>', '24Kf (16 TLB entries), P5600 (64)', choices('--cpu', ['24Kf', 'P5600']), ['24Kf', 'P5600'])
    .option('--controllers <n>', 'MegaRAID controllers', wholeNumber(1, 3), 3)
    .option('--seeds <n>', 'boots of each cell, seeds 1..n', wholeNumber(1, 100_000), 20)
    .option('--explain', 'go from malta-4k to x86-like one factor at a time, and say which decides')
    .option('--html <file>', 'write a page there')
    .option('--cpus <n>', 'with --explain: possible CPUs of the x86-like end', wholeNumber(1, 8), 1);
  return addEngineOptions(addJobsOption(command)).addHelpText('after', HELP).action(run);
}

const HELP = `
x86-like is x86-64's per-CPU geometry on the same guest: 4 KB pages, 2 MB divided among the CPUs, the larger reserve. Of the layouts,
x86-like/8 has eight possible CPUs (units of 64 pages), x86-like/page is percpu_alloc=page (the smallest units). TLB 16+shadows is a
24Kf in QEMU, which goes on using entries that the guest has replaced; 16 and 64 are TLBs without that.

Columns: reclaim at = empty populated pages from which a chunk is depopulated; then means per boot: chunks created, pages
depopulated, pages populated again while the old translation was live, areas zeroed through a stale translation, pages of other
owners hit by that; then crashed boots, their share and its 95 % interval (Wilson).

--explain takes one kernel (the first of --kernels) and ignores --layouts, --tlb and --cpu.`;

function choices<T extends string>(option: string, allowed: readonly T[]): (text: string) => T[] {
  return (text) =>
    text.split(',').map((item) => {
      if (!allowed.includes(item as T)) throw new UsageError(`${option} ${item}: need ${allowed.join(', ')}`);
      return item as T;
    });
}

function parseKernels(text: string): KernelName[] {
  return text.split(',').map((item) => {
    const name = kernelName(item);
    if (name === undefined)
      throw new UsageError(
        `--kernels ${item}: need ${[...Object.keys(KERNELS), ...Object.keys(KERNEL_ALIASES)].join(', ')}`,
      );
    return name;
  });
}

function run(flags: CompareFlags): Promise<void> {
  return flags.explain ? explain(flags) : table(flags);
}

async function table(flags: CompareFlags): Promise<void> {
  const html = openOutput('--html', flags.html);
  const setups = setupsOf(flags.layouts, flags.kernels, flags.tlb, flags.cpu, { controllers: flags.controllers });
  const tallies = await measure(flags, setups);
  if (tallies === undefined) return;
  const rows = setups.map((setup, i) => cellRow(setup, tallies[i]!));
  report(textTable(CELL_HEAD, rows));
  const { layouts, kernels, tlb, cpu, controllers, seeds } = flags;
  const lists = `--layouts ${layouts.map(layoutText).join()} --kernels ${kernels.join()} --tlb ${tlb.join()} --cpu ${cpu.join()}`;
  html?.write(
    comparePage(
      `compare ${lists} --controllers ${controllers} --seeds ${seeds}`,
      setups.map((setup, i) => ({ name: rows[i]!.slice(0, 2).join('\n'), setup, total: tallies[i]! })),
      [
        ['controllers', String(controllers)],
        ['seeds', `1..${seeds}`],
      ],
    ),
  );
}

async function explain(flags: CompareFlags): Promise<void> {
  const html = openOutput('--html', flags.html);
  const plan = attribution({ kernel: flags.kernels[0]!, controllers: flags.controllers }, flags.cpus);
  const steps = stepsOf(plan);
  const tallies = await measure(
    flags,
    steps.map(({ setup }) => setup),
  );
  if (tallies === undefined) return;
  const results = new Map(steps.map((step, i) => [step, tallies[i]!]));
  const rows = steps.map((step) => [step.title, ...geometryCells(step.setup), ...counterCells(results.get(step)!)]);
  const notes = [
    { title: 'What decides', lines: verdict(plan, results) },
    { title: 'Variations of what both ends share', lines: sideSentences(plan, results) },
    { title: 'What this cannot say about x86 hardware', lines: LIMITS },
  ];
  report(
    textTable(['setup', ...CELL_HEAD.slice(3)], rows) +
      notes.map(({ title, lines }) => `\n${title}\n${lines.map((line) => `  ${line}\n`).join('')}`).join(''),
  );
  const { kernels, controllers, seeds, cpus } = flags;
  html?.write(
    comparePage(
      `compare --explain --kernels ${kernels[0]!} --controllers ${controllers} --cpus ${cpus} --seeds ${seeds}`,
      steps.map((step) => ({ name: step.title, setup: step.setup, total: results.get(step)! })),
      [
        ['kernel', KERNELS[kernels[0]!].title],
        ['controllers', String(controllers)],
        ['seeds', `1..${seeds}`],
      ],
      // LIMITS is one text, broken into lines for the terminal
      notes.map(({ title, lines }) => ({ title, paragraphs: lines === LIMITS ? [lines.join(' ')] : lines })),
    ),
  );
}

/** @returns undefined when Ctrl-C ended it */
function measure(flags: CompareFlags, setups: readonly BootSetup[]) {
  const seeds = seedsOf({ first: 1, last: flags.seeds });
  return withPool(flags, setups.length * seeds.length, async ({ pool, done }) =>
    (await sweepEach(pool, setups, seeds, done)).map(tally),
  );
}
