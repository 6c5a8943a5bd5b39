// Our ftrace text beside a real kernel's, and through the replay, which has to place every area again.
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadEngine } from '../../../emu/unicorn/choose.js';
import { SEED } from '../../experiments/test-seeds.js';
import { bootOnce, type BootResult } from '../../kernel/boot.js';
import type { KernelName } from '../../kernel/kernels.js';
import { BOOT_LAYOUTS } from '../../layouts/boot-layouts.js';
import { ftraceInput } from '../../replay/ftrace-input.js';
import { parseFtrace } from '../../replay/ftrace.js';
import { replayInOrder, type SearchedOutcome } from '../../replay/order-search.js';
import { ftraceText } from './ftrace-text.js';

const REAL = path.resolve(
  import.meta.dirname,
  '../../../fixtures/percpu/logs/fixed16k-24Kf-megasas-1disk.trace.txt.gz',
);

async function boot(kernel: KernelName, controllers: number, cpus = 1): Promise<BootResult> {
  const options = { tlb: 'qemu', cpu: '24Kf', disks: 4, memoryMB: 128, seed: SEED.crash } as const;
  const engine = await loadEngine();
  return bootOnce({ engine, kernel, layout: BOOT_LAYOUTS['malta-4k'], controllers, cpus, ...options });
}

const replay = (text: string): SearchedOutcome => replayInOrder(ftraceInput(parseFtrace(text, 'trace'), 'trace'));

describe.each<[string, KernelName, number, string, string]>([
  ['a clean boot of the fixed kernel', '93274f1dd6b0', 1, 'clean', 'fixed'],
  ['a crash of the first bad one', 'f183324133ea', 3, 'panic', 'f183'],
])('%s', (_, kernel, controllers, outcome, variant) => {
  let result: BootResult;
  let text: string;
  beforeAll(async () => {
    result = await boot(kernel, controllers);
    text = ftraceText(result.log.events);
  });

  test('replays without a difference', () => {
    expect(result.outcome).toBe(outcome);
    const replayed = replay(text);
    expect(replayed.difference).toBeUndefined();
    const { allocs, frees, chunksCreated, chunksDestroyed } = result.counters;
    const created = chunksCreated;
    expect(replayed.counts).toMatchObject({ allocations: allocs, frees, created, destroyed: chunksDestroyed });
    expect(replayed.variant.name).toBe(variant);
    expect(replayed.workPlaced).toBe(0);
  });

  test('differs where a line is changed', () => {
    const lines = text.split('\n');
    const at = lines.findIndex((line, i) => i > 3000 && line.includes('size=640'));
    expect(at).toBeGreaterThan(0);
    const moved = lines.with(
      at,
      lines[at]!.replace(/off=(\d+)/, (_match, off: string) => `off=${Number(off) + 8}`),
    );
    expect(replay(moved.join('\n')).difference?.line).toBe(at + 1);
    const freed = lines.findIndex((line, i) => i > 3000 && line.includes('percpu_free_percpu'));
    const without = lines
      .toSpliced(freed, 1)
      .join('\n')
      .replace(/^(# entries.*: ).*/m, '$11/1');
    expect(replay(without).difference).toBeDefined();
  });
});

describe('the text', () => {
  let ours: string[];
  let real: string[];
  /** A line with its values taken out: what a parser of the format relies on. */
  const shape = (line: string): string =>
    line
      .replace(/^ *\S.*-\d+ +\[/, 'TASK-PID [')
      .replace(/ [d.][n.][s.]\.\. +\d+\.\d{6}: /, ' FLAGS TIME: ')
      .replace(/=[^ ]+/g, '=');
  const shapes = (lines: string[]): Set<string> => new Set(lines.filter((line) => !line.startsWith('#')).map(shape));
  beforeAll(async () => {
    const { log } = await boot('93274f1dd6b0', 1, 2);
    ours = ftraceText(log.events).trimEnd().split('\n');
    real = zlib.gunzipSync(fs.readFileSync(REAL)).toString('latin1').trimEnd().split('\n');
  });

  test("has the real trace's header", () => {
    const head = (lines: string[]): string[] => lines.filter((line) => line.startsWith('#'));
    const withoutCount = (lines: string[]): string =>
      head(lines)
        .join('\n')
        .replace(/\d+\/\d+/, 'N/N');
    expect(withoutCount(ours)).toBe(withoutCount(real));
    expect(ours[2]).toContain(`: ${ours.length - head(ours).length}/`);
  });

  test("has the real trace's fields in the real order", () => {
    const mine = shapes(ours);
    for (const line of shapes(real)) expect([...mine]).toContain(line);
    const others = [...mine].filter((line) => !shapes(real).has(line)).sort();
    // The recorded boot did not trace the workqueue and destroyed no chunk.
    const more = ['percpu_destroy_chunk: base_addr=', 'workqueue_execute_'];
    for (const line of others) expect(more.some((known) => line.includes(`TIME: ${known}`))).toBe(true);
  });

  test('columns are those of the real trace', () => {
    const column = (lines: string[], what: string): number =>
      lines.find((line) => !line.startsWith('#'))!.indexOf(what);
    for (const what of ['-0', '[000]', ': percpu_']) expect(column(ours, what)).toBe(column(real, what));
  });

  test('accounts for the copies of all CPUs and a pointer for each 4 bytes', () => {
    const allocation = ours.find((line) => line.includes('size=640'))!;
    expect(allocation).toMatch(/ size=640 align=8 .* bytes_alloc=1920 gfp_flags=GFP_KERNEL$/);
  });

  test('frees in callbacks are made in softirq context with interrupts off, by a task that may be due to give way', () => {
    const flags = (event: string, lines: string[]): Set<string> =>
      new Set(lines.filter((line) => line.includes(` ${event}: `)).map((line) => /\] (\S{5}) /.exec(line)![1]!));
    for (const event of ['percpu_alloc_percpu', 'percpu_free_percpu', 'percpu_create_chunk'])
      for (const seen of flags(event, real)) expect([...flags(event, ours)]).toContain(seen);
  });
});

test('what no boot of these has: a failed allocation, a task that tracing never saw the name of', () => {
  const request = { size: 8, align: 4, caller: 'f', reserved: false, atomic: true };
  const base = 0xfff4_b000;
  const text = ftraceText([
    { seq: 0, t: 1_234_567.8, pid: 8, type: 'percpu_alloc_fail', ...request, softirq: false, needResched: true },
    { seq: 1, t: 1_234_600, pid: 13, type: 'chunk_destroy', chunk: 2, base, softirq: false, needResched: false },
  ]);
  expect(text.split('\n').slice(-3)).toEqual([
    '           <...>-8       [000] .n...     1.234568: percpu_alloc_percpu_fail: reserved=0 is_atomic=1 size=8 align=4',
    '           <...>-13      [000] .....     1.234600: percpu_destroy_chunk: base_addr=fff4b000',
    '',
  ]);
});
