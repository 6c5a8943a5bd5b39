// Every physical page that the log names, coloured by what it is used for at the moment shown, and the story of the one chosen.
import { hex, pfn } from '../../../analysis/addresses.js';
import type { EventTable } from '../event-table.js';
import { FRAME, OWNER_SHIFT } from '../frame-owners.js';
import type { ReportData } from '../report-data.js';
import { Track } from '../track.js';
import { outline, prepare } from './canvas.js';
import { type HistoryEntry, HistoryList } from './history-list.js';
import type { CurrentEvent } from './moment.js';
import type { Selection } from './selection.js';
import type { Subject } from '../subject.js';
import { color } from './theme.js';
import { groupColor, legendItem } from './usage-plot.js';

/** Pixels. */
const SIZE = 14;
const GAP = 3;
/** Frame number in front of each row. */
const LABEL = 46;
/** Frames in a row are a multiple of this where there is room. */
const STEP = 8;

export class FrameMap {
  readonly #data: ReportData;
  readonly #track: Track;
  readonly #canvas = document.querySelector<HTMLCanvasElement>('#frames')!;
  readonly #readout = document.querySelector<HTMLElement>('#frame')!;
  readonly #history: HistoryList;
  readonly #moment: CurrentEvent;
  /** Of each group, then free, reachable and hit frames. */
  readonly #counts: HTMLElement[];
  readonly #selection: Selection;
  /** Position of the page that is looked at; -1: the log never names it. */
  #selected = 0;
  #subject: number | undefined;

  constructor(
    data: ReportData,
    events: EventTable,
    moment: CurrentEvent,
    selection: Selection,
    subject: (seq: number) => Subject,
  ) {
    this.#data = data;
    this.#selection = selection;
    this.#moment = moment;
    const { track, groups, frames } = data.owners;
    this.#track = new Track(track);
    this.#history = new HistoryList(document.querySelector<HTMLElement>('#frame-history')!, events);
    const entries: [className: string, text: string][] = [
      ...groups.map((name, group): [string, string] => [`group-${group}`, name]),
      ['free', data.owners.nobody],
      ['reachable', 'a stale TLB entry leads here'],
      ['hit', 'a stale store went here'],
    ];
    this.#counts = entries.map(() => document.createElement('b'));
    document
      .querySelector('#frame-legend')!
      .append(...entries.map(([className, text], i) => legendItem(className, `${text} `, this.#counts[i]!)));
    this.#canvas.addEventListener('click', (event) => {
      const box = this.#canvas.getBoundingClientRect();
      const column = Math.floor((event.clientX - box.left - LABEL) / SIZE);
      const slot = Math.floor((event.clientY - box.top) / SIZE) * this.#columns() + column;
      if (column >= 0 && column < this.#columns() && slot < frames.length) this.#select(slot);
    });
    this.#canvas.addEventListener('keydown', (event) => {
      const columns = this.#columns();
      const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
      if (step === undefined || event.shiftKey) return;
      event.preventDefault();
      event.stopPropagation();
      this.#select(Math.min(Math.max(this.#selected + step, 0), frames.length - 1));
    });
    new ResizeObserver(() => this.redraw()).observe(this.#canvas.parentElement!);
    moment.follow((seq) => {
      this.#track.seek(seq);
      this.#subject = subject(seq).frame;
      this.redraw();
    });
    selection.follow(() => {
      this.#selected = frames.indexOf(selection.frame);
      this.#history.show(this.#storyOf(this.#selected));
      this.redraw();
    });
  }

  #select(slot: number): void {
    this.#selection.choose({ frame: this.#data.owners.frames[slot]! });
  }

