// One crash, captured in all the ways that people paste logs: what it says must not change.
import { describe, expect, test } from 'vitest';
import { decodeConsole } from './console.js';
import { consoleRecord } from './record.js';

/** A crash of Linux 5.10 as printk wrote it. */
const CRASH = [
  'scsi host2: some driver',
  'CPU 1 Unable to handle kernel paging request at virtual address 0badc0de, epc == 80198c4c, ra == 80198b94',
  'Oops[#1]:',
  'CPU: 1 PID: 2044 Comm: kworker/1:2 Tainted: G        W         5.10.176 #0',
  'Workqueue: events deferred_probe_work_func',
  '$ 0   : 00000000 00000001 0badc0de 00049000',
  '$ 4   : 80412200 00000cc0 2f014d31 80c06f98',
  '$ 8   : 00100173 80ae83cc 00000000 80bc1000',
  '$12   : 00000000 fffffff8 00000000 00000000',
  '$16   : 82014e00 80412200 00000cc0 80c00000',
  '$20   : 80c10000 00000001 86811d20 80b51230',
  '$24   : 00000000 80109adc                  ',
  '$28   : 86810000 86811c38 82ff3c8d 80198b94',
  'Hi    : 0089543b',
  'Lo    : b55e0000',
  'epc   : 80198c4c kmem_cache_alloc+0x100/0x5d4',
  'ra    : 80198b94 ath9k_alloc+0x48/0x5d4 [ath9k]',
  'Status: 11000403\tKERNEL EXL IE ',
  'Cause : 40800008 (ExcCode 02)',
  'BadVA : 0badc0de',
  'PrId  : 0001992f (MIPS 1004Kc)',
  'Modules linked in: ath9k(+) mac80211 cfg80211',
  'Process kworker/1:2 (pid: 2044, threadinfo=2e11cd2a, task=520aea4f, tls=00000000)',
  'Stack : 80c06f98 00000cc0 86811d20 80b51230 00000000 00000000 80c10000 80c00000',
  '        00000001 8002a1c8 00000cc0 80412200 82014e00 00000000 00000000 00000001',
  '        ...',
  'Call Trace:',
  '[<80198c4c>] kmem_cache_alloc+0x100/0x5d4',
  '[<8002a1c8>] ath9k_start+0x20/0x188 [ath9k]',
  '[<8002a778>] process_one_work+0x204/0x464',
  '',
  'Code: 8e020014  00431021  8c430000 <8c620000> 00000000  ac620004',
  '',
  '---[ end trace 55d7e2ca4a1fb3b5 ]---',
  'Kernel panic - not syncing: Fatal exception in interrupt',
  'Rebooting in 3 seconds..',
];

const EXPECTED = {
  ...{ outcome: 'panic', firstSymptom: 'unable_paging', exccode: '02', badva: '0x0badc0de' },
  ...{
    epcSym: 'kmem_cache_alloc+0x100/0x5d4',
    raSym: 'ath9k_alloc+0x48/0x5d4 [ath9k]',
    process: 'kworker/1:2',
    pid: 2044,
  },
  ...{ oopsCount: 1, panic: 'Fatal exception in interrupt', architecture: 'MIPS' },
};
const OOPS = {
  ...{ number: 1, cpu: 1, registersRead: 30, isTangled: false, hasDump: true, release: '5.10.176 #0' },
  callTrace: ['kmem_cache_alloc+0x100/0x5d4', 'ath9k_start+0x20/0x188 [ath9k]', 'process_one_work+0x204/0x464'],
  registers: expect.objectContaining({
    $2: '0x0badc0de',
    $7: '0x80c06f98',
    $25: '0x80109adc',
    $31: '0x80198b94',
  }) as object,
};

function expectTheCrash(text: string): void {
  const record = consoleRecord('x', decodeConsole(text));
  expect(record).toMatchObject(EXPECTED);
  expect(record.oopses[0]).toMatchObject(OOPS);
}

