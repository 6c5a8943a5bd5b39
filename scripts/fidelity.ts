// How close our own guest is to real kernels: the same boots of a real kernel in QEMU (recorded, fixtures/fidelity), of a real kernel on our board,
// and of our own guest; crash rates, kinds, and what the per-CPU allocator does to its pages.
//   node scripts/run-ts.mjs scripts/fidelity.ts --records FILE [--cells 4k-3,...] [--guest-seeds 1..100] [--board-seeds 1..60] [--event-seeds 1..10]
//     [--disk IMAGE --kernel-4k FILE --kernel-4k-fixed FILE --kernel-16k FILE --kernel-16k-fixed FILE]
// Boots what FILE has no record of yet, then prints the tables: stopped by Ctrl-C, the same command goes on. Without kernels (`percpu-malta kernel build`,
// --without-flush) the board's column is left out. The board's controllers answer at once, as QEMU's (`run --command-latency 0`).
import fs from 'node:fs';
import { parseArgs } from 'node:util';
import { parseSeeds, seedsOf } from '../src/experiments/seeds.js';
import { bootBoard, bootGuest, type BootFacts } from './fidelity/boot-facts.js';
import { type Cell, CELLS } from './fidelity/cells.js';
import { fidelityTables, type FidelityRecord } from './fidelity/tables.js';

const { values } = parseArgs({
  options: {
    records: { type: 'string' },
    cells: { type: 'string', default: CELLS.map(({ name }) => name).join() },
    'guest-seeds': { type: 'string', default: '1..100' },
    'board-seeds': { type: 'string', default: '1..60' },
    'event-seeds': { type: 'string', default: '1..10' },
    disk: { type: 'string' },
    'kernel-4k': { type: 'string' },
    'kernel-4k-fixed': { type: 'string' },
    'kernel-16k': { type: 'string' },
    'kernel-16k-fixed': { type: 'string' },
  },
});
const file = values.records;
if (file === undefined) {
  console.error('fidelity: --records FILE, where the boots are kept');
  process.exit(2);
}
const names = values.cells.split(',');
const cells = CELLS.filter(({ name }) => names.includes(name));
const range = (key: 'guest-seeds' | 'board-seeds' | 'event-seeds'): number[] => seedsOf(parseSeeds(values[key]));

const records = (fs.existsSync(file) ? fs.readFileSync(file, 'utf8').split('\n').slice(0, -1) : []).map(
  (line) => JSON.parse(line) as FidelityRecord,
);
const keyOf = ({ side, cell, fixed, seed }: Omit<FidelityRecord, 'facts'>): string =>
  `${side} ${cell} ${fixed} ${seed}`;
const known = new Set(records.map(keyOf));

function boot(
  side: FidelityRecord['side'],
  cell: Cell,
  fixed: boolean,
  seeds: readonly number[],
  once: (seed: number) => BootFacts,
): void {
  for (const seed of seeds) {
    const what = { side, cell: cell.name, fixed, seed };
    if (known.has(keyOf(what))) continue;
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${keyOf(what)}`);
    const record = { ...what, facts: once(seed) };
    records.push(record);
    fs.appendFileSync(file!, `${JSON.stringify(record)}\n`);
  }
}

for (const cell of cells)
  for (const fixed of [false, true]) {
    boot('guest', cell, fixed, fixed ? range('event-seeds') : range('guest-seeds'), (seed) =>
      bootGuest(cell, fixed, seed),
    );
    const kernel = values[`kernel-${cell.pageSize}${fixed ? '-fixed' : ''}`];
    const { disk } = values;
    if (kernel === undefined || disk === undefined || cell.units > 1) continue;
    boot('board', cell, fixed, fixed ? range('event-seeds') : range('board-seeds'), (seed) =>
      bootBoard(cell, { kernel, disk }, seed),
    );
  }
if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
console.log(fidelityTables(cells, records));
