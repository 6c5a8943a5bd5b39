import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { UsageError } from '../errors.js';
import { defaultImageFile } from '../malta/default-image.js';
import { parseElf } from './elf.js';
import { loadImage } from './image-file.js';
import { LineTable } from './line-table.js';

const file = defaultImageFile();
const bytes = fs.readFileSync(file);

describe('the committed guest image', () => {
  const { elf, symbols, lines } = loadImage(file);

  test('starts at its first byte in kseg0', () => {
    expect(elf.entry).toBe(0x80100000);
    expect(symbols.address('_start')).toBe(elf.entry);
    expect(elf.segments).toHaveLength(1);
    expect(elf.segments[0].address).toBe(elf.entry);
    expect(elf.segments[0].memorySize).toBeGreaterThan(elf.segments[0].bytes.length);
  });

  test('names addresses as %pS does', () => {
    const start = symbols.address('local_flush_tlb_all');
    const range = symbols.lookup(start)!;
    expect(range.start).toBe(start);
    const size = (range.end - start).toString(16);
    expect(symbols.symbolize(start)).toBe(`local_flush_tlb_all+0x0/0x${size}`);
    expect(symbols.symbolize(start + 0x14)).toBe(`local_flush_tlb_all+0x14/0x${size}`);
    expect(symbols.symbolize(range.end)).not.toContain('local_flush_tlb_all');
    expect(symbols.symbolize(0)).toBe('0x0');
    expect(symbols.symbolize(symbols.address('_etext'))).toMatch(/^0x80/);
    expect(symbols.symbolize(0xfffc0000)).toBe('0xfffc0000');
  });

  test('gives source lines', () => {
    const source = fs.readFileSync(path.join(path.dirname(file), '../../emu/guest/tlb.c'), 'utf8').split('\n');
    const at = lines.lookup(symbols.address('local_flush_tlb_all'))!;
    expect(at.file).toBe('emu/guest/tlb.c');
    expect(source.slice(at.line - 4, at.line).join('\n')).toContain('local_flush_tlb_all(void)');
    expect(lines.lookup(symbols.address('_start'))?.file).toBe('emu/guest/start.S');
    expect(lines.lookup(0x80000000)).toBeUndefined();
    expect(lines.lookup(0xc0000000)).toBeUndefined();
  });

  test('an unknown symbol is an error that names file and symbol', () => {
    expect(() => symbols.address('no_such')).toThrow(`${file}: the guest image has no symbol 'no_such'`);
  });
});

describe('other files', () => {
  test.each([
    ['nothing', new Uint8Array(0)],
    ['text', new TextEncoder().encode('#!/bin/sh\n'.repeat(10))],
    ['little endian', Uint8Array.from(bytes, (b, i) => (i === 5 ? 1 : b))],
    ['64 bits', Uint8Array.from(bytes, (b, i) => (i === 4 ? 2 : b))],
    ['another processor', Uint8Array.from(bytes, (b, i) => (i === 19 ? 3 : b))],
  ])('%s is refused in one line', (_name, content) => {
    expect(() => parseElf(content, 'x.elf')).toThrow(UsageError);
    expect(() => parseElf(content, 'x.elf')).toThrow(/^x\.elf: not a usable guest image: [^\n]+$/);
  });

  test('an image cut anywhere is refused', () => {
    for (let length = 0; length < bytes.length; length += 997)
      expect(() => parseElf(bytes.subarray(0, length), 'x.elf')).toThrow(UsageError);
  });

  test('a missing file is refused', () => {
    expect(() => loadImage(path.join(os.tmpdir(), 'no-such-image.elf'))).toThrow(
      /^cannot read the guest image .*: ENOENT$/,
    );
  });

  test('a malformed line table is refused with its row', () => {
    expect(() => new LineTable('f a.c\n80100000 0 1\nx y z\n', 't.lines')).toThrow(
      "t.lines:3: not a row of a line table: 'x y z'",
    );
    expect(() => new LineTable('80100000 3 1\n', 't.lines')).toThrow('t.lines:1: file 3 is not in the table');
  });
});
