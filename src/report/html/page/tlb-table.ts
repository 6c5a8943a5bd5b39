// The TLB's entries at the moment shown, with what the page table says; the one that a stale access uses is marked.
import { hex, pfn } from '../../../analysis/addresses.js';
import type { EventTable } from '../event-table.js';
import { HALF_STATES, type PackedHalf, type TlbData } from '../report-data.js';
import { Track } from '../track.js';
import type { CurrentEvent } from './moment.js';

export class TlbTable {
  readonly #data: TlbData;
  readonly #events: EventTable;
  readonly #track: Track;
  readonly #table = document.querySelector<HTMLTableElement>('#tlb')!;
  readonly #box = this.#table.parentElement!;
  readonly #rows: HTMLTableRowElement[];
  readonly #count = document.querySelector<HTMLElement>('#tlb-count')!;
  /** Values that the rows show. */
  readonly #shown: Int32Array;
  #used: HTMLTableRowElement | undefined;

  constructor(data: TlbData, events: EventTable, moment: CurrentEvent) {
    this.#data = data;
    this.#events = events;
    this.#track = new Track(data.track);
    this.#shown = new Int32Array(data.track.slots).fill(-1);
    this.#rows = Array.from({ length: data.track.slots }, (_, slot) => {
      const row = document.createElement('tr');
      row.classList.toggle('shadow', slot >= data.visible);
      row.append(...Array.from({ length: 5 }, () => document.createElement('td')));
      row.cells[0]!.textContent = String(slot);
      return row;
    });
    this.#table.tBodies[0]!.append(...this.#rows);
    const staleOnly = document.querySelector<HTMLInputElement>('#stale-only')!;
    staleOnly.addEventListener('change', () => this.#table.classList.toggle('stale-only', staleOnly.checked));
    moment.follow((seq) => this.#show(seq));
  }

  #show(seq: number): void {
    this.#track.seek(seq);
    let used = 0;
    let stale = 0;
    this.#rows.forEach((row, slot) => {
      const value = this.#track.values[slot]!;
      const entry = this.#data.entries[value - 1];
      const isStale = entry !== undefined && [entry.even, entry.odd].some((half) => HALF_STATES[half[2]] === 'stale');
      if (entry) used++;
      if (isStale) stale++;
      if (this.#shown[slot] === value) return;
      this.#shown[slot] = value;
      row.classList.toggle('has-stale', isStale);
      this.#fill(row, entry);
    });
    this.#count.textContent = `${used} entries in use, ${stale} with a stale page`;
    this.#markUsed(seq);
  }

  #fill(row: HTMLTableRowElement, entry: TlbData['entries'][number] | undefined): void {
    const [, pair, even, odd, filled] = row.cells;
    pair!.textContent = entry ? hex(entry.va) : '';
    fillHalf(even!, entry?.even);
    fillHalf(odd!, entry?.odd);
    filled!.replaceChildren();
    if (!entry || entry.since < 0) return;
    const link = document.createElement('a');
    link.href = `#event-${entry.since}`;
    link.dataset.seq = String(entry.since);
    link.textContent = (this.#events.times[entry.since]! / 1e6).toFixed(4);
    filled!.append(link);
  }

  #markUsed(seq: number): void {
    const event = this.#events.typeOf(seq) === 'stale_access' ? this.#events.at(seq) : undefined;
    const used = event?.type === 'stale_access' ? this.#rows[event.entry] : undefined;
    if (used === this.#used) return;
    this.#used?.classList.remove('used');
    used?.classList.add('used');
    this.#used = used;
    if (used) this.#box.scrollTop = used.offsetTop - this.#box.clientHeight / 2;
  }
}

function fillHalf(cell: HTMLTableCellElement, half: PackedHalf | undefined): void {
  if (!half) {
    cell.className = cell.textContent = '';
    return;
  }
  const [frame, mapped, state] = half;
  cell.className = HALF_STATES[state]!;
  if (cell.className === 'off') cell.textContent = mapped < 0 ? '–' : 'V=0';
  else cell.textContent = cell.className === 'stale' ? `${pfn(frame)} ≠ PTE ${pfn(mapped)}` : pfn(frame);
}
