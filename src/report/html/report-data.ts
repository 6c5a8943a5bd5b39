// All that the report page shows, as plain JSON data: prepared here, drawn by page/.
import type { KernelEvent } from '../../kernel/events.js';
import { type ChunkPages, chunkPages } from './chunk-pages.js';
import { type EventColumns, eventColumns } from './event-table.js';
import { type FrameOwners, frameOwners } from './frame-owners.js';
import { type Lane, lanes, moments } from './phases.js';
import type { BootStory } from './story.js';
import type { TlbRecord } from './tlb-recorder.js';
import { type HalfState, type TlbHalf, type TlbView, tlbViews } from './translations.js';
import { type TrackData, TrackWriter } from './track.js';

/** One page of a TLB entry: frame in the entry, frame in the page table (-1: none), position in HALF_STATES. */
export type PackedHalf = [frame: number, mapped: number, state: number];

export const HALF_STATES: readonly HalfState[] = ['off', 'current', 'stale', 'other'];

export interface TlbData {
  /** Slots below this are visible entries, the others shadows. */
  visible: number;
  /** Slot = index of the entry; value = position in `entries` plus 1, 0: unused. */
  track: TrackData;
  /** `since`: event of the refill, -1 unknown. */
  entries: { va: number; even: PackedHalf; odd: PackedHalf; since: number }[];
}

export interface ReportData extends ChunkPages {
  pageSize: number;
  /** Distance of each CPU's copy of a chunk from CPU 0's, bytes. */
  unitOffsets: readonly number[];
  events: EventColumns;
  lanes: Lane[];
  /** Numbers of the events worth going to. */
  moments: number[];
  owners: FrameOwners;
  tlb: TlbData;
  story: BootStory;
}

export function reportData(events: readonly KernelEvent[], recorder: TlbRecord, story: BootStory): ReportData {
  const { pageSize } = recorder;
  const views = tlbViews(events, recorder.snapshots, pageSize);
  return {
    pageSize,
    unitOffsets: recorder.unitOffsets,
    events: eventColumns(events),
    lanes: lanes(events, recorder.complete),
    moments: [...new Set([...moments(events), ...story.steps.map(({ seq }) => seq)])].sort((a, b) => a - b),
    ...chunkPages(events, views, pageSize, recorder.firstChunkHidden, recorder.unitOffsets.length),
    owners: frameOwners(events, views, recorder.complete),
    tlb: tlbData(views, recorder.visible),
    story,
  };
}

function tlbData(views: readonly TlbView[], visible: number): TlbData {
  const track = new TrackWriter();
  const entries: TlbData['entries'] = [];
  const numbers = new Map<string, number>();
  const pack = ({ frame, mapped, state }: TlbHalf): PackedHalf => [frame, mapped, HALF_STATES.indexOf(state)];
  let slots = visible;
  for (const view of views) {
    const values = new Map<number, number>();
    for (const { index, va, even, odd, since } of view.entries) {
      const entry = { va, even: pack(even), odd: pack(odd), since };
      const key = JSON.stringify(entry);
      let number = numbers.get(key);
      if (number === undefined) {
        number = entries.push(entry);
        numbers.set(key, number);
      }
      values.set(index, number);
      slots = Math.max(slots, index + 1);
    }
    for (let slot = 0; slot < slots; slot++) track.set(view.seq, slot, values.get(slot) ?? 0);
  }
  return { visible, track: track.data(slots), entries };
}
