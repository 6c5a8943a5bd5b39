// The command as a user runs it: files, pipes, formats and mistakes.
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import zlib from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const consoles = path.join(root, 'fixtures/consoles');
const crash = path.join(consoles, 'dieinfofull3ctl-buggy4k-24Kf-07.console.log.gz');
const clean = path.join(consoles, 'plain-buggy4k-24Kf-1disk-06.console.log.gz');
let directory: string;
const file = (name: string, content: string | Uint8Array) => {
  const at = path.join(directory, name);
  fs.writeFileSync(at, content);
  return at;
};

function decode(args: string[], input?: string | Buffer): { status: number | null; stdout: string; stderr: string } {
  const command = [path.join(root, 'scripts/percpu-malta.mjs'), 'decode', ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { input: input ?? '', encoding: 'utf8' });
  return { status, stdout, stderr };
}

beforeAll(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'decode-'));
  execFileSync(process.execPath, [path.join(root, 'scripts/percpu-malta.mjs'), '--version']);
});
afterAll(() => fs.rmSync(directory, { recursive: true }));

describe('output', () => {
  test('the report names family, evidence and victims', () => {
    const { status, stdout, stderr } = decode([crash]);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain('oops, wait-queue-zeroed epc=__wake_up_common ra=__wake_up_common_lock');
    expect(stdout).toContain('first symptom: unable_paging, line 199 at 0.457652 s');
    expect(stdout).toMatch(/because BadVA 00000000 .*\(line \d+\)/);
    expect(stdout).toContain('$4 = 817dea44: physical page 17de backed per-CPU address fff90000 until event 3889');
    expect(stdout).toContain('640 bytes at fff90980, event 4621 at 0.457350 s, blk_stat_alloc_callback+0x94/0x11c');
  });

  test('--json: one object per file, in order', () => {
    const { status, stdout } = decode(['--json', crash, clean]);
    expect(status).toBe(0);
    const records = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(records).toHaveLength(2);
    expect(records[0]).toMatchObject({
      ...{
        name: 'dieinfofull3ctl-buggy4k-24Kf-07',
        outcome: 'oops',
        end: 'silent-stall',
        verdict: 'CRASH',
        phase: 'boot',
      },
      ...{ firstSymptom: 'unable_paging', exccode: '02', badva: '0x00000000', epcSym: '__wake_up_common+0x6c/0x180' },
      ...{
        raSym: '__wake_up_common_lock+0x80/0xc8',
        process: 'kworker/u2:2',
        time: '0.457652',
        oopsCount: 1,
        panic: '',
      },
      family: 'wait-queue-zeroed',
    });
    expect(records[1]).toMatchObject({ outcome: 'clean', firstSymptom: '', oopsCount: 0, family: '', verdict: 'ok' });
    expect(Object.keys(records[0])).toEqual(Object.keys(records[1]));
  });

  test('standard input, plain and compressed, gives what the file gives', () => {
    const compressed = fs.readFileSync(crash);
    const [fromFile] = [decode(['--json', crash]).stdout].map((line) => ({ ...JSON.parse(line), name: '-' }));
    for (const input of [compressed, zlib.gunzipSync(compressed)])
      expect(JSON.parse(decode(['--json', '-'], input).stdout)).toEqual(fromFile);
  });

  test('--events: an event log of the same boot instead of the dump in the console', () => {
    const log = zlib.gunzipSync(fs.readFileSync(crash)).toString();
    const consoleOnly = file(
      'console.log',
      log
        .split('\n')
        .filter((line) => !line.includes('percpu: GT'))
        .join('\n'),
    );
    const events = file(
      'gt_log',
      [
        '# percpu event log: 4 recorded, 4 total, lost 0, variant BUGGY(noflush)',
        '# unit_size=53248 unit_pages=13 nr_units=1 atom=4096 nr_groups=1 base_addr=81000000 static=31520',
        '0 0.400000 0 8 p base=fff8c000 unit_cpu=0 page=4 pfn=17de va=fff90000',
        '1 0.447707 0 13 u base=fff8c000 unit_cpu=0 page=4 pfn=17de va=fff90000',
        '2 0.457190 0 26 p base=fff8c000 unit_cpu=0 page=4 pfn=17e2 va=fff90000',
        '3 0.457350 0 26 A base=fff8c000 off=18816 size=640 align=8 flags=0 blk_stat_alloc_callback+0x94/0x11c',
        '',
      ].join('\n'),
    );
    expect(decode([consoleOnly]).stdout).not.toContain('physical page');
    const { stdout } = decode([consoleOnly, '--events', events]);
    expect(stdout).toContain(
      '$4 = 817dea44: physical page 17de backed per-CPU address fff90000 until event 1 at 0.447707 s',
    );
    expect(stdout).toContain('640 bytes at fff90980, event 3 at 0.457350 s, blk_stat_alloc_callback+0x94/0x11c');
  });

  test('--events: what boot --log wrote', () => {
    const base = 0xfff8c000;
    const va = base + 0x4000;
    const cpu = { softirq: false, needResched: false };
    const caller = 'blk_stat_alloc_callback';
    const flags = { callSite: caller, reserved: false, atomic: false, gfp: 0, bytesAlloc: 644, ...cpu };
    const area = { size: 640, align: 8, ptr: 0, va: base + 18816, caller, ...flags };
    const events = [
      { seq: 0, t: 0, pid: 0, type: 'printk', level: 6, text: 'percpu: Embedded 13 pages/cpu s31520 r0 d21728 u53248' },
      { seq: 1, t: 1, pid: 8, type: 'chunk_create', chunk: 4, base, pages: 13, ...cpu },
      { seq: 2, t: 400000, pid: 8, type: 'map', chunk: 4, page: 4, cpu: 0, va, frame: 0x17de },
      { seq: 3, t: 447707, pid: 13, type: 'unmap', chunk: 4, page: 4, cpu: 0, va, frame: 0x17de },
      { seq: 4, t: 457190, pid: 26, type: 'map', chunk: 4, page: 4, cpu: 0, va, frame: 0x17e2 },
      { seq: 5, t: 457350.25, pid: 26, type: 'percpu_alloc', chunk: 4, off: 18816, ...area },
    ];
    const log = file('boot.log', events.map((event) => `${JSON.stringify(event)}\n`).join(''));
    const { stdout } = decode([crash, '--events', log]);
    expect(stdout).toContain('page 17de backed per-CPU address fff90000 until event 3 at 0.447707 s depopulated it');
    expect(stdout).toContain('640 bytes at fff90980, event 5 at 0.457350 s, blk_stat_alloc_callback');
    const flush = { seq: 4, t: 447800, pid: 13, type: 'tlb_flush', start: base, end: base + 13 * 4096, whole: false };
    const flushed = [
      ...events.slice(0, 4),
      flush,
      ...events.slice(4).map((event) => ({ ...event, seq: event.seq + 1 })),
    ];
    const fixed = file('fixed.log', flushed.map((event) => `${JSON.stringify(event)}\n`).join(''));
    expect(decode([crash, '--events', fixed]).stdout).toContain('the TLB was flushed');
  });

  test('lines that end in carriage returns alone', () => {
    const text = zlib.gunzipSync(fs.readFileSync(crash)).toString();
    const [unix, mac] = [text, text.replaceAll('\n', '\r')].map((input) =>
      JSON.parse(decode(['--json', '-'], input).stdout),
    );
    expect(mac).toEqual(unix);
  });

  test('--system-map names raw addresses', () => {
    const map = file('System.map', '8019f1d8 t rcu_core\n8019f8b0 t other\n');
    const raw =
      'CPU 0 Unable to handle kernel paging request at virtual address 00000000, epc == 00000000, ra == 8019f444\n';
    expect(decode(['--json', '-', '--system-map', map], raw).stdout).toContain('"family":"rcu-callback-null"');
  });
});

