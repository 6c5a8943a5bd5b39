// The Trace Event Format's rules as a validator, which has to find what is broken, over the traces of a crash and of a clean boot;
// and what these traces say against the event log.
import { beforeAll, describe, expect, test } from 'vitest';
import { loadEngine } from '../../../emu/unicorn/choose.js';
import { SEED } from '../../experiments/test-seeds.js';
import { bootOnce, type BootResult } from '../../kernel/boot.js';
import type { KernelEvent } from '../../kernel/events.js';
import type { KernelName } from '../../kernel/kernels.js';
import { BOOT_LAYOUTS } from '../../layouts/boot-layouts.js';
import { chromeTrace } from './chrome-trace.js';

type Json = Record<string, unknown>;
interface Event extends Json {
  name: string;
  ph: string;
  ts: number;
  dur: number;
  pid: number;
  tid: number;
  args: Json;
}

const PHASES = ['M', 'X', 'B', 'E', 'b', 'n', 'e', 'i', 'C'];
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
/** The log's times have three decimals; whole nanoseconds compare exactly. */
const ns = (us: number): number => Math.round(us * 1000);

/**
 * What in `text` goes against the Trace Event Format (JSON object form), each with the number of the event. On top of it two rules of
 * Perfetto's: slices of a thread nest, and no two threads have the same tid.
 */
function violations(text: string): string[] {
  const found: string[] = [];
  let trace: Json;
  try {
    trace = JSON.parse(text) as Json;
  } catch (error) {
    return [`not JSON: ${String(error)}`];
  }
  if (trace.displayTimeUnit !== 'ms' && trace.displayTimeUnit !== 'ns')
    found.push('displayTimeUnit is neither ms nor ns');
  if (!Array.isArray(trace.traceEvents)) return [...found, 'traceEvents is no array'];
  const events = trace.traceEvents as Event[];
  const processes = new Set<number>();
  const threads = new Map<number, number>();
  const sound = events.filter((event, i) => {
    const bad = fieldViolation(event);
    if (bad !== undefined) found.push(`event ${i}: ${bad}`);
    return bad === undefined;
  });
  for (const { ph, name, pid, tid } of sound) {
    if (ph !== 'M') continue;
    if (name === 'process_name' && !processes.add(pid)) found.push(`process ${pid} is named twice`);
    if (name !== 'thread_name') continue;
    if (threads.has(tid)) found.push(`thread ${tid} is named twice`);
    threads.set(tid, pid);
  }
  const asyncs = new Map<string, Event>();
  const slices = new Map<string, { name: string; end: number }[]>();
  const begun = new Map<string, string[]>();
  const last = new Map<string, number>();
  sound.forEach((event, i) => {
    const { ph, name, pid, tid, ts } = event;
    const bad = (what: string): void => void found.push(`event ${i} (${name}): ${what}`);
    if (!processes.has(pid)) bad(`process ${pid} has no name`);
    if (ph === 'M') return;
    if (threads.get(tid) !== pid) bad(`thread ${tid} of process ${pid} has no name`);
    const track = `${pid}/${tid}`;
    if (ts < (last.get(track) ?? 0)) bad(`goes back from ${last.get(track)} to ${ts}`);
    last.set(track, ts);
    if (ph === 'X') {
      const stack = slices.get(track) ?? [];
      slices.set(track, stack);
      const end = ns(ts) + ns(event.dur);
      while (stack.length > 0 && stack.at(-1)!.end <= ns(ts)) stack.pop();
      if (stack.length > 0 && stack.at(-1)!.end < end) bad(`reaches beyond ${stack.at(-1)!.name}, in which it begins`);
      stack.push({ name, end });
    } else if (ph === 'B') {
      begun.set(track, [...(begun.get(track) ?? []), name]);
    } else if (ph === 'E') {
      const open = begun.get(track)?.pop();
      if (open === undefined) bad('E without B');
      else if (open !== name) bad(`ends ${open}`);
    } else if (ph === 'b' || ph === 'e') {
      const key = `${String(event.cat)} ${String(event.id)}`;
      const open = asyncs.get(key);
      if (ph === 'b') {
        if (open !== undefined) bad(`id ${key} is open already`);
        asyncs.set(key, event);
      } else {
        if (open === undefined) bad(`id ${key} was never opened`);
        else if (open.name !== name || open.pid !== pid) bad(`id ${key} was opened as ${open.name}`);
        asyncs.delete(key);
      }
    }
  });
  for (const [key, { name }] of asyncs) found.push(`${name}: id ${key} has no end`);
  for (const name of [...begun.values()].flat()) found.push(`${name}: B without E`);
  return found;
}

