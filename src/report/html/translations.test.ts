// What the TLB's entries are worth, from small logs and TLBs made by hand. Pages are 4 KB, so fff9a000 and fff9b000 are a pair.
import { expect, test } from 'vitest';
import type { TlbEntry } from '../../../emu/mips/cpu.js';
import type { EventBody, KernelEvent } from '../../kernel/events.js';
import { type TlbView, tlbViews } from './translations.js';

const PAGE = 4096;
const EVEN = 0xfff9_a000;
const ODD = 0xfff9_b000;

const log = (...bodies: EventBody[]): KernelEvent[] => bodies.map((body, seq) => ({ seq, t: seq, pid: 0, ...body }));
const map = (va: number, frame: number): EventBody => ({ type: 'map', chunk: 1, page: 0, cpu: 0, va, frame });
const unmap = (va: number, frame: number): EventBody => ({ ...map(va, frame), type: 'unmap' }) as EventBody;
const refill = (va: number): EventBody => ({ type: 'tlb_refill', va, miss: true, write: true, pc: 0 });
const nothing: EventBody = { type: 'irq', line: 'timer' };

/** Frames of both pages; undefined: V = 0. */
function entry(index: number, virtual: number, even?: number, odd?: number, change: Partial<TlbEntry> = {}): TlbEntry {
  const page = (frame: number | undefined) => ({
    physical: (frame ?? 0) * PAGE,
    c: 3,
    d: true,
    v: frame !== undefined,
  });
  return {
    index,
    shadow: false,
    virtual,
    pageSize: PAGE,
    asid: 0,
    global: true,
    invalid: false,
    even: page(even),
    odd: page(odd),
    ...change,
  };
}

const views = (events: KernelEvent[], ...snapshots: [seq: number, entries: TlbEntry[]][]): TlbView[] =>
  tlbViews(
    events,
    snapshots.map(([seq, entries]) => ({ seq, entries })),
    PAGE,
  );
const states = (view: TlbView): string[] => view.entries.flatMap(({ even, odd }) => [even.state, odd.state]);

test('an entry goes stale when its page is unmapped, stays so when the page gets another frame, and ends with the entry', () => {
  const events = log(map(EVEN, 0x10), map(ODD, 0x11), nothing, unmap(ODD, 0x11), map(ODD, 0x20), nothing);
  const pair = entry(5, EVEN, 0x10, 0x11);
  const list = views(events, [2, [pair]], [5, []]);
  expect(list.map(({ seq }) => seq)).toEqual([2, 3, 4, 5]);
  expect(list.map(states)).toEqual([['current', 'current'], ['current', 'stale'], ['current', 'stale'], []]);
  expect(list.map((view) => view.entries[0]?.odd.mapped)).toEqual([0x11, -1, 0x20, undefined]);
  expect(list.map(({ stale }) => [...stale])).toEqual([[], [[ODD, 0x11]], [[ODD, 0x11]], []]);
});

test('a page that gets its old frame back is current again', () => {
  const events = log(map(EVEN, 0x10), unmap(EVEN, 0x10), map(EVEN, 0x10));
  expect(views(events, [0, [entry(0, EVEN, 0x10)]]).map((view) => view.entries[0]!.even.state)).toEqual([
    'current',
    'stale',
    'current',
  ]);
});

test('a page with V = 0 is never stale: the next access asks the page table', () => {
  const events = log(map(EVEN, 0x10), unmap(EVEN, 0x10));
  const [, after] = views(events, [0, [entry(0, EVEN)]]);
  expect(states(after!)).toEqual(['off', 'off']);
  expect(after!.stale.size).toBe(0);
});

test('the first of two entries for a pair is the one in effect', () => {
  const events = log(map(EVEN, 0x10), unmap(EVEN, 0x10), map(EVEN, 0x30), nothing);
  const old = entry(17, EVEN, 0x10, undefined, { shadow: true });
  const [both] = views(events, [3, [entry(2, EVEN, 0x30), old]]);
  expect(states(both!)).toEqual(['current', 'off', 'stale', 'off']);
  expect(both!.stale.size).toBe(0);
  const [alone] = views(events, [3, [old]]);
  expect([...alone!.stale]).toEqual([[EVEN, 0x10]]);
});

test('other vmalloc memory is known as such, parked entries are left out', () => {
  const events = log(map(EVEN, 0x10), nothing);
  const [view] = views(events, [
    1,
    [
      entry(0, 0xc000_2000, 0x50, 0x51),
      entry(1, 0x8000_4000, 1, 2),
      entry(2, EVEN, 0x10, undefined, { invalid: true }),
    ],
  ]);
  expect(view!.entries.map(({ index }) => index)).toEqual([0]);
  expect(states(view!)).toEqual(['other', 'other']);
});

test('an entry keeps the refill that brought it in, also as a shadow; a new one has its own', () => {
  const events = log(map(EVEN, 0x10), refill(EVEN), nothing, refill(ODD), nothing, nothing);
  const since = (view: TlbView | undefined): number[] => view!.entries.map((pair) => pair.since);
  const first = entry(3, EVEN, 0x10);
  const [a, b, c] = views(events, [2, [first]], [4, [first, entry(4, EVEN, 0x10, 0x11)]], [5, [entry(16, EVEN, 0x10)]]);
  expect(since(a)).toEqual([1]);
  expect(since(b)).toEqual([1, 3]);
  expect(since(c)).toEqual([1]);
});

test('what was in the TLB before the log has no refill', () => {
  expect(views(log(nothing), [0, [entry(0, EVEN, 1, 2)]])[0]!.entries[0]!.since).toBe(-1);
});
