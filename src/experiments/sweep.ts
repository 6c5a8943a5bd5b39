// Many boots that differ in the seed only.
import { type BootPool, PoolClosed } from './pool.js';
import type { BootRecord } from './record.js';
import type { BootSetup } from './setup.js';

/** Boots every seed; `onRecord` gets each record as its boot finishes, in no order. Rejects with the first failure. */
export async function sweep(
  pool: BootPool,
  setup: BootSetup,
  seeds: readonly number[],
  onRecord: (record: BootRecord) => void,
): Promise<void> {
  try {
    await Promise.all(seeds.map(async (seed) => onRecord(await pool.boot({ setup, seed }))));
  } catch (error) {
    if (!(error instanceof PoolClosed)) throw error;
  }
}

/** Boots the same seeds with each setup. @returns the records of each setup in order of seeds */
export function sweepEach(
  pool: BootPool,
  setups: readonly BootSetup[],
  seeds: readonly number[],
  onRecord: (record: BootRecord) => void,
): Promise<BootRecord[][]> {
  return Promise.all(
    setups.map((setup) =>
      Promise.all(
        seeds.map(async (seed) => {
          const record = await pool.boot({ setup, seed });
          onRecord(record);
          return record;
        }),
      ),
    ),
  );
}
