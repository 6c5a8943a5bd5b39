// Three columns for every cell.
import fs from 'node:fs';
import { wilson } from '../../src/experiments/statistics.js';
import { short, textTable } from '../../src/experiments/table.js';
import { intervalText } from '../../src/experiments/tally.js';
import type { BootFacts } from './boot-facts.js';
import type { Cell } from './cells.js';
import { sameDistribution } from './chi-square.js';

export interface FidelityRecord {
  readonly side: 'board' | 'guest';
  readonly cell: string;
  /** With the flush. */
  readonly fixed: boolean;
  readonly seed: number;
  readonly facts: BootFacts;
}

const SIDES = ['QEMU', 'board', 'guest'] as const;
type Kinds = ReadonlyMap<string, number>;

interface Rates {
  readonly boots: number;
  readonly crashed: number;
  readonly kinds: Kinds;
}

type Events = Pick<BootFacts, 'chunks' | 'depopulated' | 'repopulated'> & { readonly delays?: readonly number[] };

function fixture(name: string): string[][] {
  const text = fs.readFileSync(`fixtures/fidelity/${name}.tsv`, 'utf8');
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.slice(1).map((line) => line.split('\t'));
}

function qemuRates(cell: string): Rates | undefined {
  const row = fixture('qemu-rates').find(([name]) => name === cell);
  if (!row) return undefined;
  const kinds = row[3]! === '' ? [] : row[3]!.split(',').map((item) => item.split('=') as [string, string]);
  return {
    boots: Number(row[1]),
    crashed: Number(row[2]),
    kinds: new Map(kinds.map(([kind, n]) => [kind, Number(n)])),
  };
}

/** Quartiles stand for the delays: what is printed is the median of all boots'. */
function qemuEvents(cell: string): Events[] {
  return fixture('qemu-events')
    .filter(([name]) => name === cell)
    .map(([, chunks, depopulated, repopulated, , median]) => ({
      chunks: Number(chunks),
      depopulated: Number(depopulated),
      repopulated: Number(repopulated),
      delays: median ? [Number(median)] : [],
    }));
}

function ratesOf(boots: readonly BootFacts[]): Rates {
  const kinds = new Map<string, number>();
  const crashes = boots.filter(({ kind }) => kind !== '');
  for (const { kind } of crashes) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  return { boots: boots.length, crashed: crashes.length, kinds };
}

const mean = (numbers: readonly number[]): number => numbers.reduce((sum, n) => sum + n, 0) / numbers.length;
const median = (numbers: readonly number[]): number | undefined =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

function rateCells({ boots, crashed }: Rates): string[] {
  if (boots === 0) return ['', '', ''];
  return [`${crashed}/${boots}`, String(Math.round((100 * crashed) / boots)), intervalText(wilson(crashed, boots))];
}

function kindsText({ kinds }: Rates): string {
  const all = [...kinds.values()].reduce((sum, n) => sum + n, 0);
  const sorted = [...kinds].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  return sorted.map(([kind, n]) => `${kind} ${Math.round((100 * n) / all)}`).join(', ');
}

function eventCells(events: readonly Events[]): string[] {
  if (events.length === 0) return ['', '', '', ''];
  const delay = median(events.flatMap(({ delays = [] }) => [...delays]));
  return [
    short(mean(events.map(({ chunks }) => chunks))),
    short(mean(events.map(({ depopulated }) => depopulated))),
    short(mean(events.map(({ repopulated }) => repopulated))),
    delay === undefined ? '' : delay.toFixed(1),
  ];
}

export function fidelityTables(cells: readonly Cell[], records: readonly FidelityRecord[]): string {
  const of = (side: string, cell: Cell, fixed: boolean): BootFacts[] =>
    records.filter((r) => r.side === side && r.cell === cell.name && r.fixed === fixed).map(({ facts }) => facts);
  const rates: string[][] = [];
  const events: string[][] = [];
  const kinds: string[][] = [];
  const verdicts: string[] = [];
  for (const cell of cells) {
    const qemu = qemuRates(cell.name);
    for (const side of SIDES) {
      const buggy = side === 'QEMU' ? [] : of(side, cell, false);
      const fixed = side === 'QEMU' ? qemuEvents(cell.name) : of(side, cell, true);
      const rate = side === 'QEMU' ? qemu : ratesOf(buggy);
      const refills = buggy.length === 0 ? '' : short(mean(of(side, cell, true).map((facts) => facts.refills)));
      if (rate && rate.boots > 0) {
        const stale = buggy.length === 0 ? '' : short(mean(buggy.map((facts) => facts.stale)));
        rates.push([cell.title, side, ...rateCells(rate), stale]);
        kinds.push([cell.title, side, kindsText(rate)]);
      }
      if (fixed.length > 0) events.push([cell.title, side, String(fixed.length), ...eventCells(fixed), refills]);
    }
    for (const side of ['board', 'guest'] as const) {
      const own = ratesOf(of(side, cell, false));
      if (!qemu || own.crashed === 0 || qemu.kinds.size === 0) continue;
      const { statistic, degrees, p } = sameDistribution(own.kinds, qemu.kinds);
      const numbers =
        degrees === 0
          ? 'too few for a test'
          : `chi-square ${statistic.toFixed(1)}, ${degrees} degrees, p ${p.toFixed(3)}`;
      verdicts.push(`${cell.title}: kinds of the ${side} against QEMU: ${numbers}`);
    }
  }
  return [
    'Kernels without the flush',
    textTable(['cell', 'side', 'crashed', '%', '95 %', 'stale entries'], rates),
    'Kinds, per cent of the crashes',
    textTable(['cell', 'side', 'kinds'], kinds),
    verdicts.join('\n'),
    '',
    'Kernels with the flush, means of a boot',
    textTable(['cell', 'side', 'boots', 'chunks', 'depop.', 'repop.', 'after ms', 'refills'], events),
  ].join('\n');
}
