import { describe, expect, it } from 'vitest';
import { readKallsyms } from './kallsyms.js';

const SYMBOLS = 1100;
const name = (i: number): string => (i === 7 ? 'pcpu_alloc' : `function_${i}`);

/** The tables of scripts/kallsyms.c as Linux 6.1 has them, little endian. @param base of the first symbol @param sequences numbers in front of the tokens */
function tables(base: number, sequences: boolean): number[] {
  const bytes: number[] = [];
  const word = (value: number): void =>
    void bytes.push(value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24);
  const align = (): void => {
    while (bytes.length % 4) bytes.push(0);
  };
  for (let i = 0; i < SYMBOLS; i++) word(16 * i);
  word(base);
  word(SYMBOLS);
  const names = bytes.length;
  const markers: number[] = [];
  for (let i = 0; i < SYMBOLS; i++) {
    if (i % 256 === 0) markers.push(bytes.length - names);
    const text = `T${name(i)}`;
    bytes.push(text.length, ...Buffer.from(text));
  }
  align();
  markers.forEach(word);
  if (sequences) for (let i = 0; i < SYMBOLS; i++) bytes.push(1, 2, 3); // no zero in front of the tokens
  align();
  const at: number[] = [];
  const tokens = bytes.length;
  for (let token = 0; token < 256; token++) {
    at.push(bytes.length - tokens);
    bytes.push(...(token > 32 && token < 127 ? [token] : Buffer.from(`upd${token}`)), 0);
  }
  align();
  for (const offset of at) bytes.push(offset & 255, offset >>> 8);
  return bytes;
}

function ram(parts: Record<number, number[]>): { ram: Uint8Array; view: DataView; littleEndian: boolean } {
  const bytes = new Uint8Array(0x40_000);
  for (const [at, part] of Object.entries(parts)) bytes.set(part, Number(at));
  return { ram: bytes, view: new DataView(bytes.buffer), littleEndian: true };
}

describe('the symbols in a kernel’s own memory', () => {
  it.each([false, true])('are found, with numbers in front of the tokens: %s', (sequences) => {
    const symbols = readKallsyms(ram({ 0x1000: tables(0x8010_0000, sequences) }), 0x8010_0100)!;
    expect(symbols).toHaveLength(SYMBOLS);
    expect(symbols[7]).toEqual({ address: 0x8010_0070, type: 'T', name: 'pcpu_alloc' });
  });

  it('are those of the copy that runs when the kernel has moved', () => {
    const memory = ram({ 0x1000: tables(0x8010_0000, true), 0x20_000: tables(0x8153_0000, true) });
    expect(readKallsyms(memory, 0x8010_0200)?.[7]?.address).toBe(0x8010_0070);
    expect(readKallsyms(memory, 0x8153_0200)?.[7]?.address).toBe(0x8153_0070);
    expect(readKallsyms(memory, 0x8700_0000)).toBeUndefined();
  });
});
