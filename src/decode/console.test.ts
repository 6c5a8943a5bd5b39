// Recorded consoles against their table, and the same consoles after what serial lines, terminals and mail do to them.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import zlib from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { Random } from '../random.js';
import { decodeConsole } from './console.js';
import type { ConsoleRecord } from './record.js';
import { consoleRecord, signature } from './record.js';

const directory = fileURLToPath(new URL('../../fixtures/consoles/', import.meta.url));
const files = fs.readdirSync(directory).filter((file) => file.endsWith('.gz'));
const read = (file: string) => zlib.gunzipSync(fs.readFileSync(path.join(directory, file))).toString('utf8');
const [columns, ...rows] = fs
  .readFileSync(path.join(directory, 'expected.tsv'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => line.split('\t'));
const expected = new Map(rows.map((row) => [row[0], Object.fromEntries(columns.map((column, i) => [column, row[i]]))]));

const logNameOf = (file: string): string => file.replace('.console.log.gz', '');

/** A column's name in a record. */
const keyOf = (column: string) =>
  (column === 'time_s'
    ? 'time'
    : column.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())) as keyof ConsoleRecord;

/** The columns of the table, as text. Addresses stand there as the kernel prints them, without 0x. */
function asRow(record: ConsoleRecord): Record<string, string> {
  const text = (column: string) => String(record[keyOf(column)]);
  return Object.fromEntries(
    columns.map((column) => [
      column,
      /^(?:badva|(?:epc|ra)_sym)$/.test(column) ? text(column).replace(/^0x(?=.{8})/, '') : text(column),
    ]),
  );
}

test('the table and the recorded consoles belong together', () => {
  expect([...expected.keys()].sort()).toEqual(files.map((file) => file.replace('.console.log.gz', '')).sort());
  expect(files.length).toBeGreaterThan(50);
});

test.each(files)('%s', (file) => {
  const record = consoleRecord(file, decodeConsole(read(file)));
  expect(asRow(record)).toEqual(expected.get(record.name));
});

test('a crash names the lines it was read from', () => {
  const text = read('dieinfofull3ctl-buggy4k-24Kf-07.console.log.gz');
  const lines = text.split('\n');
  const { family, oopses, firstLine } = decodeConsole(text);
  expect(lines[firstLine!.number - 1]).toContain('Unable to handle kernel paging request');
  expect(lines[oopses[0].epcSymbol!.line - 1]).toContain('epc   : 8017d988 __wake_up_common');
  expect(lines[oopses[0].exccode!.line - 1]).toContain('Cause');
  expect(family!.reasons.length).toBeGreaterThanOrEqual(3);
  for (const { line } of family!.reasons) expect(line).toBeLessThanOrEqual(lines.length);
  expect(oopses[0].registers.get('$4')).toBe('817dea44');
  expect(oopses[0].registers.get('$31')).toBe('8017db1c');
  expect(oopses[0].registers.size).toBe(30);
  expect(oopses[0].callTrace[2].symbol).toBe('__wake_up+0x18/0x24');
});

