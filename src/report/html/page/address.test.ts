// Addresses of views: written and read back.
import { expect, test } from 'vitest';
import { parseHash, type View, viewHash } from './address.js';

test.each<[View, string]>([
  [{ seq: 12723, mode: 'story' }, '#event-12723'],
  [{ seq: 0, mode: 'event' }, '#event-0&page=event'],
  [{ seq: 7, mode: 'hand', page: { chunk: 4, page: 2, cpu: 0 }, frame: 0x1294 }, '#event-7&page=4.2&pfn=1294'],
  [{ seq: 7, mode: 'hand', page: { chunk: 12, page: 0, cpu: 3 } }, '#event-7&page=12.0.3'],
])('%o', (view, hash) => {
  expect(viewHash(view)).toBe(hash);
  expect(parseHash(hash)).toEqual(view);
});

test.each(['', '#', '#time-title', '#event-', '#event-1x', '#event-99999999999', '#event-1&<script>'])(
  '%j is no view',
  (hash) => expect(parseHash(hash)).toBeUndefined(),
);

test('what is no page is the page of the story', () => {
  expect(parseHash('#event-5&page=4')).toEqual({ seq: 5, mode: 'story' });
});
