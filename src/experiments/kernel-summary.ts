// What a sweep over seeds of somebody's kernel adds up to.
import { printable, printableLine } from '../terminal-text.js';
import type { KernelRecord } from './kernel-job.js';
import { type Interval, wilson } from './statistics.js';
import { textTable } from './table.js';
import { intervalText, percent } from './tally.js';

/** Runs that have something in common. */
export interface RunKind {
  name: string;
  runs: number;
  firstSeed: number;
}

export interface KernelTally {
  runs: number;
  crashes: number;
  /** With the checker: runs in which it reported something; those of them that ended cleanly. */
  reported: number;
  healthyStale: number;
  outcomes: ReadonlyMap<string, number>;
  /** By the first word of the crash's signature, the most frequent first. */
  crashKinds: RunKind[];
  /** By kind and place of the first finding. */
  findings: RunKind[];
}

const CRASHES: readonly string[] = ['panic', 'oops', 'bug', 'stall'];

export function kernelCrashed({ outcome }: { outcome: string }): boolean {
  return CRASHES.includes(outcome);
}

function kinds(records: readonly KernelRecord[], nameOf: (record: KernelRecord) => string | undefined): RunKind[] {
  const found = new Map<string, RunKind>();
  for (const record of records) {
    const name = nameOf(record);
    if (name === undefined) continue;
    const kind = found.get(name);
    if (kind) kind.runs++;
    else found.set(name, { name, runs: 1, firstSeed: record.seed });
  }
  return [...found.values()].sort((a, b) => b.runs - a.runs || a.firstSeed - b.firstSeed);
}

/** The place, and who called it: what clears or copies memory says little by itself. */
function findingName({ check }: KernelRecord): string | undefined {
  const [first] = check?.places ?? [];
  if (!first) return undefined;
  const [, caller] = check!.trace;
  return `${first.kind} in ${first.place}${caller === undefined ? '' : ` below ${caller}`}`;
}

export function kernelTally(records: readonly KernelRecord[]): KernelTally {
  const sorted = [...records].sort((a, b) => a.seed - b.seed);
  const outcomes = new Map<string, number>();
  for (const { outcome } of sorted) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  const reported = sorted.filter(({ check }) => (check?.findings ?? 0) > 0);
  return {
    runs: sorted.length,
    crashes: sorted.filter(kernelCrashed).length,
    reported: reported.length,
    healthyStale: reported.filter(({ outcome }) => outcome === 'clean').length,
    outcomes,
    crashKinds: kinds(sorted, (record) =>
      kernelCrashed(record) ? record.signature.split(' ')[0] || record.outcome : undefined,
    ),
    findings: kinds(sorted, findingName),
  };
}

/** As data, for JSON. @param wanted runs that were asked for */
export function kernelSweepRecord(
  file: string,
  records: readonly KernelRecord[],
  wanted: number,
  options: KernelRecord['options'],
): Record<string, unknown> {
  const { runs, crashes, reported, healthyStale, outcomes, crashKinds, findings } = kernelTally(records);
  const { low, high } = wilson(crashes, runs);
  return {
    kernel: file,
    options,
    wanted,
    runs,
    crashes,
    low,
    high,
    outcomes: Object.fromEntries(outcomes),
    kinds: crashKinds,
    ...(options.check ? { reported, healthyStale, findings } : {}),
  };
}

const share = (n: number, runs: number, { low, high }: Interval = wilson(n, runs)): string =>
  `${n} of ${runs}, ${percent(n / runs)} (${intervalText({ low, high })})`;

/** @param wanted runs that were asked for */
export function kernelSweepSummary(
  file: string,
  records: readonly KernelRecord[],
  wanted: number,
  options: KernelRecord['options'],
): string {
  if (records.length === 0) return 'no run finished\n';
  const { runs, crashes, reported, healthyStale, outcomes, crashKinds, findings } = kernelTally(records);
  const { cpu, memory, tlb, controllers, skipCalls } = options;
  const rows = [
    ['kernel', printable(file)],
    ['runs', `${runs}${runs < wanted ? ` of ${wanted}, the rest is not done (go on with --resume)` : ''}`],
    [
      'options',
      `${cpu}, ${memory} MB, TLB ${tlb}, ${controllers} controller${controllers === 1 ? '' : 's'}` +
        skipCalls.map(({ caller, callee }) => `; without ${caller} -> ${callee}`).join(''),
    ],
    ['crashed', `${share(crashes, runs)}, 95 % interval by Wilson`],
  ];
  if (options.check)
    rows.push(
      ['reported', `${share(reported, runs)} by the translation checker`],
      ['healthy', `${healthyStale} ended cleanly although something was reported`],
    );
  rows.push([
    'outcomes',
    [...outcomes]
      .sort()
      .map(([name, n]) => `${n} ${name}`)
      .join(', '),
  ]);
  const table = (title: string, of: number, list: readonly RunKind[]): string =>
    list.length === 0
      ? ''
      : `\n${textTable(
          [title, 'runs', 'share', 'first seed'],
          list.map(({ name, runs: n, firstSeed }) => [
            printableLine(name),
            String(n),
            percent(n / of),
            String(firstSeed),
          ]),
        )}`;
  return (
    rows.map(([key, value]) => `${key!.padEnd(9)} ${value}\n`).join('') +
    table('crash', crashes, crashKinds) +
    table('first finding', reported, findings)
  );
}
