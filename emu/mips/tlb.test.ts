import { afterEach, describe, expect, it } from 'vitest';
import { Random } from '../random.js';
import type { Engine, EngineLibrary } from '../unicorn/engine.js';
import { loadTestEngine } from '../unicorn/test-engine.js';
import type { MemoryAccess, MipsCpuOptions, UnmappedAccess } from './cpu.js';
import { asm, CP0, PROGRAM, TestGuest } from './test-guest.js';
import { tlbPath } from './tlb-view.js';

const engine = await loadTestEngine();
const [A0, A1, A2, A3, T0, T1] = [4, 5, 6, 7, 8, 9];
const PAGE_MASK_16K = 0x6000;

const guests: TestGuest[] = [];
function guest(options: Partial<MipsCpuOptions> = {}): TestGuest {
  const made = new TestGuest(engine, options);
  guests.push(made);
  return made;
}
afterEach(() => {
  for (const { cpu } of guests.splice(0)) cpu.close();
});

/** Pair n: 16 KB pages at c0000000 + 32 KB * n onto physical 40000 + 32 KB * n, global, valid, writable. */
const virtual = (n: number): number => 0xc000_0000 + n * 0x8000;
const physical = (n: number): number => (0x4_0000 + n * 0x8000) % 0x10_0000;
const entryLo = (address: number): number => ((address >>> 12) << 6) | 0x1f;

function write(g: TestGuest, n: number, how: number, index = 0): void {
  g.run([
    asm.li(A0, virtual(n)),
    asm.mtc0(A0, CP0.EntryHi),
    asm.li(A1, entryLo(physical(n))),
    asm.mtc0(A1, CP0.EntryLo0),
    asm.li(A2, entryLo(physical(n) + 0x4000)),
    asm.mtc0(A2, CP0.EntryLo1),
    asm.li(A3, PAGE_MASK_16K),
    asm.mtc0(A3, CP0.PageMask),
    asm.addiu(T0, 0, index),
    asm.mtc0(T0, CP0.Index),
    asm.ehb,
    how,
    asm.ehb,
  ]);
}

const pairs = (g: TestGuest): string =>
  g.cpu
    .tlb()
    .filter((entry) => entry.even.v)
    .map(({ index, virtual: address }) => `${index}:${address.toString(16)}`)
    .join(' ');

describe('the view', () => {
  it('shows what the guest wrote', () => {
    const g = guest();
    write(g, 3, asm.tlbwi, 5);
    expect(g.cpu.tlb()).toHaveLength(16);
    expect(g.cpu.tlb()[5]).toEqual({
      index: 5,
      shadow: false,
      virtual: virtual(3),
      pageSize: 0x4000,
      asid: 0,
      global: true,
      invalid: false,
      even: { physical: physical(3), c: 3, d: true, v: true },
      odd: { physical: physical(3) + 0x4000, c: 3, d: true, v: true },
    });
  });

  it('has 64 entries on a P5600', () => {
    expect(guest({ model: 'P5600' }).cpu.tlb()).toHaveLength(64);
  });

  it('shows shadows and leaves them alone; tlbr drops them', () => {
    const g = guest();
    for (let n = 0; n < 20; n++) write(g, n, asm.tlbwr);
    const shadows = (): number => g.cpu.tlb().filter(({ shadow, even }) => shadow && even.v).length;
    expect(shadows()).toBeGreaterThanOrEqual(4);
    expect(g.cpu.tlb().filter(({ even }) => even.v)).toHaveLength(20);
    // All 20 still translate, although only 16 have room.
    for (let n = 0; n < 20; n++) g.run([asm.li(A0, virtual(n)), asm.lw(T1, 0, A0)]);
    expect(g.exceptions).toHaveLength(0);
    g.run([asm.mtc0(0, CP0.Index), asm.ehb, asm.tlbr, asm.ehb]);
    expect(shadows()).toBe(0);
  });

  it('matches as the guest would translate', () => {
    const g = guest();
    write(g, 7, asm.tlbwi, 2);
    expect(g.cpu.tlbMatch(virtual(7) + 0x7fff)).toMatchObject({ index: 2 });
    expect(g.cpu.tlbMatch(virtual(8))).toBeUndefined();
  });
});

