import fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type KernelImage, parseKernel } from '../elf/kernel-image.js';
import { makeElf } from '../elf/test-elf.js';
import { UsageError } from '../errors.js';
import { Random } from '../random.js';
import { loadKernel } from './loader.js';
import { defaultImageFile } from './default-image.js';

const MB = 2 ** 20;

function words(ram: Uint8Array, kernel: KernelImage, at: number, count: number): number[] {
  const view = new DataView(ram.buffer);
  return Array.from({ length: count }, (_, i) => view.getUint32(at + 4 * i, !kernel.bigEndian));
}

function text(ram: Uint8Array, address: number): string {
  const at = address - 0x8000_0000;
  return new TextDecoder().decode(ram.subarray(at, ram.indexOf(0, at)));
}

/** The strings that the boot table points to, up to its end. */
function bootStrings(ram: Uint8Array, kernel: KernelImage): string[] {
  const table = words(ram, kernel, 0x2000, 16);
  return table.slice(0, table.indexOf(0)).map((address) => text(ram, address));
}

describe.each(['big', 'little'] as const)('a %s-endian kernel', (order) => {
  const bigEndian = order === 'big';
  const content = Uint8Array.of(1, 2, 3, 4, 5);
  const kernel = parseKernel(
    makeElf({
      bigEndian,
      entry: 0x8010_1000,
      segments: [{ address: 0x8010_0000, bytes: content, memorySize: 0x3000 }],
    }),
    'k',
  );

  test('is entered as by QEMU, with its segments loaded', () => {
    const ram = new Uint8Array(128 * MB);
    ram.fill(0xff, 0x10_0000, 0x10_4000);
    const boot = loadKernel({ kernel, ram, commandLine: 'console=ttyS0 root=/dev/sda' });
    expect(boot.pc).toBe(0x8010_1000);
    expect(boot.status).toBe(0x0040_0000);
    const nonZero = boot.gpr.flatMap((value, n) => (value === 0 ? [] : [[n, value]]));
    expect(nonZero).toEqual([
      [4, 2],
      [5, 0x8000_2000],
      [6, 0x8000_2008],
      [7, 128 * MB],
      [29, 0x8000_1fc0],
    ]);
    expect([...ram.subarray(0x10_0000, 0x10_0007)]).toEqual([1, 2, 3, 4, 5, 0, 0]);
    expect([ram[0x10_2fff], ram[0x10_3000]]).toEqual([0, 0xff]);
    expect(bootStrings(ram, kernel)).toEqual([
      'vmlinux',
      'console=ttyS0 root=/dev/sda',
      ...['memsize', '134217728', 'ememsize', '134217728', 'modetty0', '38400n8r'],
    ]);
  });

  test('gets its initrd where QEMU puts it, and entropy when there is some', () => {
    const ram = new Uint8Array(128 * MB);
    const initrd = new Uint8Array(1780).fill(0x5a);
    const boot = loadKernel({ kernel, ram, commandLine: 'quiet', initrd, rngSeed: Uint8Array.of(0, 0xab, 7) });
    // The address in the console that QEMU's boots of the same size print.
    expect(boot.commandLine).toBe('rd_start=0xffffffff87fe0000 rd_size=1780 quiet');
    expect(boot.initrd).toBe(0x7fe_0000);
    expect([ram[0x7fd_ffff], ram[0x7fe_0000], ram[0x7fe_0000 + 1779], ram[0x7fe_0000 + 1780]]).toEqual([0, 90, 90, 0]);
    expect(bootStrings(ram, kernel).slice(-2)).toEqual(['rngseed', '00ab07']);
  });

  test('does not fit: one line that says what to do', () => {
    expect(() => loadKernel({ kernel, ram: new Uint8Array(MB) })).toThrow(
      'k: the kernel does not fit into 1 MB of RAM: it ends at 2 MB (--memory)',
    );
    const ram = new Uint8Array(32 * MB);
    expect(() => loadKernel({ kernel, ram, initrd: new Uint8Array(31 * MB) })).toThrow(
      /^the initrd of 32505856 bytes .*\(--memory\)$/,
    );
    expect(() => loadKernel({ kernel, ram, initrd: new Uint8Array(33 * MB) })).toThrow(UsageError);
    expect(() => loadKernel({ kernel, ram, commandLine: 'x'.repeat(4096) })).toThrow(/4096 bytes; kernels take 4095/);
    expect(loadKernel({ kernel, ram, commandLine: 'x'.repeat(4095) }).commandLine).toHaveLength(4095);
  });
});

test('a kernel behind the TLB is loaded at its physical addresses', () => {
  const kernel = parseKernel(
    makeElf({
      bigEndian: false,
      entry: 0x8010_0010,
      segments: [
        { address: 0x8010_0000, bytes: Uint8Array.of(1), memorySize: 16 },
        { address: 0xc010_2000, loadAddress: 0x0010_2000, bytes: Uint8Array.of(2), memorySize: 16 },
      ],
    }),
    'k',
  );
  const ram = new Uint8Array(32 * MB);
  loadKernel({ kernel, ram });
  expect([ram[0x10_0000], ram[0x10_2000]]).toEqual([1, 2]);
});

