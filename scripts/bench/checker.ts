// What the stale-translation checker costs: the same boots with and without it, in turns.
//   node scripts/run-ts.mjs scripts/bench/checker.ts [SEEDS]
import { loadEngine } from '../../emu/unicorn/choose.js';
import { StaleChecker } from '../../src/analysis/checker.js';
import { DEFAULT_SETUP, setupBootOptions } from '../../src/experiments/setup.js';
import { bootOnce } from '../../src/kernel/boot.js';
import type { KernelName } from '../../src/kernel/kernels.js';

const seeds = Number(process.argv[2] ?? 10);
const engine = await loadEngine();

/** Milliseconds of CPU time of one boot: other work on the machine disturbs that less than the clock on the wall. */
function time(kernel: KernelName, seed: number, checked: boolean): number {
  const options = setupBootOptions({ ...DEFAULT_SETUP, kernel }, seed, engine, true);
  const before = process.cpuUsage();
  bootOnce({ ...options, ...(checked ? { check: true, attach: (parts) => void new StaleChecker(parts) } : {}) });
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

for (const kernel of ['f183324133ea', '93274f1dd6b0'] as const) {
  time(kernel, 1, false);
  time(kernel, 1, true);
  const ratios: number[] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    const plain = time(kernel, seed, false);
    ratios.push(time(kernel, seed, true) / plain);
  }
  ratios.sort((a, b) => a - b);
  const [median, worst] = [ratios[Math.floor(seeds / 2)]!, ratios.at(-1)!];
  console.log(
    `${kernel}: with the checker ${median.toFixed(2)} times the boot (median of ${seeds}), at most ${worst.toFixed(2)}`,
  );
}
