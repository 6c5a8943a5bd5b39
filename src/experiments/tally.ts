// What many boots with the same options add up to.
import type { BootCounters } from '../kernel/boot.js';
import { type BootRecord, crashed } from './record.js';
import { type Interval, wilson } from './statistics.js';

/** Boots that crashed alike. */
export interface Kind {
  /** First word of the signature: the family of `decode`. */
  name: string;
  boots: number;
  firstSeed: number;
}

export interface Tally {
  boots: number;
  crashes: number;
  /** Crashes by boots, with its 95 % interval. */
  rate: number;
  interval: Interval;
  /** Most frequent first; equal ones by first seed. */
  kinds: Kind[];
  /** How the boots ended: clean, panic, oops, bug, stall. */
  outcomes: ReadonlyMap<string, number>;
  /** Mean over all boots. */
  mean: BootCounters;
}

/** @param records in any order; of none nothing is known: rate 0, interval 0..1 */
export function tally(records: readonly BootRecord[]): Tally {
  const sorted = [...records].sort((a, b) => a.seed - b.seed);
  const kinds = new Map<string, Kind>();
  const outcomes = new Map<string, number>();
  for (const record of sorted) {
    outcomes.set(record.outcome, (outcomes.get(record.outcome) ?? 0) + 1);
    if (!crashed(record)) continue;
    const name = record.signature.split(' ')[0] || record.outcome;
    const kind = kinds.get(name);
    if (kind) kind.boots++;
    else kinds.set(name, { name, boots: 1, firstSeed: record.seed });
  }
  const crashes = sorted.filter(crashed).length;
  return {
    boots: sorted.length,
    crashes,
    rate: sorted.length === 0 ? 0 : crashes / sorted.length,
    interval: wilson(crashes, sorted.length),
    kinds: [...kinds.values()].sort((a, b) => b.boots - a.boots || a.firstSeed - b.firstSeed),
    outcomes,
    mean: meanCounters(sorted),
  };
}

function meanCounters(records: readonly BootRecord[]): BootCounters {
  const names = Object.keys(records[0]?.counters ?? {}) as (keyof BootCounters)[];
  const mean = names.map((name) => {
    const sum = records.reduce((total, { counters }) => total + counters[name], 0);
    return [name, sum / records.length] as const;
  });
  return Object.fromEntries(mean) as unknown as BootCounters;
}

/** The same as plain data, for JSON: the interval is `low` to `high`. */
export function tallyRecord({ interval: { low, high }, outcomes, boots, crashes, rate, kinds, mean }: Tally): {
  boots: number;
  crashes: number;
  rate: number;
  low: number;
  high: number;
  outcomes: Record<string, number>;
  kinds: Kind[];
  mean: BootCounters;
} {
  return { boots, crashes, rate, low, high, outcomes: Object.fromEntries(outcomes), kinds, mean };
}

/** "30 of 40, 75 % (60..86)". */
export function rateText({ crashes, boots, rate, interval }: Tally): string {
  return `${crashes} of ${boots}, ${percent(rate)} (${intervalText(interval)})`;
}

export function intervalText({ low, high }: Interval): string {
  return `${Math.round(100 * low)}..${Math.round(100 * high)}`;
}

export function percent(rate: number): string {
  return `${Math.round(100 * rate)} %`;
}
