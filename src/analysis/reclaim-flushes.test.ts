import { describe, expect, test } from 'vitest';
import { type EventBody, EventLog } from '../kernel/events.js';
import { pageHistory } from './page-history.js';
import { flushFault, flushSentence, reclaimFlushes } from './reclaim-flushes.js';
import type { StaleAccess } from './stale-access.js';

const PAGE = 0x1000;
const VA = 0xfffa_6000;
const flush = (start: number, end: number, whole = false): EventBody => ({ type: 'tlb_flush', start, end, whole });
const WHY = 'flush_tlb_kernel_range(fffa6000, fffa8000)';

/** Two pages are depopulated; flushes stand before and behind the access through the second's old translation. */
function flushesOf(before: EventBody[], behind: EventBody[] = []): { says: string; fault: string } {
  const log = new EventLog();
  const bodies = [
    { type: 'map', chunk: 3, page: 1, cpu: 0, va: VA + PAGE, frame: 0x101 },
    { type: 'unmap', chunk: 3, page: 0, cpu: 0, va: VA, frame: 0x100 },
    { type: 'unmap', chunk: 3, page: 1, cpu: 0, va: VA + PAGE, frame: 0x101 },
    { type: 'depopulate', chunk: 3, start: 0, end: 2, flushed: false },
    ...before,
    { type: 'map', chunk: 3, page: 1, cpu: 0, va: VA + PAGE, frame: 0x200 },
    ...behind,
    { type: 'sideline', chunk: 3 },
    flush(VA, VA + 8 * PAGE), // of the next chunk's reclaim
  ] as EventBody[];
  bodies.forEach((event, t) => log.append(t, 1, event));
  const access = {
    va: VA + PAGE + 16,
    after: 4 + before.length,
    frame: 0x101,
    mapped: 0x200,
    filled: -1,
  } as StaleAccess;
  const found = reclaimFlushes(log.events, pageHistory(log.events, access, PAGE), access, PAGE)!;
  return { says: flushSentence(found), fault: flushFault(found) };
}

describe('what a reclaim flushed', () => {
  test('nothing', () => {
    expect(flushesOf([])).toEqual({ says: 'The TLB is not flushed', fault: `a depopulation without ${WHY}` });
  });

  test('a part, without this page', () => {
    expect(flushesOf([flush(VA, VA + PAGE)])).toEqual({
      says: 'The TLB is flushed from fffa6000 to fffa7000 (event 4), not for this page',
      fault: `a depopulation of fffa6000 to fffa8000 that flushes only from fffa6000 to fffa7000 (event 4) instead of ${WHY}`,
    });
  });

  test('many parts are not all told', () => {
    const parts = Array.from({ length: 5 }, (_, i) => flush(VA - i * PAGE, VA - (i - 1) * PAGE));
    expect(flushesOf(parts).says).toMatch(
      /\(event 4\) and .*\(event 5\) and .*\(event 6\) and in 2 more flushes, not for/,
    );
  });

  test('the page, too late', () => {
    expect(flushesOf([], [flush(VA, VA + 2 * PAGE)])).toEqual({
      says: 'The TLB is flushed later (event 5)',
      fault: `a depopulation whose flush comes too late, in event 5, instead of ${WHY} at once`,
    });
  });

  test.each([flush(VA, VA + 2 * PAGE), flush(0, 0, true)])('the page, and the entry outlives it: %o', (whole) => {
    expect(flushesOf([whole])).toEqual({
      says: 'The TLB is flushed (event 4), and the entry outlives that',
      fault: `a flush (event 4) that does not drop what it covers, as ${WHY} would`,
    });
  });
});
