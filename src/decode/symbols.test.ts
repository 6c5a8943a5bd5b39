import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { makeElf } from '../../emu/elf/test-elf.js';
import { decodeConsole } from './console.js';
import { signature } from './record.js';
import { KernelSymbols } from './symbols.js';

const map = `80100000 T _stext
8017d91c t __wake_up_common
8017da9c T __wake_up_common_lock
8017db64 T __wake_up
8019f000 D jiffies
8019f1d8 t rcu_core
8019f8b0 t other
`;
const rawOops = [
  'CPU 0 Unable to handle kernel paging request at virtual address 00000000, epc == 8017d988, ra == 8017db1c',
  'Oops[#1]:',
  'epc   : 8017d988',
  'ra    : 8017db1c',
  'Cause : 00800008 (ExcCode 02)',
  'BadVA : 00000000',
  'Call Trace:',
  '[<8017d988>]',
  '[<8017db70>] 0x8017db70',
].join('\n');

describe('System.map', () => {
  const symbols = KernelSymbols.fromSystemMap(map, 'System.map');
  test('names an address as %pS does', () => {
    expect(symbols.symbolize('8017d988')).toBe('__wake_up_common+0x6c/0x180');
    expect(symbols.symbolize('8019f444')).toBe('rcu_core+0x26c/0x6d8');
    expect(symbols.symbolize('00000000')).toBeUndefined();
    expect(symbols.symbolize('fff90980')).toBeUndefined();
  });
  test('symbolises and so classifies a log without symbols', () => {
    expect(signature(decodeConsole(rawOops))).toBe('null-pointer epc=? ra=?');
    const decoded = decodeConsole(rawOops, { symbols });
    expect(signature(decoded)).toBe('wait-queue-zeroed epc=__wake_up_common ra=__wake_up_common_lock');
    expect(decoded.oopses[0].callTrace.map(({ symbol }) => symbol)).toEqual([
      '__wake_up_common+0x6c/0x180',
      '__wake_up+0xc/0x21674',
    ]);
  });
  test('a jump to 0 needs no symbol, its caller does', () => {
    const text =
      'CPU 0 Unable to handle kernel paging request at virtual address 00000000, epc == 00000000, ra == 8019f444';
    expect(signature(decodeConsole(text))).toBe('null-function-pointer epc=0x0 ra=?');
    expect(signature(decodeConsole(text, { symbols }))).toBe('rcu-callback-null epc=0x0 ra=rcu_core');
  });
  test('names the line that is none', () => {
    expect(() => KernelSymbols.fromSystemMap(`${map}hello\n`, 'System.map')).toThrow(
      'System.map:8: not a line of a System.map',
    );
    expect(() => KernelSymbols.fromSystemMap('', 'System.map')).toThrow('no text symbols');
  });
});

describe('vmlinux', () => {
  const file = fileURLToPath(new URL('../../fixtures/guest/vmlinux.elf', import.meta.url));
  test("the guest's own image names its functions", () => {
    const symbols = KernelSymbols.fromElf(fs.readFileSync(file), 'vmlinux.elf');
    const some = [...Array(0x4000).keys()].map((i) => symbols.symbolize((0x80100000 + 4 * i).toString(16)));
    expect(
      some.filter((name) => name !== undefined && /^\w[\w.]*\+0x[0-9a-f]+\/0x[0-9a-f]+$/.test(name)).length,
    ).toBeGreaterThan(1000);
  });
  test.each([true, false])('kernels of either byte order, big endian: %s', (bigEndian) => {
    const symbols = [
      ['rcu_core', 0x8019f1d8],
      ['other', 0x8019f8b0],
    ] as const;
    const file = makeElf({ bigEndian, entry: 0x80100000, segments: [], symbols });
    expect(KernelSymbols.fromElf(file, 'vmlinux').symbolize('8019f444')).toBe('rcu_core+0x26c/0x6d8');
  });
  test('a kernel cut short is refused in one line', () => {
    const file = makeElf({ bigEndian: false, entry: 0x80100000, segments: [], symbols: [['rcu_core', 0x8019f1d8]] });
    expect(() => KernelSymbols.fromElf(file.subarray(0, file.length - 60), 'x')).toThrow(
      'x: not a usable vmlinux: the file is cut',
    );
  });
  test('another file is refused in one line', () => {
    expect(() => KernelSymbols.fromElf(new Uint8Array(64), 'x')).toThrow('x: not a usable vmlinux: no ELF header');
  });
});
