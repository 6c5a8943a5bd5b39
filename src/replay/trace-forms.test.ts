// One real trace in every form in which traces go around, and what is told of those that begin late or are cut.
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ScriptRunner, VARIANTS, scriptOps } from '../percpu/index.js';
import { readGeometry } from './boot-geometry.js';
import type { BootGeometry } from './boot-geometry.js';
import { parseFtrace } from './ftrace.js';
import { judge } from './judge.js';
import { traceLines } from './trace-lines.js';

const file = path.resolve(import.meta.dirname, '../../fixtures/percpu/logs/fixed16k-24Kf-megasas-1disk.trace.txt.gz');
const TRACE = zlib.gunzipSync(fs.readFileSync(file)).toString('latin1');
/** Without the header that says how many entries there are. */
const EVENTS = TRACE.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
const FORM = /^\s*(\S.*)-(\d+)\s+\[(\d+)\] (\S+)\s+(\d+\.\d+): (\w+): (.*)$/;

interface Parts {
  task: string;
  pid: string;
  cpu: string;
  flags: string;
  time: string;
  event: string;
  args: string;
}

function inForm(form: (parts: Parts) => string, lines = EVENTS): string {
  return (
    lines
      .map((line) => {
        const [, task, pid, cpu, flags, time, event, args] = FORM.exec(line) as unknown as string[];
        return form({ task: task!, pid: pid!, cpu: cpu!, flags: flags!, time: time!, event: event!, args: args! });
      })
      .join('\n') + '\n'
  );
}

/** As a mail program wraps, at the last blank before the column. */
function wrapped(line: string, column = 72): string {
  const rows: string[] = [];
  let rest = line;
  while (rest.length > column) {
    const at = rest.lastIndexOf(' ', column);
    if (at <= 0) break;
    rows.push(rest.slice(0, at));
    rest = rest.slice(at + 1);
  }
  return [...rows, rest].join('\n');
}

const quoted = (text: string): string => text.replace(/^/gm, '> ');
const asTraced = ({ task, pid, cpu, flags, time, event, args }: Parts): string =>
  `${task.padStart(16)}-${pid.padEnd(7)} [${cpu}] ${flags} ${time.padStart(12)}: ${event}: ${args}`;

/** All that a replay goes by. */
const requests = (text: string): string[] =>
  parseFtrace(text, 'log').events.map(({ kind, pid, base, offset, size, align }) =>
    [kind, pid, base, offset, size, align].join(),
  );

