// Kinds of trouble, several at once, and what only looks like trouble.
import { describe, expect, test } from 'vitest';
import { decodeConsole } from './console.js';
import { consoleRecord } from './record.js';
import { reportLines } from './report.js';

type Report = Record<string, unknown> & { registers: Record<string, string> };
const record = (text: string) => consoleRecord('x', decodeConsole(text));
const oopsesOf = (text: string) => record(text).oopses as Report[];
const complaintsOf = (text: string) => record(text).complaints as Report[];
const reportOf = (text: string) => reportLines('x', decodeConsole(text)).join('\n');

interface Dump {
  readonly cpu: number;
  readonly pid: number;
  readonly comm: string;
  readonly epc: string;
  readonly ra: string;
  readonly badva?: string | undefined;
  readonly exccode?: string;
  readonly release?: string;
}

const address = (symbol: string) =>
  `80${[...symbol]
    .reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) % 0xffffff, 7)
    .toString(16)
    .padStart(6, '0')}`;
const fault = ({ cpu, badva, epc, ra }: Dump) =>
  `CPU ${cpu} Unable to handle kernel paging request at virtual address ${badva}, epc == ${address(epc)}, ra == ${address(ra)}`;

/** A whole dump, without its headline. Registers are all made of the CPU's number, so that a mixture shows. */
function dump({ cpu, pid, comm, epc, ra, badva, exccode = '02', release = '6.1.70 #1' }: Dump): string[] {
  const value = (i: number) => `c${cpu}${i.toString(16).padStart(6, '0')}`;
  const row = (first: number, count = 4) =>
    `$${String(first).padStart(2)}   : ${Array.from({ length: count }, (_, i) => (first + i === 0 ? '00000000' : first + i === 31 ? address(ra) : value(first + i))).join(' ')}`;
  return [
    `CPU: ${cpu} PID: ${pid} Comm: ${comm} Not tainted ${release}`,
    ...[0, 4, 8, 12, 16, 20].map((first) => row(first)),
    row(24, 2),
    row(28),
    'Hi    : 00000000',
    'Lo    : 00000000',
    `epc   : ${address(epc)} ${epc}`,
    `ra    : ${address(ra)} ${ra}`,
    'Status: 11008403 KERNEL EXL IE ',
    `Cause : c08000${((parseInt(exccode, 16) << 2) >>> 0).toString(16).padStart(2, '0')} (ExcCode ${exccode})`,
    ...(badva === undefined ? [] : [`BadVA : ${badva}`]),
    'PrId  : 0001992f (MIPS 1004Kc)',
    `Process ${comm} (pid: ${pid}, threadinfo=b5794400, task=8fc44000, tls=00000000)`,
    'Call Trace:',
    `[<${address(epc)}>] ${epc}`,
    `[<${address(ra)}>] ${ra}`,
    'Code: 00000000  8c620000',
  ];
}

const A: Dump = {
  cpu: 0,
  pid: 9,
  comm: 'ksoftirqd/0',
  epc: 'alpha+0x1bc/0x224',
  ra: 'alpha_caller+0x1c4/0x224',
  badva: '3b11aa10',
};
const B: Dump = {
  cpu: 2,
  pid: 21,
  comm: 'ksoftirqd/2',
  epc: 'beta+0x1c/0x224',
  ra: 'beta_caller+0x10/0x224',
  badva: '00000018',
  exccode: '03',
};

/** All that an oops says must be of one of the two. */
function expectUnmixed(oops: Report): void {
  const whose = [A, B].filter(({ cpu, pid, comm, epc, ra, badva }) => {
    const says = (field: string, value: unknown) => oops[field] === value || oops[field] === '' || oops[field] === null;
    const registers = Object.entries(oops.registers).every(
      ([, value]) => /^0x(?:0{8}|80)/.test(value) || value.startsWith(`0xc${cpu}`),
    );
    const fields = says('cpu', cpu) && says('pid', pid) && says('process', comm) && says('badva', `0x${badva}`);
    return fields && says('epcSym', epc) && says('raSym', ra) && says('epc', `0x${address(epc)}`) && registers;
  });
  expect(whose.length, JSON.stringify(oops)).toBeGreaterThanOrEqual(1);
}

const interleaved = (a: readonly string[], b: readonly string[], turn: (i: number) => boolean): string[] => {
  const [left, right] = [[...a], [...b]];
  const lines: string[] = [];
  for (let i = 0; left.length + right.length > 0; i++)
    lines.push((turn(i) && left.length > 0) || right.length === 0 ? left.shift()! : right.shift()!);
  return lines;
};

