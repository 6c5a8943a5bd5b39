// Physical pages and what they are used for while the boot runs. Pages that the log never names (kernel image, first chunk,
// page descriptors) are left out.
import type { KernelEvent } from '../../kernel/events.js';
import { type TrackData, TrackWriter } from './track.js';
import type { TlbView } from './translations.js';

/** A frame's value is the number of its owner plus 1 (0: free) from OWNER_SHIFT on, and these bits. */
export const FRAME = {
  /** A stale store has gone into it since it got this owner. */
  HIT: 1,
  /** A stale TLB entry still leads to it. */
  REACHABLE: 2,
} as const;
export const OWNER_SHIFT = 2;

export interface FrameOwners {
  /** Page frame numbers, ascending; a frame's position here is its slot in `track`. */
  frames: number[];
  owners: string[];
  /** What a frame without an owner is. */
  nobody: string;
  /** Owners that are drawn alike: names, and the group of each owner. */
  groups: string[];
  groupOf: number[];
  track: TrackData;
  /** Pages in use of each group, after each event in `seq`. */
  usage: { seq: number[]; pages: number[][] };
}

/** Groups with a name; what is smaller counts as other. */
const MAX_GROUPS = 7;
/** Always the first, as they are what it is all about. */
const PERCPU = 'per-CPU chunks';
const OTHER = 'other';

/** A slab cache has another name than the function that asks for its pages. */
function ownerName({ owner, caller }: KernelEvent & { type: 'page_alloc' }): string {
  if (owner === caller) return `pages of ${caller}()`;
  return owner === 'page table' ? owner : `slab ${owner}`;
}

/** Frames the log names, ascending. */
function framesOf(events: readonly KernelEvent[]): number[] {
  const frames = new Set<number>();
  for (const event of events) {
    if (event.type === 'page_alloc') for (let i = 0; i < 1 << event.order; i++) frames.add(event.frame + i);
    else if (event.type === 'map' && event.frame >= 0) frames.add(event.frame);
  }
  return [...frames].sort((a, b) => a - b);
}

/** @param complete whether the log has the owners of all pages, not only of the per-CPU chunks' */
export function frameOwners(events: readonly KernelEvent[], views: readonly TlbView[], complete = true): FrameOwners {
  const frames = framesOf(events);
  const slotOf = new Map(frames.map((frame, slot) => [frame, slot]));
  const owners: string[] = [];
  const ownerNumbers = new Map<string, number>();
  const groupNames: string[] = [];
  const track = new TrackWriter();
  const counts = new Map<string, number>();
  const history: { seq: number; counts: Map<string, number> }[] = [];
  let reachable = new Set<number>();
  let next = 0;

  const numberOf = (name: string, group: string): number => {
    let number = ownerNumbers.get(name);
    if (number === undefined) {
      number = owners.push(name) - 1;
      groupNames.push(group);
      ownerNumbers.set(name, number);
    }
    return number;
  };
  /** owner -1: free */
  const give = (seq: number, frame: number, owner: number): void => {
    const slot = slotOf.get(frame);
    if (slot === undefined) return;
    const before = (track.get(slot) >>> OWNER_SHIFT) - 1;
    if (before === owner) return;
    if (before >= 0) counts.set(groupNames[before]!, counts.get(groupNames[before]!)! - 1);
    if (owner >= 0) counts.set(groupNames[owner]!, (counts.get(groupNames[owner]!) ?? 0) + 1);
    track.set(seq, slot, ((owner + 1) << OWNER_SHIFT) | (reachable.has(frame) ? FRAME.REACHABLE : 0));
    if (history.at(-1)?.seq === seq) history.pop();
    history.push({ seq, counts: new Map(counts) });
  };
  const flag = (seq: number, frame: number, bit: number, on: boolean): void => {
    const slot = slotOf.get(frame);
    if (slot === undefined) return;
    track.set(seq, slot, on ? track.get(slot) | bit : track.get(slot) & ~bit);
  };

  for (const event of events) {
    const { seq } = event;
    if (event.type === 'page_alloc') {
      const name = ownerName(event);
      const owner = numberOf(name, name);
      for (let i = 0; i < 1 << event.order; i++) give(seq, event.frame + i, owner);
    } else if (event.type === 'page_free') {
      for (let i = 0; i < 1 << event.order; i++) give(seq, event.frame + i, -1);
    } else if (event.type === 'map') {
      give(seq, event.frame, numberOf(`per-CPU chunk ${event.chunk} page ${event.page}`, PERCPU));
    } else if (event.type === 'unmap') {
      give(seq, event.frame, -1);
    } else if (event.type === 'stale_access' && event.write) {
      flag(seq, event.frame, FRAME.HIT, true);
    }
    for (; next < views.length && views[next]!.seq <= seq; next++) {
      const now = new Set(views[next]!.stale.values());
      for (const frame of reachable) if (!now.has(frame)) flag(seq, frame, FRAME.REACHABLE, false);
      for (const frame of now) if (!reachable.has(frame)) flag(seq, frame, FRAME.REACHABLE, true);
      reachable = now;
    }
  }
  const groups = groupsOf(history);
  const position = (name: string): number => (groups.includes(name) ? groups.indexOf(name) : groups.indexOf(OTHER));
  return {
    frames,
    owners,
    nobody: complete ? 'free' : 'of no chunk',
    groups,
    groupOf: groupNames.map(position),
    track: track.data(frames.length),
    usage: {
      seq: history.map(({ seq }) => seq),
      pages: groups.map((_, group) =>
        history.map(({ counts: then }) => sumOf(then, (name) => position(name) === group)),
      ),
    },
  };
}

type Counts = ReadonlyMap<string, number>;

const sumOf = (counts: Counts, wanted: (name: string) => boolean): number =>
  [...counts].reduce((sum, [name, count]) => (wanted(name) ? sum + count : sum), 0);

/** Per-CPU chunks, then who had most pages at once, then the rest as one. */
function groupsOf(history: readonly { counts: Counts }[]): string[] {
  const most = new Map<string, number>();
  for (const { counts } of history)
    for (const [name, count] of counts) most.set(name, Math.max(most.get(name) ?? 0, count));
  most.delete(PERCPU);
  const ranked = [...most.keys()].sort((a, b) => most.get(b)! - most.get(a)! || (a < b ? -1 : 1));
  const named = [PERCPU, ...ranked].slice(0, MAX_GROUPS);
  return ranked.length >= MAX_GROUPS ? [...named, OTHER] : named;
}
