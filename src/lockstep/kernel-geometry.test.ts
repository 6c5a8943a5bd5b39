import { describe, expect, it } from 'vitest';
import { GuestNames } from '../linux/guest-names.js';
import { calls, kernelFunctions } from './kernel-functions.js';
import { hasChunkTypes, kernelVersion, machineOf, readAllocInfo, variantOf } from './kernel-geometry.js';

/** Words from an address on. */
const memory = (parts: Record<number, number[]>) => (address: number) => {
  for (const [start, words] of Object.entries(parts)) {
    const at = (address - Number(start)) / 4;
    if (at >= 0 && at < words.length) return words[at];
  }
  return undefined;
};

const INFO = 0x8100_0000;
const CPUS = 0x8100_0100;

describe('the geometry of a running kernel', () => {
  it('is read as pcpu_setup_first_chunk() gets it, unused units included', () => {
    const word = memory({
      [INFO]: [31_520, 8192, 21_728, 65_536, 4096, 131_072, 0, 1, 2, 0, CPUS],
      [CPUS]: [0, 8],
    });
    const info = readAllocInfo(INFO, word)!;
    expect(info).toEqual({
      staticSize: 31_520,
      reservedSize: 8192,
      dynSize: 21_728,
      unitSize: 65_536,
      atomSize: 4096,
      allocSize: 131_072,
      groups: [{ baseOffset: 0, cpuMap: [0, -1] }],
    });
    expect(machineOf(info, 16_384, 0x809d_6000)).toMatchObject({ cpus: 1, pageShift: 14, staticStart: 0x809d_6000n });
  });

  it('is not made up from what is none', () => {
    expect(readAllocInfo(INFO, memory({ [INFO]: [1, 2, 3] }))).toBeUndefined();
    const word = memory({ [INFO]: [31_520, 0, 21_728, 65_536, 4096, 65_536, 0, 5000] });
    expect(readAllocInfo(INFO, word)).toBeUndefined();
  });
});

describe('the rules of a running kernel', () => {
  const version = (text: string) => kernelVersion(['', `[    0.000000] Linux version ${text} (gcc) #1 SMP`])!;

  it.each([
    ['5.10.0-28-4kc-malta', true, 'before'],
    ['5.14.0', true, 'fixed'],
    ['6.1.192-gt', true, 'fixed'],
    ['6.1.192-gt', false, 'buggy'],
    ['6.12.3', true, 'fixed'],
  ])('follow from its version and its flush: %s, %s', (text, flushes, name) => {
    expect(variantOf(version(text), flushes).name).toBe(name);
  });

  it('are not known for two kinds of chunks', () => {
    expect(hasChunkTypes(version('5.10.1'), true)).toBe(true);
    expect(hasChunkTypes(version('5.10.1'), false)).toBe(false);
    expect(hasChunkTypes(version('6.1.0'), true)).toBe(false);
    expect(kernelVersion(['no kernel'])).toBeUndefined();
  });

  it('include the flush when the text of the balance work calls it', () => {
    const jal = (to: number): number => (0x0c00_0000 | ((to >>> 2) & 0x03ff_ffff)) >>> 0;
    const word = memory({ 0x8024_0000: [0, jal(0x8011_31f4), 0, jal(0x8022_0000)] });
    const text = { start: 0x8024_0000, end: 0x8024_0010 };
    expect(calls(text, 0x8011_31f4, word)).toBe(true);
    expect(calls(text, 0x8011_31f8, word)).toBe(false);
  });
});

describe('the functions of a running kernel', () => {
  const NAMES = [
    'pcpu_setup_first_chunk',
    'pcpu_alloc_noprof',
    'free_percpu',
    'pcpu_balance_workfn',
    'pcpu_create_chunk.constprop.0',
    'pcpu_get_vm_areas',
    'pcpu_populate_chunk',
    'pcpu_populate_chunk.cold',
    'pcpu_find_block_fit.isra.0',
  ];
  const names = (list: string[]) =>
    new GuestNames(
      'test',
      list.map((name, i) => ({ name, address: 0x8010_0000 + 0x100 * i, type: 't' })),
    );

  it('are found under the names of all versions and of gcc, but not where arguments may be others', () => {
    expect(kernelFunctions(names(NAMES))).toEqual({
      setup: 0x8010_0000,
      alloc: 0x8010_0100,
      free: 0x8010_0200,
      balance: 0x8010_0300,
      create: 0x8010_0400,
      areas: 0x8010_0500,
      populate: 0x8010_0600,
    });
  });

  it('are named when one is missing', () => {
    expect(kernelFunctions(names(NAMES.filter((name) => name !== 'free_percpu')))).toBe('free_percpu');
  });
});
