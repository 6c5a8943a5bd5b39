// The translation checker, which knows no page table format, against walks of the test kernel's tables, whose format is known.
import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseKernel } from '../../emu/elf/kernel-image.js';
import { loadEngine } from '../../emu/unicorn/choose.js';
import { type MappedPage, pageOf, unmappedWord, walkTwoLevels } from '../linux/page-table.js';
import { KernelRun } from './kernel-run.js';
import { TranslationOracle } from './translation-oracle.js';

const engine = await loadEngine('native');

/** emu/testkernel/include/mmu.h: entries rotated left by 6 are EntryLo; the tables of useg show themselves at the window. */
const ROTATE = 26;
const TABLE_BITS = 10;
const KSEG2 = 0xc000_0000;
const WINDOW = 0xffc0_0000;
const ENTRYLO_V = 2;

function compare(order: 'be' | 'le', words: string, tlb: 'qemu' | 'hardware', pageShift = 12): TranslationOracle {
  const file = `fixtures/testkernel/testkernel-${order}.elf`;
  const kernel = parseKernel(fs.readFileSync(file), file);
  const run = new KernelRun({
    engine,
    kernel,
    commandLine: `console=ttyS0 ${words}`,
    tlb,
    check: true,
    maxInstructions: 300e6,
  });
  const { cpu } = run.machine;
  const roots = run.names.current.address('page_roots')!;
  const root = (virtual: number): number | undefined => unmappedWord(cpu, roots + (virtual >= KSEG2 ? 4 : 0));
  const page = (virtual: number): MappedPage | undefined => {
    if (virtual < WINDOW)
      return walkTwoLevels(cpu, { root, pageShift, tableBits: TABLE_BITS, rotate: ROTATE }, virtual);
    const table = unmappedWord(cpu, root(0)! + 4 * ((virtual - WINDOW) >>> pageShift))!;
    return pageOf(((table & 0x1fff_f000) >>> 6) | ENTRYLO_V, pageShift);
  };
  try {
    const oracle = new TranslationOracle(cpu, page);
    expect(run.run()).toBe('power off');
    return oracle;
  } finally {
    run.close();
  }
}

describe('the translation checker agrees with the page table on every access and jump', () => {
  it.each([
    ['be', 'tests=stale,user', 'qemu', 12],
    ['le', 'tests=stale,user walk=linear asids=3', 'hardware', 12],
    ['be', 'tests=user page=16k walk=c', 'hardware', 14],
  ] as const)(
    '%s %s, TLB %s',
    (order, words, tlb, pageShift) => {
      const { looks, leftOut, counts, hows, first } = compare(order, words, tlb, pageShift);
      expect(first).toEqual([]);
      expect(counts).toEqual({ right: looks, stale: 0, permission: 0 });
      expect(Math.min(hows.load, hows.store, hows.jump)).toBeGreaterThan(5_000);
      // a wired entry, made from constants
      expect(leftOut).toBeLessThan(10);
    },
    300_000,
  );

  it.each([
    ['noflush', 'remap', 'stale'],
    ['nofree', 'unmap', 'stale'],
    ['partial', 'unmap_range', 'stale'],
    ['protect', 'protect', 'permission'],
    ['exec', 'remap_code', 'stale'],
    ['asid', 'asid_reuse', 'stale'],
    ['fork', 'user_fork', 'permission'],
    ['munmap', 'user_unmap', 'stale'],
    ['table', 'user_workers walk=linear', 'stale'],
  ] as const)(
    'with plant=%s, too',
    (plant, test, kind) => {
      const { first, counts } = compare('be', `tests=${test} plant=${plant}`, 'qemu');
      expect(first).toEqual([]);
      expect(counts[kind]).toBeGreaterThan(0);
    },
    120_000,
  );
});
