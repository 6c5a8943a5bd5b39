import { afterEach, describe, expect, it } from 'vitest';
import { loadTestEngine } from '../unicorn/test-engine.js';
import { MipsCpu } from './cpu.js';
import { asm, CP0, PROGRAM, TestGuest } from './test-guest.js';

const engine = await loadTestEngine();
const [T0, T1, T2, T3, S0] = [8, 9, 10, 11, 16];
const DEVICE = 0xbf00_0000;

const guests: TestGuest[] = [];
function guest(shim: boolean): TestGuest {
  const made = new TestGuest(engine, { shim });
  guests.push(made);
  return made;
}
afterEach(() => {
  for (const { cpu } of guests.splice(0)) cpu.close();
});

const isNative = engine.kind === 'native';

it('has the C hooks here, or half of this file would test nothing', () => {
  expect(engine.shim).toBeDefined();
  expect(new TestGuest(engine).cpu.usesShim).toBe(true);
  expect(new TestGuest(engine, { shim: false }).cpu.usesShim).toBe(false);
});

describe.each([
  ['C hooks', true],
  ['TypeScript hooks', false],
])('with %s', (_, shim) => {
  // Each instruction faults at PROGRAM + 8 with $16 holding the address.
  const data = 0x8000_2000;
  it.each([
    ['lw misaligned', data + 2, asm.lw(T0, 0, S0), 'AdEL', data + 2],
    ['sh misaligned', data + 1, asm.sh(T0, 0, S0), 'AdES', data + 1],
    ['lb from unmapped kseg2', 0xc000_0003, asm.lb(T0, 0, S0), 'TLBL', 0xc000_0003],
    ['sw to unmapped kseg2', 0xc000_4000, asm.sw(T0, 0, S0), 'TLBS', 0xc000_4000],
    ['sw to the last page', 0xffff_fffc, asm.sw(T0, 0, S0), 'TLBS', 0xffff_fffc],
    ['lw from poison', 0x6b6b_6b68, asm.lw(T0, 0, S0), 'TLBL', 0x6b6b_6b68],
    ['lw from where kuseg and a device address coincide', 0x1f00_0000, asm.lw(T0, 0, S0), 'TLBL', 0x1f00_0000],
    ['syscall', 0, asm.syscall, 'Sys', undefined],
    ['break', 0, asm.break, 'Bp', undefined],
    ['teq', 0, asm.teq00, 'Tr', undefined],
    ['a coprocessor 1 instruction', 0, asm.mfc1, 'CpU', undefined],
    ['a reserved instruction', 0, asm.reserved, 'RI', undefined],
    ['an overflow', 0x7fff_ffff, asm.add(T0, S0, S0), 'Ov', undefined],
    ['a load where nothing is', 0xbc00_0000, asm.lw(T0, 0, S0), 'DBE', undefined],
    ['a store behind RAM', 0x8010_0000, asm.sw(T0, 0, S0), 'DBE', undefined],
  ])('takes %s at the right place', (_name, address, instruction, name, badVAddr) => {
    const g = guest(shim);
    const { cpu, exceptions } = g;
    g.run([asm.li(S0, address), instruction]);
    expect(exceptions).toHaveLength(1);
    expect(exceptions[0]).toMatchObject({ name, pc: PROGRAM + 8, epc: PROGRAM + 8, delaySlot: false, nested: false });
    if (badVAddr !== undefined) expect(exceptions[0].badVAddr).toBe(badVAddr);
    expect(cpu.nextPc).toBe(PROGRAM + 16);
  });

  it.each([
    ['unmapped kseg2', 0xc000_1000, 'TLBL'],
    ['a misaligned address', 0x8000_2002, 'AdEL'],
    ['a hole', 0xbc00_0000, 'IBE'],
    ['the end of RAM', 0x8010_0000, 'IBE'],
  ])('takes a jump to %s with EPC at the target', (_name, target, name) => {
    const g = guest(shim);
    // The handler leaves for $17 instead of skipping.
    const leave = [asm.mtc0(17, CP0.EPC), asm.ehb, asm.eret];
    g.put(0x8000_0000, leave);
    g.put(0x8000_0180, leave);
    g.run([asm.li(S0, target), asm.li(17, PROGRAM + 24), asm.jalr(S0), asm.nop]);
    expect(g.exceptions).toHaveLength(1);
    expect(g.exceptions[0]).toMatchObject({ name, pc: target, epc: target, delaySlot: false });
    expect(g.cpu.reg(31)).toBe(PROGRAM + 24);
  });

  // libunicorn 2.1.x and unicorn.js remember an exception that was handled, and ask no hook about what is unmapped from then on.
  it.each([
    ['a TLB miss', 0xc000_0000, asm.lw(T0, 0, S0), 'TLBL'],
    ['a TLB miss of a store', 0xc000_0000, asm.sw(T0, 0, S0), 'TLBS'],
    ['an address error', data + 1, asm.lw(T0, 0, S0), 'AdEL'],
    ['an address error of a store', data + 1, asm.sw(T0, 0, S0), 'AdES'],
  ])('takes bus errors for what they are after %s', (_name, address, instruction, name) => {
    const g = guest(shim);
    const hole = 0xbc00_0000;
    g.put(0x8000_0180, [
      ...[asm.bnez(17, 5), asm.mfc0(26, CP0.EPC), asm.addiu(26, 26, 4), asm.mtc0(26, CP0.EPC), asm.ehb, asm.eret],
      ...[asm.mtc0(17, CP0.EPC), asm.addiu(17, 0, 0), asm.ehb, asm.eret],
    ]);
    g.run([
      asm.li(S0, address),
      instruction,
      asm.li(S0, hole),
      asm.lw(T0, 4, S0), // at 20
      asm.sw(T0, 4, S0),
      asm.li(17, PROGRAM + 44),
      asm.jr(S0),
      asm.nop,
      asm.addiu(T1, 0, 7), // at 44
    ]);
    expect(g.exceptions.map((e) => [e.name, e.pc, e.epc])).toEqual([
      [name, PROGRAM + 8, PROGRAM + 8],
      ['DBE', PROGRAM + 20, PROGRAM + 20],
      ['DBE', PROGRAM + 24, PROGRAM + 24],
      ['IBE', hole, hole],
    ]);
    expect(g.cpu.reg(T1)).toBe(7);
  });

  it('sets BD and points EPC at the branch for a fault in its delay slot', () => {
    const g = guest(shim);
    const vector = [asm.mfc0(26, CP0.EPC), asm.addiu(26, 26, 8), asm.mtc0(26, CP0.EPC), asm.mfc0(27, 13), asm.eret];
    g.put(0x8000_0000, vector);
    g.run([asm.lui(S0, 0xc000), asm.b(2), asm.lw(T0, 0, S0), asm.nop]);
    expect(g.exceptions[0]).toMatchObject({ name: 'TLBL', pc: PROGRAM + 8, epc: PROGRAM + 4, delaySlot: true });
    expect(g.cpu.reg(27) >>> 31).toBe(1);
    expect((g.cpu.reg(27) >>> 2) & 31).toBe(2);
  });

  // Helpers of unicorn.js raise these two without saying where in a block they are.
  it.each([
    ['an overflow', 0x7fff_ffff, asm.add(T0, S0, S0), 'Ov'],
    ['a trap', 0, asm.teq00, 'Tr'],
  ])('does so for %s, but not when its place is reached by a jump', (_name, value, instruction, name) => {
    const g = guest(shim);
    g.put(0x8000_0180, [asm.mfc0(26, CP0.EPC), asm.addiu(26, 26, 8), asm.mtc0(26, CP0.EPC), asm.ehb, asm.eret]);
    g.run([asm.li(S0, value), asm.b(2), instruction, asm.nop]);
    expect(g.exceptions[0]).toMatchObject({ name, pc: PROGRAM + 12, epc: PROGRAM + 8, delaySlot: true });

    const again = guest(shim);
    // to the instruction behind the branch at +16
    again.run([asm.li(S0, value), asm.b(2), asm.nop, asm.b(1), instruction, asm.nop]);
    expect(again.exceptions[0]).toMatchObject({ name, pc: PROGRAM + 20, epc: PROGRAM + 20, delaySlot: false });
  });

  it('keeps EPC and takes the general vector when EXL is set', () => {
    const g = guest(shim);
    // The refill handler itself loads from kseg2; the general one returns from the outer exception.
    g.put(0x8000_0000, [asm.lw(27, 4, S0), asm.wait]);
    g.run([asm.lui(S0, 0xc000), asm.sw(T0, 0, S0)]);
    expect(g.exceptions.map(({ name, nested, pc, epc }) => [name, nested, pc, epc])).toEqual([
      ['TLBS', false, PROGRAM + 4, PROGRAM + 4],
      ['TLBL', true, 0x8000_0000, PROGRAM + 4],
    ]);
  });

  it('counts exceptions by kind', () => {
    const g = guest(shim);
    g.cpu.onException = undefined;
    g.run([asm.lui(S0, 0xc000), asm.lw(T0, 0, S0), asm.sw(T0, 0, S0), asm.sw(T0, 0, S0), asm.syscall]);
    expect(g.cpu.exceptions).toMatchObject({
      tlbRefillLoad: 1,
      tlbRefillStore: 2,
      syscall: 1,
      breakpoint: 0,
      other: 0,
    });
    expect(g.exceptions).toHaveLength(0);
  });

  it('calls devices with offset, size, value and the exact pc', () => {
    const g = guest(shim);
    const calls: unknown[] = [];
    g.cpu.mapMmio(
      0x1f00_0000,
      0x1000,
      (offset, size) => {
        calls.push(['read', offset, size, g.cpu.pc - PROGRAM]);
        return 0x8765_4321;
      },
      (offset, size, value) => calls.push(['write', offset, size, value, g.cpu.pc - PROGRAM]),
    );
    g.run([asm.lui(S0, DEVICE >>> 16), asm.lw(T0, 8, S0), asm.sw(T0, 4, S0), asm.sb(T0, 3, S0), asm.sh(T0, 6, S0)]);
    expect(calls).toEqual([
      ['read', 8, 4, 4],
      ['write', 4, 4, 0x8765_4321, 8],
      ['write', 3, 1, 0x21, 12],
      ['write', 6, 2, 0x4321, 16],
    ]);
  });

  it('stops before the next instruction and goes on from there', () => {
    const g = guest(shim);
    g.cpu.mapMmio(
      0x1f00_0000,
      0x1000,
      () => 0,
      () => g.cpu.stop(),
    );
    g.put(PROGRAM, [asm.lui(S0, DEVICE >>> 16), asm.addiu(T0, 0, 1), asm.sw(T0, 0, S0), asm.addiu(T0, 0, 2), asm.wait]);
    expect(g.cpu.run(PROGRAM)).toBe('stop');
    expect([g.cpu.nextPc, g.cpu.reg(T0), g.cpu.instructions]).toEqual([PROGRAM + 12, 1, 3]);
    expect(g.cpu.run(g.cpu.nextPc)).toBe('wait');
    expect([g.cpu.reg(T0), g.cpu.instructions]).toEqual([2, 5]);
  });

  it('runs the same when a store in a delay slot is observed', () => {
    const g = guest(shim);
    const values: number[] = [];
    const end = g.cpu.observeUnmapped(0x2000, 0x2003, ({ value, pc }) => values.push(value, pc - PROGRAM));
    g.run([
      asm.lui(S0, 0x8000),
      asm.addiu(T1, 0, 5),
      asm.addiu(T0, T0, 1), // at 8
      asm.addiu(T1, T1, -1),
      asm.bnez(T1, -3),
      asm.sw(T0, 0x2000, S0),
    ]);
    end();
    expect(g.cpu.reg(T0)).toBe(5);
    expect(values).toEqual([1, 20, 2, 20, 3, 20, 4, 20, 5, 20]);
    expect(g.cpu.instructions).toBe(2 + 4 * 5 + 1);
  });

  it.each([
    ['in line', [asm.sw(T0, 0, S0), asm.bnez(T1, -6), asm.nop]],
    ['in a delay slot', [asm.nop, asm.bnez(T1, -6), asm.sw(T0, 0, S0)]],
  ])('runs code that a device has changed meanwhile, and stores to it once, %s', (_name, store) => {
    const routine = 0x8000_3000;
    const g = new TestGuest(engine, { shim, timer: { nsPerInstruction: 10, countNs: 10 } });
    guests.push(g);
    const stores: number[] = [];
    g.cpu.mapMmio(
      0x1f00_0000,
      0x1000,
      () => 0,
      (_offset, _width, value) => {
        stores.push(value);
        g.put(routine, [asm.addiu(T0, T0, 10 ** stores.length)]);
      },
    );
    g.cpu.instructionBudget = 1000;
    g.put(routine, [asm.addiu(T0, T0, 1), asm.jr(31), asm.nop]);
    g.put(PROGRAM, [
      ...[asm.lui(S0, DEVICE >>> 16), asm.li(T2, routine), asm.addiu(T1, 0, 4)].flat(),
      ...[asm.jalr(T2), asm.nop, asm.addiu(T1, T1, -1), asm.nop],
      ...store,
      asm.wait,
    ]);
    expect(g.cpu.run(PROGRAM)).toBe('wait');
    expect(stores).toEqual([1, 11, 111, 1111]);
    expect([g.cpu.reg(T0), g.cpu.instructions]).toEqual([1111, 4 + 4 * 10 + 1]);
  });

  it('brings an error of a device out of run', () => {
    const g = guest(shim);
    g.cpu.mapMmio(
      0x1f00_0000,
      0x1000,
      () => 0,
      () => {
        throw new RangeError('no such register');
      },
    );
    expect(() => g.run([asm.lui(S0, DEVICE >>> 16), asm.sw(0, 0, S0)])).toThrow('no such register');
  });

  it('shares RAM with the guest, big endian', () => {
    const g = guest(shim);
    g.cpu.view.setUint32(0x3000, 0x1234_5678);
    g.run([asm.lui(S0, 0x8000), asm.lw(T0, 0x3000, S0), asm.sw(T0, 0x3010, S0), asm.lb(T1, 0x3001, S0)]);
    expect([...g.cpu.ram.subarray(0x3010, 0x3014)]).toEqual([0x12, 0x34, 0x56, 0x78]);
    expect(g.cpu.reg(T1)).toBe(0x34);
  });

  describe('more instructions without a branch than unicorn.js can translate', () => {
    const FAR = 0x8002_0000;
    const nops = (n: number): number[] => Array.from({ length: n }, () => asm.nop);
    const ended = (g: TestGuest): number[] => [g.cpu.reg(T0), g.cpu.instructions, g.exceptions.length];

    it('are run when a jump leads there, over several pages, again and from elsewhere', () => {
      const g = guest(shim);
      g.put(FAR + 0x2800, [asm.addiu(T0, T0, 1), asm.wait]);
      g.run([asm.li(S0, FAR), asm.jr(S0), asm.addiu(T0, 0, 5)]);
      expect(ended(g)).toEqual([6, 4 + 0x2800 / 4 + 2, 0]);
      expect(g.cpu.run(FAR)).toBe('wait');
      expect(ended(g)).toEqual([7, 4 + 2 * (0x2800 / 4 + 2), 0]);
      expect(g.cpu.run(FAR + 0x1ff8)).toBe('wait');
      expect(ended(g)).toEqual([8, 4 + 2 * (0x2800 / 4 + 2) + 0x808 / 4 + 2, 0]);
    });

    it('are run behind a branch that is not taken, at the target of one that is, and behind eret', () => {
      const g = guest(shim);
      g.run([asm.bnez(T1, 2), asm.addiu(T0, T0, 1), nops(200), asm.addiu(T0, T0, 1)]);
      expect(ended(g)).toEqual([2, 204, 0]);
      g.run([asm.b(2), asm.addiu(T0, T0, 1), asm.wait, nops(200), asm.addiu(T0, T0, 1)]);
      expect(ended(g)).toEqual([4, 408, 0]);
      g.run([asm.syscall, nops(200), asm.addiu(T0, T0, 1)]);
      expect(ended(g)).toEqual([5, 408 + 6 + 202, 1]);
      g.run([asm.bnez(0, 2), asm.addiu(T0, T0, 1), nops(200)]); // never taken: no branch to the engine
      expect(ended(g)).toEqual([6, 408 + 6 + 202 + 203, 1]);
    });

    it('come to exceptions in the middle', () => {
      const g = guest(shim);
      const piece = [asm.addiu(T0, T0, 1), asm.lw(T1, 0, S0), asm.lw(T1, 4, 0)]; // two misses
      g.run([asm.lui(S0, 0xc000), Array.from({ length: 60 }, () => piece).flat()]);
      expect(ended(g)).toEqual([60, 1 + 60 * (3 + 2 * 5) + 1, 120]);
      expect(g.exceptions.map(({ epc }) => epc).slice(-2)).toEqual([PROGRAM + 179 * 4, PROGRAM + 180 * 4]);
    });

    it('end when the instruction budget does', () => {
      const g = guest(shim);
      g.cpu.instructionBudget = 1000;
      g.put(PROGRAM, [asm.li(S0, FAR), asm.jr(S0), asm.nop]);
      expect(g.cpu.run(PROGRAM)).toBe('budget');
      expect([g.cpu.instructions, g.cpu.nextPc]).toEqual([1000, FAR + 4 * (1000 - 4)]);
    });
  });

  it('executes MIPS16 after a jump to an odd address, and MIPS32 in the vector', () => {
    const g = guest(shim);
    g.put(0x8000_2000, [0xe8e5_e8e5]); // break; break
    g.put(0x8000_0180, [asm.mtc0(17, CP0.EPC), asm.ehb, asm.eret]);
    g.run([asm.li(S0, 0x8000_2001), asm.li(17, PROGRAM + 24), asm.jr(S0), asm.nop]);
    expect(g.exceptions).toHaveLength(1);
    expect(g.exceptions[0]).toMatchObject({ name: 'Bp', pc: 0x8000_2000, epc: 0x8000_2001 });
  });
});

