// The time axis that the plots of the time line share: zoom, the line at the moment shown, colours.
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { EventTable } from '../event-table.js';
import type { CurrentEvent } from './moment.js';
import { color } from './theme.js';

/** Of the axis below each plot; pixels. */
export const AXIS_HEIGHT = 32;
const FONT = '11px system-ui, sans-serif';
/** Half the width of the stretch around the moment, seconds. */
const NEAR = 0.01;

export interface TimePlot {
  parent: HTMLElement;
  /** Without the axis, pixels. */
  height: number;
  y: uPlot.Scale;
  yAxis: uPlot.Axis;
  /** x in seconds. */
  data: uPlot.AlignedData;
  series: uPlot.Series[];
  draw?: (plot: uPlot) => void;
  /** A click at a time (seconds) and a height (in units of y); without it the moment goes to that time. */
  click?: (x: number, y: number, plot: uPlot) => void;
  /** What is there, for the mouse. */
  hover?: (x: number, y: number, plot: uPlot) => string;
}

export class TimeAxis {
  /** Of the boot, seconds. */
  readonly end: number;
  readonly #events: EventTable;
  readonly #moment: CurrentEvent;
  readonly #plots: { plot: uPlot; head: HTMLElement }[] = [];
  #range: { min: number; max: number };
  #following = false;

  constructor(events: EventTable, moment: CurrentEvent) {
    this.#events = events;
    this.#moment = moment;
    this.end = Math.max(this.time(moment.last), 0.001);
    this.#range = { min: 0, max: this.end };
    moment.follow((seq) => {
      this.#panTo(this.time(seq));
      this.#moveHeads();
    });
    for (const button of document.querySelectorAll<HTMLElement>('[data-zoom]'))
      button.addEventListener('click', () => this.#zoomTo(button.dataset.zoom!));
  }

  /** Of an event, seconds. */
  time(seq: number): number {
    return this.#events.times[seq]! / 1e6;
  }

  /** The last event at or before `time`, seconds. */
  seqAt(time: number): number {
    return this.#events.seqAt(time * 1e6);
  }

  /** Data of a plot that draws itself. */
  get nothing(): uPlot.AlignedData {
    return [
      [0, this.end],
      [0, 0],
    ];
  }

  /** Draws again, in the colours as they are now. */
  redraw(): void {
    for (const { plot } of this.#plots) plot.redraw(false, true);
  }

  add({ parent, height, y, yAxis, data, series, draw, click, hover }: TimePlot): void {
    const narrow = parent.clientWidth < 500;
    const axis: uPlot.Axis = {
      stroke: () => color('dim'),
      grid: { stroke: () => color('grid'), width: 1 },
      ticks: { show: false },
      font: FONT,
    };
    const plot = new uPlot(
      {
        width: parent.clientWidth,
        height: height + AXIS_HEIGHT,
        padding: [4, 14, 0, 0],
        legend: { show: false },
        cursor: {
          sync: { key: 'time', setSeries: false },
          points: { show: false },
          y: false,
          drag: { x: true, y: false },
        },
        scales: { x: { time: false, range: (_plot, min, max) => [min, max] }, y },
        series: [{}, ...series],
        axes: [
          { ...axis, size: AXIS_HEIGHT - 4, space: narrow ? 80 : 60, values: timeLabels },
          { ...axis, size: narrow ? 80 : 100, ...yAxis },
        ],
        hooks: {
          draw: draw ? [(u) => clipped(u, draw)] : [],
          setScale: [(u, key) => (key === 'x' ? this.#scaled(u) : undefined)],
        },
      },
      data,
      parent,
    );
    const head = document.createElement('div');
    head.className = 'playhead';
    plot.over.append(head);
    this.#plots.push({ plot, head });
    const place = (event: MouseEvent): [x: number, y: number] => {
      const box = plot.over.getBoundingClientRect();
      return [plot.posToVal(event.clientX - box.left, 'x'), plot.posToVal(event.clientY - box.top, 'y')];
    };
    plot.over.addEventListener('click', (event) => {
      const [x, at] = place(event);
      if (click) click(x, at, plot);
      else this.#moment.go(this.seqAt(x));
    });
    if (hover)
      plot.over.addEventListener('mousemove', (event) => {
        const title = hover(...place(event), plot);
        if (plot.over.title !== title) plot.over.title = title;
      });
    new ResizeObserver(() => {
      if (parent.clientWidth > 0 && parent.clientWidth !== plot.width)
        plot.setSize({ width: parent.clientWidth, height: height + AXIS_HEIGHT });
    }).observe(parent);
  }

  #zoomTo(what: string): void {
    const now = this.time(this.#moment.seq);
    if (what === 'near') this.#show(now - NEAR, now + NEAR);
    else if (what === 'scan') this.#show(this.#scanStart(), this.end);
    else this.#show(0, this.end);
  }

  #scanStart(): number {
    for (let seq = 0; seq < this.#events.length; seq++) if (this.#events.typeOf(seq) === 'scan') return this.time(seq);
    return 0;
  }

  #show(min: number, max: number): void {
    const width = Math.min(max - min, this.end);
    const start = Math.min(Math.max(min, 0), this.end - width);
    this.#plots[0]?.plot.setScale('x', { min: start, max: start + width });
  }

  /** Keeps the moment in sight of a zoomed plot. */
  #panTo(time: number): void {
    const { min, max } = this.#range;
    if (time < min || time > max) this.#show(time - (max - min) / 2, time + (max - min) / 2);
  }

  /** One plot was zoomed: the others follow. */
  #scaled(source: uPlot): void {
    if (this.#following) return;
    this.#following = true;
    this.#range = source.scales.x as { min: number; max: number };
    const { min, max } = this.#range;
    for (const { plot } of this.#plots) if (plot !== source) plot.setScale('x', { min, max });
    this.#following = false;
    this.#moveHeads();
  }

  #moveHeads(): void {
    const time = this.time(this.#moment.seq);
    for (const { plot, head } of this.#plots) {
      const x = plot.valToPos(time, 'x');
      head.style.transform = `translateX(${x}px)`;
      head.hidden = x < 0 || x > plot.over.clientWidth;
    }
  }
}

/** Seconds, with as many digits as the step between labels has. */
const timeLabels: uPlot.Axis.DynamicValues = (_plot, splits, _axis, _space, step) => {
  const digits = step.toFixed(7).replace(/0+$/, '').split('.')[1]!.length;
  return splits.map((value) => `${value.toFixed(digits)} s`);
};

/** Nothing outside the plot's area. */
function clipped(plot: uPlot, draw: (plot: uPlot) => void): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  draw(plot);
  ctx.restore();
}
