// The page of a sweep: how many boots crashed, how, and which seed to boot to see it.
import { familyText } from '../../decode/families.js';
import { type BootRecord, crashed } from '../../experiments/record.js';
import type { BootSetup } from '../../experiments/setup.js';
import { wilson } from '../../experiments/statistics.js';
import { count, short } from '../../experiments/table.js';
import { intervalText, type Kind, percent, rateText, type Tally, tally } from '../../experiments/tally.js';
import { packageVersion } from '../../experiments/version.js';
import type { BootCounters } from '../../kernel/counters.js';
import { bootFlags, counterName, setupRows } from './setup-text.js';
import { type Bars, type Table, tablePage } from './table-page.js';

/** Boots listed one by one; larger sweeps have their NDJSON file. */
const MAX_LISTED = 1000;
/** Seeds named for each kind of crash. */
const MAX_SEEDS = 20;

/**
 * @param command as on the command line @param records at least one
 * @param wanted boots that were asked for @param pages addresses of the pages of single boots, by seed
 */
export function sweepPage(
  command: string,
  setup: BootSetup,
  records: readonly BootRecord[],
  wanted: number,
  pages: ReadonlyMap<number, string> = new Map(),
): string {
  const sorted = [...records].sort((a, b) => a.seed - b.seed);
  const total = tally(sorted);
  const missing = total.boots < wanted ? `; ${wanted - total.boots} boots of the sweep are not done` : '';
  const kinds = total.kinds.length > 0 ? [kindTable(total, sorted)] : [];
  return tablePage({
    title: `percpu-malta sweep, ${count(total.boots, 'boot')}`,
    version: packageVersion(),
    headline: `Crashed: ${rateText(total)}, 95 % interval by Wilson${missing}`,
    range: { ...total.interval, value: total.rate },
    facts: [...setupRows(setup), ['seeds', `${sorted[0]!.seed}..${sorted.at(-1)!.seed}`]],
    command,
    sections: [outcomeBars(total), ...kinds, bootTable(sorted, setup, pages), counterTable(sorted)],
  });
}

function outcomeBars({ outcomes, boots }: Tally): Bars {
  return {
    title: 'How the boots ended',
    bars: [...outcomes].sort().map(([label, value]) => ({
      label,
      share: value / boots,
      text: `${value}, ${percent(value / boots)}`,
      kind: label === 'clean' ? 'good' : 'bad',
    })),
  };
}

/** Of several sweeps together. */
export function kindBars({ kinds, crashes }: { kinds: readonly Kind[]; crashes: number }): Bars {
  return {
    title: 'Kinds of crashes',
    bars: kinds.map(({ name, boots }) => ({
      label: name,
      detail: familyText(name),
      share: boots / crashes,
      text: `${boots}, ${percent(boots / crashes)}`,
      kind: 'bad',
    })),
    note: `Of ${crashes} boots that crashed; kinds as decode names them.`,
  };
}

function kindTable({ kinds, boots }: Tally, records: readonly BootRecord[]): Table {
  const listed = new Set(records.slice(0, MAX_LISTED).map(({ seed }) => seed));
  return {
    title: 'Kinds of crashes',
    columns: ['kind', 'boots', 'share of all boots', 'seeds'],
    rows: kinds.map(({ name, boots: hits }) => {
      const interval = wilson(hits, boots);
      const seeds = records.filter((record) => kindOf(record) === name).map(({ seed }) => seed);
      const linked = seeds.slice(0, MAX_SEEDS).filter((seed) => listed.has(seed));
      const more = seeds.length > linked.length ? ` and ${seeds.length - linked.length} more` : '';
      return [
        { text: name, detail: familyText(name) },
        String(hits),
        { text: `${percent(hits / boots)} (${intervalText(interval)})`, range: { ...interval, value: hits / boots } },
        { text: more, rows: linked.map((seed) => [rowId(seed), String(seed)] as const) },
      ];
    }),
    note: 'Kinds as decode names them. The same seed always crashes in the same way: boot --seed N shows it, explain --seed N says why.',
  };
}

const rowId = (seed: number): string => `seed-${seed}`;

const kindOf = (record: BootRecord): string | undefined => tally([record]).kinds[0]?.name;

function counterTable(records: readonly BootRecord[]): Table {
  const groups: [string, readonly BootRecord[]][] = [
    ['all boots', records],
    ['crashed', records.filter(crashed)],
    ['clean', records.filter((record) => !crashed(record))],
  ];
  const filled = groups.filter(([, group]) => group.length > 0).map(([name, group]) => [name, tally(group)] as const);
  const names = Object.keys(records[0]!.counters) as (keyof BootCounters)[];
  return {
    title: 'Means per boot',
    columns: ['counter', ...filled.map(([name, { boots }]) => `${name} (${boots})`)],
    rows: names
      .filter((name) => filled.some(([, { mean }]) => mean[name] !== 0))
      .map((name) => [counterName(name), ...filled.map(([, { mean }]) => short(mean[name]))]),
    note: 'Boots that crash are shorter. Counters that are 0 in all boots are left out.',
  };
}

function bootTable(records: readonly BootRecord[], setup: BootSetup, pages: ReadonlyMap<number, string>): Table {
  return {
    title: 'Every boot',
    columns: ['seed', 'outcome', 'depopulated', 'repopulated stale', 'stale stores', "others' pages", 'signature'],
    rows: records
      .slice(0, MAX_LISTED)
      .map(({ seed, outcome, signature, counters }) => [
        String(seed),
        outcome,
        String(counters.depopulatedPages),
        String(counters.repopulatedStale),
        String(counters.staleStores),
        String(counters.foreignPages),
        signature,
      ]),
    sources: records.slice(0, MAX_LISTED).map(({ seed }) => {
      const flags = bootFlags(setup, seed);
      const page = pages.get(seed);
      return {
        id: rowId(seed),
        title: `Seed ${seed}`,
        commands: [`boot ${flags}`, `explain ${flags} --html seed-${seed}.html`],
        ...(page === undefined ? {} : { page }),
      };
    }),
    filter: { column: 1, noun: 'boots' },
    ...(records.length > MAX_LISTED ? { note: `The first ${MAX_LISTED} of ${records.length}; --out has all.` } : {}),
  };
}
