import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import zlib from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseKernel } from '../../emu/elf/kernel-image.js';

const CLI = path.resolve('scripts/percpu-malta.mjs');
const TESTKERNEL = path.resolve('fixtures/testkernel/testkernel-be.elf');

let folder = '';
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'run-test-'));
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

function run(...args: string[]): { stdout: string; stderr: string; status: number | null } {
  return spawnSync(process.execPath, [CLI, 'run', ...args], { encoding: 'utf8', cwd: folder });
}

function file(name: string, bytes: Uint8Array | string): string {
  fs.writeFileSync(path.join(folder, name), bytes);
  return name;
}

describe('what cannot run ends in one line and exit code 2', () => {
  const elf = (change: (view: DataView) => void): Uint8Array => {
    const bytes = fs.readFileSync(TESTKERNEL).subarray(0, 0x4000);
    change(new DataView(bytes.buffer, bytes.byteOffset));
    return bytes;
  };
  it.each([
    ['no ELF', () => [file('text', 'hello\n')], /text: not a kernel for this board/],
    ['a missing file', () => ['nowhere'], /nowhere/],
    ['a directory', () => [folder], /directory|folder/],
    ['a truncated file', () => [file('short', elf(() => {}).subarray(0, 40))], /cut short/],
    [
      'an x86 kernel',
      () => [
        file(
          'x86',
          elf((view) => view.setUint16(18, 62)),
        ),
      ],
      /x86-64/,
    ],
    [
      'a 64-bit kernel',
      () => [
        file(
          'mips64',
          elf((view) => view.setUint8(4, 2)),
        ),
      ],
      /64-bit/,
    ],
    ['a drive that is a directory', () => [TESTKERNEL, '--drive', folder], /directory/],
    ['a drive without a controller', () => [TESTKERNEL, '--drive', '8M', '--controllers', '0'], /controller/],
    [
      'an initrd that does not fit',
      () => [TESTKERNEL, '--initrd', file('rd', new Uint8Array(40 << 20)), '--memory', '32'],
      /does not fit/,
    ],
    ['an empty initrd', () => [TESTKERNEL, '--initrd', file('none', '')], /empty/],
    [
      'damaged gzip data',
      () => [file('cut.gz', zlib.gzipSync(fs.readFileSync(TESTKERNEL)).subarray(0, 5000))],
      /cut\.gz/,
    ],
    ['a device', () => ['/dev/full'], /dev.full/],
    ['too little memory', () => [TESTKERNEL, '--memory', '16'], /32 to 256/],
    ['a latency that is none', () => [TESTKERNEL, '--command-latency', '-1'], /microseconds/],
    ['no text to wait for', () => [TESTKERNEL, '--until', ''], /--until <text>.*need a text/],
    ['-i with --json', () => [TESTKERNEL, '-i', '--json'], /--json/],
  ])('%s', (_name, args, message) => {
    const { stdout, stderr, status } = run(...args());
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });
});

it('--html of a kernel without a per-CPU allocator says that none was followed', () => {
  const { status } = run(TESTKERNEL, '--append', 'tests=unmap plant=nofree', '--quiet', '--html', 'page.html');
  expect(status).toBe(0);
  const page = fs.readFileSync(path.join(folder, 'page.html'), 'utf8');
  expect(page).toContain('The per-CPU allocator was not followed');
  expect(page).toContain('Of what the translation checker found (1 time) no story is told');
  expect(page).not.toContain('no access went through a stale translation');
});

describe('--system-map', () => {
  const bytes = fs.readFileSync(TESTKERNEL);
  const args = ['--append', 'tests=unmap plant=nofree', '--quiet', '--check'];
  /** Without the lines that name the file and the wall time. */
  const report = (text: string): string => text.replace(/^(kernel|time) .*$/gm, '');
  let map = '';
  let stripped = '';

  beforeAll(() => {
    map = parseKernel(bytes, 'kernel')
      .symbols!.list()
      .map(
        ({ value, isFunction, isText, name }) =>
          `${value.toString(16).padStart(8, '0')} ${isFunction || isText ? 'T' : 'D'} ${name}\n`,
      )
      .join('');
    const copy = Uint8Array.from(bytes);
    const header = new DataView(copy.buffer);
    header.setUint32(0x20, 0); // e_shoff
    header.setUint32(0x30, 0); // e_shnum, e_shstrndx
    stripped = file('stripped', copy);
  });

  it('gives a stripped kernel the names that its ELF file had', () => {
    const [named, bare] = [run(TESTKERNEL, ...args), run(stripped, ...args)];
    expect(named.stdout).toMatch(/^BUG: access through a stale translation in store_word\+0x/m);
    expect(bare.stdout).toMatch(/^BUG: access through a stale translation in 0xc0/m);
    const mapped = run(stripped, ...args, '--system-map', file('System.map', map));
    expect(mapped.status).toBe(0);
    expect(report(mapped.stdout)).toBe(report(named.stdout));
  });

  it('goes before the names of the kernel', () => {
    const other = file('other.map', map.replace(/ store_word$/m, ' other_name'));
    expect(run(TESTKERNEL, ...args, '--system-map', other).stdout).toContain(' in other_name+0x');
  });

  it('that is none is refused in one line', () => {
    const { status, stderr } = run(TESTKERNEL, '--system-map', file('bad.map', 'hello\n'));
    expect(stderr).toMatch(/^percpu-malta: bad\.map:1: not a line of a System\.map.*\n$/);
    expect(status).toBe(2);
  });
});
