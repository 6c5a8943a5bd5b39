// Does it help to flush the TLB for the first page of a range only? A sweep with a flush rule of one's own, beside the merged fix.
//   node examples/sweep-own-rule.mjs [SEEDS]
import { sweep, tally } from 'percpu-malta';

const count = Number(process.argv[2] ?? 4);
const seeds = Array.from({ length: count }, (_, i) => i + 1);
const kernel = '93274f1dd6b0';
const setups = [{ kernel }, { kernel, rules: { flushed: 1 } }, { kernel, rules: { reclaim: [1, 2], flush: 'never' } }];
const names = ['the merged fix', 'only the first page of each range', 'no flush, reclaim at half of the pages'];

const records = await sweep({ setups, seeds });
for (const [i, name] of names.entries()) {
  const { boots, crashes, mean } = tally(records[i]);
  console.log(`${name}: ${crashes} of ${boots} boots crashed, ${mean.staleStores.toFixed(1)} stale stores a boot`);
}
