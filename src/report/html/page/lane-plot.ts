// What ran when, a lane each: phases of the boot, scans, RCU, balance work, depopulation, flushes, stale accesses, crashes.
import uPlot from 'uplot';
import { seconds } from '../../../analysis/addresses.js';
import { describe } from '../describe.js';
import type { EventTable } from '../event-table.js';
import type { Mark } from '../phases.js';
import type { ReportData } from '../report-data.js';
import { color } from './theme.js';
import type { TimeAxis } from './time-axis.js';

/** Pixels. */
const LANE = 22;
/** How far from a mark a click still means it. */
const REACH = 4;

/** @param visit goes to an event */
export function lanePlot(
  axis: TimeAxis,
  { lanes }: ReportData,
  events: EventTable,
  visit: (seq: number) => void,
): void {
  const markAt = (x: number, y: number, plot: uPlot): Mark | undefined => {
    const reach = plot.posToVal(REACH, 'x') - plot.posToVal(0, 'x');
    const near = ([from, to]: Mark): boolean => axis.time(from) - reach <= x && x <= axis.time(to) + reach;
    return lanes[Math.floor(y)]?.marks.findLast(near);
  };
  axis.add({
    parent: document.querySelector<HTMLElement>('#lanes')!,
    height: lanes.length * LANE,
    y: { range: [0, lanes.length], dir: -1 },
    yAxis: {
      splits: () => lanes.map((_, row) => row + 0.5),
      values: () => lanes.map(({ name }) => name),
      grid: { show: false },
    },
    data: axis.nothing,
    series: [{ show: false }],
    draw: (plot) => drawLanes(plot, axis, lanes),
    click: (x, y, plot) => {
      const mark = markAt(x, y, plot);
      // a long mark means the time clicked on, an instant itself
      visit(mark && mark[0] === mark[1] ? mark[0] : axis.seqAt(x));
    },
    hover: (x, y, plot) => {
      const mark = markAt(x, y, plot);
      return mark ? `${seconds(events.times[mark[0]]!)} ${describe(events.at(mark[0]))}` : '';
    },
  });
}

function drawLanes(plot: uPlot, axis: TimeAxis, lanes: ReportData['lanes']): void {
  const { ctx, bbox } = plot;
  const ratio = uPlot.pxRatio;
  ctx.font = `${11 * ratio}px system-ui, sans-serif`;
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'left';
  lanes.forEach(({ kind, marks, labels }, row) => {
    const top = plot.valToPos(row + 0.15, 'y', true);
    const height = plot.valToPos(row + 0.85, 'y', true) - top;
    marks.forEach(([from, to], i) => {
      const x0 = plot.valToPos(axis.time(from), 'x', true);
      const x1 = plot.valToPos(axis.time(to), 'x', true);
      ctx.fillStyle = color(`lane-${kind}`);
      // instants are centred, and stretches have a gap behind them where there is room
      if (from === to) ctx.fillRect(x0 - ratio, top, 2 * ratio, height);
      else ctx.fillRect(x0, top, Math.max(x1 - x0 - ratio, 2 * ratio), height);
      const label = labels?.[i];
      if (label === undefined) return;
      const start = Math.max(x0, bbox.left) + 6 * ratio;
      if (ctx.measureText(label).width > x1 - start - 4 * ratio) return;
      ctx.fillStyle = color('lane-text');
      ctx.fillText(label, start, top + height / 2);
    });
  });
}
