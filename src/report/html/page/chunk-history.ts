// The pages of all chunks over time: a stripe per page, coloured by its state.
import uPlot from 'uplot';
import { PAGE } from '../chunk-pages.js';
import type { ReportData } from '../report-data.js';
import { Track } from '../track.js';
import { pageColors, STATE_TEXT, stateOf } from './page-colors.js';
import type { TimeAxis } from './time-axis.js';

/** Of a page's stripe, pixels: what fits into TARGET_HEIGHT, within these. */
const MIN_STRIPE = 1;
const MAX_STRIPE = 5;
const TARGET_HEIGHT = 380;

/** A stretch of time in which a page keeps its state. */
interface Run {
  cell: number;
  state: number;
  /** Events. */
  from: number;
  to: number;
}

/** @param pick called with a chunk (position in `chunks`), page and event that was clicked on */
export function chunkHistory(
  axis: TimeAxis,
  data: ReportData,
  pick: (row: number, page: number, seq: number) => void,
): void {
  const { chunks } = data;
  const runs = pageRuns(data);
  /** Place of each chunk's first stripe, one stripe free between chunks. */
  const tops = chunks.map(({ firstCell }, row) => firstCell + row);
  const rowOfCell = chunks.flatMap(({ pages }, row) => new Array<number>(pages).fill(row));
  const total = rowOfCell.length + chunks.length;
  const stripe = Math.min(Math.max(TARGET_HEIGHT / total, MIN_STRIPE), MAX_STRIPE);

  const placeAt = (y: number): { row: number; page: number } | undefined => {
    const row = tops.findLastIndex((top) => top <= y);
    const page = Math.floor(y) - (tops[row] ?? 0);
    return row >= 0 && page < chunks[row]!.pages ? { row, page } : undefined;
  };
  const runAt = (row: number, page: number, x: number): Run | undefined =>
    runs.findLast(
      ({ cell, from, to }) => cell === chunks[row]!.firstCell + page && axis.time(from) <= x && x <= axis.time(to),
    );

  axis.add({
    parent: document.querySelector<HTMLElement>('#history')!,
    height: Math.round(total * stripe),
    y: { range: [0, total], dir: -1 },
    yAxis: {
      splits: () => chunks.map(({ pages }, row) => tops[row]! + pages / 2),
      values: () => chunks.map(({ id }) => `chunk ${id}`),
      grid: { show: false },
    },
    data: axis.nothing,
    series: [{ show: false }],
    draw: (plot) => drawRuns(plot, axis, runs, rowOfCell),
    click: (x, y) => {
      const place = placeAt(y);
      if (place) pick(place.row, place.page, axis.seqAt(x));
    },
    hover: (x, y) => {
      const place = placeAt(y);
      if (!place) return '';
      const run = runAt(place.row, place.page, x);
      return `chunk ${chunks[place.row]!.id} page ${place.page}: ${STATE_TEXT[run?.state ?? PAGE.ABSENT]!}`;
    },
  });
}

/** The pages' states without how full they are. */
function pageRuns({ cells, events }: ReportData): Run[] {
  const last: (Run | undefined)[] = [];
  const runs: Run[] = [];
  new Track(cells).forEachRun(events.type.length - 1, (cell, value, from, to) => {
    const state = stateOf(value);
    const before = last[cell];
    if (before && before.state === state && before.to === from) {
      before.to = to;
      return;
    }
    const run = { cell, state, from, to };
    last[cell] = run;
    runs.push(run);
  });
  return runs;
}

function drawRuns(plot: uPlot, axis: TimeAxis, runs: readonly Run[], rowOfCell: readonly number[]): void {
  const { ctx, bbox } = plot;
  const colors = pageColors();
  // stale stretches on top, and never too short to be seen
  for (const stalePass of [false, true]) {
    for (const { cell, state, from, to } of runs) {
      const stale = state >= PAGE.STALE_UNMAPPED;
      if (stale !== stalePass) continue;
      const x0 = plot.valToPos(axis.time(from), 'x', true);
      const x1 = plot.valToPos(axis.time(to), 'x', true);
      if (x1 < bbox.left || x0 > bbox.left + bbox.width) continue;
      const y0 = plot.valToPos(cell + rowOfCell[cell]!, 'y', true);
      const y1 = plot.valToPos(cell + rowOfCell[cell]! + 1, 'y', true);
      ctx.fillStyle = colors.state[state]!;
      ctx.fillRect(x0, y0, Math.max(x1 - x0, stale ? 2 * uPlot.pxRatio : 0.5), y1 - y0);
    }
  }
}