test('a kernel on the boot table is refused', () => {
  const low = [{ address: 0x8000_1000, bytes: Uint8Array.of(1), memorySize: 0x2000 }];
  const kernel = parseKernel(makeElf({ bigEndian: true, entry: 0x8000_1000, segments: low }), 'k');
  expect(() => loadKernel({ kernel, ram: new Uint8Array(MB) })).toThrow(/on the boot loader's table/);
});

describe('kernel files', () => {
  const guest = fs.readFileSync(defaultImageFile());
  const elf = (change: Parameters<typeof makeElf>[0]) => makeElf(change);
  const plain = {
    bigEndian: true,
    entry: 0x8010_0000,
    segments: [{ address: 0x8010_0000, bytes: new Uint8Array(64), memorySize: 64 }],
  };

  test('a stripped one has no symbols, and one that is not Linux has names all the same', () => {
    expect(parseKernel(elf(plain), 'k').symbols).toBeUndefined();
    const named = parseKernel(
      elf({
        ...plain,
        symbols: [
          ['start', 0x8010_0000],
          ['panic', 0x8010_0020],
        ],
      }),
      'k',
    );
    expect(named.symbols!.symbolize(0x8010_0024)).toBe('panic+0x4/0x20');
    expect(named.symbols!.symbolize(0x8010_0040)).toBe('0x80100040');
  });

  test.each([
    ['nothing', new Uint8Array(0), 'the file is empty'],
    ['text', new TextEncoder().encode('#!/bin/sh\n'), 'it is no ELF file'],
    ['an ELF header alone', guest.subarray(0, 20), 'cut short'],
    ['x86', elf({ ...plain, bigEndian: false, machine: 62 }), 'x86-64'],
    ['32-bit x86', elf({ ...plain, bigEndian: false, machine: 3 }), 'x86'],
    ['an unknown processor', elf({ ...plain, machine: 4711 }), 'ELF machine 4711'],
    ['64 bits', Uint8Array.from(guest, (b, i) => (i === 4 ? 2 : b)), '64-bit MIPS'],
    ['MIPS64', elf({ ...plain, flags: 0x8000_0000 }), 'MIPS64 release 2'],
    ['release 6', elf({ ...plain, flags: 0x9000_1000 }), 'MIPS32 release 6'],
    ['microMIPS', elf({ ...plain, flags: 0x7200_1000 }), 'microMIPS'],
    ['a module', elf({ ...plain, type: 1 }), 'module'],
    ['a shared object', elf({ ...plain, type: 3 }), 'shared object'],
    ['a program', elf({ ...plain, entry: 0x40_0000 }), 'a program, not a kernel'],
    ['no segments', elf({ ...plain, segments: [] }), 'nothing in it to load'],
    [
      'bzImage',
      Uint8Array.from({ length: 0x210 }, (_, i) => [...'HdrS'].map((c) => c.charCodeAt(0))[i - 0x202] ?? 0),
      'bzImage',
    ],
    ['xz', Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0), 'xz -d'],
    ['a U-Boot image', Uint8Array.of(0x27, 5, 0x19, 0x56), 'U-Boot'],
    ['a Debian package', new TextEncoder().encode('!<arch>\ndebian-binary'), 'Debian package'],
  ])('%s is refused in one line', (_name, content, reason) => {
    const parse = () => parseKernel(new Uint8Array(content), 'x');
    expect(parse).toThrow(UsageError);
    expect(parse).toThrow(
      new RegExp(`^x: not a kernel for this board: [^\\n]*${reason.replace(/[()]/g, '.')}[^\\n]*$`),
    );
  });

  test('cut anywhere they are refused', () => {
    for (let length = 0; length < guest.length; length += 1009)
      expect(() => parseKernel(new Uint8Array(guest.subarray(0, length)), 'x')).toThrow(/cut short|empty|no ELF/);
  });
});

describe('mutated kernels', () => {
  test.each([1, 2, 3])('are loaded or refused in one line, and never a third thing (seed %i)', (seed) => {
    const random = new Random(seed);
    const whole = makeElf({
      bigEndian: seed % 2 === 0,
      entry: 0x8010_0000,
      segments: [
        { address: 0x8010_0000, bytes: new Uint8Array(300).fill(0x24), memorySize: 0x1000 },
        { address: 0xc020_0000, loadAddress: 0x20_0000, bytes: new Uint8Array(60), memorySize: 60 },
      ],
      symbols: [
        ['start', 0x8010_0000],
        ['panic', 0x8010_0020],
      ],
    });
    const ram = new Uint8Array(4 * MB);
    const seen = { loaded: 0, refused: 0 };
    for (let i = 0; i < 3000; i++) {
      const bytes = whole.slice(0, random.below(8) === 0 ? random.below(whole.length) : whole.length);
      // Mostly in the headers and tables, where it matters.
      for (let n = random.below(4); n >= 0; n--) {
        const at = random.below(3) ? random.below(120) : random.below(whole.length);
        if (at < bytes.length)
          bytes[at] = [0, 0xff, random.below(256), bytes[at] ^ (1 << random.below(8))][random.below(4)];
      }
      try {
        const mutant = parseKernel(bytes, 'k');
        mutant.symbols?.symbolize(0x8010_0024);
        loadKernel({ kernel: mutant, ram, initrd: new Uint8Array(100) });
        seen.loaded++;
      } catch (error) {
        expect(error).toBeInstanceOf(UsageError);
        expect((error as Error).message).not.toContain('\n');
        seen.refused++;
      }
    }
    expect(seen.loaded).toBeGreaterThan(100);
    expect(seen.refused).toBeGreaterThan(100);
  });
});
