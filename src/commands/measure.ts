// The same seeds with several setups, as compare and fixes boot them: results as they come, a record file, Ctrl-C.
import { RecordFile } from '../experiments/record-file.js';
import type { BootRecord } from '../experiments/record.js';
import { seedsOf } from '../experiments/seeds.js';
import type { BootSetup } from '../experiments/setup.js';
import { sweepEach } from '../experiments/sweep.js';
import { rateText, tally } from '../experiments/tally.js';
import { packageVersion } from '../experiments/version.js';
import { leftOf, type PoolFlags, type RecordFlags, stoppedText, withPool } from './pool-options.js';

export interface Measured {
  /** Of each setup, in order of seeds; some may be missing when Ctrl-C ended it. */
  records: BootRecord[][];
  /** What is to be said when some are missing. */
  stopped: string | undefined;
}

/** Boots of each setup for a first look (--quick). */
export const QUICK_SEEDS = 5;

/** @param names of the setups, for results as they come @param seeds 1 to this are booted with each */
export async function measureEach(
  flags: PoolFlags & RecordFlags,
  setups: readonly BootSetup[],
  names: readonly string[],
  seeds: number,
): Promise<Measured> {
  const all = seedsOf({ first: 1, last: seeds });
  const { out, resume = false } = flags;
  const file = out === undefined ? undefined : RecordFile.open(out, resume, packageVersion(), setups);
  try {
    const records = await withPool(
      flags,
      leftOf(file, setups, all),
      ({ pool, done, say }) =>
        sweepEach(pool, setups, all, done, (i, ended) => say(`${names[i]!}: ${rateText(tally(ended))}`)),
      file,
    );
    const done = records!.reduce((sum, { length }) => sum + length, 0);
    const wanted = setups.length * seeds;
    return { records: records!, stopped: done < wanted ? stoppedText(done, wanted, flags) : undefined };
  } finally {
    file?.finish();
  }
}
