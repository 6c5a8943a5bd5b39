// Physical pages in use over time, stacked by group of owners.
import uPlot from 'uplot';
import type { ReportData } from '../report-data.js';
import { color } from './theme.js';
import type { TimeAxis } from './time-axis.js';

/** Pixels. */
const HEIGHT = 150;

/** Colour of a group of owners. */
export const groupColor = (group: number): string => color(`group-${group}`);

/** An entry of a legend. @param className of the swatch */
export function legendItem(className: string, ...text: (string | Node)[]): HTMLLIElement {
  const item = document.createElement('li');
  const swatch = document.createElement('i');
  swatch.className = `swatch ${className}`;
  item.append(swatch, ...text);
  return item;
}

export function usagePlot(axis: TimeAxis, { owners: { groups, usage } }: ReportData): void {
  document.querySelector('#usage-legend')!.append(...groups.map((name, group) => legendItem(`group-${group}`, name)));
  // Each series is the sum up to its group; the highest is drawn first, the others over it.
  let below = new Array<number>(usage.seq.length + 2).fill(0);
  const sums = usage.pages.map((pages) => {
    const own = [0, ...pages, pages.at(-1) ?? 0];
    below = below.map((sum, i) => sum + own[i]!);
    return below;
  });
  const order = groups.map((_, group) => group).reverse();
  axis.add({
    parent: document.querySelector<HTMLElement>('#usage')!,
    height: HEIGHT,
    y: { range: (_plot, _min, max) => [0, Math.max(max, 1) * 1.05] },
    yAxis: { values: (_plot, splits) => splits.map(String), space: 30 },
    data: [[0, ...usage.seq.map((seq) => axis.time(seq)), axis.end], ...order.map((group) => sums[group]!)],
    series: order.map((group) => ({
      label: groups[group]!,
      fill: () => groupColor(group),
      width: 0,
      paths: uPlot.paths.stepped!({ align: 1 }),
      points: { show: false },
    })),
  });
}
