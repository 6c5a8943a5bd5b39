// Kinds of input that options and commands read beside logs: records of sweeps, event logs, boot scripts, layouts, symbols, kernels.
import { parseKernel } from '../../emu/elf/kernel-image.js';
import { makeElf } from '../../emu/elf/test-elf.js';
import { UsageError as BoardUsageError } from '../../emu/errors.js';
import { KernelSymbols } from '../../src/decode/index.js';
import { PageHistory } from '../../src/decode/page-history.js';
import { addEventLine } from '../../src/decode/read.js';
import { UsageError } from '../../src/errors.js';
import { parseDefines, parseLayout } from '../../src/experiments/define.js';
import { stepNames } from '../../src/experiments/kept.js';
import { mergeRecords, recordLine, recordsOf } from '../../src/experiments/record-file.js';
import type { BootRecord } from '../../src/experiments/record.js';
import { DEFAULT_SETUP, setupGeometry } from '../../src/experiments/setup.js';
import { sweepRecord, sweepSummary } from '../../src/experiments/sweep-summary.js';
import type { InputLine } from '../../src/files/input.js';
import { readEvent } from '../../src/kernel/event-check.js';
import type { KernelEvent } from '../../src/kernel/events.js';
import { newCounters } from '../../src/kernel/counters.js';
import { bootScript, parseScript } from '../../src/minimize/script.js';
import { readGeometry } from '../../src/replay/boot-geometry.js';
import { describe } from '../../src/report/html/describe.js';
import { partingOf } from '../../src/report/log-diff.js';
import { printableJson } from '../../src/terminal-text.js';
import { type InputKind, promise } from './kind.js';