describe('the same trace', () => {
  it.each<[string, string]>([
    [
      'as perf script prints it',
      inForm(
        ({ task, pid, cpu, time, event, args }) =>
          `${task} ${pid.padStart(5)} [${cpu}] ${time.padStart(12)}:       percpu:${event}: ${args.replace(/(base_addr|ptr)=/g, '$1=0x')}`,
      ),
    ],
    [
      'as perf script prints it with call chains',
      inForm(
        ({ task, pid, time, event, args }) =>
          `${task} ${pid}/${pid} ${time}: percpu:${event}: ${args}\n\t    8019a2b0 pcpu_alloc+0x3f0 ([kernel.kallsyms])\n`,
      ),
    ],
    [
      'as trace-cmd report prints it',
      'cpus=1\n' +
        inForm(
          ({ task, pid, cpu, flags, time, event, args }) =>
            `${task.padStart(16)}-${pid.padEnd(5)} [${cpu}] ${flags} ${time.padStart(12)}: ${event}:  ${args}`,
        ),
    ],
    [
      'in the latency format',
      inForm(
        ({ task, pid, flags, time, event, args }) =>
          `${task.padStart(8)}-${pid.padEnd(7)} 0${flags} ${Math.round(Number(time) * 1e6)}us+: ${event}: ${args}`,
      ),
    ],
    [
      'with thread groups',
      inForm(
        ({ task, pid, cpu, flags, time, event, args }) =>
          `${task}-${pid} (  ${pid}) [${cpu}] ${flags} ${time}: ${event}: ${args}`,
      ),
    ],
    [
      'by the function graph tracer',
      inForm(
        ({ task, pid, time, event, args }) =>
          ` ${time} |   0)  ${task}-${pid}   |               |    /* ${event}: ${args} */`,
      ) + ' 0.9 |   0)  x-1   |   0.352 us    |    mutex_unlock();\n',
    ],
    ['quoted', quoted(inForm(asTraced))],
    [
      'quoted twice, with an answer in between',
      quoted(quoted(inForm(asTraced, EVENTS.slice(0, 700)))) +
        'Look here:\n' +
        quoted(quoted(inForm(asTraced, EVENTS.slice(700)))),
    ],
    [
      'wrapped',
      wrapped(
        inForm(asTraced)
          .slice(0, -1)
          .split('\n')
          .map((line) => wrapped(line))
          .join('\n'),
        1e9,
      ) + '\n',
    ],
    ['wrapped and quoted', quoted(inForm((parts) => wrapped(asTraced(parts), 66)))],
    ['with the ends of lines of DOS', TRACE.replaceAll('\n', '\r\n')],
    [
      'in the source of a mail',
      TRACE.replaceAll('=', '=3D').replace(
        /^.{75}(?!=$)(?=.)/gm,
        (line) => `${line.replace(/=3?$/, '')}=\n${/=3?$/.exec(line)?.[0] ?? ''}`,
      ),
    ],
    [
      'by trace-cmd 3, of a machine with an idle CPU',
      'version = 7\ncpus=2\nCPU 1 is empty\n' +
        inForm(({ task, pid, time, event, args }) => `${task}-${pid}  [000] ..... ${time}: ${event}:  ${args}`),
    ],
    ['out of HTML', TRACE.replaceAll('<', '&lt;').replaceAll('>', '&gt;')],
    ['in a mail', 'Hello,\n\nhere is the trace you asked for.\n\n' + inForm(asTraced) + '\nRegards,\nSomebody\n'],
  ])('%s', (_, text) => {
    expect(requests(text)).toEqual(requests(TRACE));
  });

  it('is replayed to its end', () => {
    const { replay, difference, undecidable } = judge(quoted(inForm((parts) => wrapped(asTraced(parts), 66))), 'log');
    expect([difference, undecidable]).toEqual([undefined, undefined]);
    expect(replay!.outcome.counts).toMatchObject({ events: EVENTS.length, allocations: 2861, frees: 2097, created: 4 });
  });

  it('as records of /dev/kmsg', () => {
    const text = inForm(({ event, args }) => `4,812,268931,-;${event}: ${args}`);
    expect(parseFtrace(text, 'log').events.length).toBe(EVENTS.length);
  });

  it('on a console with tp_printk, between other lines, without tasks', () => {
    const text =
      '[    0.000000] percpu: Embedded 7 pages/cpu s80672 r0 d34016 u114688\n' +
      inForm(({ time, event, args }) => `[${time.padStart(12)}] ${event}: ${args}`) +
      '[    9.000000] reboot: Power down\n';
    const { events, geometry } = traceLines(text, 'log');
    expect(events.length).toBe(EVENTS.length);
    expect(geometry).toEqual({ staticSize: 80672, reservedSize: 0, dynSize: 34016, unitSize: 114688, pageSize: 16384 });
    // Whose a new chunk is does not show; whatever comes out, it is no difference.
    expect(judge(text, 'log').difference).toBeUndefined();
  });
});

describe('geometry', () => {
  const sizes = { staticSize: 31520, reservedSize: 0, dynSize: 21728 };
  it.each<[string, BootGeometry]>([
    [
      '[    0.000000] percpu: Embedded 13 pages/cpu s31520 r0 d21728 u53248',
      { ...sizes, unitSize: 53248, pageSize: 4096 },
    ],
    ['PERCPU: Embedded 13 pages/cpu @c7ee9000 s31520 r0 d21728 u53248', { ...sizes, unitSize: 53248, pageSize: 4096 }],
    ['percpu: 13 4K pages/cpu s31520 r0 d21728', { ...sizes, unitSize: 53248, pageSize: 4096 }],
    ['s31520 r0 d21728 u53248', { ...sizes, unitSize: 53248 }],
    ['pcpu-alloc: s31520 r0 d21728 u65536 alloc=1*2097152', { ...sizes, unitSize: 65536, atomSize: 2097152 }],
    ['[    0.000000] pcpu-alloc: [0] 0 1 2 3 [1] 4 5 6 - ', { cpus: 7 }],
    ['[    0.000000] pcpu-alloc: [00] 00 01 -- -- ', { cpus: 2 }],
    ['setup_percpu: NR_CPUS:8192 nr_cpumask_bits:4 nr_cpu_ids:4 nr_node_ids:1', { cpus: 4 }],
    [
      'percpu: Embedded 10 pages/cpu s608920 r0 d46440 u655360',
      { staticSize: 608920, reservedSize: 0, dynSize: 46440, unitSize: 655360, pageSize: 65536 },
    ],
  ])('%s', (line, expected) => {
    const known: BootGeometry = {};
    expect(readGeometry(line, known)).toBe(true);
    expect(known).toEqual(expected);
  });

  it('of a kernel that nobody knows is taken from its boot', () => {
    // Moved to a kernel with a static area two pages larger.
    const text = EVENTS.join('\n') + '\n';
    expect(judge(text, 'log', { staticSize: 80672, reservedSize: 0, dynSize: 34016, unitSize: 114688 })).toMatchObject({
      difference: undefined,
      undecidable: undefined,
    });
    expect(() => judge(text, 'log', { staticSize: 80672, reservedSize: 0, dynSize: 34016, unitSize: 4096 })).toThrow(
      /^log:1: the geometry s80672 r0 d34016 u4096 cannot be: /,
    );
    expect(() => judge(text, 'log', { staticSize: 12, reservedSize: 0, dynSize: 65524 })).toThrow(
      /^log:1: the addresses do not fit the geometry that is given$/,
    );
  });
});

