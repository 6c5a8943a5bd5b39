import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ftraceInput } from './ftrace-input.js';
import { isFtrace, parseFtrace } from './ftrace.js';
import { gtInput } from './gt-input.js';
import { judge } from './judge.js';
import { isGtLog, parseGtLog } from './gt-log.js';
import { replayInOrder } from './order-search.js';

const folder = path.resolve(import.meta.dirname, '../../fixtures/percpu/logs');
const read = (name: string): string => zlib.gunzipSync(fs.readFileSync(path.join(folder, name))).toString('latin1');
const BUGGY = 'buggy4k-24Kf-megasas3ctl-4disk-4.gt_log.txt.gz';
const TWO_UNITS = 'fixed16k-34Kf-smp2maxcpus1-megasas-4disk.gt_log.txt.gz';
const TRACE = 'fixed16k-24Kf-megasas-1disk.trace.txt.gz';
const gt = (text: string): ReturnType<typeof replayInOrder> => replayInOrder(gtInput(parseGtLog(text, 'log')));
const trace = (text: string): ReturnType<typeof replayInOrder> =>
  replayInOrder(ftraceInput(parseFtrace(text, 'log'), 'log'));

describe('logs of real boots', () => {
  it.each(fs.readdirSync(folder).filter((name) => name.includes('gt_log')))('%s', (name) => {
    const log = parseGtLog(read(name), name);
    const outcome = replayInOrder(gtInput(log));
    expect(outcome.difference).toBeUndefined();
    expect(outcome.counts.events).toBe(log.events.length);
    expect(outcome.counts.depopulated).toBeGreaterThan(0);
    // The order that the log leaves open settles a handful of places, not the outcome.
    expect(outcome.reordered).toBeLessThan(5);
  });

  it(`${TRACE}, which begins after the first areas and has no background work`, () => {
    const outcome = trace(read(TRACE));
    expect(outcome.difference).toBeUndefined();
    expect(outcome.counts).toMatchObject({ allocations: 2861, frees: 2097, created: 4 });
  });
});

describe('a log that no kernel of this kind wrote', () => {
  it('differs in a placement', () => {
    const lines = read(TWO_UNITS).split('\n');
    const at = lines.findIndex((line, index) => index > 1500 && / A base=/.test(line));
    lines[at] = lines[at]!.replace(/off=(\d+)/, (_, offset: string) => `off=${Number(offset) + 4}`);
    const { difference } = gt(lines.join('\n'));
    expect(difference?.line).toBe(at + 1);
    expect(difference!.replay).toMatch(/^A base=/);
  });

  it('differs in a range of depopulated pages', () => {
    const text = read(TWO_UNITS).replace(/ U base=(\w+) pages=\[(\d+),(\d+)\)/, ' U base=$1 pages=[$2,9)');
    expect(gt(text).difference?.replay).toMatch(/^U base=\w+ pages=\[\d,\d\)$/);
  });

  it('differs where the fixed kernel would have flushed', () => {
    const text = read(BUGGY).replace('BUGGY(noflush)', 'FIXED(flush)');
    expect(gt(text).difference?.replay).toMatch(/^T base=/);
  });

  it('differs when a trace has an area elsewhere', () => {
    const text = read(TRACE).replace(/(base_addr=fff78000 off=)2048 /, '$12052 ');
    expect(trace(text).difference?.kernel).toContain('off=2052');
  });
});