describe('two CPUs at once are never one crash', () => {
  test('both headlines, then both dumps', () => {
    const text = [fault(A), fault(B), 'Oops[#1]:', ...dump(A), 'Oops[#2]:', ...dump(B)].join('\n');
    const oopses = oopsesOf(text);
    expect(oopses).toMatchObject([
      { cpu: 0, process: 'ksoftirqd/0', badva: '0x3b11aa10', epcSym: A.epc, exccode: '02', registersRead: 30, line: 1 },
      { cpu: 2, process: 'ksoftirqd/2', badva: '0x00000018', epcSym: B.epc, exccode: '03', registersRead: 30, line: 2 },
    ]);
    oopses.forEach(expectUnmixed);
  });

  test('the dumps in the other order', () => {
    const text = [fault(A), fault(B), 'Oops[#1]:', ...dump(B), 'Oops[#2]:', ...dump(A)].join('\n');
    expect(oopsesOf(text)).toMatchObject([
      { cpu: 0, badva: '0x3b11aa10', number: 2 },
      { cpu: 2, badva: '0x00000018', number: 1 },
    ]);
  });

  test("one's headline in the middle of the other's dump", () => {
    const lines = dump(A);
    const text = [
      fault(A),
      'Oops[#1]:',
      ...lines.slice(0, 6),
      fault(B),
      ...lines.slice(6),
      'Oops[#2]:',
      ...dump(B),
    ].join('\n');
    const oopses = oopsesOf(text);
    expect(oopses).toMatchObject([
      { cpu: 0, epcSym: A.epc, registersRead: 30 },
      { cpu: 2, epcSym: B.epc, registersRead: 30 },
    ]);
    oopses.forEach(expectUnmixed);
  });

  test('one of them without a dump', () => {
    expect(oopsesOf([fault(A), fault(B), 'Oops[#1]:', ...dump(B)].join('\n'))).toMatchObject([
      { cpu: 0, hasDump: false, badva: '0x3b11aa10', process: '' },
      { cpu: 2, hasDump: true, badva: '0x00000018', process: 'ksoftirqd/2' },
    ]);
  });

  test('a headline of one and a dump of the other', () => {
    const oopses = oopsesOf([fault(B), 'Oops[#1]:', ...dump(A)].join('\n'));
    expect(oopses).toMatchObject([
      { cpu: 2, badva: '0x00000018', hasDump: false, process: '', registersRead: 0 },
      { cpu: 0, badva: '0x3b11aa10', hasDump: true, process: 'ksoftirqd/0', line: 2 },
    ]);
    oopses.forEach(expectUnmixed);
  });

  const turns: Array<[string, (i: number) => boolean]> = [
    ['line by line', (i) => i % 2 === 0],
    ['two by two', (i) => i % 4 < 2],
    ['in bursts', (i) => [0, 1, 2, 7, 8, 9, 13, 14].includes(i % 17)],
    ['the second starts late', (i) => i < 8 || i % 2 === 0],
    ['the first is cut off by the second and ends behind it', (i) => i < 7 || i > 30],
  ];
  describe.each(turns)('%s', (_, turn) => {
    const streams = [
      [fault(A), 'Oops[#1]:', ...dump(A)],
      [fault(B), 'Oops[#2]:', ...dump(B)],
    ] as const;
    test('nothing of the one is said of the other', () => {
      const oopses = oopsesOf(interleaved(...streams, turn).join('\n'));
      expect(oopses.length).toBeGreaterThanOrEqual(2);
      oopses.forEach(expectUnmixed);
      expect(oopses.map(({ badva }) => badva)).toEqual(expect.arrayContaining(['0x3b11aa10', '0x00000018']));
    });
    test('without the headlines', () => {
      const [a, b] = streams.map((lines) => lines.slice(1));
      const oopses = oopsesOf(interleaved(a, b, turn).join('\n'));
      expect(oopses.length).toBeGreaterThanOrEqual(2);
      oopses.forEach(expectUnmixed);
    });
    test("sorted by printk's callers", () => {
      let time = 610_000_000;
      const by = (caller: string, lines: readonly string[]) => lines.map((line) => `@[${caller.padStart(6)}] ${line}`);
      const lines = interleaved(by('T9', streams[0]), by('T21', streams[1]), turn);
      const text = lines
        .map((line) => line.replace('@', `[  ${String((time += 37)).replace(/(\d{6})$/, '.$1')}]`))
        .join('\n');
      const oopses = oopsesOf(text);
      expect(oopses).toHaveLength(2);
      expect(oopses).toMatchObject([
        { process: A.comm, epcSym: A.epc, badva: '0x3b11aa10', registersRead: 30 },
        { process: B.comm, epcSym: B.epc, badva: '0x00000018', registersRead: 30 },
      ]);
      oopses.forEach(expectUnmixed);
    });
  });

  test('three crashes one after the other keep their own', () => {
    const C: Dump = {
      ...A,
      cpu: 1,
      pid: 5,
      comm: 'init',
      epc: 'gamma+0x4/0x8',
      ra: 'gamma_caller+0x4/0x8',
      badva: '00000044',
    };
    const text = [A, B, C]
      .flatMap((of, i) => [fault(of), `Oops[#${i + 1}]:`, ...dump(of), `---[ end trace 000000000000000${i} ]---`])
      .join('\n');
    expect(oopsesOf(text)).toMatchObject(
      [A, B, C].map(({ comm, epc, badva }) => ({ process: comm, epcSym: epc, badva: `0x${badva}`, registersRead: 30 })),
    );
    expect(record(text).boots).toHaveLength(1);
  });

  test('a second dump without a headline is a crash of its own', () => {
    const text = [fault(A), 'Oops[#1]:', ...dump(A), ...dump(B)].join('\n');
    const oopses = oopsesOf(text);
    expect(oopses).toMatchObject([{ process: A.comm }, { process: B.comm }]);
    oopses.forEach(expectUnmixed);
  });
});

