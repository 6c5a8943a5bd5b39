// `percpu-malta compare`: layouts, kernels and TLBs side by side; `--explain` finds the factor that decides.
import { Command, Option } from 'commander';
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
  tlbText,
} from '../experiments/cells.js';
import { attribution, stepsOf } from '../experiments/factors.js';
import { type BootSetup, setupGeometry } from '../experiments/setup.js';
import { textTable } from '../experiments/table.js';
import { type Tally, tally, tallyRecord } from '../experiments/tally.js';
import { LIMITS, sideSentences, verdict } from '../experiments/verdict.js';
import { UsageError } from '../errors.js';
import { KERNEL_ALIASES, KERNELS, type KernelName, kernelName } from '../kernel/kernels.js';
import { comparePage } from '../report/html/compare-page.js';
import type { CpuModel, TlbMode } from '../../emu/mips/cpu.js';
import { wholeNumber } from './boot-options.js';
import { addEngineOptions } from './engine-options.js';
import { openOutput } from '../files/output.js';
import { report } from '../files/stdout.js';
import { printableJson } from '../terminal-text.js';
import { measureEach, QUICK_SEEDS } from './measure.js';
import { addJobsOption, addRecordOptions, type PoolFlags, type RecordFlags } from './pool-options.js';

interface CompareFlags extends PoolFlags, RecordFlags {
  layouts: LayoutChoice[];
  kernels: KernelName[];
  tlb: TlbMode[];
  cpu: CpuModel[];
  controllers: number;
  seeds: number;
  cpus: number;
  explain?: boolean;
  quick?: boolean;
  json?: boolean;
  html?: string;
}

const TLBS: readonly TlbMode[] = ['qemu', 'hardware'];
const CPUS: readonly CpuModel[] = ['24Kf', 'P5600'];

/** An option that takes a list, each item once; help shows its default as it would be typed. */
function list<T>(flags: string, description: string, parse: (text: string) => T[], text: string): Option {
  const once = (given: string): T[] => [...new Map(parse(given).map((item) => [JSON.stringify(item), item])).values()];
  return new Option(flags, description).argParser(once).default(parse(text), text);
}

export function compareCommand(): Command {
  const command = new Command('compare')
    .description('measure which layouts, kernels and TLBs crash; --explain says what makes the difference')
    .addOption(list('--layouts <list>', 'NAME[/CPUS][/page], separated by commas', parseLayouts, DEFAULT_LAYOUTS))
    .addOption(list('--kernels <list>', 'kernels as boot knows them', parseKernels, 'f183324133ea,93274f1dd6b0'))
    .addOption(list('--tlb <list>', 'qemu (with shadow entries), hardware', choices('--tlb', TLBS), TLBS.join()))
    .addOption(list('--cpu <list>', '24Kf (16 TLB entries), P5600 (64)', choices('--cpu', CPUS), CPUS.join()))
    .option('--controllers <n>', 'MegaRAID controllers', wholeNumber(1, 3), 3)
    .option('--seeds <n>', 'boots of each cell, seeds 1..n', wholeNumber(1, 100_000), 20)
    .option('--explain', 'go from malta-4k to x86-like one factor at a time, and say which decides')
    .option('--json', 'print one JSON object')
    .option('--html <file>', 'write a page there')
    .option('--cpus <n>', 'with --explain: possible CPUs of the x86-like end', wholeNumber(1, 8), 1);
  command.option(
    '--quick',
    `a first look: ${QUICK_SEEDS} boots of a cell, and one kernel, TLB and CPU where none are named`,
  );
  return addRecordOptions(addEngineOptions(addJobsOption(command)))
    .addHelpText('after', HELP)
    .hook('preAction', () => {
      refuseUnused(command);
      lookQuickly(command);
    })
    .action(run);
}

const HELP = `
x86-like is x86-64's per-CPU geometry on the same guest: 4 KB pages, 2 MB divided among the CPUs, the larger reserve. Of the layouts,
x86-like/8 has eight possible CPUs (units of 64 pages), x86-like/page is percpu_alloc=page (the smallest units). TLB 16+shadows is a
24Kf in QEMU, which goes on using entries that the guest has replaced; 16 and 64 are TLBs without that.

Columns: reclaim at = empty populated pages from which a chunk is depopulated; then means per boot: chunks created, pages
depopulated, pages populated again while the old translation was live, areas zeroed through a stale translation, pages of other
owners hit by that; then crashed boots, their share and its 95 % interval (Wilson).

--explain takes one kernel, the first of --kernels by default, and neither --layouts nor --tlb nor --cpu; with --quick it leaves the variations of what
both ends share out. Ctrl-C prints what is finished; with --out, --resume goes on from there.`;