describe('noise', () => {
  const seed = 20210702;
  /** What a capture may do to a log; none of it changes what happened. */
  const mutations: Record<string, (lines: string[], random: Random) => string[]> = {
    crlf: (lines) => lines.map((line) => `${line}\r`),
    'doubled carriage returns': (lines) => lines.map((line) => `\r${line}\r\r`),
    'log levels': (lines, random) => lines.map((line) => (line.startsWith('[') ? `<${random.below(8)}>${line}` : line)),
    'no time stamps': (lines) => lines.map((line) => line.replace(/^\[ *\d+\.\d+\] /, '')),
    'no time stamps, log levels': (lines, random) =>
      lines.map((line) => line.replace(/^\[ *\d+\.\d+\] /, () => `<${random.below(8)}>`)),
    'caller ids': (lines, random) =>
      lines.map((line) => line.replace(/^(\[ *\d+\.\d+\])/, `$1[${'    T'}${1 + random.below(99)}]`)),
    'mail quoting': (lines, random) => {
      const quote = ['> ', '> > ', '>', '>> '][random.below(4)];
      return lines.map((line) => `${quote}${line}`);
    },
    'terminal escapes': (lines, random) =>
      lines.map((line) =>
        random.below(3) === 0 ? `\x1b[0m${line.slice(0, 15)}\x1b[1;31m${line.slice(15)}\x1b[K` : line,
      ),
    'capture stamps': (lines, random) => lines.map((line) => `[2021-07-02 10:${10 + random.below(50)}:07.123] ${line}`),
    syslog: (lines) => lines.map((line) => `Jul  2 10:20:30 malta kernel: ${line}`),
    'records of /dev/kmsg': (lines) =>
      lines.map((line, i) =>
        line.replace(/^\[ *(\d+)\.(\d{6})\] /, (_, seconds, us) => `6,${i},${Number(seconds + us)},-;`),
      ),
    'lines of noise': (lines, random) =>
      lines.flatMap((line) => (random.below(6) === 0 ? [line, noise(random)] : [line])),
    'control characters': (lines, random) =>
      lines.map((line) => {
        const at = random.below(line.length + 1);
        return random.below(4) === 0 ? line.slice(0, at) + '\x00\x07\x7f'[random.below(3)] + line.slice(at) : line;
      }),
    'other messages in between': (lines, random) =>
      lines.flatMap((line) =>
        random.below(4) === 0
          ? [line, `${/^\[ *\d+\.\d+\] /.exec(line)?.[0] ?? ''}random: crng init done`, 'udevd: waiting']
          : [line],
      ),
    'text of user space before a message': (lines, random) =>
      lines.map((line) => (random.below(5) === 0 && line.startsWith('[') ? `starting syslogd...${line}` : line)),
  };

  function noise(random: Random): string {
    return Array.from({ length: random.below(60) }, () => String.fromCharCode(random.below(256)))
      .join('')
      .replaceAll('\n', '');
  }

  /** Two consoles, or a log that was read as bytes of another encoding. */
  const doubled: Record<string, (text: string) => string> = {
    'every line twice': (text) => text.replace(/.+/g, '$&\n$&'),
    'every line twice, no time stamps': (text) => text.replace(/^\[ *\d+\.\d+\] /gm, '').replace(/.+/g, '$&\n$&'),
    'UTF-16': (text) => Buffer.from(`\ufeff${text}`, 'utf16le').toString('utf8'),
  };
  for (const [name, mutate] of Object.entries(doubled))
    test(name, () => {
      for (const file of files) {
        const { time_s, all_symptoms, ...row } = expected.get(logNameOf(file))!;
        const text = read(file);
        if (text.length > 400_000) continue;
        const mutated = asRow(consoleRecord(file, decodeConsole(mutate(text))));
        expect(mutated, file).toMatchObject(row);
        if (name === 'every line twice') expect([mutated.time_s, mutated.all_symptoms]).toEqual([time_s, all_symptoms]);
      }
    });

  const torn: Record<string, (line: string, random: Random) => string[]> = {
    'lines torn in two': (line, random) => {
      const at = 1 + random.below(line.length - 1);
      return [line.slice(0, at), line.slice(at)];
    },
    'lines torn by another message': (line, random) => {
      const at = 1 + random.below(line.length - 1);
      return [`${line.slice(0, at)}[    0.500000] random: crng init done`, line.slice(at)];
    },
    'lines wrapped at 80 columns': (line) => line.match(/.{1,80}/g)!,
  };
  const decisive = ['outcome', 'exccode', 'badva', 'epc_sym', 'ra_sym', 'process', 'oops_count', 'family'];
  for (const [name, tear] of Object.entries(torn))
    test(`${name}: what decides is still found (seed ${seed})`, () => {
      const random = new Random(seed);
      const lost: string[] = [];
      let crashes = 0;
      for (const file of files) {
        const row = expected.get(logNameOf(file))!;
        const text = read(file);
        if (row.outcome === 'clean' || text.length > 400_000) continue;
        crashes++;
        const rate = name.includes('80') ? 1 : 4;
        const lines = text
          .split('\n')
          .flatMap((l) => (l.length > 2 && random.below(rate) === 0 ? tear(l, random) : [l]));
        const mutated = asRow(consoleRecord(file, decodeConsole(lines)));
        for (const column of decisive)
          if (mutated[column] !== row[column]) lost.push(`${file}: ${column} ${row[column]}, now ${mutated[column]}`);
      }
      expect(crashes).toBeGreaterThan(35);
      // A torn headline or a torn stamp may cost a field; one line in four is torn.
      expect(lost.length, lost.join('\n')).toBeLessThanOrEqual(3);
    });

  const withoutTime = (row: Record<string, string>) => ({ ...row, time_s: '' });

  for (const [name, mutate] of Object.entries(mutations))
    test(`${name} (seed ${seed})`, () => {
      const random = new Random(seed);
      for (const file of files) {
        const text = read(file);
        if (text.length > 400_000) continue;
        const mutated = decodeConsole(mutate(text.split('\n'), random));
        const row = asRow(consoleRecord(file, mutated));
        const original = expected.get(row.name)!;
        const timeKept = !name.startsWith('no time stamps');
        expect(timeKept ? row : withoutTime(row), file).toEqual(timeKept ? original : withoutTime(original));
      }
    });

  test(`several at once (seed ${seed})`, () => {
    const random = new Random(seed);
    // Mail quotes what the terminal captured, so it comes last.
    const names = Object.keys(mutations)
      .filter((name) => !/stamps|syslog|text of user|mail/.test(name))
      .concat('mail quoting');
    for (const file of files.filter((_, i) => i % 4 === 0)) {
      let lines = read(file).split('\n');
      const applied = names.filter(() => random.below(2) === 0);
      for (const name of applied) lines = mutations[name](lines, random);
      const row = asRow(consoleRecord(file, decodeConsole(lines)));
      expect(row, `${file}: ${applied.join(', ')}`).toEqual(expected.get(row.name));
    }
  });
});