test('one bad file among several does not silence the others', () => {
  const [missing, empty] = [path.join(directory, 'none.log'), file('empty.log', '')];
  const { status, stdout, stderr } = decode([missing, crash, empty, clean]);
  expect(status).toBe(2);
  expect(stdout).toBe(decode([crash, clean]).stdout);
  expect(stderr).toMatch(
    /^percpu-malta: .*none\.log: cannot be read .*\npercpu-malta: .*empty\.log: the log is empty\n$/,
  );
  expect(decode(['--json', missing, clean, crash]).stdout).toBe(decode(['--json', clean, crash]).stdout);
});

test('nothing in a log, a symbol file or a file name steers the terminal', () => {
  const evil = '\x1b[2J\x9b31m\u202e\u200b';
  const map = file('evil.map', `8019f1d8 t rcu${evil}core\n8019f8b0 t other\n`);
  const log = [
    'CPU 0 Unable to handle kernel paging request at virtual address 00000000, epc == 00000000, ra == 8019f444',
    'Oops[#1]:',
    `CPU: 0 PID: 7 Comm: ev${evil}il Not tainted 5.13.0 #1`,
    'epc   : 00000000 0x0',
    'ra    : 8019f444',
    'Cause : 00800008 (ExcCode 02)',
    `Kernel panic - not syncing: \u{e0041}${evil}`,
  ].join('\n');
  const name = file(`log${evil}.txt`, log);
  // eslint-disable-next-line no-control-regex
  const steering = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]|\u{e0041}/u;
  for (const args of [[name], ['--json', name], ['--system-map', map, name], ['--json', '--system-map', map, name]]) {
    const { status, stdout } = decode(args);
    expect([status, steering.exec(stdout)?.[0].codePointAt(0)]).toEqual([0, undefined]);
  }
  const { stderr } = decode([`${name}.none`]);
  expect([stderr.split('\n').length, steering.exec(stderr)?.[0].codePointAt(0)]).toEqual([2, undefined]);
});

