// `npm run boot-sim`: the story of July 2021 in one run. Twenty boots find out how the first bad kernel ends; one of them is
// shown; the same seed then boots with the fix, and with x86's memory layout.
import '../src/v8-flags.js';
import os from 'node:os';
import { Command } from 'commander';
import { loadEngine } from '../emu/unicorn/choose.js';
import { EngineMissingError, EXIT_NO_ENGINE, EXIT_USAGE, UsageError } from '../src/errors.js';
import { BootPool } from '../src/experiments/pool.js';
import { Progress } from '../src/experiments/progress.js';
import { type BootRecord, bootRecord, crashed } from '../src/experiments/record.js';
import { type BootSetup, DEFAULT_SETUP, setupBootOptions } from '../src/experiments/setup.js';
import { sweep } from '../src/experiments/sweep.js';
import { textTable } from '../src/experiments/table.js';
import { tally } from '../src/experiments/tally.js';
import { packageVersion } from '../src/experiments/version.js';
import { bootOnce } from '../src/kernel/boot.js';
import { KERNELS } from '../src/kernel/kernels.js';

const SEEDS = Array.from({ length: 20 }, (_, i) => i + 1);
const BAD: BootSetup = DEFAULT_SETUP;
const FIXED: BootSetup = { ...BAD, kernel: '93274f1dd6b0' };
const X86_LIKE: BootSetup = { ...BAD, layout: 'x86-like' };
/** Console lines shown before the first bad one. */
const LINES_BEFORE = 8;
const BAR_WIDTH = 40;

const put = (text: string): void => void process.stdout.write(`${text}\n`);

async function bootAll(): Promise<BootRecord[]> {
  const records: BootRecord[] = [];
  const progress = new Progress(process.stderr, SEEDS.length);
  const pool = new BootPool({ jobs: os.availableParallelism() });
  try {
    await sweep(pool, BAD, SEEDS, (record) => {
      records.push(record);
      progress.step(`${records.filter(crashed).length} crashed`);
    });
  } finally {
    progress.clear();
    pool.close();
  }
  return records.sort((a, b) => a.seed - b.seed);
}

/** From a few lines before the first sign of trouble on. */
function lastWords(console: readonly string[]): string[] {
  const bad = console.findIndex((line) => /Unable to handle|BUG:|Oops\[|bus error|Kernel panic/.test(line));
  const from = Math.max(0, (bad < 0 ? console.length : bad) - LINES_BEFORE);
  return [`[... ${from} lines ...]`, ...console.slice(from)];
}

function row(setup: BootSetup, { outcome, panic, counters: c }: BootRecord): string[] {
  return [
    setup.kernel,
    setup.layout,
    panic ? `${outcome}: ${panic}` : outcome,
    String(c.depopulatedPages),
    String(c.repopulatedPages),
    String(c.staleStores),
    String(c.foreignPages),
    String(c.tlbFlushes),
  ];
}

async function story(): Promise<void> {
  put(
    'percpu-malta: "percpu: implement partial chunk depopulation" (f183324133ea, July 2021) gives pages of per-CPU chunks back',
  );
  put(
    'while their addresses stay in use, and does not flush the TLB. The next area at such an address is zeroed through the old',
  );
  put(
    'translation: into a page that belongs to somebody else by then. Nothing below is scripted: the guest is MIPS32 code.\n',
  );
  const records = await bootAll();
  const { kinds, crashes, boots, outcomes } = tally(records);
  put(
    `1. The first bad kernel on ${boots} seeds: Malta with 4 KB pages, ${BAD.controllers} MegaRAID controllers, ${BAD.disks} disks\n`,
  );
  const bars = [...kinds, { name: 'clean', boots: outcomes.get('clean') ?? 0, firstSeed: 0 }];
  for (const { name, boots: n, firstSeed } of bars)
    put(
      `   ${name.padEnd(24)} ${'#'.repeat(Math.round((n / boots) * BAR_WIDTH)).padEnd(BAR_WIDTH)} ${String(n).padStart(2)}` +
        (firstSeed > 0 ? `   first: seed ${firstSeed}` : ''),
    );
  put(`\n   ${crashes} of ${boots} boots crashed, each seed in its own place, the same seed always in the same.\n`);

  const seed = kinds[0]?.firstSeed ?? SEEDS[0]!;
  const engine = await loadEngine();
  const boot = (setup: BootSetup): { record: BootRecord; console: string[] } => {
    const result = bootOnce(setupBootOptions(setup, seed, engine, true));
    return { record: bootRecord(packageVersion(), { setup, seed }, result), console: result.console };
  };
  const bad = boot(BAD);
  put(`2. Seed ${seed} with ${KERNELS[BAD.kernel].title}\n`);
  for (const line of lastWords(bad.console)) put(`   ${line}`);
  put('');
  const fixed = boot(FIXED);
  const x86 = boot(X86_LIKE);
  put(`3. Seed ${seed} again: with the merged fix, and with x86-64's per-CPU layout on the bad kernel\n`);
  const rows = [row(BAD, bad.record), row(FIXED, fixed.record), row(X86_LIKE, x86.record)];
  const head = [
    'kernel',
    'layout',
    'outcome',
    'depopulated',
    'repopulated',
    'stale stores',
    'foreign pages',
    'flushes',
  ];
  for (const line of textTable(head, rows).trimEnd().split('\n')) put(`   ${line}`);
  put(
    '\n   depopulated, repopulated: pages. stale stores: areas zeroed through a translation that the page table no longer has.',
  );
  put('   foreign pages: pages of other owners hit by them. x86-like: 4 KB pages, chunks of 2 MB.\n');
  put(`Next: npx percpu-malta explain --seed ${seed}    from the crash back to the flush that is missing`);
  put(`      npx percpu-malta boot --seed ${seed}       the whole console; --html FILE for a page of it`);
  put('      npx percpu-malta --help              all commands');
}

const program = new Command('boot-sim').description('the story of the missing TLB flush, by running it').action(story);
try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof UsageError || error instanceof EngineMissingError)) throw error;
  process.stderr.write(`boot-sim: ${error.message}\n`);
  process.exitCode = error instanceof UsageError ? EXIT_USAGE : EXIT_NO_ENGINE;
}
