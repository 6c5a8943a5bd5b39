// `percpu-malta fixes`: ways to repair the bug, and what each costs.
import { Command } from 'commander';
import { type BootRecord } from '../experiments/record.js';
import { short, textTable } from '../experiments/table.js';
import { intervalText, type Tally, tally, tallyRecord } from '../experiments/tally.js';
import type { KernelName } from '../kernel/kernels.js';
import { addBootOptions, type BootFlags, setupFromFlags, wholeNumber } from './boot-options.js';
import { report } from '../files/stdout.js';
import { printableJson } from '../terminal-text.js';
import { measureEach, QUICK_SEEDS } from './measure.js';
import { addJobsOption, addRecordOptions, type PoolFlags, type RecordFlags } from './pool-options.js';

/** All on the allocator of 6.1, so that they differ in the flush only. */
const FIXES: readonly (readonly [KernelName, string])[] = [
  ['6.1-noflush', 'no flush'],
  ['first-fix', 'after every depopulate (first posted fix)'],
  ['93274f1dd6b0', 'once per chunk (merged fix)'],
  ['flush-all', 'whole TLB, once per chunk'],
  ['lazy-flush', 'when a page is populated again'],
];

interface FixesFlags extends Omit<BootFlags, 'seed' | 'kernel'>, PoolFlags, RecordFlags {
  engine?: string;
  seeds: number;
  quick?: boolean;
  json?: boolean;
}

export function fixesCommand(): Command {
  const command = new Command('fixes').description('compare ways to fix the bug: which work, and what they cost');
  addBootOptions(command, { seed: false, kernel: false });
  return addRecordOptions(addJobsOption(command))
    .option('--seeds <n>', 'boots with each fix, seeds 1..n', wholeNumber(1, 100_000), 20)
    .option('--json', 'print one JSON object')
    .option('--quick', `a first look: ${QUICK_SEEDS} boots with each fix`)
    .addHelpText('after', HELP)
    .action((flags: FixesFlags) =>
      run(
        flags.quick && command.getOptionValueSource('seeds') === 'default' ? { ...flags, seeds: QUICK_SEEDS } : flags,
      ),
    );
}

const HELP = `
All fixes are on the allocator of 6.1 and boot the same seeds. Columns, means per boot except for the crashes: areas zeroed through a
stale translation; flushes; page pairs that they look up (a flush of the whole TLB, also one that Linux makes of a long range, counts
its entries); entries gone afterwards, QEMU's shadows included; guest instructions from the call of the flush to its return;
refills of pairs that a flush had thrown out; all refills. Boots that crash are shorter, so their refills are fewer.
A fix is correct when no boot crashed and none stored through a stale translation.
Ctrl-C prints what is finished; with --out, --resume goes on from there.`;

async function run(flags: FixesFlags): Promise<void> {
  const setups = FIXES.map(([kernel]) => setupFromFlags({ ...flags, kernel }));
  const titles = FIXES.map(([, title]) => title);
  const { records, stopped } = await measureEach(flags, setups, titles, flags.seeds);
  const rows = titles.map((title, i) => ({ title, records: records[i]! })).filter((fix) => fix.records.length > 0);
  if (flags.json) {
    const fixes = FIXES.map(([kernel, title], i) => ({ kernel, title, records: records[i]! }));
    const done = fixes.filter((fix) => fix.records.length > 0);
    report(`${printableJson({ complete: stopped === undefined, fixes: done.map(fixRecord) })}\n`);
    return;
  }
  if (rows.length > 0)
    report(
      textTable(
        HEAD,
        rows.map((fix) => row(fix.title, fix.records)),
      ),
    );
  if (stopped !== undefined) report(stopped);
}

function fixRecord({ kernel, title, records }: { kernel: KernelName; title: string; records: BootRecord[] }): object {
  const total = tally(records);
  return { kernel, flush: title, correct: isCorrect(total), ...tallyRecord(total) };
}

const isCorrect = ({ crashes, mean }: Tally): boolean => crashes === 0 && mean.staleStores === 0;

const HEAD = [
  'flush',
  'crashed',
  '95 %',
  'stale stores',
  'flushes',
  'pairs',
  'entries gone',
  'instructions',
  'refills caused',
  'refills',
  'correct',
];

function row(title: string, records: readonly BootRecord[]): string[] {
  const total = tally(records);
  const { crashes, boots, interval, mean } = total;
  return [
    title,
    `${crashes}/${boots}`,
    intervalText(interval),
    short(mean.staleStores),
    short(mean.tlbFlushes),
    short(mean.flushedPairs),
    short(mean.flushedEntries),
    short(mean.flushInstructions),
    short(mean.flushRefills),
    short(mean.tlbRefills),
    isCorrect(total) ? 'yes' : 'no',
  ];
}
