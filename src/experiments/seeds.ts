// Which seeds a sweep boots: a range, or every n-th of it.
import { UsageError } from '../errors.js';
import type { Shard } from './shard.js';

export interface SeedRange {
  first: number;
  last: number;
}

const MAX_SEED = 0xffff_ffff;
/** A sweep keeps a record of every boot in memory. */
const MAX_SEEDS = 1_000_000;

/** `A..B`, both included, or one seed. @throws UsageError */
export function parseSeeds(text: string): SeedRange {
  const match = /^(\d+)(?:\.\.(\d+))?$/.exec(text);
  if (!match) throw new UsageError(`--seeds ${text}: need A..B with whole numbers, as 1..200`);
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  if (first > last) throw new UsageError(`--seeds ${text}: the first seed is behind the last; write ${last}..${first}`);
  if (last > MAX_SEED) throw new UsageError(`--seeds ${text}: seeds go up to ${MAX_SEED}`);
  if (last - first >= MAX_SEEDS) throw new UsageError(`--seeds ${text}: at most ${MAX_SEEDS} seeds in one sweep`);
  return { first, last };
}

/** Ascending. Every shard gets seeds from the whole range, so that shards take equally long. */
export function seedsOf({ first, last }: SeedRange, { index, count }: Shard = { index: 1, count: 1 }): number[] {
  const seeds: number[] = [];
  for (let seed = first + index - 1; seed <= last; seed += count) seeds.push(seed);
  return seeds;
}