const isUsageError = (error: unknown): boolean => error instanceof UsageError || error instanceof BoardUsageError;
const NOT_WORDS = /\b(NaN|undefined|Infinity)\b|\[object/;

function* linesOf(text: string): Generator<InputLine> {
  const lines = text.split('\n');
  for (const [i, line] of lines.entries()) {
    const whole = i < lines.length - 1;
    if (whole || line !== '') yield { text: line, number: i + 1, whole, end: 0 };
  }
}

const record = (seed: number, change: Partial<BootRecord> = {}): string =>
  recordLine({
    version: '0.1.0',
    options: { ...DEFAULT_SETUP, kept: { targets: [{ host: 0, channel: 1, first: 2, last: 3 }] } },
    seed,
    outcome: 'panic',
    signature: 'rcu-callback-null epc=0x0 ra=rcu_core',
    panic: 'Fatal exception in interrupt',
    reachedInit: false,
    counters: newCounters(),
    ...change,
  });

const records: InputKind = {
  name: 'records',
  corpus: () => [
    record(1) + record(2) + record(3, { outcome: 'clean', signature: '', panic: '', reachedInit: true }),
    record(1, { options: { ...DEFAULT_SETUP, rules: { reclaim: [1, 8], flushed: 2 }, geometry: { atomSize: 65536 } } }),
  ],
  read(input) {
    const read = mergeRecords([{ file: 'x', records: recordsOf(linesOf(input), 'x') }]);
    if (read.length === 0) return;
    const { options } = read[0]!;
    const summary = sweepSummary(options, read, read.length);
    promise(NOT_WORDS.test(input) || !NOT_WORDS.test(summary), 'a summary in words');
    const json = printableJson(sweepRecord(options, read, read.length));
    promise(!/":null/.test(json), 'numbers in JSON');
  },
  isAnswer: isUsageError,
};

const EVENTS: readonly object[] = [
  { type: 'chunk_create', chunk: 1, base: 0xfff9d000, pages: 13, softirq: false, needResched: false },
  { type: 'map', chunk: 1, page: 4, cpu: 0, va: 0xfff9d000, frame: 0x1296 },
  {
    ...{ type: 'percpu_alloc', chunk: 1, off: 640, size: 640, align: 8, ptr: 0x280, va: 0xfff9d280 },
    ...{ caller: 'blk_stat_alloc_callback', callSite: 'blk_stat_alloc_callback+0x1/0x2', reserved: false },
    ...{ atomic: false, gfp: 3264, bytesAlloc: 640, softirq: false, needResched: false },
  },
  { type: 'unmap', chunk: 1, page: 4, cpu: 0, va: 0xfff9d000, frame: 0x1296 },
  { type: 'depopulate', chunk: 1, start: 4, end: 5, flushed: false },
  { type: 'tlb_flush', start: 0xfff9d000, end: 0xfff9e000, whole: false },
  { type: 'page_alloc', frame: 0x1296, order: 0, owner: 'request_queue', caller: 'kmem_cache_zalloc' },
  {
    ...{ type: 'stale_access', va: 0xfff9d280, size: 528, write: true, frame: 0x1296, mapped: 0x141e },
    ...{ owner: 'request_queue', entry: 23, shadow: true, pc: 0x8010ced8, by: 'memset' },
  },
  { type: 'printk', level: 6, text: 'percpu: Embedded 13 pages/cpu s31520 r0 d21728 u53248' },
  {
    ...{ type: 'oops', epc: 0, ra: 0x801054c4, badva: 0, exccode: 2, count: 1, epcSym: '0x0' },
    ...{ raSym: 'rcu_core+0x7c/0x11c' },
  },
  { type: 'panic', text: 'Fatal exception in interrupt' },
  { type: 'checker_access', after: 3 },
];
const GT_EVENTS = `# unit_size=53248 unit_pages=13 nr_units=1
12718 0.580783 0 13 u base=fff99000 unit_cpu=0 page=4 pfn=1296 va=fff9d000
13607 0.596711 0 26 p base=fff99000 unit_cpu=0 page=4 pfn=141e va=fff9d000
13681 0.597095 0 26 A base=fff99000 off=19952 size=640 align=8 flags=cc0 pid=26 blk_stat_alloc_callback
13690 0.597100 0 26 T base=fff99000 pages=[2,8) va=[fff9b000,fffa2000)
13700 0.597110 0 26 D base=fff99000
`;

const events: InputKind = {
  name: 'events',
  corpus: () => [
    EVENTS.map((event, seq) => `${JSON.stringify({ seq, t: 1000 * seq, pid: 1, ...event })}\n`).join(''),
    GT_EVENTS,
  ],
  read(input) {
    const history = new PageHistory();
    for (const { text, number } of linesOf(input)) addEventLine(history, text, 'x', number);
    const story = history.story(0x81296f3c);
    promise(story === undefined || Number.isFinite(story.freed.va), 'a story with numbers');
    history.areaAt(0xfff9d280);
    if (!input.startsWith('{')) return;
    const all = function* (): Generator<KernelEvent> {
      for (const { text, number } of linesOf(input)) yield readEvent(text, 'x', number);
    };
    const { before, next } = partingOf([all(), all()], () => true, 3);
    promise(before.length === 0 && next.flat().length === 0, 'a log and itself do not part');
    for (const event of all()) if (!event.type.startsWith('checker_')) promise(describe(event) !== '', 'words');
  },
  isAnswer: isUsageError,
};

const WORDS = {
  options: new Map<string, (text: string) => unknown>(
    Object.keys(DEFAULT_SETUP).map((name) => [
      name,
      (text) => {
        if (text.length > 20) throw new Error('need less');
        return text;
      },
    ]),
  ).set('define', (text) => parseDefines(text)),
  steps: new Set(stepNames(4096)),
};

const script: InputKind = {
  name: 'script',
  corpus: () => {
    const targets = [0, 1, 2].map((host) => ({ host, channel: host, first: 3 * host, last: 100 }));
    const kept = { targets, steps: [...WORDS.steps].slice(0, 6) };
    const rules = { reclaim: [1, 8], flushed: 3 } as const;
    return [
      bootScript({ ...DEFAULT_SETUP, rules, kept }, 1, ['a comment']).replace(/^seed.*\n/m, ''),
      bootScript({ ...DEFAULT_SETUP, kept: { targets: [], steps: [] } }, 2).replace(/^seed.*\n/m, ''),
    ];
  },
  read(input) {
    const { options, kept } = parseScript(input, 'x', WORDS);
    promise(
      (kept.targets ?? []).every(({ host, first, last }) => host >= 0 && first <= last),
      'targets that there are',
    );
    promise(
      [...options.keys()].every((name) => WORDS.options.has(name)),
      'options that there are',
    );
  },
  isAnswer: isUsageError,
};

const layout: InputKind = {
  name: 'layout',
  corpus: () => [
    '{"like": "malta-4k", "note": "a word", "atomSize": "64K", "dynReserve": 20480, "staticSize": "31K"}\n',
    '{"like": "x86-like", "atomSize": 2097152}',
  ],
  read(input) {
    const { like, geometry } = parseLayout(input, 'x');
    const shape = setupGeometry({ ...DEFAULT_SETUP, layout: like, geometry });
    promise(Object.values(shape).every(Number.isSafeInteger), `sizes: ${JSON.stringify(shape)}`);
  },
  isAnswer: isUsageError,
};

const bootLine: InputKind = {
  name: 'boot-line',
  corpus: () => [
    'percpu: Embedded 13 pages/cpu s31520 r0 d21728 u53248\n',
    'percpu: 13 4K pages/cpu s31520 r0 d21728\npcpu-alloc: s31520 r0 d21728 u53248 alloc=13*4096\npcpu-alloc: [0] 0 1 2 3 [1] 4 5 6 7\n',
    'setup_percpu: NR_CPUS:64 nr_cpumask_bits:64 nr_cpu_ids:4 nr_node_ids:1\n',
  ],
  read(input) {
    const known = {};
    for (const line of input.split('\n')) readGeometry(line, known);
  },
  isAnswer: isUsageError,
};

const systemMap: InputKind = {
  name: 'system-map',
  corpus: () => [
    '80100000 T _text\n80100400 t run_init_process\n8010ced8 T memset\n8010d000 W weak\n809e0000 D init_mm\nffffffff80b00000 T _end\n',
    'c00d9000 t megasas_probe\t[megaraid_sas]\nc00d9100 t megasas_isr\t[megaraid_sas]\n',
  ],
  read: (input) => names(KernelSymbols.fromSystemMap(input, 'x')),
  isAnswer: isUsageError,
};

const elf: InputKind = {
  name: 'elf',
  corpus: () =>
    [true, false].map((bigEndian) =>
      Buffer.from(
        makeElf({
          bigEndian,
          entry: 0x80100400,
          segments: [{ address: 0x80100000, bytes: new Uint8Array(2048).fill(3), memorySize: 4096 }],
          symbols: [
            ['kernel_entry', 0x80100400],
            ['memset', 0x80100500],
          ],
        }),
      ).toString('latin1'),
    ),
  read(input) {
    const bytes = Buffer.from(input, 'latin1');
    const image = parseKernel(new Uint8Array(bytes), 'x');
    promise(
      image.segments.every((segment) => segment.memorySize >= segment.bytes.length),
      'segments that hold their bytes',
    );
    names(KernelSymbols.fromElf(bytes, 'x'));
  },
  isAnswer: isUsageError,
};

function names(symbols: KernelSymbols): void {
  for (const address of ['80100420', 'ffffffff8010ced8', '00000000', 'ffffffff'])
    promise(!NOT_WORDS.test(symbols.symbolize(address)?.replace(/\+.*/, '+') ?? ''), 'a name');
}

export const FILE_KINDS: readonly InputKind[] = [records, events, script, layout, bootLine, systemMap, elf];