/** @throws UsageError for options that would do nothing */
function refuseUnused(command: Command): void {
  const { explain, kernels } = command.opts<CompareFlags>();
  const given = (name: string): boolean => command.getOptionValueSource(name) === 'cli';
  if (!explain) {
    if (given('cpus')) throw new UsageError('--cpus: only with --explain; --layouts takes CPUs as in x86-like/8');
    return;
  }
  const unused = ['layouts', 'tlb', 'cpu'].find(given);
  if (unused !== undefined)
    throw new UsageError(`--${unused}: not with --explain, which goes from malta-4k to x86-like one factor at a time`);
  if (given('kernels') && kernels.length > 1) throw new UsageError('--kernels: --explain takes one kernel');
}

/** Options that were given are kept. */
function lookQuickly(command: Command): void {
  if (!command.opts<CompareFlags>().quick) return;
  const first: Partial<CompareFlags> = {
    seeds: QUICK_SEEDS,
    kernels: parseKernels('f183324133ea'),
    tlb: ['qemu'],
    cpu: ['24Kf'],
  };
  for (const [name, value] of Object.entries(first))
    if (command.getOptionValueSource(name) === 'default') command.setOptionValue(name, value);
}

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
  const cells = setups.map((setup) => `${layoutText(setup)} ${setup.kernel} ${tlbText(setup)}`);
  const { records, stopped } = await measureEach(flags, setups, cells, flags.seeds);
  const ended = setups.map((setup, i) => ({ setup, records: records[i]! })).filter((cell) => cell.records.length > 0);
  const tallies = ended.map((cell) => tally(cell.records));
  const rows = ended.map(({ setup }, i) => cellRow(setup, tallies[i]!));
  if (flags.json) {
    const cells = ended.map(({ setup }, i) => cellRecord(setup, tallies[i]!));
    report(`${printableJson({ complete: stopped === undefined, cells })}\n`);
  } else {
    if (rows.length > 0) report(textTable(CELL_HEAD, rows));
    if (stopped !== undefined) report(stopped);
  }
  if (rows.length === 0) return;
  const { layouts, kernels, tlb, cpu, controllers, seeds } = flags;
  const lists = `--layouts ${layouts.map(layoutText).join()} --kernels ${kernels.join()} --tlb ${tlb.join()} --cpu ${cpu.join()}`;
  html?.write(
    comparePage(
      `compare ${lists} --controllers ${controllers} --seeds ${seeds}`,
      ended.map(({ setup }, i) => ({ name: rows[i]!.slice(0, 2).join('\n'), setup, total: tallies[i]! })),
      [
        ['controllers', String(controllers)],
        ['seeds', `1..${seeds}`],
      ],
    ),
  );
}

function cellRecord(setup: BootSetup, total: Tally): object {
  return { options: setup, geometry: setupGeometry(setup), ...tallyRecord(total) };
}

async function explain(flags: CompareFlags): Promise<void> {
  const html = openOutput('--html', flags.html);
  const whole = attribution({ kernel: flags.kernels[0]!, controllers: flags.controllers }, flags.cpus);
  const plan = flags.quick ? { ...whole, side: [] } : whole;
  const steps = stepsOf(plan);
  const { records, stopped } = await measureEach(
    flags,
    steps.map(({ setup }) => setup),
    steps.map(({ title }) => title),
    flags.seeds,
  );
  const ended = steps.filter((_, i) => records[i]!.length > 0);
  const results = new Map(ended.map((step) => [step, tally(records[steps.indexOf(step)]!)]));
  const rows = ended.map((step) => [step.title, ...geometryCells(step.setup), ...counterCells(results.get(step)!)]);
  const side = plan.side.length > 0;
  const notes =
    stopped !== undefined
      ? []
      : [
          { title: 'What decides', lines: verdict(plan, results) },
          ...(side ? [{ title: 'Variations of what both ends share', lines: sideSentences(plan, results) }] : []),
          { title: 'What this cannot say about x86 hardware', lines: LIMITS },
        ];
  if (flags.json) {
    const cells = ended.map((step) => ({ title: step.title, ...cellRecord(step.setup, results.get(step)!) }));
    report(`${printableJson({ complete: stopped === undefined, cells, notes })}\n`);
  } else {
    if (rows.length > 0) report(textTable(['setup', ...CELL_HEAD.slice(3)], rows));
    report(notes.map(({ title, lines }) => `\n${title}\n${lines.map((line) => `  ${line}\n`).join('')}`).join(''));
    if (stopped !== undefined) report(`${stopped}What decides is said when all of them are.\n`);
  }
  if (rows.length === 0) return;
  const { kernels, controllers, seeds, cpus } = flags;
  html?.write(
    comparePage(
      `compare --explain --kernels ${kernels[0]!} --controllers ${controllers} --cpus ${cpus} --seeds ${seeds}`,
      ended.map((step) => ({ name: step.title, setup: step.setup, total: results.get(step)! })),
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
