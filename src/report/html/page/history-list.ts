// What became of one page over the whole boot: a list of links to events, in a box of fixed height.
import { seconds } from '../../../analysis/addresses.js';
import type { EventTable } from '../event-table.js';

export interface HistoryEntry {
  seq: number;
  text: string;
}

export class HistoryList {
  readonly #box: HTMLElement;
  readonly #events: EventTable;
  #entries: readonly HistoryEntry[] = [];
  #now = -1;

  constructor(box: HTMLElement, events: EventTable) {
    this.#box = box;
    this.#events = events;
  }

  /** @param entries in order of events */
  show(entries: readonly HistoryEntry[]): void {
    this.#entries = entries;
    this.#now = -1;
    this.#box.replaceChildren(
      ...entries.map(({ seq, text }) => {
        const item = document.createElement('li');
        const link = document.createElement('a');
        link.href = `#event-${seq}`;
        link.dataset.seq = String(seq);
        link.textContent = seconds(this.#events.times[seq]!);
        item.append(link, ` ${text}`);
        return item;
      }),
    );
  }

  /** Marks the entry in force after event `seq` and keeps it in sight. */
  mark(seq: number): void {
    const now = this.#entries.findLastIndex((entry) => entry.seq <= seq);
    if (now === this.#now) return;
    this.#box.children[this.#now]?.classList.remove('now');
    this.#now = now;
    const item = this.#box.children[now] as HTMLElement | undefined;
    item?.classList.add('now');
    this.#box.scrollTop = item ? item.offsetTop - this.#box.clientHeight / 2 : 0;
  }
}
