// Events must come back from their columns as they went in.
import { expect, test } from 'vitest';
import type { EventBody, KernelEvent } from '../../kernel/events.js';
import { EventTable, eventColumns } from './event-table.js';

/** Numbers them; a millisecond and a bit apart. */
const log = (...bodies: EventBody[]): KernelEvent[] =>
  bodies.map((body, seq) => ({ seq, t: seq * 1000.7, pid: seq % 3, ...body }));

const throughJson = (events: readonly KernelEvent[]): EventTable =>
  new EventTable(JSON.parse(JSON.stringify(eventColumns(events))));

test('every field comes back: numbers, texts, flags', () => {
  const events = log(
    { type: 'printk', level: 6, text: 'one </script>' },
    { type: 'map', chunk: 4, page: 2, cpu: 0, va: 0xfff9_b000, frame: 0x1294 },
    { type: 'depopulate', chunk: 4, start: 1, end: 3, flushed: false },
    { type: 'printk', level: 4, text: 'two' },
    { type: 'depopulate', chunk: 5, start: 0, end: 9, flushed: true },
    { type: 'map', chunk: 0, page: 0, cpu: 1, va: 0, frame: 0 },
    { type: 'switch', from: 0, to: 12 },
  );
  const table = throughJson(events);
  expect(table.length).toBe(events.length);
  for (const { seq, t, ...event } of events) expect(table.at(seq)).toEqual({ ...event, seq, t: Math.floor(t) });
});

test('a field that some events of a type do not have stays away from them', () => {
  const events = log({ type: 'bug', text: 'with' }, { type: 'bug', text: 'without' }, { type: 'panic', text: 'x' });
  Object.assign(events[0]!, { where: 'here', sure: true });
  const table = throughJson(events);
  expect(table.at(0)).toMatchObject({ text: 'with', where: 'here', sure: true });
  expect(Object.keys(table.at(1)).sort()).toEqual(['pid', 'seq', 't', 'text', 'type']);
});

test('times are whole microseconds, and add up without drifting', () => {
  const events = log(...Array.from({ length: 1000 }, (): EventBody => ({ type: 'irq', line: 'timer' })));
  const table = throughJson(events);
  expect(table.times[999]).toBe(Math.floor(999 * 1000.7));
});

test('the event at a time is the last one before it', () => {
  const table = throughJson(log({ type: 'bug', text: '' }, { type: 'bug', text: '' }, { type: 'bug', text: '' }));
  const seqs = [-5, 0, 999, 1000, 1500, 2001, 1e9].map((t) => table.seqAt(t));
  expect(seqs).toEqual([0, 0, 0, 1, 1, 2, 2]);
});
