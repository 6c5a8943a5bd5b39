import { afterEach, describe, expect, it } from 'vitest';
import { loadTestEngine } from '../unicorn/test-engine.js';
import { type MipsCpuOptions, uncheckable } from './cpu.js';
import { asm, CP0, PROGRAM, TestGuest } from './test-guest.js';

const engine = await loadTestEngine();
const [T0, T1, S0, S1, K0, K1] = [8, 9, 16, 17, 26, 27];
/** The word that the refill handler makes EntryLo0 of, and its place in kseg0. */
const TABLE = 0x8000_3000;
const MAPPED = 0xc000_0000;
/** EntryLo of a page: cached, dirty, valid, global. */
const entryLo = (physical: number): number => ((physical >>> 6) | 0x1f) >>> 0;

let guest: TestGuest | undefined;
afterEach(() => guest?.cpu.close());

it('can be had with the C hooks of every engine, and not without', () => {
  expect(uncheckable(engine)).toBe('');
  expect(uncheckable(engine, false)).toMatch(/not wanted/);
});

describe.each<[string, Partial<MipsCpuOptions>]>([
  ['as the engine runs it best', {}],
  ['on the portable path', { portable: true }],
])('the checker of translations, %s', (_name, options) => {
  function run(program: readonly (number | readonly number[])[]): TestGuest {
    const timer = { nsPerInstruction: 5, countNs: 10 };
    const made = (guest = new TestGuest(engine, { timer, checkTranslations: true, ...options }));
    made.put(0x8000_0000, [
      asm.lui(K0, TABLE >>> 16),
      asm.lw(K1, TABLE & 0xffff, K0),
      asm.mtc0(K1, CP0.EntryLo0),
      asm.mtc0(0, CP0.EntryLo1),
      asm.ehb,
      asm.tlbwr,
      asm.ehb,
      asm.eret,
    ]);
    made.cpu.view.setUint32(TABLE & 0x1fff_ffff, entryLo(0x5000));
    made.cpu.instructionBudget = 10_000;
    made.run([asm.lui(S0, MAPPED >>> 16), asm.lui(S1, TABLE >>> 16), asm.li(T1, entryLo(0x6000)), ...program]);
    return made;
  }
  const [change, changeBack] = [asm.sw(T1, TABLE & 0xffff, S1), asm.sw(T0, TABLE & 0xffff, S1)];

  it('reports accesses after the word behind an entry has changed, and none before or when it is as it was', () => {
    const { cpu } = run([
      asm.lw(T0, TABLE & 0xffff, S1),
      asm.lw(T1 + 1, 4, S0),
      change,
      asm.sb(T0, 8, S0), // at 28
      asm.lw(T1 + 1, 4, S0), // at 32
      changeBack,
      asm.lw(T1 + 1, 4, S0),
    ]);
    const places = [...cpu.translations!.places.values()];
    expect(places.map(({ kind, pc, count }) => [kind, pc - PROGRAM, count])).toEqual([
      ['stale', 28, 1],
      ['stale', 32, 1],
    ]);
    expect(places[0]!.first).toMatchObject({ virtual: MAPPED + 8, physical: 0x5008, write: true, size: 1 });
    expect(places[0]!.first.present).toMatchObject({ physical: 0x6000, valid: true });
    expect(places[0]!.first.source!.words.map(({ physical, filled }) => [physical, filled])).toEqual([
      [TABLE & 0x1fff_ffff, entryLo(0x5000)],
    ]);
    expect(cpu.translations!.counts).toMatchObject({ accesses: 4, writes: 1, unknownWrites: 0, failedRefills: 0 });
  });

  it('reports code that runs through a stale entry', () => {
    const { cpu } = run([
      asm.lw(T0, TABLE & 0xffff, S1),
      asm.lw(T1 + 1, 0, S0),
      ...[asm.lui(T1 + 2, 0x03e0), asm.ori(T1 + 2, T1 + 2, 8)], // jr $31
      asm.sw(T1 + 2, 0, S0),
      asm.jalr(S0),
      asm.nop,
      change,
      asm.jalr(S0),
      asm.nop,
    ]);
    const places = [...cpu.translations!.places.values()];
    expect(places.map(({ kind, pc, count }) => [kind, pc, count])).toEqual([['stale-code', MAPPED, 1]]);
  });
});
