// How one virtual page is translated at a moment of a boot: by the page table, and by the TLB.
import { KSEG2 } from '../../analysis/addresses.js';
import type { Act } from '../../analysis/cause.js';
import type { EventTable } from './event-table.js';
import { FRAME, OWNER_SHIFT } from './frame-owners.js';
import type { Picture } from './picture.js';
import { HALF_STATES, type ReportData } from './report-data.js';
import { addressOf, type Place, placeAt } from './subject.js';
import { Track } from './track.js';

export interface FrameView {
  /** Page frame number. */
  frame: number;
  owner: string;
  /** A stale store has gone into it since it got this owner. */
  hit: boolean;
}

export interface Translation {
  place: Place;
  va: number;
  /** Not for memory that is used without the TLB. */
  translated: boolean;
  /** What the page table says; undefined: no page. */
  table: FrameView | undefined;
  /** The entry of the TLB that the next access uses; undefined: none, or one with V = 0, so the page table is asked. */
  tlb: (FrameView & { slot: number; shadow: boolean; since: number }) | undefined;
  /** The event shown is the refill that brings the entry in. */
  loading: boolean;
  /** The event shown is a store, or load, through the entry although the page table has another page: bytes and function. */
  access: { write: boolean; size: number; by: string } | undefined;
}

export class TranslationReader {
  readonly #data: ReportData;
  readonly #events: EventTable;
  readonly #tlb: Track;
  readonly #frames: Track;
  readonly #owners: Track;

  constructor(data: ReportData, events: EventTable) {
    this.#data = data;
    this.#events = events;
    this.#tlb = new Track(data.tlb.track);
    this.#frames = new Track(data.frames);
    this.#owners = new Track(data.owners.track);
  }

  /** After event `seq`. */
  at(seq: number, place: Place): Translation {
    const { pageSize, chunks, units } = this.#data;
    const va = addressOf(place, this.#data);
    const pair = va - (va % (2 * pageSize));
    const event = this.#events.at(seq);
    const loading = event.type === 'tlb_refill' && event.va - (event.va % (2 * pageSize)) === pair;
    // a refill is logged before the handler has run
    this.#tlb.seek(loading ? seq + 1 : seq);
    this.#frames.seek(seq);
    this.#owners.seek(seq);
    const table = this.#frames.values[(chunks[place.row]!.firstCell + place.page) * units + place.cpu]! - 1;
    const slot = this.#tlb.values.findIndex((value) => value > 0 && this.#data.tlb.entries[value - 1]!.va === pair);
    const entry = slot < 0 ? undefined : this.#data.tlb.entries[this.#tlb.values[slot]! - 1]!;
    const half = entry && (va === pair ? entry.even : entry.odd);
    const valid = half !== undefined && HALF_STATES[half[2]] !== 'off';
    const here = event.type === 'stale_access' ? placeAt(event.va, seq, this.#data) : undefined;
    const accessed = here !== undefined && addressOf(here, this.#data) === va;
    return {
      place,
      va,
      translated: va >= KSEG2,
      table: table < 0 ? undefined : this.#frame(table),
      tlb: valid
        ? { ...this.#frame(half[0]), slot, shadow: slot >= this.#data.tlb.visible, since: entry!.since }
        : undefined,
      loading: loading && valid,
      access:
        accessed && event.type === 'stale_access' ? { write: event.write, size: event.size, by: event.by } : undefined,
    };
  }

  /**
   * What is to be drawn after event `seq`.
   * @param watched frame to show even if nothing leads there @param act what happens at this moment
   */
  picture(seq: number, place: Place, watched: number | undefined, act: Act | undefined): Picture {
    const translation = this.at(seq, place);
    const since = translation.tlb?.since ?? -1;
    const cpu = place.cpu > 0 ? `, CPU ${place.cpu}` : '';
    return {
      translation,
      name: `chunk ${this.#data.chunks[place.row]!.id} page ${place.page}${cpu}`,
      since: since < 0 ? '' : (this.#events.times[since]! / 1e6).toFixed(4),
      watched: watched === undefined ? undefined : this.#frame(watched),
      act,
    };
  }

  /** Of a physical page at the moment asked for last. */
  #frame(frame: number): FrameView {
    const { frames, owners, nobody } = this.#data.owners;
    const value = this.#owners.values[frames.indexOf(frame)] ?? 0;
    return { frame, owner: owners[(value >> OWNER_SHIFT) - 1] ?? nobody, hit: (value & FRAME.HIT) !== 0 };
  }
}