describe('whatever the headline says, a register dump with epc and Cause is a crash', () => {
  test.each([
    'do_cpu invoked from kernel context![#1]:',
    'Kernel bug detected[#1]:',
    'Unhandled kernel unaligned access[#1]:',
    'Unhandled kernel unaligned access or invalid instruction[#1]:',
    'Kernel unaligned instruction access[#1]:',
    'Reserved instruction in kernel code[#1]:',
    'Break instruction in kernel code[#1]:',
    'Trap instruction in kernel code[#1]:',
    'FP exception in kernel code[#1]:',
    'Unexpected DSP exception[#1]:',
    'do_msa_fpe invoked from kernel context![#1]:',
    'Out of ideas in vendor_handler()[#1]:',
    'Oops[#1]:',
    'NMI[#1]:',
    'Caught WATCH exception',
    'Some vendor says: this is bad',
    '',
  ])('%j', (headline) => {
    const text = [headline, ...dump({ ...A, badva: undefined, exccode: '0b' })].join('\n');
    const decoded = record(text);
    expect(decoded).toMatchObject({
      oopsCount: 1,
      exccode: '0b',
      epcSym: A.epc,
      raSym: A.ra,
      process: A.comm,
      verdict: 'CRASH',
    });
    expect(['oops', 'bug']).toContain(decoded.outcome);
    expect(decoded.firstLine).toBeLessThanOrEqual(2);
  });

  test('with an exception of an interrupt too', () => {
    expect(record(dump({ ...A, badva: undefined, exccode: '00' }).join('\n'))).toMatchObject({
      outcome: 'oops',
      oopsCount: 1,
    });
  });

  test.each([
    ['SysRq p', 'sysrq: Show Regs'],
    ['SysRq p before 4.17', 'SysRq : Show Regs'],
    ['a backtrace of another CPU', 'NMI backtrace for cpu 1'],
  ])('but not %s', (_, headline) => {
    const text = [headline, ...dump({ ...A, badva: undefined, exccode: '00' })].join('\n');
    expect(record(text)).toMatchObject({ outcome: 'clean', oopsCount: 0 });
  });

  test('nor the registers of a process that got a fatal signal', () => {
    const text = ['potentially unexpected fatal signal 11.', ...dump(A)].join('\n').replace('KERNEL EXL', 'USER EXL');
    expect(record(text)).toMatchObject({ outcome: 'clean', oopsCount: 0, userFaults: [{ process: A.comm, pid: 9 }] });
  });
});

