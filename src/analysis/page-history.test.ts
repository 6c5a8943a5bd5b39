import { describe, expect, test } from 'vitest';
import { type EventBody, EventLog } from '../kernel/events.js';
import { missingFlush, pageHistory } from './page-history.js';
import type { StaleAccess } from './stale-access.js';

const PAGE = 0x1000;
const VA = 0xfffa_6000;

/** The life of a page whose translation goes stale; frames 0x100 (hit) and 0x200. */
const LIFE: EventBody[] = [
  { type: 'map', chunk: 3, page: 0, cpu: 0, va: VA, frame: 0x100 }, // 0
  area(0, 640), // 1
  { type: 'tlb_refill', va: VA + 8, miss: true, write: true, pc: 0x8010_0000 }, // 2
  {
    type: 'percpu_free',
    chunk: 3,
    off: 4096,
    size: 8,
    va: VA + 4096,
    caller: 'other',
    emptyPages: 1,
    chunkEmptyPages: 1,
  }, // 3
  { type: 'percpu_free', chunk: 3, off: 0, size: 640, va: VA, caller: 'last', emptyPages: 2, chunkEmptyPages: 2 }, // 4
  { type: 'isolate', chunk: 3, again: false, empty: 2 }, // 5
  { type: 'isolate', chunk: 3, again: true, empty: 2 }, // 6
  { type: 'unmap', chunk: 3, page: 0, cpu: 0, va: VA, frame: 0x100 }, // 7
  { type: 'unmap', chunk: 3, page: 1, cpu: 0, va: VA + PAGE, frame: 0x101 }, // 8
  { type: 'depopulate', chunk: 3, start: 0, end: 2, flushed: false }, // 9
  { type: 'page_alloc', frame: 0xfe, order: 2, owner: 'kmalloc-4k', caller: 'kmalloc' }, // 10
  { type: 'map', chunk: 3, page: 0, cpu: 0, va: VA, frame: 0x200 }, // 11
  area(0, 192), // 12
] as EventBody[];

function area(off: number, size: number): EventBody {
  return { type: 'percpu_alloc', chunk: 3, off, size, align: 8, ptr: 0, va: VA + off, caller: 'fn' } as EventBody;
}

function log(life: readonly EventBody[]): EventLog['events'] {
  const made = new EventLog();
  life.forEach((event, t) => made.append(t, 1, event));
  return made.events;
}

const access = (change: Partial<StaleAccess> = {}): StaleAccess =>
  ({ va: VA + 16, after: 12, frame: 0x100, mapped: 0x200, filled: 2, ...change }) as StaleAccess;

describe('pageHistory', () => {
  test('finds each step of a page on its way to a stale access', () => {
    const found = pageHistory(log(LIFE), access(), PAGE);
    const seqs = Object.fromEntries(Object.entries(found).map(([step, event]) => [step, event?.seq]));
    expect(seqs).toEqual({
      mapped: 0,
      filledFor: 1,
      filled: 2,
      lastFree: 4,
      isolated: 5,
      unmapped: 7,
      depopulated: 9,
      handedOn: 10,
      repopulated: 11,
    });
  });

  test('takes the mapping that was loaded when a page has had a frame twice', () => {
    const again: EventBody[] = [
      { type: 'map', chunk: 3, page: 0, cpu: 0, va: VA, frame: 0x100 },
      { type: 'unmap', chunk: 3, page: 0, cpu: 0, va: VA, frame: 0x100 },
      { type: 'depopulate', chunk: 3, start: 0, end: 1, flushed: false },
    ];
    const events = log([...LIFE.slice(0, 11), ...again, ...LIFE.slice(11)]);
    const found = pageHistory(events, access({ after: 15 }), PAGE);
    expect([found.mapped?.seq, found.unmapped?.seq, found.depopulated?.seq]).toEqual([0, 12, 13]);
  });

  test('says nothing of what has not happened', () => {
    const found = pageHistory(log(LIFE.slice(0, 10)), access({ after: 9, mapped: -1, filled: -1 }), PAGE);
    expect([found.handedOn, found.repopulated, found.filled]).toEqual([undefined, undefined, undefined]);
  });
});

describe('missingFlush', () => {
  test('covers the pages of the depopulated range in all units', () => {
    const units = LIFE.flatMap((event): EventBody[] =>
      event.type === 'unmap' ? [event, { ...event, cpu: 1, va: event.va + 13 * PAGE }] : [event],
    );
    const events = log(units);
    const flush = missingFlush(events, pageHistory(events, access({ after: 14 }), PAGE), PAGE);
    expect(flush).toEqual({ start: VA, end: VA + 15 * PAGE });
  });

  test('is nothing without a depopulation', () => {
    const events = log(LIFE.slice(0, 6));
    expect(missingFlush(events, pageHistory(events, access({ after: 5 }), PAGE), PAGE)).toBeUndefined();
  });
});
