// Many boots that differ in the seed only.
import { type BootRunner, unlessClosed } from './job.js';
import type { BootRecord } from './record.js';
import type { BootSetup } from './setup.js';

/** Boots every seed; `onRecord` gets each record as its boot finishes, in no order. Rejects with the first failure. */
export async function sweep(
  pool: BootRunner,
  setup: BootSetup,
  seeds: readonly number[],
  onRecord: (record: BootRecord) => void,
): Promise<void> {
  await Promise.all(seeds.map(async (seed) => onRecord(await pool.boot({ setup, seed })))).catch(unlessClosed);
}

/**
 * Boots the same seeds with each setup. @param onSetup told when all boots of the i-th are done
 * @returns the records of each setup in order of seeds: those that were finished when the pool was closed
 */
export async function sweepEach(
  pool: BootRunner,
  setups: readonly BootSetup[],
  seeds: readonly number[],
  onRecord: (record: BootRecord) => void,
  onSetup: (i: number, records: readonly BootRecord[]) => void = () => {},
): Promise<BootRecord[][]> {
  const results = setups.map((): BootRecord[] => []);
  await Promise.all(
    setups.map(async (setup, i) => {
      const records = results[i]!;
      await sweep(pool, setup, seeds, (record) => {
        records.push(record);
        onRecord(record);
      });
      records.sort((a, b) => a.seed - b.seed);
      if (records.length === seeds.length) onSetup(i, records);
    }),
  );
  return results;
}