it('counts the same instructions and exceptions with and without the C hooks', () => {
  const results = [true, false].map((shim) => {
    const g = guest(shim);
    // 100 rounds of a store that misses, a system call and an ALU instruction.
    g.run([
      asm.addiu(T2, 0, 100),
      asm.lui(S0, 0xc000),
      asm.sw(T2, 0, S0),
      asm.syscall,
      asm.addiu(T2, T2, -1),
      asm.bnez(T2, -4),
      asm.addiu(T3, T3, 1),
    ]);
    return [g.cpu.instructions, g.cpu.exceptions, g.exceptions];
  });
  expect(results[0]).toEqual(results[1]);
  expect(results[0][1]).toMatchObject({ tlbRefillStore: 100, syscall: 100 });
});

// unicorn.js has to clear what it takes from its heap.
it.runIf(isNative)('does not touch the RAM of a guest that nobody uses', () => {
  const before = process.memoryUsage().rss;
  const cpus = Array.from({ length: 4 }, () => new MipsCpu({ engine, ramBytes: 128 << 20 }));
  expect(process.memoryUsage().rss - before).toBeLessThan(64 << 20);
  for (const cpu of cpus) cpu.close();
});

it('empties the RAM view when the guest is closed', () => {
  const cpu = new MipsCpu({ engine, ramBytes: 1 << 20 });
  cpu.close();
  expect(cpu.ram).toHaveLength(0);
});