describe('parts of a log', () => {
  const text = read('dieinfofull3ctl-buggy4k-24Kf-07.console.log.gz');
  const lines = text.split('\n');
  const oops = lines.findIndex((line) => line.includes('Oops[#1]'));

  test('cut off in front: an excerpt, whose end says nothing', () => {
    const decoded = decodeConsole(lines.slice(oops - 2));
    expect(decoded).toMatchObject({ outcome: 'oops', end: 'open', oopsCount: 1 });
    expect(signature(decoded)).toBe('wait-queue-zeroed epc=__wake_up_common ra=__wake_up_common_lock');
  });

  test('cut off in the middle of the registers', () => {
    const decoded = decodeConsole(lines.slice(oops + 4));
    expect(decoded).toMatchObject({ outcome: 'oops', firstSymptom: 'unable_paging', oopsCount: 1 });
    expect(signature(decoded)).toBe('wait-queue-zeroed epc=__wake_up_common ra=__wake_up_common_lock');
  });

  test('cut off after the first line of the oops', () => {
    const first = lines.findIndex((line) => line.includes('Unable to handle'));
    const decoded = decodeConsole(lines.slice(0, first + 1));
    expect(decoded).toMatchObject({ outcome: 'oops', end: 'silent-stall', oopsCount: 1 });
    expect(decoded.oopses[0].badva?.value).toBe('00000000');
    expect(signature(decoded)).toBe('null-pointer epc=? ra=?');
  });

  test('with noise over the first line of the oops', () => {
    const first = lines.findIndex((line) => line.includes('Unable to handle'));
    const decoded = decodeConsole(lines.with(first, '[    0.457652] CPU 0 Unab~x<\ufffd to ha\x7f@'));
    expect(decoded).toMatchObject({ outcome: 'oops', firstSymptom: 'unable_paging', oopsCount: 1 });
    expect(decoded.oopses[0].badva?.value).toBe('00000000');
    expect(signature(decoded)).toBe('wait-queue-zeroed epc=__wake_up_common ra=__wake_up_common_lock');
  });

  test('registers alone, as SysRq prints them, are no oops', () => {
    const registers = lines.slice(oops + 3, oops + 17).filter((line) => !/Cause|BadVA/.test(line));
    expect(decodeConsole(registers)).toMatchObject({ outcome: 'clean', oopsCount: 0 });
  });

  test('every prefix of a crash decodes without throwing, and what is found stays found', () => {
    let oopses = 0;
    for (let end = oops - 30; end < oops + 60; end++) {
      const decoded = decodeConsole(lines.slice(0, end));
      expect(decoded.oopsCount).toBeGreaterThanOrEqual(oopses);
      oopses = decoded.oopsCount;
    }
    expect(oopses).toBe(1);
  });
});

