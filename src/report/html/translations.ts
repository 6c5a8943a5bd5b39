// Which translations in the TLB still agree with the page table: TLB snapshots set against the maps and unmaps of the log.
import type { TlbEntry, TlbPage } from '../../../emu/mips/cpu.js';
import { KSEG2 } from '../../analysis/addresses.js';
import type { KernelEvent } from '../../kernel/events.js';
import type { TlbSnapshot } from './tlb-recorder.js';

/**
 * current: valid and what the page table says. stale: valid, but the page table names another frame, or none.
 * off: V = 0, so the next access faults and asks the page table. other: valid, of memory that is no per-CPU chunk's.
 */
export type HalfState = 'off' | 'current' | 'stale' | 'other';

/** One of the two pages of a TLB entry. */
export interface TlbHalf {
  /** Page frame number in the entry. */
  frame: number;
  /** In the page table; -1: none. */
  mapped: number;
  state: HalfState;
}

/** An entry of the TLB that can translate. */
export interface PairView {
  index: number;
  /** First address of the pair. */
  va: number;
  even: TlbHalf;
  odd: TlbHalf;
  /** The tlb_refill event that brought it in; -1: before the log. */
  since: number;
}

export interface TlbView {
  /** From this event on. */
  seq: number;
  /** In order of index. */
  entries: PairView[];
  /** Frames of the stale translations in effect, by virtual page address. */
  stale: Map<number, number>;
}

/** The TLB whenever it, or the page table behind one of its entries, has changed. @param pageSize bytes */
export function tlbViews(
  events: readonly KernelEvent[],
  snapshots: readonly TlbSnapshot[],
  pageSize: number,
): TlbView[] {
  const views: TlbView[] = [];
  /** Of the chunks' pages, by address; -1 for what was mapped once. */
  const mapped = new Map<number, number>();
  /** Event of the last refill of each pair, by its number. */
  const refills = new Map<number, number>();
  let sinceOf = new Map<string, number>();
  let translated = new Set<number>();
  let next = 0;
  let entries: readonly TlbEntry[] | undefined;
  for (const event of events) {
    let changed = false;
    if (event.type === 'map' || event.type === 'unmap') {
      mapped.set(event.va, event.type === 'map' ? event.frame : -1);
      changed = translated.has(event.va);
    }
    for (; next < snapshots.length && snapshots[next]!.seq <= event.seq; next++) {
      entries = snapshots[next]!.entries.filter(canTranslate);
      sinceOf = new Map(
        entries.map((entry) => {
          const key = contents(entry);
          return [key, sinceOf.get(key) ?? refills.get(entry.virtual / (2 * pageSize)) ?? -1];
        }),
      );
      translated = new Set(entries.flatMap(({ virtual }) => [virtual, virtual + pageSize]));
      changed = true;
    }
    // logged before the guest's handler has run: this refill belongs to later snapshots
    if (event.type === 'tlb_refill') refills.set(Math.floor(event.va / (2 * pageSize)), event.seq);
    if (changed && entries) views.push(view(event.seq, entries, mapped, sinceOf));
  }
  return views;
}

/** Parked entries (UNIQUE_ENTRYHI) are at addresses that are not translated. */
function canTranslate({ invalid, virtual }: TlbEntry): boolean {
  return !invalid && virtual >= KSEG2;
}

const contents = ({ virtual, even, odd }: TlbEntry): string =>
  [virtual, even.physical, even.v, odd.physical, odd.v].join(' ');

function view(
  seq: number,
  entries: readonly TlbEntry[],
  mapped: ReadonlyMap<number, number>,
  sinceOf: ReadonlyMap<string, number>,
): TlbView {
  const stale = new Map<number, number>();
  const pairs = new Set<number>();
  const list = entries.map((entry): PairView => {
    const { index, virtual, pageSize } = entry;
    const half = (va: number, page: TlbPage): TlbHalf => {
      const frame = page.physical / pageSize;
      const inTable = mapped.get(va);
      const state = !page.v ? 'off' : inTable === undefined ? 'other' : frame === inTable ? 'current' : 'stale';
      // the first entry that matches is the one used
      if (state === 'stale' && !pairs.has(virtual)) stale.set(va, frame);
      return { frame, mapped: inTable ?? -1, state };
    };
    const pair = {
      index,
      va: virtual,
      even: half(virtual, entry.even),
      odd: half(virtual + pageSize, entry.odd),
      since: sinceOf.get(contents(entry))!,
    };
    pairs.add(virtual);
    return pair;
  });
  return { seq, entries: list, stale };
}
