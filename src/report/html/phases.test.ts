// Lanes and moments from small logs made by hand.
import { expect, test } from 'vitest';
import type { EventBody, KernelEvent } from '../../kernel/events.js';
import { lanes, moments } from './phases.js';

type What = (EventBody & { type: 'milestone' })['what'];
const log = (...bodies: EventBody[]): KernelEvent[] => bodies.map((body, seq) => ({ seq, t: seq, pid: 0, ...body }));
const milestone = (what: What, host = 0): EventBody => ({ type: 'milestone', what, host });
const depopulate: EventBody = { type: 'depopulate', chunk: 1, start: 0, end: 2, flushed: false };
const irq: EventBody = { type: 'irq', line: 'timer' };
const stale = (frame: number, owner: string): EventBody => ({
  type: 'stale_access',
  va: 0,
  size: 4,
  write: true,
  frame,
  mapped: -1,
  owner,
  entry: 0,
  shadow: false,
  pc: 0,
  by: 'f',
});
const rcu = (phase: 'gp_start' | 'gp_end'): EventBody => ({ type: 'rcu', phase, callbacks: 1 });

const lane = (events: KernelEvent[], name: string) => lanes(events).find((each) => each.name === name)!;

test('phases follow each other up to the end', () => {
  const events = log(
    irq,
    milestone('scan_start', 0),
    milestone('scan_start', 1),
    milestone('scan_end', 0),
    milestone('scan_end', 1),
    milestone('root_mounted'),
    milestone('init'),
    irq,
  );
  const { labels, marks } = lane(events, 'boot');
  expect(labels).toEqual(['initcalls', 'SCSI scan', 'late initcalls', 'root mounted', 'init']);
  expect(marks).toEqual([
    [0, 1],
    [1, 4],
    [4, 5],
    [5, 6],
    [6, 7],
  ]);
  expect(lane(events, 'scan host 1').marks).toEqual([[2, 4]]);
});

test('a scan that never ends lasts to the end', () => {
  const events = log(milestone('scan_start', 0), milestone('scan_end', 0), milestone('scan_start', 1), irq);
  expect(lane(events, 'boot').labels).toEqual(['initcalls', 'SCSI scan']);
  expect(lane(events, 'scan host 1').marks).toEqual([[2, 3]]);
});

test('grace periods are one mark each, the last one open', () => {
  expect(lane(log(rcu('gp_start'), irq, rcu('gp_end'), rcu('gp_start'), irq), 'RCU').marks).toEqual([
    [0, 2],
    [3, 4],
  ]);
});

test('a lane without anything in it stays', () => {
  expect(lane(log(depopulate), 'TLB flush').marks).toEqual([]);
});

test('a log of the allocator only has no lanes for what it does not tell', () => {
  const names = lanes(log(depopulate, irq), false).map(({ name }) => name);
  expect(names).toEqual(['balance work', 'depopulation', 'flush after it', 'stale access', 'crash']);
});

test('of many stale stores into a page only the first is a moment, until it has another owner', () => {
  const events = log(depopulate, stale(1, 'free'), stale(1, 'free'), stale(1, 'kmalloc-1k'), stale(2, 'free'), irq);
  expect(moments(events)).toEqual([0, 1, 3, 4]);
});