describe('machine checks name the entries of the TLB that match one address', () => {
  const entry = (index: number, va: string, asid: string, size: string, global: number) =>
    `Index: ${String(index).padStart(2)} pgmask=${size} va=${va} asid=${asid}\n\t[pa=00701000 c=3 d=1 v=1 g=${global}] [pa=00702000 c=3 d=1 v=1 g=${global}]`;
  const check = (...entries: string[]) =>
    [
      'Got mcheck at 8001a3c8',
      ...dump({ ...A, badva: undefined, exccode: '18' }),
      '',
      'Index    : 6',
      'EntryHi  : fffd2000',
      ...entries,
      'Kernel panic - not syncing: Caught Machine Check exception - caused by multiple matching entries in the TLB.',
    ].join('\n');
  const matches = (...entries: string[]) =>
    (oopsesOf(check(...entries))[0].tlbMatches as Array<{ va: string; entries: Array<{ index: number }> }>).map(
      ({ va, entries: found }) => [va, ...found.map(({ index }) => index)],
    );

  test('two global entries', () => {
    const found = matches(
      entry(2, 'fffd2000', '00', '4kb', 1),
      entry(3, 'fffd4000', '00', '4kb', 1),
      entry(6, 'fffd2000', '7f', '4kb', 1),
    );
    expect(found).toEqual([['0xfffd2000', 2, 6]]);
    expect(record(check())).toMatchObject({
      outcome: 'panic',
      firstSymptom: 'machine_check',
      firstLine: 1,
      exccode: '18',
      family: 'machine-check',
    });
  });
  test('a page of 64 KB and one of 4 KB within it', () => {
    expect(
      matches(
        entry(0, 'c0000000', '00', '64kb', 1),
        entry(9, 'c001e000', '00', '4kb', 1),
        entry(10, 'c0020000', '00', '4kb', 1),
      ),
    ).toEqual([['0xc001e000', 0, 9]]);
  });
  test('two address spaces may have the same address, a global entry may not', () => {
    expect(matches(entry(1, '00400000', '11', '4kb', 0), entry(2, '00400000', '12', '4kb', 0))).toEqual([]);
    expect(matches(entry(1, '00400000', '11', '4kb', 0), entry(2, '00400000', '12', '4kb', 1))).toEqual([
      ['0x00400000', 1, 2],
    ]);
    expect(matches(entry(1, '00400000', '11', '4kb', 0), entry(2, '00400000', '11', '4kb', 0))).toEqual([
      ['0x00400000', 1, 2],
    ]);
  });
  test('three entries, and a second pair; with ri and xi bits; in a line', () => {
    const line = (index: number, va: string) =>
      `Index: ${index} pgmask=16kb va=${va} asid=00 [ri=0 xi=0 pa=000701000 c=3 d=1 v=1 g=1] [ri=0 xi=1 pa=000702000 c=3 d=1 v=1 g=1]`;
    expect(
      matches(line(1, 'c0000000'), line(2, 'c0008000'), line(3, 'c0000000'), line(4, 'c0008000'), line(5, 'c0000000')),
    ).toEqual([
      ['0xc0000000', 1, 3, 5],
      ['0xc0008000', 2, 4],
    ]);
  });
  test('64 bits', () => {
    const pages = '[pa=00000701000 c=3 d=1 v=1 g=1] [pa=00000702000 c=3 d=1 v=1 g=1]';
    const wide = (index: number) => `Index: ${index} pgmask=4kb va=c000000ffffd2000 asid=00\n${pages}`;
    expect(matches(wide(1), wide(7))).toEqual([['0xc000000ffffd2000', 1, 7]]);
  });
  test('a dump that lost its registers', () => {
    const text = [entry(2, 'fffd2000', '00', '4kb', 1), entry(6, 'fffd2000', '00', '4kb', 1)].join('\n');
    const decoded = record(
      `${text}\nKernel panic - not syncing: Caught Machine Check exception - caused by multiple matching entries in the TLB.`,
    );
    expect(decoded).toMatchObject({
      outcome: 'panic',
      family: 'machine-check',
      firstSymptom: 'machine_check',
      firstLine: 1,
    });
    expect(record(entry(2, 'fffd2000', '00', '4kb', 1))).toMatchObject({ outcome: 'clean' });
  });
  test('none that match: nothing is said of the TLB', () => {
    expect(reportOf(check(entry(2, 'fffd2000', '00', '4kb', 1)))).not.toContain('match one address');
  });
});

const TRACE = [
  'CPU: 0 PID: 44 Comm: kworker/u2:3 Tainted: G    B              6.6.30 #1',
  'Call Trace:',
  '[<80109adc>] show_stack+0x84/0x11c',
  '[<801b2a10>] worker_fn+0x110/0x160',
];

