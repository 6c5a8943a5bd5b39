import { describe, expect, test } from 'vitest';
import { PAGE_KERNEL, PageTable, PTE } from './page-table.js';

const PGD = 0x8000_1000;
const INVALID = 0x8000_2000;

function table(pageShift: number): { table: PageTable; words: Map<number, number> } {
  const words = new Map<number, number>();
  for (let i = 0; i < 1024; i++) words.set(PGD + 4 * i, INVALID);
  let next = 0x8010_0000;
  const ram = {
    read32: (address: number): number => words.get(address) ?? 0,
    write32: (address: number, value: number): void => void words.set(address, value),
  };
  return { words, table: new PageTable(ram, PGD, INVALID, pageShift, () => (next += 1 << pageShift)) };
}

describe.each([12, 14])('PageTable with pages of 2^%i bytes', (shift) => {
  const va = 0xfff9_0000;
  const buddy = (va ^ (1 << shift)) >>> 0;

  test('maps a page to a frame', () => {
    const { table: t } = table(shift);
    expect(t.frameOf(va)).toBe(-1);
    t.map(va, 0x1234);
    expect(t.frameOf(va)).toBe(0x1234);
    expect(t.pte(va)).toBe(((0x1234 << shift) | PAGE_KERNEL) >>> 0);
  });

  test('the empty neighbour of a global page becomes global, and stays so until both are gone', () => {
    const { table: t } = table(shift);
    t.map(va, 1);
    expect(t.pte(buddy)).toBe(PTE.GLOBAL);
    t.map(buddy, 2);
    t.unmap(va);
    expect(t.pte(va)).toBe(PTE.GLOBAL);
    expect(t.frameOf(va)).toBe(-1);
    expect(t.frameOf(buddy)).toBe(2);
  });
});