describe('replacement in qemu mode', () => {
  const run = (seed: number, options: Partial<MipsCpuOptions> = {}): string => {
    const g = guest({ seed, ...options });
    for (let n = 0; n < 30; n++) write(g, n, asm.tlbwr);
    return pairs(g);
  };

  it.each([0, 1, 0x8000_0000, 0xffff_ffff])('is the same for seed %i, whatever ran before', (seed) => {
    const first = run(seed);
    run(seed + 12345);
    expect(run(seed)).toBe(first);
    expect(run(seed, { shim: false })).toBe(first);
  });

  it('differs between neighbouring seeds', () => {
    expect(new Set([0, 1, 2, 3].map((seed) => run(seed))).size).toBe(4);
  });

  it('is not disturbed by guests that run in turn', () => {
    const alone = run(77);
    const [a, b, c] = [guest({ seed: 77 }), guest({ seed: 78 }), guest({ seed: 77, model: 'P5600' })];
    for (let n = 0; n < 30; n++) for (const g of [a, b, c]) write(g, n, asm.tlbwr);
    expect(pairs(a)).toBe(alone);
    expect(pairs(b)).not.toBe(alone);
  });

  it('is not disturbed by a guest that runs inside a device of another', () => {
    const alone = run(5);
    const [inner, outer] = [guest({ seed: 5 }), guest({ seed: 6 })];
    let n = 0;
    outer.cpu.mapMmio(
      0x1f00_0000,
      0x1000,
      () => 0,
      () => write(inner, n++, asm.tlbwr),
    );
    for (let k = 0; k < 30; k++)
      outer.run([asm.lui(A0, 0xbf00), asm.sw(0, 0, A0), asm.tlbwr, asm.mfc0(T0, CP0.Random)]);
    expect(pairs(inner)).toBe(alone);
  });
});

describe.each([
  ['C', true],
  ['TypeScript', false],
])('the memory observer, with hooks in %s,', (_, shim) => {
  it('reports accesses with the entry they use, and only those that succeed', () => {
    const g = guest({ shim });
    write(g, 0, asm.tlbwi, 9);
    const seen: MemoryAccess[] = [];
    const end = g.cpu.observeMemory(0xc000_0000, 0xffff_ffff, (access) => seen.push(access));
    const program = [
      asm.lui(A0, 0xc000),
      asm.sw(A0, 0x10, A0),
      asm.lb(T0, 0x4003, A0),
      asm.lui(A1, 0xd000),
      asm.lw(T0, 0, A1), // misses: not reported
      asm.lui(A2, 0x8000),
      asm.lw(T0, 0x3000, A2), // kseg0: not reported
    ];
    g.run(program);
    expect(seen.map(({ entry, ...access }) => ({ ...access, index: entry.index }))).toEqual([
      {
        write: true,
        virtual: 0xc000_0010,
        physical: physical(0) + 0x10,
        size: 4,
        value: 0xc000_0000,
        pc: PROGRAM + 4,
        index: 9,
      },
      {
        write: false,
        virtual: 0xc000_4003,
        physical: physical(0) + 0x4003,
        size: 1,
        value: 0,
        pc: PROGRAM + 8,
        index: 9,
      },
    ]);
    end();
    g.run(program);
    expect(seen).toHaveLength(2);
  });

  it('can be added while the guest runs, also by another observer', () => {
    const g = guest({ shim });
    g.cpu.observeMemory(0xcfff_f000, 0xcfff_f003, () => {}); // code is translated with hooks in it from the start
    const seen: number[] = [];
    g.cpu.mapMmio(
      0x1f00_0000,
      0x1000,
      () => {
        g.cpu.observeMemory(0xc000_0000, 0xc000_0fff, ({ virtual }) => {
          seen.push(virtual);
          g.cpu.observeMemory(0xc000_4000, 0xc000_4fff, (access) => seen.push(access.virtual));
        });
        return 0;
      },
      () => {},
    );
    write(g, 0, asm.tlbwi, 9);
    g.run([
      asm.lui(A0, 0xc000),
      asm.sw(0, 0x4000, A0), // nobody watches yet
      asm.lui(A1, 0xbf00),
      asm.lw(T0, 0, A1),
      asm.sw(0, 0x10, A0),
      asm.lw(T0, 0x4020, A0),
    ]);
    expect(seen).toEqual([0xc000_0010, 0xc000_4020]);
  });

  it('of unmapped memory reports what goes through kseg0', () => {
    const g = guest({ shim });
    write(g, 0, asm.tlbwi, 9);
    const seen: UnmappedAccess[] = [];
    g.cpu.observeUnmapped(0x3000, 0x3fff, (access) => seen.push(access));
    g.run([
      asm.lui(A0, 0x8000),
      asm.li(T0, 0x1234_5678),
      asm.sw(T0, 0x3004, A0),
      asm.lb(T0, 0x3005, A0),
      asm.lw(T0, 0x4000, A0), // another page
      asm.lui(A1, 0xc000),
      asm.lw(T0, 0x3000, A1), // through the TLB
    ]);
    expect(seen).toEqual([
      { write: true, physical: 0x3004, size: 4, value: 0x1234_5678, pc: PROGRAM + 12 },
      { write: false, physical: 0x3005, size: 1, value: 0, pc: PROGRAM + 16 },
    ]);
  });

  it('sees every range that an address is in, and ends in the middle of a run', () => {
    const g = guest({ shim });
    write(g, 0, asm.tlbwi, 9);
    const seen: string[] = [];
    g.cpu.observeMemory(0xc000_0000, 0xc000_1fff, ({ virtual: at }) => seen.push(`wide ${at & 0xffff}`));
    const end = g.cpu.observeMemory(0xc000_1000, 0xc000_10ff, ({ virtual: at }) => {
      seen.push(`narrow ${at & 0xffff}`);
      end();
    });
    g.run([
      asm.lui(A0, 0xc000),
      asm.lw(T0, 0x1100, A0), // in the same page as the narrow one
      asm.lw(T0, 0x10fc, A0),
      asm.lw(T0, 0x1000, A0),
      asm.lw(T0, 0x2000, A0),
    ]);
    expect([...seen].sort()).toEqual(['narrow 4348', 'wide 4096', 'wide 4348', 'wide 4352']);
  });
});

