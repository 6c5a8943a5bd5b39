// Physical pages and their owners, from small logs made by hand.
import { expect, test } from 'vitest';
import type { EventBody, KernelEvent } from '../../kernel/events.js';
import { FRAME, frameOwners, OWNER_SHIFT } from './frame-owners.js';
import { Track } from './track.js';
import type { TlbView } from './translations.js';

const VA = 0xfff9_9000;
const log = (...bodies: EventBody[]): KernelEvent[] => bodies.map((body, seq) => ({ seq, t: seq, pid: 0, ...body }));
const give = (frame: number, owner: string, order = 0): EventBody => ({
  type: 'page_alloc',
  frame,
  order,
  owner,
  caller: 'kmem_cache_alloc',
});
const free = (frame: number, order = 0): EventBody => ({ type: 'page_free', frame, order });
const map = (frame: number): EventBody => ({ type: 'map', chunk: 4, page: 2, cpu: 0, va: VA, frame });
const unmap = (frame: number): EventBody => ({ ...map(frame), type: 'unmap' }) as EventBody;
const hit = (frame: number, write = true): EventBody => ({
  type: 'stale_access',
  va: VA,
  size: 640,
  write,
  frame,
  mapped: -1,
  owner: 'x',
  entry: 0,
  shadow: false,
  pc: 0,
  by: 'f',
});
const stale = (seq: number, ...frames: number[]): TlbView => ({
  seq,
  entries: [],
  stale: new Map(frames.map((frame, i) => [VA + i, frame])),
});

/** "owner", with ! when hit and ? when reachable, of every frame after each event. */
function played(events: KernelEvent[], views: TlbView[] = []) {
  const data = frameOwners(events, views);
  const track = new Track(data.track);
  const texts = events.map(({ seq }) => {
    track.seek(seq);
    return [...track.values].map(
      (value) =>
        (data.owners[(value >> OWNER_SHIFT) - 1] ?? 'free').replace(/^slab /, '') +
        (value & FRAME.HIT ? '!' : '') +
        (value & FRAME.REACHABLE ? '?' : ''),
    );
  });
  return { ...data, texts };
}

test('owners say what they are: a slab cache, a function that asked for pages, a page table', () => {
  const body = { type: 'page_alloc', order: 0 } as const;
  const { owners } = played(
    log(
      { ...body, frame: 1, owner: 'kmalloc-1k', caller: 'kmalloc' },
      { ...body, frame: 2, owner: 'scsi_add_host', caller: 'scsi_add_host' },
      { ...body, frame: 3, owner: 'page table', caller: 'pte_alloc_kernel' },
    ),
  );
  expect(owners).toEqual(['slab kmalloc-1k', 'pages of scsi_add_host()', 'page table']);
});

test('a page goes from its chunk to a slab cache, and a stale store hits it there', () => {
  const { frames, texts } = played(log(map(0x1294), unmap(0x1294), give(0x1294, 'kmalloc-1k'), hit(0x1294)), [
    stale(1, 0x1294),
  ]);
  expect(frames).toEqual([0x1294]);
  expect(texts.flat()).toEqual(['per-CPU chunk 4 page 2', 'free?', 'kmalloc-1k?', 'kmalloc-1k!?']);
});

test('a new owner starts unharmed, and a stale load does no harm', () => {
  const { texts } = played(log(give(7, 'a'), hit(7), free(7), give(7, 'a'), hit(7, false)));
  expect(texts.flat()).toEqual(['a', 'a!', 'free', 'a', 'a']);
});

test('a free page can be hit too', () => {
  expect(played(log(give(7, 'a'), free(7), hit(7))).texts.flat()).toEqual(['a', 'free', 'free!']);
});

test('a block has all its pages', () => {
  const { frames, texts } = played(log(give(8, 'big', 2), free(10), free(8, 1), free(11)));
  expect(frames).toEqual([8, 9, 10, 11]);
  expect(texts).toEqual([
    ['big', 'big', 'big', 'big'],
    ['big', 'big', 'free', 'big'],
    ['free', 'free', 'free', 'big'],
    ['free', 'free', 'free', 'free'],
  ]);
});

test('usage counts pages of each group; per-CPU chunks come first, and the smallest are one', () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  const events = log(
    ...names.flatMap((name, i) => Array.from({ length: 10 - i }, (_, n) => give(100 * i + n, name))),
    map(5000),
    free(0),
  );
  const { groups, groupOf, owners, usage } = played(events);
  expect(groups).toEqual(['per-CPU chunks', ...names.slice(0, 6).map((name) => `slab ${name}`), 'other']);
  expect(owners.map((name, i) => [name, groups[groupOf[i]!]])).toContainEqual(['slab g', 'other']);
  expect(usage.pages.map((pages) => pages.at(-1))).toEqual([1, 9, 9, 8, 7, 6, 5, 4]);
});