  /** Its owners, and what stale entries did to it. */
  #storyOf(slot: number): HistoryEntry[] {
    return this.#track.changesOf(slot).map(({ seq, value }) => ({ seq, text: this.#textOf(value) }));
  }

  #textOf(value: number): string {
    const owner = this.#data.owners.owners[(value >> OWNER_SHIFT) - 1] ?? this.#data.owners.nobody;
    return (
      owner +
      (value & FRAME.REACHABLE ? ', a stale TLB entry leads here' : '') +
      (value & FRAME.HIT ? ', hit by a stale store' : '')
    );
  }

  #columns(): number {
    const room = Math.floor((this.#canvas.parentElement!.clientWidth - 28 - LABEL) / SIZE);
    return Math.max(room - (room % STEP), STEP);
  }

  redraw(): void {
    const { frames, groups, groupOf } = this.#data.owners;
    const columns = this.#columns();
    const context = prepare(this.#canvas, LABEL + columns * SIZE, Math.ceil(frames.length / columns) * SIZE);
    const colors = [...groups.map((_, group) => groupColor(group)), color('free')];
    const counts = new Array<number>(this.#counts.length).fill(0);
    const box = SIZE - GAP;
    const place = (slot: number): [x: number, y: number] => [
      LABEL + (slot % columns) * SIZE,
      Math.floor(slot / columns) * SIZE,
    ];
    context.font = '11px ui-monospace, DejaVu Sans Mono, monospace';
    context.textBaseline = 'top';
    this.#track.values.forEach((value, slot) => {
      const [x, y] = place(slot);
      if (slot % columns === 0) {
        context.fillStyle = color('dim');
        context.fillText(pfn(frames[slot]!), 0, y + 1);
      }
      const owner = (value >> OWNER_SHIFT) - 1;
      const group = owner < 0 ? groups.length : groupOf[owner]!;
      counts[group]!++;
      context.fillStyle = colors[group]!;
      context.fillRect(x, y, box, box);
      if (value & FRAME.REACHABLE) {
        counts[groups.length + 1]!++;
        drawReachable(context, x, y, box);
      }
      if (value & FRAME.HIT) {
        counts[groups.length + 2]!++;
        drawHit(context, x, y, box);
      }
    });
    if (this.#subject !== undefined) {
      const slot = frames.indexOf(this.#subject);
      if (slot >= 0) this.#frameSlot(context, color('accent'), place(slot));
    }
    if (this.#selected >= 0) this.#frameSlot(context, color('text'), place(this.#selected));
    this.#counts.forEach((count, i) => (count.textContent = String(counts[i])));
    this.#describe();
  }

  #frameSlot(context: CanvasRenderingContext2D, style: string, [x, y]: [number, number]): void {
    outline(context, style, x - 2, y - 2, SIZE - GAP + 4, SIZE - GAP + 4);
  }

  #describe(): void {
    const frame = this.#data.owners.frames[this.#selected];
    if (frame === undefined) return;
    const text = `pfn ${pfn(frame)}, kseg0 ${hex(0x8000_0000 + frame * this.#data.pageSize)}: ${this.#textOf(this.#track.values[this.#selected]!)}`;
    this.#readout.textContent = text;
    this.#canvas.setAttribute('aria-label', `Physical pages. ${text}`);
    this.#history.mark(this.#moment.seq);
  }
}

function drawReachable(context: CanvasRenderingContext2D, x: number, y: number, size: number): void {
  context.strokeStyle = color('panel');
  context.lineWidth = 5;
  context.strokeRect(x + 1, y + 1, size - 2, size - 2);
  context.strokeStyle = color('state-5');
  context.lineWidth = 2.5;
  context.strokeRect(x + 1, y + 1, size - 2, size - 2);
}

function drawHit(context: CanvasRenderingContext2D, x: number, y: number, size: number): void {
  for (const [style, width] of [
    [color('panel'), 5],
    [color('state-6'), 2.5],
  ] as const) {
    context.strokeStyle = style;
    context.lineWidth = width;
    context.beginPath();
    context.moveTo(x + 1, y + 1);
    context.lineTo(x + size - 1, y + size - 1);
    context.moveTo(x + size - 1, y + 1);
    context.lineTo(x + 1, y + size - 1);
    context.stroke();
  }
}
