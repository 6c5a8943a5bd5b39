// Pages of chunks from small logs made by hand: what each must look like follows from the events.
import { expect, test } from 'vitest';
import type { EventBody, KernelEvent } from '../../kernel/events.js';
import { CHUNK, chunkPages, FILL_SHIFT, FILL_STEPS, PAGE } from './chunk-pages.js';
import { Track } from './track.js';
import type { TlbView } from './translations.js';

const PAGE_SIZE = 4096;
const BASE = 0xfff9_9000;
const quiet = { softirq: false, needResched: false };

const log = (...bodies: EventBody[]): KernelEvent[] => bodies.map((body, seq) => ({ seq, t: seq, pid: 0, ...body }));
const create = (chunk: number, pages: number, base = BASE): EventBody => ({
  type: 'chunk_create',
  chunk,
  base,
  pages,
  ...quiet,
});
const destroy = (chunk: number): EventBody => ({ type: 'chunk_destroy', chunk, base: BASE, ...quiet });
const map = (page: number, frame: number, chunk = 1, cpu = 0): EventBody => ({
  type: 'map',
  chunk,
  page,
  cpu,
  va: BASE + cpu * 0x10_0000 + page * PAGE_SIZE,
  frame,
});
const unmap = (page: number, frame: number, chunk = 1): EventBody =>
  ({ ...map(page, frame, chunk), type: 'unmap' }) as EventBody;
const area = (type: 'percpu_alloc' | 'percpu_free', off: number, size: number, chunk = 1): EventBody =>
  ({ type, chunk, off, size, ptr: 0, va: BASE + off, caller: 'f', ...quiet }) as EventBody;

/** The TLB's stale pages from an event on. */
const stale = (seq: number, ...pages: number[]): TlbView => ({
  seq,
  entries: [],
  stale: new Map(pages.map((page) => [BASE + page * PAGE_SIZE, 0x99])),
});

/** States and fill (0 .. FILL_STEPS) of all pages after each event. */
function played(events: KernelEvent[], views: TlbView[] = [], hidden = { start: 0, end: 0 }) {
  const pages = chunkPages(events, views, PAGE_SIZE, hidden);
  const cells = new Track(pages.cells);
  const after = <T>(track: Track, read: (values: number[]) => T): T[] =>
    events.map(({ seq }) => {
      track.seek(seq);
      return read([...track.values]);
    });
  return {
    ...pages,
    states: after(cells, (values) => values.map((value) => value & ((1 << FILL_SHIFT) - 1))),
    fills: after(new Track(pages.cells), (values) => values.map((value) => value >> FILL_SHIFT)),
    frameStates: after(new Track(pages.frames), (values) => values),
    statusStates: after(new Track(pages.status), (values) => values),
  };
}

const { ABSENT, UNPOPULATED, POPULATED, EMPTY, DEPOPULATED, STALE_UNMAPPED, STALE_MAPPED } = PAGE;

test('a page is populated, used, emptied, depopulated and populated again', () => {
  const { states, frameStates } = played(
    log(
      create(1, 2),
      map(0, 0x10),
      area('percpu_alloc', 0, 640),
      area('percpu_free', 0, 640),
      unmap(0, 0x10),
      map(0, 0x20),
    ),
  );
  expect(states.map(([page]) => page)).toEqual([UNPOPULATED, EMPTY, POPULATED, EMPTY, DEPOPULATED, EMPTY]);
  expect(states.every(([, other]) => other === UNPOPULATED)).toBe(true);
  expect(frameStates.map(([frame]) => frame! - 1)).toEqual([-1, 0x10, 0x10, 0x10, -1, 0x20]);
});

test('the bytes of an area count to every page that it lies on', () => {
  const { states, fills } = played(
    log(create(1, 3), map(0, 1), map(1, 2), map(2, 3), area('percpu_alloc', PAGE_SIZE - 4, 4 + PAGE_SIZE / 2)),
  );
  expect(states.at(-1)).toEqual([POPULATED, POPULATED, EMPTY]);
  expect(fills.at(-1)).toEqual([1, FILL_STEPS / 2, 0]);
});