describe('mistakes end with one line and status 2', () => {
  const cases: Array<[string, () => string[], RegExp, (string | Buffer)?]> = [
    [
      'no such file',
      () => [path.join(directory, 'none.log')],
      /none\.log: cannot be read \(ENOENT: no such file or directory\)$/m,
    ],
    ['a folder', () => [directory], /: cannot be read \(it is a folder\)/],
    ['an empty log', () => [file('empty.log', '')], /empty\.log: the log is empty/],
    ['empty standard input', () => ['-'], /stdin: the log is empty/, ''],
    [
      'binary data',
      () => [
        file(
          'x.bin',
          Uint8Array.from({ length: 5000 }, (_, i) => (i * 7919) % 256),
        ),
      ],
      /x\.bin: binary data/,
    ],
    ['other text', () => [file('x.txt', 'hello\nworld\n')], /x\.txt: no kernel message in 2 lines/],
    [
      'a damaged archive',
      () => [file('cut.gz', fs.readFileSync(crash).subarray(0, 5000))],
      /cut\.gz: the compressed data is damaged/,
    ],
    [
      'an event log for two consoles',
      () => [crash, clean, '--events', crash],
      /--events: an event log belongs to one boot/,
    ],
    ['no event log', () => [crash, '--events', clean], /:1: not an event of a gt_log/],
    ['JSON that is no event', () => [crash, '--events', file('x.json', '{"seq":"a"}\n')], /x\.json:1: not an event/],
    ['cut off JSON', () => [crash, '--events', file('cut.json', '{"seq":1,"t":0')], /cut\.json:1: not a JSON object/],
    [
      'two sources of symbols',
      () => [crash, '--vmlinux', 'a', '--system-map', 'b'],
      /--vmlinux and --system-map: give one/,
    ],
    ['no vmlinux', () => [crash, '--vmlinux', clean], /not a usable vmlinux: no ELF header/],
    ['no map', () => [crash, '--system-map', file('bad.map', 'x\n')], /bad\.map:1: not a line of a System\.map/],
  ];
  test.each(cases)('%s', (_name, args, message, input) => {
    const { status, stdout, stderr } = decode(args(), input);
    expect(stdout).toBe('');
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
  });
});