describe('unreadable logs', () => {
  const text = read(TWO_UNITS);
  const lines = text.split('\n');
  it.each<[string, string, RegExp]>([
    ['cut off between lines', lines.slice(0, 900).join('\n') + '\n', /^log:900: the log ends after 896 of 5427 events/],
    ['cut off within a line', lines.slice(0, 900).join('\n') + '\n900 0.3', /^log:901: not an event/],
    [
      'with a line missing',
      [...lines.slice(0, 700), ...lines.slice(701)].join('\n'),
      /^log:701: event 697 where 696 is expected/,
    ],
    ['with a damaged event', text.replace(/^900 .*$/m, '900 0.35 0 19 A base=xyz'), /^log:905: damaged A event/],
    ['with an unknown event', text.replace(/^(9\d\d \S+ \d+ \d+) A/m, '$1 Z'), /^log:\d+: unknown event type "Z"/],
    ['without geometry', [lines[0]!, ...lines.slice(2)].join('\n'), /^log:2: the line with the geometry/],
    ['with lost events', text.replace('lost 0', 'lost 7'), /^log:1: the kernel lost 7 events/],
  ])('%s name the line', (_, damaged, message) => {
    expect(() => parseGtLog(damaged, 'log')).toThrow(message);
  });

  const ftrace = read(TRACE);
  it.each<[string, string, RegExp]>([
    ['overwritten', ftrace.replace('4962/4962', '4962/5000'), /^log:3: the trace buffer overflowed/],
    ['with lost events', ftrace.replace(/\n {10}<idle>.*/, '\nCPU:0 [LOST 12 EVENTS]'), /^log:13: events were lost/],
    [
      'with hashed pointers',
      ftrace.replace('base_addr=81010000', 'base_addr=(____ptrval____)'),
      /^log:13: base_addr=.*no_hash_pointers/,
    ],
    [
      'with dropped events',
      ftrace.replace(/\n {10}<idle>.*/, '\nCPU:0 [12 EVENTS DROPPED]'),
      /^log:13: events were lost/,
    ],
    ['with a foreign line', ftrace.replace(/\n {10}<idle>.*/, '\nhello'), /^log:13: not a trace line: "hello"/],
  ])('traces %s name the line', (_, damaged, message) => {
    expect(() => parseFtrace(damaged, 'log')).toThrow(message);
  });

  it.each([
    ['trace.dat', '\x17\x08Dtracing6\0', /^log:1: trace-cmd's trace.dat: .*trace-cmd report/],
    ['perf.data', 'PERFILE2\0\0', /^log:1: perf's perf.data: .*perf script/],
  ])('%s says how to print it', (_, recording, message) => {
    expect(() => judge(recording, 'log')).toThrow(message);
  });

  it('traces cut off are undecidable after the events that they have', () => {
    const cut = judge(ftrace.split('\n').slice(0, 100).join('\n') + '\n', 'log');
    expect(cut.replay!.outcome.counts.events).toBe(88);
    expect(cut.undecidable).toEqual({
      line: 100,
      why: 'the trace ends after 88 of 4962 entries: it is truncated',
    });
  });

  it('of other kinds are told apart', () => {
    expect([isGtLog(text), isFtrace(text)]).toEqual([true, false]);
    expect([isGtLog(ftrace), isFtrace(ftrace)]).toEqual([false, true]);
    expect([isGtLog('root:x:0:0\n'), isFtrace('root:x:0:0\n')]).toEqual([false, false]);
  });
});

describe('ftrace text', () => {
  it('of trace-cmd report, with other events in between', () => {
    const report = [
      'cpus=1',
      '     swapper/0-1     [000]     0.100000: percpu_alloc_percpu:  call_site=0x80100000 reserved=0 is_atomic=0 size=4 align=4 base_addr=0x81007000 off=2848 ptr=0x809dfb20 bytes_alloc=4 gfp_flags=GFP_KERNEL',
      '     swapper/0-1     [000]     0.100001: sched_switch:  prev_comm=swapper/0',
      '     swapper/0-1     [000]     0.100002: percpu_free_percpu:   base_addr=0x81007000 off=2848 ptr=0x809dfb20',
      '',
    ].join('\n');
    expect(isFtrace(report)).toBe(true);
    const { events, cpus } = parseFtrace(report, 'log');
    expect(cpus).toEqual([1]);
    expect(events.map(({ kind, pid, base, offset }) => [kind, pid, base, offset])).toEqual([
      ['A', 1, 0x81007000, 2848],
      ['F', 1, 0x81007000, 2848],
    ]);
    expect(trace(report).difference).toBeUndefined();
  });

  it('with the workqueue says when the background work ran', () => {
    const line = (time: number, event: string): string => `  kworker/0:1-13 [000] .....     0.${time}: ${event}`;
    const work = 'work struct 80113f60: function';
    const text = [
      line(100000, 'percpu_free_percpu: base_addr=81007000 off=2848 ptr=809dfb20'),
      line(100001, `workqueue_execute_start: ${work} pcpu_balance_workfn`),
      line(100002, `workqueue_execute_end: ${work} pcpu_balance_workfn`),
      line(100003, `workqueue_execute_start: ${work} vmstat_update`),
      line(100004, `workqueue_queue_work: ${work}=pcpu_balance_workfn workqueue=events req_cpu=1 cpu=0`),
      '',
    ].join('\n');
    const { events } = parseFtrace(text, 'log');
    expect(events.map(({ kind, a, line: number }) => [kind, a, number])).toEqual([
      ['F', 0, 1],
      ['W', 0, 2],
      ['W', 1, 3],
    ]);
    expect(ftraceInput(parseFtrace(text, 'log'), 'log').workLogged).toBe(true);
    expect(trace(text).difference).toBeUndefined();
    const twice = text.replace('_end:', '_start:');
    expect(trace(twice).difference?.replay).toBe('the background work is running already');
  });
});