test('how full a page is is rounded up to steps', () => {
  const { fills } = played(
    log(create(1, 1), map(0, 1), area('percpu_alloc', 0, PAGE_SIZE / 2 + 4), area('percpu_alloc', 3000, 1044)),
  );
  expect(fills.map(([page]) => page)).toEqual([0, 0, FILL_STEPS / 2 + 1, FILL_STEPS - 1]);
});

test('the first chunk has its memory from the start, and static data on it', () => {
  const { states, fills } = played(log(create(0, 3)), [], { start: PAGE_SIZE + 100, end: 8 });
  expect(states[0]).toEqual([POPULATED, POPULATED, POPULATED]);
  expect(fills[0]).toEqual([FILL_STEPS, 1, 1]);
});

test('a page is stale from the moment it is unmapped under a live entry until that goes', () => {
  const events = log(create(1, 2), map(0, 0x10), unmap(0, 0x10), map(0, 0x20), area('percpu_alloc', 0, 8), {
    type: 'irq',
    line: 'timer',
  });
  const { states, fills } = played(events, [stale(2, 0), stale(5)]);
  expect(states.map(([page]) => page)).toEqual([
    UNPOPULATED,
    EMPTY,
    STALE_UNMAPPED,
    STALE_MAPPED,
    STALE_MAPPED,
    POPULATED,
  ]);
  expect(fills[4]![0]).toBe(1); // how full it is shows also while it is stale
});

test('a chunk that is destroyed has no pages left but those that the TLB still translates', () => {
  const { states, statusStates } = played(
    log(create(1, 2), map(0, 1), map(1, 2), unmap(0, 1), unmap(1, 2), destroy(1)),
    [stale(4, 1)],
  );
  expect(states.at(-1)).toEqual([ABSENT, STALE_UNMAPPED]);
  expect(statusStates.map(([status]) => status).at(-1)).toBe(CHUNK.DESTROYED);
});

test('a stale address that a new chunk takes over is stale there from then on', () => {
  const { states } = played(log(create(1, 1), map(0, 1), unmap(0, 1), destroy(1), create(2, 1), map(0, 5, 2)), [
    stale(2, 0),
  ]);
  expect(states.at(-2)).toEqual([STALE_UNMAPPED, UNPOPULATED]);
  expect(states.at(-1)).toEqual([ABSENT, STALE_MAPPED]);
});

test('a page is stale when the translation of any unit is', () => {
  const view: TlbView = { seq: 3, entries: [], stale: new Map([[BASE + 0x10_0000, 0x11]]) };
  const { states } = played(log(create(1, 1), map(0, 0x10, 1, 0), map(0, 0x11, 1, 1), { type: 'irq', line: 'timer' }), [
    view,
  ]);
  expect(states.map(([page]) => page)).toEqual([UNPOPULATED, EMPTY, EMPTY, STALE_MAPPED]);
});

test('isolated, sidelined, back in service', () => {
  const { statusStates } = played(
    log(
      create(1, 1),
      { type: 'isolate', chunk: 1, again: false, empty: 1 },
      { type: 'sideline', chunk: 1 },
      { type: 'reintegrate', chunk: 1, populated: 1, empty: 1 },
    ),
  );
  expect(statusStates.map(([status]) => status)).toEqual([CHUNK.ACTIVE, CHUNK.ISOLATED, CHUNK.SIDELINED, CHUNK.ACTIVE]);
});

test('chunks are told apart by number, not by address', () => {
  const { chunks } = played(log(create(1, 2), create(7, 3, 0xfff0_0000)));
  expect(chunks).toEqual([
    { id: 1, base: BASE, pages: 2, firstCell: 0, created: 0 },
    { id: 7, base: 0xfff0_0000, pages: 3, firstCell: 2, created: 1 },
  ]);
});