describe('complaints without an oops', () => {
  const cases: Array<[string, string[], Record<string, unknown>]> = [
    [
      'KASAN',
      [
        'BUG: KASAN: slab-out-of-bounds in worker_fn+0x25b/0x270',
        'Write of size 8 at addr 83005060 by task kworker/u2:3/44',
      ],
      { outcome: 'bug', firstSymptom: 'kasan', family: 'kasan' },
    ],
    [
      'KFENCE',
      ['BUG: KFENCE: use-after-free read in worker_fn+0x25b/0x270'],
      { outcome: 'bug', firstSymptom: 'kasan' },
    ],
    [
      'UBSAN',
      [
        '================',
        'UBSAN: array-index-out-of-bounds in drivers/x/y.c:123:45',
        "index 4 is out of range for type 'int [4]'",
      ],
      { outcome: 'bug', firstSymptom: 'ubsan', family: 'undefined-behaviour' },
    ],
    [
      'lockdep',
      [
        '======================================================',
        'WARNING: possible circular locking dependency detected',
        '6.6.30 #1 Not tainted',
      ],
      { outcome: 'bug', firstSymptom: 'warning', family: 'lock-order' },
    ],
    [
      'lockdep before 4.14',
      ['=============================================', '[ INFO: possible recursive locking detected ]'],
      { outcome: 'bug', firstSymptom: 'lockdep' },
    ],
    [
      'SLUB, red zone',
      [
        'BUG kmalloc-64 (Tainted: G    B): Right Redzone overwritten',
        '0x82a01f80-0x82a01f83 @offset=3968. First byte 0x0 instead of 0xcc',
      ],
      { outcome: 'bug', firstSymptom: 'slab', family: 'slab-redzone-zeroed' },
    ],
    [
      'SLUB, another byte',
      [
        'BUG kmalloc-64 (Not tainted): Poison overwritten',
        'INFO: 0x82a01f80-0x82a01f83. First byte 0x6a instead of 0x6b',
      ],
      { outcome: 'bug', family: 'slab-corruption' },
    ],
    [
      'SLAB',
      ["slab error in verify_redzone_free(): cache `size-64': memory outside object was overwritten"],
      { outcome: 'bug', firstSymptom: 'slab' },
    ],
    [
      'a spinlock without magic',
      [
        'BUG: spinlock bad magic on CPU#0, kworker/u2:3/44',
        ' lock: 0x82598a50, .magic: 00000000, .owner: <none>/-1, .owner_cpu: 0',
      ],
      { outcome: 'bug', firstSymptom: 'bug_spinlock', family: 'spinlock-zeroed' },
    ],
    [
      'a spinlock in freed memory',
      [
        'BUG: spinlock bad magic on CPU#0, kworker/u2:3/44',
        ' lock: 0x82598a50, .magic: 6b6b6b6b, .owner: <none>/-1, .owner_cpu: 0',
      ],
      { family: 'spinlock-freed', zeroed: expect.stringMatching(/^Nothing/) as string },
    ],
    [
      'a spinlock with another magic',
      [
        'BUG: spinlock bad magic on CPU#0, kworker/u2:3/44',
        ' lock: 0x82598a50, .magic: 12345678, .owner: <none>/-1, .owner_cpu: 0',
      ],
      { family: 'spinlock-overwritten', zeroed: expect.stringMatching(/^Unknown/) as string },
    ],
    [
      'a spinlock taken twice',
      [
        'BUG: spinlock recursion on CPU#0, kworker/u2:3/44',
        ' lock: 0x82598a50, .magic: dead4ead, .owner: kworker/u2:3/44, .owner_cpu: 0',
      ],
      { family: 'spinlock-misused', zeroed: expect.stringMatching(/^Nothing/) as string },
    ],
    [
      'a spinlock held too long',
      [
        'BUG: spinlock lockup suspected on CPU#0, kworker/u2:3/44',
        ' lock: 0x82598a50, .magic: dead4ead, .owner: x/4, .owner_cpu: 0',
      ],
      { family: 'spinlock-misused' },
    ],
    [
      'sleeping where it must not',
      ['BUG: sleeping function called from invalid context at kernel/locking/mutex.c:580'],
      { outcome: 'bug', firstSymptom: 'bug_other' },
    ],
    [
      'a list',
      ['list_add corruption. prev->next should be next (82598a44), but was 12345678. (prev=82598a50).'],
      { outcome: 'bug', firstSymptom: 'list_corruption' },
    ],
    [
      'a page',
      ['BUG: Bad page state in process kworker/u2:3  pfn:01234'],
      { outcome: 'bug', firstSymptom: 'bad_page' },
    ],
    [
      'WARNING of 2.6',
      ['WARNING: at kernel/smp.c:123 worker_fn+0x20/0x60()'],
      { outcome: 'bug', firstSymptom: 'warning' },
    ],
    ['WARNING of 2.6.16', ['Badness in worker_fn at kernel/smp.c:123'], { outcome: 'bug', firstSymptom: 'warning' }],
    [
      'WARNING of 6.1',
      ['WARNING: CPU: 0 PID: 44 at kernel/smp.c:123 worker_fn+0x20/0x60'],
      { outcome: 'bug', firstSymptom: 'warning' },
    ],
    [
      'WARNING of 6.19',
      ['WARNING: kernel/smp.c:123 at worker_fn+0x20/0x60, CPU#0: kworker/u2:3/44'],
      { outcome: 'bug', firstSymptom: 'warning' },
    ],
    [
      'WARNING of 6.19 with its condition',
      ['WARNING: [x == y && "text"] kernel/smp.c:123 at worker_fn+0x20/0x60, CPU#0: kworker/u2:3/44'],
      { outcome: 'bug', firstSymptom: 'warning' },
    ],
  ];
  test.each(cases)('%s', (_, headline, expected) => {
    for (const stamp of ['', '[   12.300000] ', 'Apr 26 10:18:20 host kernel: ']) {
      const decoded = record([...headline, ...TRACE].map((line) => stamp + line).join('\n'));
      expect(decoded).toMatchObject({ ...expected, oopsCount: 0, process: 'kworker/u2:3', pid: 44, verdict: 'CRASH' });
    }
  });

  test('the place of a warning in all its forms', () => {
    for (const [headline] of cases.filter(([name]) => name.startsWith('WARNING')).map(([, lines]) => lines))
      expect(reportOf([headline, ...TRACE].join('\n'))).toMatch(
        /at kernel\/smp\.c:123( in worker_fn\+0x20\/0x60)?$|worker_fn at kernel\/smp\.c:123/m,
      );
  });

  test('a number that is no zero claims no zeroed list', () => {
    const family = (was: string) =>
      record(
        `WARNING: CPU: 0 PID: 44 at lib/list_debug.c:30 __list_add_valid+0x20/0x60\nlist_add corruption. prev->next should be next (82598a44), but was ${was}. (prev=82598a50).`,
      ).family;
    expect(family('12345678')).not.toMatch(/zeroed/);
  });
});