/** What the allocator does on a kernel with 64 KB pages and addresses that are exact to 1 KB only, as a trace from the very beginning. */
function power9Trace(): string {
  const lines: string[] = [];
  const runner = new ScriptRunner('power9', VARIANTS.fixed, 4096, (line) => {
    if (!line.startsWith('T ')) return;
    lines.push(`           init-1       [000] .....     0.${String(100000 + lines.length)}: ${line.slice(2)}`);
  });
  const script = `cfg bits 64
cfg page 65536
cfg cpus 4
cfg static 0 608920
cfg vmalloc c008000000000000 c00fffffffffffff
cfg linear c000000003000000
init embed 0 28672 65536
alloc 0..426 8,64,1072,1072,4096,30000,8 8
free 100..106
free 300..306
alloc 500..639 8,64,1072,1072,4096,30000,8 8`;
  for (const op of scriptOps(script, 'power9')) runner.run(op);
  return lines.join('\n') + '\n';
}

it('any page size, CPU count and address: a trace of POWER9 by the geometry of its boot', () => {
  const boot = '[    0.000000] percpu: Embedded 10 pages/cpu s608920 r0 d46440 u655360\n';
  const { replay, difference, undecidable } = judge(boot + power9Trace(), 'log');
  expect([difference, undecidable]).toEqual([undefined, undefined]);
  expect(replay!.outcome.counts).toMatchObject({ allocations: 567, frees: 14 });
  expect(replay!.input.kernel.machine).toMatchObject({ bits: 64, pageShift: 16 }); // the number of CPUs is not in it
});

describe('a trace that does not have everything', () => {
  it.each([20, 60, 300])('begun %i events late is no difference', (events) => {
    expect(judge(EVENTS.slice(events).join('\n') + '\n', 'log').difference).toBeUndefined();
  });

  it('begun after chunks were made is undecidable', () => {
    const text = EVENTS.slice(2000).join('\n') + '\n';
    expect(() => judge(text, 'log')).toThrow(/^log:\d+: undecidable: .*tracing began too late$/);
  });

  it('and shows what no allocator does is a difference all the same', () => {
    const lines = EVENTS.slice(2000);
    const at = lines.findIndex((line, index) => index > 500 && /percpu_alloc_percpu:/.test(line));
    const { base, off } = /base_addr=(?<base>\w+) off=(?<off>\d+)/.exec(lines[at]!)!.groups!;
    lines.splice(at + 1, 0, lines[at]!);
    const { difference, replay } = judge(lines.join('\n') + '\n', 'log');
    expect(replay).toBeUndefined();
    expect(difference).toMatchObject({ line: at + 2, proven: true });
    expect(difference!.replay).toMatch(new RegExp(`^the area at offset ${off}, \\d+ bytes, is in use$`));
    expect(lines[at]).toContain(base!);
  });

  it.each([
    '[... 212 lines cut ...]',
    '[...]',
    '...',
    '<snip>',
    '8< --------------------',
    '--- 40 lines omitted ---',
    '(many events removed)',
    '# trimmed',
    'CPU:0 [LOST 12 EVENTS]',
  ])('with %s in the middle is undecidable from there on', (mark) => {
    const lines = [...EVENTS.slice(0, 300), mark, ...EVENTS.slice(350)];
    const { difference, undecidable, replay } = judge(lines.join('\n') + '\n', 'log');
    expect(difference).toBeUndefined();
    expect(undecidable).toMatchObject({ line: 301 });
    expect(replay!.outcome.counts.events).toBe(300);
  });

  it('with a difference before the cut is a difference', () => {
    const lines = EVENTS.slice(0, 1500);
    const text = [...lines, '[...]'].join('\n').replace(/(base_addr=fff78000 off=)2048 /, '$12052 ') + '\n';
    expect(judge(text, 'log').difference).toMatchObject({ proven: true });
  });

  it('that ends within a line or an allocation is no difference', () => {
    const made = EVENTS.findIndex((line) => line.includes('percpu_create_chunk'));
    const open = judge(EVENTS.slice(0, made + 1).join('\n') + '\n', 'log');
    expect(open.difference).toBeUndefined();
    const text = EVENTS.slice(0, 200).join('\n');
    for (const length of [text.length - 90, text.length - 40, text.length]) {
      expect(judge(text.slice(0, length), 'log').difference).toBeUndefined();
    }
  });
});