/** What is wrong with the fields of one event by itself. */
function fieldViolation(event: Event): string | undefined {
  const { name, ph, pid, tid, ts, args } = event;
  if (typeof name !== 'string' || name === '') return 'no name';
  if (!PHASES.includes(ph)) return `phase ${String(ph)}`;
  if (!Number.isInteger(pid) || !Number.isInteger(tid)) return 'pid or tid is no number';
  if (typeof args !== 'object' || args === null) return 'no args';
  if (ph === 'M') {
    if (name === 'process_name' || name === 'thread_name')
      return typeof args.name === 'string' ? undefined : 'no args.name';
    if (name === 'process_sort_index' || name === 'thread_sort_index')
      return isNumber(args.sort_index) ? undefined : 'no args.sort_index';
    return `unknown metadata ${name}`;
  }
  if (!isNumber(ts) || ts < 0) return `ts ${String(ts)}`;
  if (typeof event.cat !== 'string' || event.cat === '') return 'no cat';
  if (ph === 'X' && (!isNumber(event.dur) || event.dur < 0)) return `dur ${String(event.dur)}`;
  if (ph === 'i' && !['g', 'p', 't'].includes(event.s as string)) return `scope ${String(event.s)}`;
  if ('bne'.includes(ph) && typeof event.id !== 'string') return 'no id';
  const values = Object.values(args);
  if (ph === 'C' && (values.length === 0 || !values.every(isNumber))) return 'a counter without numbers';
  return undefined;
}

describe('the validator', () => {
  const names = [
    { name: 'process_name', ph: 'M', pid: 1, tid: 0, args: { name: 'CPU 0' } },
    { name: 'thread_name', ph: 'M', pid: 1, tid: 7, args: { name: 'kworker' } },
  ];
  const at = (ph: string, ts: number, more: Json = {}): Json => ({
    ...{ name: 'x', cat: 'c', ph, ts, pid: 1, tid: 7, args: {} },
    ...more,
  });
  const trace = (...events: Json[]): string =>
    JSON.stringify({ displayTimeUnit: 'ms', traceEvents: [...names, ...events] });

  test('finds nothing in a sound trace', () => {
    const sound = trace(
      at('X', 1, { dur: 10 }),
      at('X', 1, { dur: 3.5 }),
      at('B', 5),
      at('E', 6),
      at('b', 7, { id: '1' }),
      at('i', 8, { s: 'g' }),
      at('e', 9, { id: '1' }),
      at('C', 9, { args: { pages: 3 } }),
      at('X', 11, { dur: 0 }),
    );
    expect(violations(sound)).toEqual([]);
  });

  test.each<[string, string, RegExp]>([
    ['cut off text', trace(at('X', 1, { dur: 1 })).slice(0, -3), /^not JSON/],
    ['no array', JSON.stringify({ displayTimeUnit: 'ms' }), /traceEvents/],
    ['an unknown unit', JSON.stringify({ displayTimeUnit: 'us', traceEvents: [] }), /displayTimeUnit/],
    ['an unknown phase', trace(at('Q', 1)), /phase Q/],
    ['no name', trace(at('i', 1, { s: 't', name: '' })), /no name/],
    ['a time that is text', trace(at('i', 1, { s: 't', ts: '1' })), /ts 1/],
    ['a time before 0', trace(at('i', -1, { s: 't' })), /ts -1/],
    ['a pid that is text', trace(at('i', 1, { s: 't', pid: '1' })), /pid or tid/],
    ['no args', trace(at('i', 1, { s: 't', args: null })), /no args/],
    ['no category', trace(at('i', 1, { s: 't', cat: undefined })), /no cat/],
    ['X without dur', trace(at('X', 1)), /dur undefined/],
    ['a negative dur', trace(at('X', 1, { dur: -1 })), /dur -1/],
    ['an instant without scope', trace(at('i', 1)), /scope/],
    ['a counter of text', trace(at('C', 1, { args: { pages: '3' } })), /counter/],
    ['an empty counter', trace(at('C', 1)), /counter/],
    ['slices that overlap', trace(at('X', 1, { dur: 5 }), at('X', 3, { dur: 5 })), /reaches beyond/],
    ['B without E', trace(at('B', 1)), /B without E/],
    ['E without B', trace(at('E', 1)), /E without B/],
    ['E of another B', trace(at('B', 1), at('E', 2, { name: 'y' })), /ends x/],
    ['b without id', trace(at('b', 1)), /no id/],
    ['b without e', trace(at('b', 1, { id: '1' })), /has no end/],
    ['e without b', trace(at('e', 1, { id: '1' })), /never opened/],
    [
      'an id opened twice',
      trace(at('b', 1, { id: '1' }), at('b', 2, { id: '1' }), at('e', 3, { id: '1' })),
      /open already/,
    ],
    ['time that goes back', trace(at('i', 5, { s: 't' }), at('i', 4, { s: 't' })), /goes back/],
    ['a thread without name', trace(at('i', 1, { s: 't', tid: 8 })), /thread 8 .*no name/],
    ['a process without name', trace(at('i', 1, { s: 't', pid: 2 })), /process 2 has no name/],
    ['a thread named twice', trace(names[1]!), /named twice/],
    ['metadata without a name', trace({ ...names[1], args: {} }), /no args.name/],
  ])('finds %s', (_, text, message) => {
    expect(violations(text).join('\n')).toMatch(message);
  });
});