describe('lockups', () => {
  test.each([
    ['a soft lockup', 'watchdog: BUG: soft lockup - CPU#1 stuck for 23s! [dnsd:1772]', 'soft_lockup', 1772],
    [
      'a soft lockup before 4.14',
      'NMI watchdog: BUG: soft lockup - CPU#1 stuck for 23s! [dnsd:1772]',
      'soft_lockup',
      1772,
    ],
    ['a soft lockup before 3.x', 'BUG: soft lockup - CPU#1 stuck for 23s! [dnsd:1772]', 'soft_lockup', 1772],
    ['an RCU stall', 'rcu: INFO: rcu_sched self-detected stall on CPU', 'rcu_stall', 9],
    ['an RCU stall before 4.20', 'INFO: rcu_sched detected stalls on CPUs/tasks:', 'rcu_stall', 9],
    ['a hung task', 'INFO: task dnsd:1772 blocked for more than 120 seconds.', 'hung_task', 1772],
  ])('%s with its registers', (_, headline, symptom, pid) => {
    const text = [headline, 'Modules linked in:', ...dump({ ...A, pid, badva: undefined, exccode: '00' })].join('\n');
    expect(record(text)).toMatchObject({
      outcome: 'stall',
      firstSymptom: symptom,
      oopsCount: 0,
      exccode: '00',
      epcSym: A.epc,
      raSym: A.ra,
      pid,
    });
    expect(complaintsOf(text)).toMatchObject([{ kind: 'lockup', registersRead: 30 }]);
  });

  test('an RCU stall whose CPU shows its registers as a backtrace', () => {
    const registers = dump({ ...A, badva: undefined, exccode: '00' });
    const text = [
      'rcu: INFO: rcu_sched self-detected stall on CPU',
      'rcu:  1-....: (2100 ticks this GP)',
      'NMI backtrace for cpu 1',
      ...registers,
      'NMI backtrace for cpu 2',
      ...dump(B),
    ];
    expect(record(text.join('\n'))).toMatchObject({ outcome: 'stall', oopsCount: 0, epcSym: A.epc, process: A.comm });
  });
});