const two = (n: number) => String(n).padStart(2, '0');
/** `[  912.000123] ` */
const stamp = (i: number) => `[  912.${String(123 + 37 * i).padStart(6, '0')}] `;
const stamped = CRASH.map((line, i) => stamp(i) + line);
const each = (prefix: (i: number) => string, lines = CRASH) => lines.map((line, i) => prefix(i) + line).join('\n');
const constant = (prefix: string) => () => prefix;
const html = (line: string) => line.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Breaks lines at spaces so that none is longer, as mail programs do. */
function wrapped(lines: readonly string[], columns: number): string[] {
  return lines.flatMap((line) => {
    const out: string[] = [];
    let rest = line;
    while (rest.length > columns) {
      const at = rest.lastIndexOf(' ', columns);
      if (at <= 0) break;
      out.push(rest.slice(0, at));
      rest = rest.slice(at + 1);
    }
    return [...out, rest];
  });
}

const hard = (lines: readonly string[], columns: number) =>
  lines.flatMap((line) => (line === '' ? [''] : line.match(new RegExp(`.{1,${columns}}`, 'g'))!));

/** Quoted-printable, as mail programs send it. */
function qp(lines: readonly string[]): string[] {
  const encoded = lines.map((line) => line.replaceAll('=', '=3D').replaceAll('\t', '=09').replace(/ $/, '=20'));
  return encoded.flatMap((line) => {
    const pieces = line.match(/.{1,72}(?:=..)?/g) ?? [''];
    return pieces.map((piece, i) => (i === pieces.length - 1 ? piece : `${piece}=`));
  });
}