it('the instruction observer is called before one instruction, with the registers as it finds them', () => {
  const g = guest();
  const seen: number[] = [];
  g.cpu.observeInstruction(PROGRAM + 8, () => seen.push(g.cpu.reg(T0)));
  g.run([asm.li(T0, 5), asm.addiu(T0, T0, 1), asm.addiu(T0, T0, 1)]);
  expect(seen).toEqual([5]);
  expect(g.cpu.reg(T0)).toBe(7);
});

it.each([{}, { precise: true }, { portable: true }, { shim: false }])(
  'the instruction observer knows where the guest is and how many have started (%o)',
  (path) => {
    const g = new TestGuest(engine, { timer: { nsPerInstruction: 10, countNs: 10 }, ...path });
    const seen: number[][] = [];
    for (const offset of [8, 16])
      g.cpu.observeInstruction(PROGRAM + offset, () =>
        seen.push([g.cpu.pc - PROGRAM, g.cpu.instructions, g.cpu.now / 10]),
      );
    g.run([asm.addiu(T0, 0, 2), asm.nop, asm.addiu(T0, T0, -1), asm.bnez(T0, -3), asm.nop, asm.nop]);
    expect(seen.map(([pc, instructions]) => [pc, instructions])).toEqual([
      [8, 3],
      [16, 5],
      [8, 7],
      [16, 9],
    ]);
    expect(new Set(seen.map(([, instructions, now]) => instructions! - now!)).size).toBe(1);
    g.cpu.close();
  },
);

it('the way to the TLB does not lead through what the heap held before (seed 1)', () => {
  const random = new Random(1);
  const others: Engine[] = [];
  const ways = Array.from({ length: 200 }, () => {
    if (random.below(2) === 0) others.push(engine.open());
    if (others.length > 3) others.splice(random.below(others.length), 1)[0]!.close();
    return tlbPath({ open: () => engine.open() } as EngineLibrary); // one that it has not been looked for in
  });
  for (const other of others) other.close();
  expect(new Set(ways.map((way) => JSON.stringify(way)))).toEqual(new Set([JSON.stringify(tlbPath(engine))]));
});
