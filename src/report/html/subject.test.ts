// Which page an event is about, with two chunks at one address and two CPUs.
import { expect, test } from 'vitest';
import type { KernelEvent } from '../../kernel/events.js';
import type { ReportData } from './report-data.js';
import { addressOf, placeAt, subjectOf } from './subject.js';

const BASE = 0xfff0_0000;
const UNIT = 0x1_0000;
const data = {
  pageSize: 0x1000,
  unitOffsets: [0, UNIT],
  chunks: [
    { id: 3, base: BASE, pages: 4, firstCell: 0, created: 10 },
    { id: 5, base: BASE, pages: 4, firstCell: 4, created: 50 },
  ],
} as unknown as ReportData;

const stale = (seq: number, va: number): KernelEvent => ({
  seq,
  t: 0,
  pid: 0,
  type: 'stale_access',
  va,
  size: 4,
  write: true,
  frame: 0x1294,
  mapped: -1,
  owner: 'free',
  entry: 0,
  shadow: false,
  pc: 0,
  by: 'f',
});

test('an address is looked up in the youngest chunk that was there by then', () => {
  expect(subjectOf(stale(20, BASE + 0x2004), data)).toEqual({ cell: { row: 0, page: 2, cpu: 0 }, frame: 0x1294 });
  expect(subjectOf(stale(60, BASE + 0x2004), data)).toEqual({ cell: { row: 1, page: 2, cpu: 0 }, frame: 0x1294 });
  expect(subjectOf(stale(5, BASE), data)).toEqual({ frame: 0x1294 });
});

test("another CPU's copy of a page is the same page", () => {
  expect(subjectOf(stale(60, BASE + UNIT + 0x3000), data)).toEqual({
    cell: { row: 1, page: 3, cpu: 1 },
    frame: 0x1294,
  });
});

test('an address between the units is no page', () => {
  expect(subjectOf(stale(60, BASE + 0x4000), data)).toEqual({ frame: 0x1294 });
});

test('areas are on the page of their first byte', () => {
  const event = { seq: 60, type: 'percpu_alloc', chunk: 5, off: 0x1ffc } as unknown as KernelEvent;
  expect(subjectOf(event, data)).toEqual({ cell: { row: 1, page: 1, cpu: 0 } });
});

test('a page has its address back', () => {
  const va = BASE + UNIT + 0x3000;
  expect(addressOf(placeAt(va + 8, 60, data)!, data)).toBe(va);
});

test('a range of pages counts as a whole', () => {
  const event = { seq: 60, type: 'depopulate', chunk: 5, start: 1, end: 3 } as unknown as KernelEvent;
  expect(subjectOf(event, data)).toEqual({ cell: { row: 1, page: 1, cpu: 0 }, pages: 2 });
});
