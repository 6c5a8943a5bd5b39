import { afterEach, describe, expect, it } from 'vitest';
import { loadTestEngine } from '../unicorn/test-engine.js';
import { asm, CP0, PROGRAM, TestGuest } from './test-guest.js';

const engine = await loadTestEngine();
const [T0, T1, T2, S0] = [8, 9, 10, 16];

const guests: TestGuest[] = [];
afterEach(() => {
  for (const { cpu } of guests.splice(0)) cpu.close();
});

/** Counts to `times` in $8, with a store in the delay slot of the loop's branch. */
const loop = (times: number) => [
  asm.li(S0, 0x8000_2000), // 0, 1
  asm.addiu(T0, 0, 0), // 2
  asm.addiu(T1, 0, times), // 3
  asm.addiu(T0, T0, 1), // 4: PROGRAM + 16
  asm.addiu(T1, T1, -1), // 5
  asm.bnez(T1, -3), // 6
  asm.sw(T0, 0, S0), // 7, the slot
];

describe.each([
  ['C hooks', true],
  ['TypeScript hooks', false],
])('with %s', (_, shim) => {
  function guest(): TestGuest {
    const made = new TestGuest(engine, { shim, debug: true });
    guests.push(made);
    return made;
  }

  it('waits before the instruction of a number, with registers and RAM as it finds them, and counts on', () => {
    const g = guest();
    const { cpu } = g;
    const seen: unknown[] = [];
    cpu.stops.onStop = (pc) => {
      seen.push([cpu.instructions, pc, cpu.reg(T0), cpu.view.getUint32(0x2000)]);
      cpu.stops.number = cpu.instructions === 6 ? 7 : cpu.instructions === 7 ? 8 : Infinity;
    };
    cpu.stops.number = 6;
    g.run(loop(3));
    // before the branch, in its slot, behind it: a stop in a slot loses nothing
    expect(seen).toEqual([
      [6, PROGRAM + 24, 1, 0],
      [7, PROGRAM + 28, 1, 0],
      [8, PROGRAM + 16, 1, 1],
    ]);
    expect(cpu.reg(T0)).toBe(3);
    expect(cpu.instructions).toBe(4 + 3 * 4 + 1);
  });

  it('waits at addresses each time, also at ones that were run before, and not at others that share their bit', () => {
    const g = guest();
    const { cpu } = g;
    const seen: number[] = [];
    cpu.stops.add(PROGRAM + 16);
    cpu.stops.add(PROGRAM + (1 << 18)); // the same bit as PROGRAM
    cpu.stops.onStop = (pc) => {
      seen.push(pc);
      if (seen.length === 2) cpu.stops.delete(PROGRAM + 16);
      if (seen.length === 2) cpu.stops.add(PROGRAM + 20);
      if (seen.length === 3) cpu.stops.delete(PROGRAM + 20);
    };
    g.run(loop(4));
    expect(seen).toEqual([PROGRAM + 16, PROGRAM + 16, PROGRAM + 20]);
  });

  it('waits for nothing before `from`; then hooks on memory that are added see all, also in code that ran before', () => {
    const g = guest();
    const { cpu } = g;
    const seen: number[] = [];
    const stores: number[] = [];
    let exact = Infinity;
    let reported = false;
    cpu.stops.from = 4 + 10 * 4 + 1; // in the middle of a round
    cpu.stops.number = 45;
    cpu.stops.add(PROGRAM + 24);
    cpu.stops.onExact = () => {
      exact = cpu.instructions;
      reported = cpu.observeAccesses(0x8000_2000, 0x8000_2003, ({ value }) => stores.push(value)) !== undefined;
    };
    cpu.stops.onStop = () => {
      seen.push(cpu.instructions);
      if (cpu.instructions >= 45) cpu.stops.number = Infinity;
    };
    g.run(loop(20));
    expect(cpu.reg(T0)).toBe(20);
    expect(exact).toBeLessThan(cpu.stops.from);
    const first = seen.findIndex((number) => number >= 45);
    expect(seen.slice(first)).toEqual([45, ...Array.from({ length: 10 }, (_, n) => 46 + 4 * n)]);
    if (cpu.path === 'precise') {
      expect(exact).toBeGreaterThan(cpu.stops.from - 10);
      expect(first).toBeLessThan(3);
    }
    if (reported) expect(stores.slice(-10)).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
  });

  it('takes changed registers, RAM and PC', () => {
    const g = guest();
    const { cpu } = g;
    cpu.stops.add(PROGRAM + 20);
    cpu.stops.onStop = () => {
      if (cpu.reg(T0) === 1) {
        cpu.setReg(T0, 100);
        expect(cpu.registers.write('r10', 7)).toBe(true);
        expect(cpu.registers.write('hi', 0x1234)).toBe(true);
      } else cpu.jump(PROGRAM + 32);
    };
    const before = cpu.instructions;
    g.run([...loop(3), 0x0000_8810]); // mfhi $17
    expect([cpu.reg(T0), cpu.reg(T2), cpu.reg(17)]).toEqual([101, 7, 0x1234]);
    // the instruction that was jumped from did not start
    expect(cpu.instructions - before).toBe(4 + 4 + 1 + 2);
  });

  it('tells the end of a run before it ends, and no bus error', () => {
    const g = guest();
    const { cpu } = g;
    const seen: unknown[] = [];
    cpu.stops.onStop = (pc, ending) => seen.push([pc, ending]);
    cpu.instructionBudget = 6;
    g.put(PROGRAM, [asm.li(S0, 0xbc00_0000), asm.lw(T0, 0, S0), asm.nop, asm.nop, asm.nop, asm.wait]);
    expect(cpu.run(PROGRAM)).toBe('budget');
    expect(g.exceptions).toHaveLength(1);
    expect(seen[0]).toEqual([0x8000_018c, true]);
  });

  it('gives every register by name', () => {
    const g = guest();
    const { cpu } = g;
    let values: Record<string, number | undefined> = {};
    cpu.stops.onStop = (_pc, ending) => {
      if (!ending) {
        const { registers } = cpu;
        const saved = registers.save();
        const names = [
          'r16',
          'lo',
          'hi',
          'status',
          'epc',
          'entryhi',
          'entrylo0',
          'index',
          'pagemask',
          'prid',
          'f4',
          'fir',
        ];
        values = Object.fromEntries(names.map((name) => [name, registers.read(saved, name)]));
        expect(registers.read(saved, 'nonsense')).toBeUndefined();
      }
      cpu.stops.number = Infinity;
    };
    const program = [
      asm.li(S0, 0x5566_7788),
      0x0200_0011, // mthi $16
      0x0000_0013, // mtlo $0
      asm.mtc0(S0, CP0.EPC),
      asm.li(T0, 0xc000_2033),
      asm.mtc0(T0, CP0.EntryHi),
      asm.li(T1, 0x0000_4567),
      asm.mtc0(T1, CP0.EntryLo0),
      asm.addiu(T1, 0, 11),
      asm.mtc0(T1, CP0.Index),
    ].flat();
    cpu.stops.number = program.length;
    g.run(program);
    expect(values).toEqual({
      r16: 0x5566_7788,
      lo: 0,
      hi: 0x5566_7788,
      status: 0x1000_0000,
      epc: 0x5566_7788,
      entryhi: 0xc000_2033,
      entrylo0: 0x4567,
      index: 11,
      pagemask: 0,
      prid: 0x0001_9300,
      f4: 0,
      fir: 0x0073_9300,
    });
  });

  it('lets an error out of the run, wherever the guest waits', () => {
    const g = guest();
    g.cpu.stops.number = 7; // in the slot
    g.cpu.stops.onStop = () => {
      throw new Error('enough');
    };
    expect(() => g.run(loop(3))).toThrow('enough');
  });
});