describe('how a log ends', () => {
  const boot = ['[    0.000000] Linux version 6.1.0 (x@y) #1', '[    1.500000] Run /sbin/init as init process'];
  test('at a login prompt it runs', () => {
    expect(decodeConsole([...boot, 'malta login: '])).toMatchObject({ outcome: 'clean', end: 'running' });
  });
  test('in the middle of a boot it stalls', () => {
    expect(decodeConsole(boot)).toMatchObject({ outcome: 'stall', end: 'silent-stall', firstSymptom: 'pure_stall' });
  });
  const malta = ['[    0.000000] Linux version 6.1.0 (x@y) #1', '[    0.000000] MIPS: machine is mti,malta'];
  const stamps = /^\[ *\d+\.\d+\] /;
  test("where the Malta's clock is set up it waits for QEMU's", () => {
    const log = [...malta, '[    0.000000] rcu: srcu_init: Setting srcu_struct sizes based on contention.'];
    const artefact = { outcome: 'stall', verdict: 'ARTEFACT', firstSymptom: 'artefact_rtc_calibration_stall' };
    expect(decodeConsole(log)).toMatchObject(artefact);
    expect(decodeConsole(log.map((line) => line.replace(stamps, '')))).toMatchObject(artefact);
    // An earlier boot of the same board says nothing of this one's clock.
    expect(decodeConsole([...malta, '[    0.003120] Calibrating delay loop...', ...log])).toMatchObject(artefact);
  });
  test.each([
    ['a clock source', '[    0.000000] clocksource: MIPS: mask: 0xffffffff'],
    ['the delay loop', '[    0.000000] Calibrating delay loop... 2125.00 BogoMIPS (lpj=10625024)'],
    ['a running clock', '[    0.564549] sd 0:2:2:0: [sdc] Attached SCSI disk'],
  ])('behind that, as %s shows, it is a stall of the kernel', (_, line) => {
    const decoded = decodeConsole([...malta, line]);
    expect(decoded).toMatchObject({ outcome: 'stall', verdict: 'CRASH', firstSymptom: 'pure_stall' });
    expect(decoded.family?.name).toBe('stall');
  });
  test('after a second boot only that one counts', () => {
    const first = [...boot, '[    2.000000] reboot: Restarting system'];
    expect(decodeConsole(first)).toMatchObject({ end: 'exit', outcome: 'clean' });
    expect(decodeConsole([...first, ...boot])).toMatchObject({ end: 'silent-stall', outcome: 'stall' });
  });
  test('an excerpt without trouble is clean', () => {
    expect(decodeConsole(['[    1.500000] random: crng init done'])).toMatchObject({
      outcome: 'clean',
      end: 'open',
      family: undefined,
    });
  });
  test('a message glued to a login prompt is found', () => {
    const glued =
      'malta login: [   12.000000] CPU 0 Unable to handle kernel paging request at virtual address 00000000, epc == 00000000, ra == 8019f444';
    const decoded = decodeConsole([...boot, glued]);
    expect(decoded).toMatchObject({ outcome: 'oops', end: 'silent-stall', oopsCount: 1 });
    expect(decoded.oopses[0]).toMatchObject({ time: '12.000000', line: 3 });
  });
  test.each([
    ['Kernel bug detected[#1]:', '10800024 (ExcCode 09)', 'bug', 'kernel_bug'],
    ['Unhandled kernel unaligned access[#1]:', '00800010 (ExcCode 04)', 'oops', 'unaligned'],
    ['Reserved instruction in kernel code[#1]:', '10800028 (ExcCode 0a)', 'oops', 'exception'],
    ['Data bus error, epc == 8017d988, ra == 8017db1c\nOops[#1]:', '1080001c (ExcCode 07)', 'oops', 'bus_error'],
    ['Oops[#1]:', '1080001c (ExcCode 07)', 'oops', 'bus_error'],
  ])('%j is not a page fault', (headline, cause, outcome, firstSymptom) => {
    const text = `${headline}\nepc   : 8017d988 a_function+0x10/0x20\nCause : ${cause}\n`;
    const decoded = decodeConsole(text);
    expect(decoded).toMatchObject({ outcome, firstSymptom, oopsCount: 1 });
    expect(decoded.family?.name).toBe('kernel-exception');
  });
  test('an RCU stall is a stall', () => {
    const stall = ['[   21.0] nothing', '[   21.000000] rcu: INFO: rcu_sched self-detected stall on CPU'];
    expect(decodeConsole([...boot, ...stall])).toMatchObject({ outcome: 'stall', firstSymptom: 'rcu_stall' });
  });
});