describe('user space', () => {
  test.each([
    [
      'since 3.19',
      'do_page_fault(): sending SIGSEGV to lister for invalid write access to 0000000c\nepc = 77db6928 in libc.so[77d92000+b2000]\nra  = 00437ab9 in busybox[400000+4f000]',
      'write',
      'libc.so',
    ],
    [
      'before',
      'do_page_fault() #2: sending SIGSEGV to lister(345) for invalid read access from\n0000000c (epc == 77db6928, ra == 00437ab9)',
      'read',
      '',
    ],
  ])('a signal, as printed %s', (_, text, access, epcIn) => {
    const decoded = record(text);
    expect(decoded).toMatchObject({ outcome: 'clean', verdict: 'ok', oopsCount: 0 });
    expect(decoded.userFaults).toMatchObject([
      { process: 'lister', access, badva: '0x0000000c', epc: '0x77db6928', ra: '0x00437ab9', epcIn },
    ]);
    expect(reportOf(text)).toContain('no crash of the kernel');
  });

  test('a signal besides a crash is told, but not taken for its cause', () => {
    const text = [
      'do_page_fault(): sending SIGSEGV to lister for invalid read access from 0000000c',
      fault(A),
      'Oops[#1]:',
      ...dump(A),
    ].join('\n');
    expect(record(text)).toMatchObject({
      outcome: 'oops',
      firstLine: 2,
      process: A.comm,
      userFaults: [{ process: 'lister' }],
    });
  });
});

describe('several boots in a file', () => {
  test('two boots that crash in the same way are no repeat, two warnings of one site neither', () => {
    const boot = ['Linux version 6.1.0 (a@b) #1', fault(A), 'Oops[#1]:', ...dump(A)].map(
      (line, i) => `[    0.0001${10 + i}] ${line}`,
    );
    expect(decodeConsole([...boot, ...boot].join('\n'))).toMatchObject({ oopsCount: 2, boots: { length: 2 } });
    const warning = 'WARNING: CPU: 0 PID: 1 at kernel/smp.c:1 f+0x10/0x20';
    const { complaints } = record(`[   25.480000] ${warning}\n[   25.480000] other\n[   25.480000] ${warning}\n`);
    expect(complaints).toHaveLength(2);
  });

  const crash = (of: Dump, number = 1, panic = 'Fatal exception') => [
    fault(of),
    `Oops[#${number}]:`,
    ...dump(of),
    '---[ end trace 0000000000000000 ]---',
    ...(panic === '' ? [] : [`Kernel panic - not syncing: ${panic}`]),
  ];
  const boots = (lines: string[]) => record(lines.join('\n')).boots as Report[];

  test('an oops number that was there already begins a new boot', () => {
    expect(boots([...crash(A), '', 'second try:', ...crash(B)])).toMatchObject([
      { process: A.comm, panic: 'Fatal exception' },
      { process: B.comm },
    ]);
    expect(boots([...crash(A, 1, ''), ...crash(B, 2)])).toHaveLength(1);
    expect(boots([...crash(A, 1, ''), 'later:', ...crash(A, 1, '')])).toHaveLength(2);
  });
  test('so does another kernel', () => {
    expect(boots([...crash(A, 1, ''), ...crash({ ...B, release: '6.1.70-dirty #2' }, 1, '')])).toHaveLength(2);
    expect(boots(['BUG: spinlock recursion on CPU#0, x/1', ...TRACE, ...crash(A)])).toHaveLength(2);
  });
  test('what comes before the second crash is of the second boot', () => {
    const decoded = boots([
      ...crash(A),
      'Run 2',
      'BUG: spinlock bad magic on CPU#0, x/1',
      ' lock: 0x82598a50, .magic: 00000000, .owner: <none>/-1, .owner_cpu: 0',
      ...crash(B),
    ]);
    expect(decoded).toMatchObject([
      { firstSymptom: 'unable_paging', process: A.comm },
      { firstSymptom: 'bug_spinlock', process: B.comm },
    ]);
  });
  test('the last words of a panic are no boot', () => {
    const words = [
      'CPU: 0 PID: 9 Comm: ksoftirqd/0 Tainted: G      D            6.1.70 #1',
      'Rebooting in 3 seconds..',
      '---[ end Kernel panic - not syncing: Fatal exception ]---',
      'WARNING: CPU: 0 PID: 9 at kernel/smp.c:923 smp_call_function_many_cond+0x458/0x47c',
      ...TRACE.slice(1),
    ];
    expect(boots([...crash(A), ...words])).toHaveLength(1);
  });
  test('a boot that crashed and one that did not', () => {
    const start = '[    0.000000] Linux version 6.1.0 (x@y) #1';
    const text = [
      start,
      ...crash(A).map((line, i) => `[    1.0000${10 + i}] ${line}`),
      start,
      '[    2.000000] reboot: Power down',
    ];
    expect(boots(text)).toMatchObject([{ outcome: 'panic' }, { outcome: 'clean', end: 'exit' }]);
    expect(record(text.join('\n'))).toMatchObject({ outcome: 'panic', oopsCount: 1 });
  });
  test('a log that an early console and then the real one print is one boot', () => {
    const start = '[    0.000000] Linux version 6.1.0 (x@y) #1';
    expect(
      boots([
        start,
        '[    0.100000] printk: console [ttyS0] enabled',
        start,
        '[    0.100000] printk: console [ttyS0] enabled',
        '[    2.000000] reboot: Power down',
      ]),
    ).toHaveLength(1);
    expect(boots([start, start, '[    2.000000] reboot: Power down'])).toHaveLength(1);
  });
});

