// A row of page cells per chunk, as they are at the moment shown, and the story of the page chosen.
import { hex, pfn } from '../../../analysis/addresses.js';
import { CHUNK } from '../chunk-pages.js';
import type { EventTable } from '../event-table.js';
import type { ReportData } from '../report-data.js';
import { Track } from '../track.js';
import { outline, prepare } from './canvas.js';
import { type HistoryEntry, HistoryList } from './history-list.js';
import type { CurrentEvent } from './moment.js';
import { drawCell, fillOf, pageColors, STATE_TEXT, stateOf } from './page-colors.js';
import type { Selection } from './selection.js';
import { addressOf, type Place, type Subject } from '../subject.js';
import { color } from './theme.js';

const STATUS_TEXT: readonly string[] = ['', '', 'isolated', 'sidelined', 'destroyed'];
/** Chunks with more pages wrap. */
const MAX_COLUMNS = 64;
/** Pixels. */
const MAX_CELL = { width: 30, height: 22 };
const MIN_CELL = { width: 4, height: 10 };
/** What stands left and right of the cells where the box is wider than NARROW: see .chunk in boot.css. */
const BESIDE = 200;
const NARROW = 400;

export class ChunkMap {
  readonly #data: ReportData;
  readonly #cells: Track;
  readonly #frames: Track;
  readonly #status: Track;
  readonly #box = document.querySelector<HTMLElement>('#chunks')!;
  readonly #canvases: HTMLCanvasElement[];
  readonly #statusTexts: HTMLElement[];
  readonly #readout = document.querySelector<HTMLElement>('#page')!;
  readonly #history: HistoryList;
  readonly #moment: CurrentEvent;
  readonly #selection: Selection;
  /** The pages that the event shown is about. */
  #subject: Subject = {};

  constructor(
    data: ReportData,
    events: EventTable,
    moment: CurrentEvent,
    selection: Selection,
    subject: (seq: number) => Subject,
  ) {
    this.#data = data;
    this.#moment = moment;
    this.#selection = selection;
    this.#cells = new Track(data.cells);
    this.#frames = new Track(data.frames);
    this.#status = new Track(data.status);
    this.#canvases = [...this.#box.querySelectorAll('canvas')];
    this.#statusTexts = data.chunks.map((_, row) => document.querySelector<HTMLElement>(`#status-${row}`)!);
    this.#history = new HistoryList(document.querySelector<HTMLElement>('#page-history')!, events);
    this.#canvases.forEach((canvas, row) => {
      canvas.addEventListener('click', (event) => this.#clicked(canvas, row, event));
      canvas.addEventListener('keydown', (event) => this.#key(row, event));
    });
    new ResizeObserver(() => this.redraw()).observe(this.#box);
    moment.follow((seq) => {
      for (const track of [this.#cells, this.#frames, this.#status]) track.seek(seq);
      this.#subject = subject(seq);
      this.redraw();
    });
    selection.follow(() => {
      const { row, page, cpu } = selection.place;
      this.#history.show(this.#storyOf(this.#data.chunks[row]!.firstCell + page, cpu));
      this.redraw();
    });
  }

  #select(row: number, page: number): void {
    this.#selection.choose({ cell: { row, page, cpu: 0 } });
  }

  #clicked(canvas: HTMLCanvasElement, row: number, event: MouseEvent): void {
    const { columns, width, height } = this.#geometry(row);
    const box = canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left) / width);
    const page = Math.floor((event.clientY - box.top) / height) * columns + column;
    if (column < columns && page < this.#data.chunks[row]!.pages) this.#select(row, page);
  }

  #key(row: number, event: KeyboardEvent): void {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    const { pages } = this.#data.chunks[row]!;
    const { place } = this.#selection;
    const from = place.row === row ? place.page + step : 0;
    this.#select(row, (from + pages) % pages);
  }

  /** Every state that a page has had, with its frame. */
  #storyOf(cell: number, cpu: number): HistoryEntry[] {
    const frames = this.#frames.changesOf(cell * this.#data.units + cpu);
    const story: HistoryEntry[] = [];
    let last = '';
    for (const { seq, value } of this.#cells.changesOf(cell)) {
      const frame = (frames.findLast((change) => change.seq <= seq)?.value ?? 0) - 1;
      const text = STATE_TEXT[stateOf(value)]! + (frame < 0 ? '' : `, pfn ${pfn(frame)}`);
      if (text !== last) story.push({ seq, text });
      last = text;
    }
    return story;
  }

  #geometry(row: number): { columns: number; width: number; height: number } {
    const { clientWidth } = this.#box;
    const room = clientWidth - (clientWidth > NARROW ? BESIDE : 0);
    const fit = Math.max(Math.floor(room / MIN_CELL.width), 1);
    const columns = Math.min(this.#data.chunks[row]!.pages, MAX_COLUMNS, fit);
    const width = Math.max(Math.min(Math.floor(room / columns), MAX_CELL.width), MIN_CELL.width);
    return { columns, width, height: Math.max(Math.min(width, MAX_CELL.height), MIN_CELL.height) };
  }

  /** With colours and sizes as they are now. */
  redraw(): void {
    const colors = pageColors();
    const { cell, pages: several = 1 } = this.#subject;
    const about =
      cell === undefined ? [] : Array.from({ length: several }, (_, i) => ({ ...cell, page: cell.page + i }));
    const marks: [Place, string][] = [
      ...about.map((place): [Place, string] => [place, color('accent')]),
      [this.#selection.place, color('text')],
    ];
    this.#data.chunks.forEach(({ firstCell, pages }, row) => {
      const status = this.#status.values[row]!;
      const text = STATUS_TEXT[status]!;
      if (this.#statusTexts[row]!.textContent !== text) this.#statusTexts[row]!.textContent = text;
      const { columns, width, height } = this.#geometry(row);
      const gap = width > 8 ? 3 : width > 5 ? 2 : 1;
      const place = (page: number): [x: number, y: number, width: number, height: number] => [
        (page % columns) * width,
        Math.floor(page / columns) * height,
        width - gap,
        height - gap,
      ];
      const context = prepare(this.#canvases[row]!, columns * width, Math.ceil(pages / columns) * height);
      context.globalAlpha = status === CHUNK.ABSENT ? 0.6 : 1;
      for (let page = 0; page < pages; page++)
        drawCell(context, colors, this.#cells.values[firstCell + page]!, ...place(page));
      context.globalAlpha = 1;
      for (const [mark, style] of marks) if (mark.row === row) outline(context, style, ...place(mark.page));
    });
    this.#describe();
  }

  #describe(): void {
    const { place } = this.#selection;
    const { row, page, cpu } = place;
    const { units } = this.#data;
    const { id, firstCell } = this.#data.chunks[row]!;
    const value = this.#cells.values[firstCell + page]!;
    const frame = this.#frames.values[(firstCell + page) * units + cpu]! - 1;
    const text =
      `chunk ${id} page ${page} at ${hex(addressOf(place, this.#data))}: ${STATE_TEXT[stateOf(value)]!}` +
      (fillOf(value) > 0 ? `, about ${Math.round(100 * fillOf(value))} % used` : '') +
      (frame < 0 ? '' : `; PTE${units > 1 ? ` of CPU ${cpu}` : ''}: pfn ${pfn(frame)}`);
    this.#readout.textContent = text;
    this.#canvases[row]!.setAttribute('aria-label', `Pages of chunk ${id}. ${text}`);
    this.#history.mark(this.#moment.seq);
  }
}