const CAPTURES: Record<string, string> = {
  'as printed': CRASH.join('\n'),
  'with time stamps': stamped.join('\n'),
  'dmesg -T': each((i) => `[Sat Apr 26 10:18:${two(i)} 2025] `),
  'dmesg --time-format iso': each((i) => `2025-04-26T10:18:${two(i)},123456+02:00 `),
  'dmesg -H': each((i) => (i === 0 ? '[Apr26 10:18] ' : '[  +0.000037] ')),
  'dmesg -d': each((i) => `[  912.${String(100000 + i)} <    0.000037>] `),
  'journalctl -k': each((i) => `Apr 26 10:18:${two(i)} relay7 kernel: `),
  'journalctl -o short-precise': each((i) => `Apr 26 10:18:20.1000${two(i)} relay7 kernel: `),
  'journalctl -o short-iso': each((i) => `2025-04-26T10:18:${two(i)}+0200 relay7 kernel: `),
  'journalctl -o short-iso-precise': each((i) => `2025-04-26T10:18:20.1000${two(i)}+02:00 relay7 kernel: `),
  'journalctl -o short-full': each((i) => `Sat 2025-04-26 10:18:${two(i)} CEST relay7 kernel: `),
  'journalctl -o short-monotonic': each((i) => `${stamp(i)}relay7 kernel: `),
  'journalctl -o short-unix': each((i) => `1745655500.1000${two(i)} relay7 kernel: `),
  'journalctl -o cat with levels': each(constant('<4>')),
  'rsyslog with stamps of its own': each((i) => `2025-04-26T10:18:20.1000${two(i)}+02:00 relay7 kernel: `, stamped),
  'rsyslog, traditional': each((i) => `Apr 26 10:18:${two(i)} relay7 kernel: `, stamped),
  'RFC 5424': each((i) => `<4>1 2025-04-26T10:18:${two(i)}Z relay7 kernel - - - `),
  'logread of OpenWrt': each((i) => `Sat Apr 26 10:18:${two(i)} 2025 kern.alert kernel: `, stamped),
  'logread of OpenWrt, no stamps': each((i) => `Sat Apr 26 10:18:${two(i)} 2025 kern.warn kernel: `),
  'syslogd of busybox': each((i) => `Apr 26 10:18:${two(i)} OpenWrt kern.alert kernel: `, stamped),
  'syslogd of busybox, klogd': each((i) => `Jan  1 00:10:${two(i)} (none) user.warn klogd: `),
  'pstore, with a header': `Oops#1 Part1\n${each(constant('<1>'), stamped)}`,
  netconsole: CRASH.map((line, i) => `4,${600 + i},${912000123 + 37 * i},-;${line}`).join('\n'),
  'netconsole, fragmented': CRASH.map(
    (line, i) => `4,${600 + i},${912000123 + 37 * i},-,ncfrag=0/${line.length};${line}`,
  ).join('\n'),
  'callers of printk': CRASH.map((line, i) => `${stamp(i).trimEnd()}[  T2044] ${line}`).join('\n'),
  minicom: each((i) => `[2025-04-26 10:18:${two(i)}.123] `),
  tio: each((i) => `[10:18:${two(i)}.123] `),
  'Arduino monitor': each((i) => `10:18:${two(i)}.123 -> `),
  RealTerm: each((i) => `[10:18:${two(i)}:123] `),
  ts: each((i) => `Apr 26 10:18:${two(i)} `),
  grabserial: each((i) => `[${i}.003212 0.000211] `),
  'grabserial over stamps': each((i) => `[${i}.003212 0.000211] `, stamped),
  conserver: each((i) => `[Sat Apr 26 10:18:${two(i)} 2025]`),
  LAVA: stamped.map((line) => `- {"dt": "2025-04-26T10:18:20.123456", "lvl": "target", "msg": "${line}"}`).join('\n'),
  'Docker JSON': stamped.map((line) => `{"log":"${line.replaceAll('\t', '\\t')}\\r\\n","stream":"stdout"}`).join('\n'),
  'a C string': stamped.map((line) => `    "${line}\\n"`).join('\n'),
  'quoted in mail': each(constant('> ')),
  'quoted thrice': each(constant('> >> '), stamped),
  'quoted with a bar': each(constant('| ')),
  'quoted with initials': each(constant('JD> ')),
  indented: each(constant('    ')),
  'indented by a tab': each(constant('\t'), stamped),
  'a list': each(constant(' * ')),
  'a diff': each(constant('+')),
  comments: each(constant('# ')),
  'comments in C': each(constant('// '), stamped),
  'grep -n': each((i) => `${1000 + i}:`),
  'grep with a file name': each((i) => `console.log-${1000 + i}-`),
  'cat -n': each((i) => `${String(i + 1).padStart(6)}\t`),
  'a host name': each(constant('board3: ')),
  'a host name in brackets': each(constant('[ttyS0] ')),
  'a multiplexer': each(constant('ttyUSB0 | ')),
  'a task and a bar': each((i) => `console_1  | ${i % 2 === 0 ? '' : ' '}`),
  'Android, with CPU and task': CRASH.map((line, i) => `${stamp(i)}(1)[2044:kworker/1:2]${line}`).join('\n'),
  crlf: CRASH.map((line) => `${line}\r`).join('\n'),
  '^M': CRASH.map((line) => `${line}^M`).join('\n'),
  'pictures of line ends': CRASH.map((line) => `${line}␍␊`).join('\n'),
  'pictures instead of line ends': stamped.join('␍␊'),
  '\\r\\n in words': stamped.map((line) => `${line}\\r\\n`).join('\n'),
  '\\n instead of line ends': stamped.join('\\n'),
  'octal escapes of rsyslog': stamped.join('#012'),
  '<CR><LF> in words': stamped.map((line) => `${line}<CR><LF>`).join('\n'),
  'no-break spaces': CRASH.map((line) => line.replaceAll(' ', '\u00a0')).join('\n'),
  'no-break spaces in runs': stamped.map((line) => line.replace(/ {2}/g, '\u00a0 ')).join('\n'),
  'tabs for spaces in runs': stamped.map((line) => line.replace(/ {3,}/g, '\t')).join('\n'),
  'runs of spaces collapsed': stamped.map((line) => line.replace(/ +/g, ' ').trimEnd()).join('\n'),
  'in Latin-1 read as UTF-8': stamped.map((line) => line.replace(/ {2}/g, '\ufffd ')).join('\n'),
  '<pre>': `<pre>${stamped.map(html).join('\n')}</pre>`,
  '<br>': `<p>${stamped.map((line) => `${html(line)}<br>`).join('\n')}</p>`,
  '<br/> and no line ends': stamped.map(html).join('<br/>'),
  '<br /> and no line ends, no stamps': `<p>${CRASH.map(html).join('<br />')}</p>`,
  '<p> and &nbsp;': CRASH.map((line) => `<p class="x">${html(line).replaceAll('  ', '&nbsp;&nbsp;')}</p>`).join('\n'),
  '<div> and <span>': stamped
    .map(
      (line) =>
        `<div class="line"><span class="t">${html(line.slice(0, 15))}</span><span>${html(line.slice(15))}</span></div>`,
    )
    .join('\n'),
  'escaped twice': stamped.map((line) => html(html(line))).join('\n'),
  'numeric entities': stamped.map((line) => line.replace(/[<>$[\]]/g, (c) => `&#${c.charCodeAt(0)};`)).join('\n'),
  'hexadecimal entities': stamped
    .map((line) => line.replace(/[<>$]/g, (c) => `&#x${c.charCodeAt(0).toString(16)};`))
    .join('\n'),
  'a wiki': `{noformat}\n${stamped.join('\n')}\n{noformat}`,
  markdown: `\`\`\`\n${CRASH.join('\n')}\n\`\`\``,
  colours: stamped.map((line) => `\x1b[32m${line.slice(0, 15)}\x1b[0m\x1b[31m${line.slice(15)}\x1b[0m`).join('\n'),
  'colours through cat -v': stamped.map((line) => `^[[32m${line.slice(0, 15)}^[[0m${line.slice(15)}^[[0m^M`).join('\n'),
  'colours with C1': CRASH.map((line) => `\x9b31m${line}\x9b0m`).join('\n'),
  'a byte order mark': `\ufeff${stamped.join('\n')}`,
  'old Macintosh line ends in one file': CRASH.join('\n').replaceAll('\n', '\r\n'),
  'wrapped at 72 columns, stamps': wrapped(stamped, 72).join('\n'),
  'wrapped at 76 columns, stamps': wrapped(stamped, 76).join('\n'),
  'wrapped at 80 columns, stamps': wrapped(stamped, 80).join('\n'),
  'wrapped at 72 columns': wrapped(CRASH, 72).join('\n'),
  'wrapped at 64 columns, stamps': wrapped(stamped, 64).join('\n'),
  'wrapped at 72 columns, quoted': wrapped(stamped, 70)
    .map((line) => `> ${line}`)
    .join('\n'),
  'quoted, then wrapped': wrapped(
    stamped.map((line) => `> ${line}`),
    72,
  ).join('\n'),
  'syslog wrapped at 72 columns': wrapped(each((i) => `Apr 26 10:18:${two(i)} relay7 kernel: `).split('\n'), 72).join(
    '\n',
  ),
  'syslog wrapped at 80 columns': wrapped(each((i) => `Apr 26 10:18:${two(i)} relay7 kernel: `).split('\n'), 80).join(
    '\n',
  ),
  'an 80 column terminal': hard(stamped, 80).join('\n'),
  'an 80 column terminal, no stamps': hard(CRASH, 80).join('\n'),
  'a 72 column terminal': hard(stamped, 72).join('\n'),
  'a narrow terminal': hard(stamped, 60).join('\n'),
  'wrapped and crlf': wrapped(stamped, 72)
    .map((line) => `${line}\r`)
    .join('\n'),
  'prose around it': `Hello,\n\nthe board dies with "Oops[#1]: and so on". See:\n\n${stamped.join('\n')}\n\nAny idea? BUG: or not?\n-- \nJD`,
  'prose around it, no stamps': `Hello,\n\nI see "Kernel bug detected[#1]:" sometimes, but now:\n\n${CRASH.join('\n')}\n\nAny idea?\n`,
  'output of user space between the lines': stamped
    .flatMap((line, i) => (i % 3 === 0 ? [line, 'procd: - init -', ''] : [line]))
    .join('\n'),
  'the source of a mail': qp(stamped).join('\n'),
  'the source of a mail, no stamps': qp(CRASH).join('\r\n'),
  'journalctl -o json': CRASH.map((line, i) =>
    JSON.stringify({ __CURSOR: `s=${i}`, MESSAGE: line, PRIORITY: '4' }),
  ).join('\n'),
  'journalctl -o export': CRASH.map(
    (line, i) => `_SOURCE_MONOTONIC_TIMESTAMP=${i}\nPRIORITY=4\nMESSAGE=${line}\n`,
  ).join('\n'),
  'dmesg --json': `{\n   "dmesg": [\n      {\n${CRASH.map((line) => `         "pri": 4,\n         "time":   912.000160,\n         "msg": ${JSON.stringify(line)}`).join('\n      },{\n')}\n      }\n   ]\n}`,
  'one string of JSON, as Go escapes it': JSON.stringify({ body: `It dies:\n\n${CRASH.join('\n')}\n\nAny idea?` })
    .replaceAll('<', '\\u003c')
    .replaceAll('>', '\\u003e'),
  'one string of JSON, as PHP escapes it': JSON.stringify(CRASH.join('\r\n')).replaceAll('/', '\\/'),
  'a table in CSV': CRASH.map((line, i) => `"${i}","2025-04-26 10:18:01","kernel","${line}"`).join('\n'),
  'Robot Framework': stamped.map((line) => `20250426 10:18:01.123 :  INFO : ${line}`).join('\n'),
  XML: stamped
    .map((line, i) => `<line n="${i}">${line.replaceAll('<', '&lt;').replaceAll('>', '&gt;')}</line>`)
    .join('\n'),
  'a reply that quotes it': `${stamped.join('\n')}\n\nOn Sat, Foo wrote:\n${stamped.map((line) => `> ${line}`).join('\n')}`,
  'a reply that quotes it, no stamps': `${CRASH.join('\n')}\n\nOn Sat, Foo wrote:\n${CRASH.map((line) => `> ${line}`).join('\n')}`,
  'pasted once more from its beginning': [...stamped.slice(0, 10), ...stamped].join('\n'),
  'a blog': stamped
    .map((line) => line.replaceAll('---', '\u2014-').replaceAll('0x', '0\u00d7').replaceAll('...', '\u2026'))
    .join('\n'),
  'a forum': `[code]${CRASH.slice(1).join('\n')}[/code]`,
  'markdown, escaped': stamped.map((line) => line.replace(/[[\]_$<>#]/g, '\\$&')).join('\n'),
  'a table': CRASH.map((line) => `| ${line} |`).join('\n'),
  'a prompt in front': stamped.map((line, i) => (i % 4 === 0 ? `root@OpenWrt:/# ${line}` : line)).join('\n'),
  'printed twice': stamped.flatMap((line) => [line, line]).join('\n'),
};

describe('a crash in each of its captures', () => {
  test.each(Object.entries(CAPTURES))('%s', (_, text) => expectTheCrash(text));

  test('the kernel time is told from the time of the capture', () => {
    const oops = (text: string) => consoleRecord('x', decodeConsole(text)).oopses[0] as { time: string; clock: string };
    expect(oops(CAPTURES['rsyslog, traditional'])).toMatchObject({ time: '912.000160', clock: '' });
    expect(oops(CAPTURES['journalctl -k'])).toMatchObject({ time: '', clock: 'Apr 26 10:18:01' });
    expect(oops(CAPTURES['dmesg -T'])).toMatchObject({ time: '', clock: 'Sat Apr 26 10:18:01 2025' });
    expect(oops(CAPTURES.netconsole)).toMatchObject({ time: '912.000160', clock: '' });
  });
});