const boots: [string, KernelName, number, number][] = [
  ['a crash', 'f183324133ea', 3, SEED.crash],
  ['a clean boot', '93274f1dd6b0', 1, 1],
];
describe.each(boots)('%s', (_, kernel, controllers, seed) => {
  let result: BootResult;
  let log: readonly KernelEvent[];
  let text: string;
  let events: Event[];
  const of = <T extends KernelEvent['type']>(type: T) =>
    log.filter((event): event is KernelEvent & { type: T } => event.type === type);
  beforeAll(async () => {
    const options = { tlb: 'qemu', cpu: '24Kf', cpus: 1, disks: 4, memoryMB: 128 } as const;
    const engine = await loadEngine();
    result = bootOnce({ engine, kernel, layout: BOOT_LAYOUTS['malta-4k'], controllers, seed, ...options });
    log = result.log.events;
    text = chromeTrace(log, { seed });
    events = (JSON.parse(text) as { traceEvents: Event[] }).traceEvents;
  });

  test('keeps the rules', () => {
    expect(violations(text)).toEqual([]);
    expect(result.outcome).toBe(kernel === 'f183324133ea' ? 'panic' : 'clean');
  });

  test('names each event of the log at its time', () => {
    // An E repeats the seq of its B.
    const named = events.filter(({ ph, args }) => ph !== 'E' && args.seq !== undefined);
    expect(named.length).toBeGreaterThan(1000);
    for (const { args, ts } of named) expect(log[args.seq as number]!.t).toBe(ts);
  });

  test('has the CPU with exactly one task at each moment', () => {
    const running = events.filter(({ ph, cat }) => 'BE'.includes(ph) && cat === 'task');
    const switches = of('switch');
    expect(running).toHaveLength(2 * (switches.length + 1));
    const expected = switches.flatMap(({ t, from, to }) => [`E ${t} ${from}`, `B ${t} ${to}`]);
    const end = log.at(-1)!.t;
    expect(running.map(({ ph, ts, tid }) => `${ph} ${ts} ${tid}`)).toEqual([
      'B 0 0',
      ...expected,
      `E ${end} ${switches.at(-1)!.to}`,
    ]);
    const names = new Map(events.filter(({ name }) => name === 'thread_name').map(({ tid, args }) => [tid, args.name]));
    for (const { task, comm } of of('task')) expect(names.get(task)).toBe(`${comm}-${task}`);
  });

  test('counts populated and empty pages as the balance work does, and bytes as allocated', () => {
    const values = new Map<string, unknown>();
    let compared = 0;
    for (const { ph, cat, name, args } of events) {
      if (ph === 'C') values.set(name, args.value);
      if (cat !== 'balance' || ph !== 'B') continue;
      compared++;
      expect(values.get('empty populated pages')).toBe(args.emptyPages);
      expect(values.get('populated pages of a unit') ?? args.populated).toBe(args.populated);
    }
    expect(compared).toBeGreaterThan(3);
    const bytes = events.filter(({ name }) => name === 'allocated bytes of a unit').at(-1)!.args.value;
    const sum = (list: readonly { size: number }[]): number => list.reduce((total, { size }) => total + size, 0);
    expect(bytes).toBe(sum(of('percpu_alloc')) - sum(of('percpu_free')));
  });

  test('shows work, flushes, depopulation, grace periods, scans and stale accesses', () => {
    const count = (test: (event: Event) => boolean): number => events.filter(test).length;
    const starts = (type: 'balance' | 'work'): number => of(type).filter(({ phase }) => phase === 'start').length;
    expect(count(({ cat, ph }) => cat === 'balance' && ph === 'B')).toBe(starts('balance'));
    expect(count(({ cat, ph }) => cat === 'workqueue' && ph === 'B')).toBe(starts('work'));
    expect(count(({ name }) => name.startsWith('depopulate ['))).toBe(of('depopulate').length);
    expect(count(({ name }) => name.startsWith('flush'))).toBe(of('tlb_flush').length);
    expect(count(({ ph }) => ph === 'b')).toBe(of('rcu').filter(({ phase }) => phase === 'gp_start').length);
    expect(count(({ name, ph }) => name.startsWith('target ') && ph === 'B')).toBe(of('scan').length);
    expect(count(({ name, ph }) => /^chunk \d+$/.test(name) && ph === 'B')).toBe(of('chunk_create').length);
    const stale = events.filter(({ cat }) => cat === 'stale');
    expect(stale).toHaveLength(of('stale_access').length);
    for (const { args } of stale)
      expect([args.va, args.frame, args.mapped]).toEqual(Array(3).fill(expect.stringMatching(/^0x|none/)));
    const global = events.filter(({ s }) => s === 'g').map(({ name }) => name.split(':')[0]);
    expect(global).toEqual(kernel === 'f183324133ea' ? ['oops 1', 'panic'] : []);
  });

  test('is the same text each time', () => {
    expect(chromeTrace(log, { seed })).toBe(text);
  });
});
