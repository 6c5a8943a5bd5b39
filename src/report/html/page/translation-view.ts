// The picture of the bug at the moment shown, of the page that is looked at.
import type { EventTable } from '../event-table.js';
import { draw } from '../picture.js';
import type { ReportData } from '../report-data.js';
import { TranslationReader } from '../translation-at.js';
import type { CurrentEvent } from './moment.js';
import type { Selection } from './selection.js';

/** Pixels; with less, nothing is laid out yet. */
const NARROWEST = 100;

export class TranslationView {
  readonly #data: ReportData;
  readonly #reader: TranslationReader;
  readonly #selection: Selection;
  readonly #svg = document.querySelector<SVGElement>('#translation')!;
  readonly #text = document.querySelector<HTMLElement>('#translation-text')!;
  #seq = -1;

  constructor(data: ReportData, events: EventTable, moment: CurrentEvent, selection: Selection) {
    this.#data = data;
    this.#reader = new TranslationReader(data, events);
    this.#selection = selection;
    moment.follow((seq) => {
      this.#seq = seq;
      this.#show();
    });
    selection.follow(() => this.#show());
    new ResizeObserver(() => this.#show()).observe(this.#svg.parentElement!);
  }

  #show(): void {
    const width = this.#text.clientWidth;
    if (this.#seq < 0 || this.#data.chunks.length === 0 || width < NARROWEST) return;
    const { place, onStory, storyFrame, frame } = this.#selection;
    const watched = onStory ? storyFrame : this.#selection.mode === 'hand' ? frame : undefined;
    const act = onStory ? this.#data.story.steps.find(({ seq, act }) => seq === this.#seq && act)?.act : undefined;
    const drawing = draw(this.#reader.picture(this.#seq, place, watched, act), width);
    this.#svg.setAttribute('width', String(width));
    this.#svg.setAttribute('height', String(drawing.height));
    this.#svg.innerHTML = drawing.svg;
    this.#text.textContent = drawing.text;
  }
}