describe('prose is no log', () => {
  test.each([
    'I get "Oops[#1]:" when I do that.',
    'Subject: BUG: soft lockup - CPU#1 stuck for 23s!',
    '"Kernel unaligned instruction access[#1]: something" right after kexec',
    'also saw "watchdog: BUG: soft lockup" once',
    'The message "Kernel panic - not syncing: VFS" is well known.',
    'see WARNING: CPU: 0 PID: 1 at kernel/smp.c:1 in the thread before',
    'it says Unable to handle kernel paging request at times',
    'epc : what is that?',
    'CPU 0 Unable to handle kernel paging request at virtual address ... is what I remember.',
    "* fix 'BUG: spinlock bad magic' (Oops[#1]: gone)",
  ])('%s', (line) => {
    const decoded = decodeConsole(`${line}\n[    1.500000] random: crng init done\n`);
    expect(decoded).toMatchObject({ outcome: 'clean', oopsCount: 0, verdict: 'ok' });
  });

  test('lines that word a crash among stamped lines of another', () => {
    const stamped = [fault(A), 'Oops[#1]:', ...dump(A)].map((line, i) => `[   12.0000${10 + i}] ${line}`).join('\n');
    const decoded = record(
      `BUG: soft lockup is what others see,\nKernel bug detected[#1]:\nis what I saw once.\n\n${stamped}\n`,
    );
    expect(decoded).toMatchObject({
      outcome: 'oops',
      firstSymptom: 'unable_paging',
      firstLine: 5,
      oopsCount: 1,
      allSymptoms: 'unable_paging:1',
    });
  });
});

describe('no claim beyond the evidence', () => {
  test('a crash that was asked for', () => {
    for (const epc of ['sysrq_handle_crash+0x1c/0x28', 'lkdtm_WRITE_KERN+0x1c/0x28']) {
      const decoded = record(
        [fault({ ...A, epc, badva: '00000000' }), 'Oops[#1]:', ...dump({ ...A, epc, badva: '00000000' })].join('\n'),
      );
      expect(decoded).toMatchObject({ family: 'asked-for', zeroed: expect.stringMatching(/^Nothing/) as string });
    }
  });
  test('a NULL pointer somewhere does not show zeroed memory', () => {
    const of = { ...A, epc: 'led_blink_set+0x1c/0x28', badva: '00000010' };
    expect(record([fault(of), 'Oops[#1]:', ...dump(of)].join('\n'))).toMatchObject({
      family: 'null-pointer',
      zeroed: expect.stringMatching(/^Unknown/) as string,
    });
  });
  test('the poison of freed memory is named', () => {
    const of = { ...A, badva: '6b6b6b7b' };
    expect(record([fault(of), 'Oops[#1]:', ...dump(of)].join('\n'))).toMatchObject({ family: 'freed-memory' });
  });
  test('the phase of an excerpt is told only by its task', () => {
    const phase = (of: Partial<Dump>, tls = '00000000') =>
      record(['Oops[#1]:', ...dump({ ...A, ...of })].join('\n').replace('tls=00000000', `tls=${tls}`)).phase;
    expect(phase({})).toBe('');
    expect(phase({ pid: 1, comm: 'swapper/0' })).toBe('boot');
    expect(phase({ pid: 817, comm: 'sh' }, '77ea983f')).toBe('after-init');
    expect(phase({ ra: 'syscall_common+0x34/0x58' })).toBe('after-init');
  });
  test('registers that are missing are counted', () => {
    const lines = ['Oops[#1]:', ...dump(A)];
    expect(reportOf(lines.join('\n'))).not.toContain('registers read');
    expect(reportOf(lines.filter((line) => !line.startsWith('$12') && !line.startsWith('$28')).join('\n'))).toContain(
      '22 of 32 registers read',
    );
  });
});
