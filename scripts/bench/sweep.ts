// How quick boots are, alone and many at a time, as ratios where two things are compared; those are done in turns.
//   node scripts/run-ts.mjs scripts/bench/sweep.ts [--boots N] [--memory-boots N] [--qemu-kernel VMLINUX --qemu-disk IMAGE]
// CPU seconds count all threads, the compiler's and the collector's too. The memory is that of a worker that boots again and again (Linux).
// With a kernel (gzipped or not) and a root disk, and qemu-system-mips there, QEMU's boot of them is timed in turn with ours: another
// kernel, larger than our guest, so that this ratio says what a boot of an experiment costs here and there, not how fast the CPUs are.
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { loadEngine, packageRoot } from '../../emu/unicorn/choose.js';
import { BootPool } from '../../src/experiments/pool.js';
import { bootRecord } from '../../src/experiments/record.js';
import { DEFAULT_SETUP, setupBootOptions } from '../../src/experiments/setup.js';
import { bootOnce } from '../../src/kernel/boot.js';
import { command, hasQemu, median, qemuArguments, unpacked, wall, withFolder } from './turns.js';

const { values } = parseArgs({
  options: {
    boots: { type: 'string', default: '12' },
    'memory-boots': { type: 'string', default: '40' },
    'qemu-kernel': { type: 'string' },
    'qemu-disk': { type: 'string' },
  },
});
const boots = Number(values.boots);
const memoryBoots = Number(values['memory-boots']);
const TURNS = 3;

const put = (text: string): void => console.log(text);

const engine = await loadEngine();
let next = 1;

/** CPU seconds of one more boot in this process. */
function bootHere(): number {
  const before = process.cpuUsage();
  const seed = next++;
  bootRecord('bench', { setup: DEFAULT_SETUP, seed }, bootOnce(setupBootOptions(DEFAULT_SETUP, seed, engine, true)));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

const first = bootHere();
const each = Array.from({ length: boots }, bootHere);
put(
  `a boot in a running process: ${median(each).toFixed(2)} CPU s (median of ${each.length}), the first ${first.toFixed(2)}`,
);

/** Resident bytes of this process's children. */
function residentChildren(): number {
  const children = fs.readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ').filter(Boolean);
  const pages = children.map((pid) => Number(fs.readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]));
  return pages.reduce((sum, count) => sum + count, 0) * 4096;
}

/** What a worker of a sweep takes after each of its boots. */
async function workerMemory(): Promise<number[]> {
  const pool = new BootPool({ jobs: 1 });
  const resident: number[] = [];
  for (let seed = 1; seed <= memoryBoots; seed++) {
    await pool.boot({ setup: DEFAULT_SETUP, seed });
    resident.push(residentChildren());
  }
  await pool.close();
  return resident;
}

const resident = await workerMemory();
const half = resident.length >> 1;
put(
  `memory: after ${memoryBoots} boots ${(Math.max(...resident.slice(half)) / Math.max(...resident.slice(half >> 1, half))).toFixed(2)} ` +
    `times that of the second quarter (${Math.round(Math.max(...resident) / 1e6)} MB)`,
);

const cli = path.join(packageRoot(), 'scripts', 'percpu-malta.mjs');
const ourBoot = (): number => command(process.execPath, [cli, 'boot', '--seed', '1', '--quiet']);
ourBoot();
put(
  `percpu-malta boot from its start: ${median(Array.from({ length: TURNS }, ourBoot)).toFixed(2)} s (median of ${TURNS})`,
);

/** Boots a second. Workers are started before the clock is. */
async function rate(jobs: number): Promise<number> {
  const pool = new BootPool({ jobs });
  const boot = (seed: number): Promise<unknown> => pool.boot({ setup: DEFAULT_SETUP, seed });
  try {
    await Promise.all(Array.from({ length: jobs }, (_, i) => boot(i + 1)));
    const started = wall();
    await Promise.all(Array.from({ length: boots }, (_, i) => boot(i + 1)));
    return boots / (wall() - started);
  } finally {
    pool.close();
  }
}

const rates: { one: number; two: number }[] = [];
for (let turn = 0; turn < TURNS; turn++) rates.push({ one: await rate(1), two: await rate(2) });
put(
  `sweep of ${boots}: ${median(rates.map(({ one }) => one)).toFixed(1)} boots/s with one job, ` +
    `${median(rates.map(({ two }) => two)).toFixed(1)} with two; ` +
    `two are ${median(rates.map(({ one, two }) => two / one)).toFixed(2)} times as fast (medians of ${TURNS} turns)`,
);

function qemu(): void {
  const { 'qemu-kernel': kernel, 'qemu-disk': disk } = values;
  if (kernel === undefined || disk === undefined) return put('QEMU: no --qemu-kernel and --qemu-disk given');
  if (!hasQemu()) return put('QEMU: no qemu-system-mips here');
  withFolder((folder) => {
    const append = 'root=/dev/sda rw rootwait console=ttyS0 panic=-1';
    const args = qemuArguments(unpacked(kernel, folder), [unpacked(disk, folder)], append);
    const turns = Array.from({ length: TURNS }, () => ({ qemu: command('qemu-system-mips', args), ours: ourBoot() }));
    put(
      `QEMU boots ${path.basename(kernel)} in ${median(turns.map((turn) => turn.qemu)).toFixed(2)} s; ` +
        `ours takes ${median(turns.map((turn) => turn.ours / turn.qemu)).toFixed(2)} times that (medians of ${TURNS} turns)`,
    );
  });
}
qemu();
