import { afterEach, describe, expect, it } from 'vitest';
import { loadTestEngine } from '../unicorn/test-engine.js';
import { executionPath, type MipsCpuOptions } from './cpu.js';
import { asm, PROGRAM, TestGuest } from './test-guest.js';

const engine = await loadTestEngine();
const isFast = engine.kind === 'native' && engine.version[0] === 2 && engine.version[1] === 0;
const [V0, T0, T1, T2, S0, S1, K0] = [2, 8, 9, 10, 16, 17, 26];
const COUNT = 9;
const COMPARE = 11;
const STATUS = 12;
const RDHWR_V0_CC = 0x7c02_103b;
/** IM7 and IE. */
const TIMER_ENABLED = 0x1000_8001;
const TIMER = { nsPerInstruction: 5, countNs: 10 };

it('has the fast path with libunicorn 2.0.x, and says why not with other engines', () => {
  const { path, reason } = executionPath(engine);
  expect(path).toBe(isFast ? 'fast' : 'portable');
  expect(reason).toMatch(isFast ? /^$/ : /the fast path is for (libunicorn )?2\.0\.x$/);
});

const guests: TestGuest[] = [];
function guest(options: Partial<MipsCpuOptions>): TestGuest {
  const made = new TestGuest(engine, { timer: TIMER, ...options });
  made.cpu.instructionBudget = 10_000_000;
  guests.push(made);
  return made;
}
afterEach(() => {
  for (const { cpu } of guests.splice(0)) cpu.close();
});

/** General vector: count in $17 and let the handler set Compare far away. */
const INTERRUPT_HANDLER = [
  asm.addiu(S1, S1, 1),
  asm.mfc0(K0, COUNT),
  asm.mtc0(K0, COMPARE), // 2^32 away
  asm.ehb,
  asm.eret,
];

const FAST_PATHS: [string, Partial<MipsCpuOptions>][] = [
  ['fast path', {}],
  ['precise path', { precise: true }],
];
const PATHS: [string, Partial<MipsCpuOptions>][] = [
  ...(isFast ? FAST_PATHS : []),
  ['portable path', { portable: true }],
  ['portable path in TypeScript', { shim: false }],
];

describe.each(PATHS)('%s', (_, options) => {
  it('Count goes with the instructions, also through rdhwr and in delay slots', () => {
    const g = guest(options);
    g.run([
      asm.mfc0(T0, COUNT),
      ...Array.from({ length: 20 }, () => asm.nop),
      asm.mfc0(T1, COUNT),
      asm.b(1),
      asm.mfc0(T2, COUNT),
      RDHWR_V0_CC,
    ]);
    // 21 instructions of 5 ns later, at 10 ns per step.
    expect(g.cpu.reg(T0)).toBe(0);
    expect(g.cpu.reg(T1)).toBe(10);
    expect(g.cpu.reg(T2)).toBe(11);
    expect(g.cpu.reg(V0)).toBe(12);
  });

  it('Count can be written, Compare reads back', () => {
    const g = guest(options);
    g.run([
      asm.li(T0, 0x1234_0000),
      asm.mtc0(T0, COUNT),
      asm.mfc0(T1, COUNT),
      asm.mtc0(T0, COMPARE),
      asm.mfc0(T2, COMPARE),
    ]);
    expect(g.cpu.reg(T1)).toBe(0x1234_0000);
    expect(g.cpu.reg(T2)).toBe(0x1234_0000);
  });

  it.each([
    ['a loop of one jump', [asm.b(-1), asm.nop]],
    ['a loop without memory accesses', [asm.addiu(T1, T1, 1), asm.b(-2), asm.addiu(T2, T2, 1)]],
    ['a jump to itself', [(0x0800_0000 | (((PROGRAM + 24) >>> 2) & 0x3ff_ffff)) >>> 0, asm.nop]],
  ])('the timer interrupts %s', (_name, loop) => {
    const g = guest(options);
    g.put(0x8000_0180, [asm.addiu(S1, S1, 1), asm.wait]);
    g.put(PROGRAM, [
      asm.li(T0, TIMER_ENABLED),
      asm.addiu(S0, 0, 1000),
      asm.mtc0(S0, COMPARE),
      asm.mtc0(T0, STATUS),
      asm.ehb,
      ...loop,
    ]);
    expect(g.cpu.run(PROGRAM)).toBe('wait'); // EXL is set: nothing wakes it
    expect(g.cpu.reg(S1)).toBe(1);
    expect(g.exceptions).toHaveLength(1);
    expect(g.exceptions[0]).toMatchObject({ name: 'Int', delaySlot: false });
    expect(g.exceptions[0]!.epc - PROGRAM).toBe(24);
  });

  it('wait sleeps until the timer, in no instructions', () => {
    const g = guest(options);
    g.put(0x8000_0180, INTERRUPT_HANDLER);
    g.put(PROGRAM, [
      asm.li(T0, TIMER_ENABLED),
      asm.li(S0, 1_000_000),
      asm.mtc0(S0, COMPARE),
      asm.mtc0(T0, STATUS),
      asm.ehb,
      asm.wait,
      asm.mfc0(T1, COUNT),
      asm.mtc0(0, STATUS),
      asm.wait,
    ]);
    expect(g.cpu.run(PROGRAM)).toBe('wait');
    expect(g.cpu.reg(S1)).toBe(1);
    expect(g.cpu.reg(T1)).toBeGreaterThanOrEqual(1_000_000);
    expect(g.cpu.reg(T1)).toBeLessThan(1_000_020);
    expect(g.cpu.instructions).toBeLessThan(30);
    expect(g.cpu.now).toBeGreaterThan(10_000_000);
  });

  it('events come at their time, may assert a line, and the line stays until it is taken back', () => {
    const g = guest(options);
    const { cpu } = g;
    const times: number[] = [];
    g.put(0x8000_0180, [asm.addiu(S1, S1, 1), asm.lui(K0, 0xbf00), asm.sw(0, 0, K0), asm.eret]);
    cpu.mapMmio(
      0x1f00_0000,
      0x1000,
      () => 0,
      () => cpu.setInterruptLine(2, false),
    );
    cpu.event = {
      at: 50_000,
      callback: () => {
        times.push(cpu.now);
        cpu.setInterruptLine(2, true);
      },
    };
    g.put(PROGRAM, [
      asm.li(T0, 0x1000_0401),
      asm.mtc0(T0, STATUS),
      asm.ehb,
      asm.addiu(T1, T1, 1),
      asm.bnez(S1, 2),
      asm.nop,
      asm.b(-4),
      asm.nop,
      asm.mtc0(0, STATUS),
      asm.wait,
    ]);
    expect(cpu.run(PROGRAM)).toBe('wait');
    expect(cpu.reg(S1)).toBe(1);
    expect(times).toHaveLength(1);
    expect(times[0]).toBeGreaterThanOrEqual(50_000);
    expect(times[0]).toBeLessThan(50_050);
  });

  it('a device knows the exact time of its access, and may let time pass', () => {
    const g = guest(options);
    const { cpu } = g;
    const seen: number[] = [];
    cpu.mapMmio(
      0x1f00_0000,
      0x1000,
      () => {
        seen.push(cpu.instructions, cpu.pc - PROGRAM, cpu.now);
        cpu.passTime(20_000);
        return 7;
      },
      () => seen.push(cpu.instructions, cpu.pc - PROGRAM, cpu.now),
    );
    g.run([asm.lui(S0, 0xbf00), asm.lw(T0, 0, S0), asm.lw(T1, 0, S0), asm.nop, asm.sw(T1, 4, S0), asm.mfc0(T2, COUNT)]);
    expect(seen).toEqual([2, 4, 10, 3, 8, 20_015, 5, 16, 40_025]);
    expect(g.cpu.reg(T2)).toBe(4002);
  });

  it('stops exactly behind the store that stops it, and goes on', () => {
    const g = guest(options);
    const { cpu } = g;
    cpu.mapMmio(
      0x1f00_0000,
      0x1000,
      () => 0,
      () => cpu.stop(),
    );
    g.put(PROGRAM, [
      asm.lui(S0, 0xbf00),
      asm.addiu(T0, 0, 1),
      asm.sw(T0, 0, S0),
      asm.addiu(T0, 0, 2),
      asm.addiu(T1, T0, 3),
      asm.wait,
    ]);
    expect(cpu.run(PROGRAM)).toBe('stop');
    expect([cpu.reg(T0), cpu.instructions, cpu.nextPc - PROGRAM]).toEqual([1, 3, 12]);
    expect(cpu.run(cpu.nextPc)).toBe('wait');
    expect([cpu.reg(T0), cpu.reg(T1), cpu.instructions]).toEqual([2, 5, 6]);
  });

  it('ends at its budget in the middle of a block', () => {
    const g = guest(options);
    const { cpu } = g;
    cpu.instructionBudget = 5;
    g.put(PROGRAM, [...Array.from({ length: 10 }, () => asm.addiu(T0, T0, 1)), asm.wait]);
    expect(cpu.run(PROGRAM)).toBe('budget');
    expect([cpu.reg(T0), cpu.instructions, cpu.nextPc - PROGRAM]).toEqual([5, 5, 20]);
    cpu.instructionBudget = 100;
    expect(cpu.run(cpu.nextPc)).toBe('wait');
    expect([cpu.reg(T0), cpu.instructions]).toEqual([10, 11]);
  });

  it('sees code that changes under it, through kseg0 and kseg1', () => {
    const g = guest(options);
    const { cpu } = g;
    const target = 0x8000_3000;
    // Patches the addiu at `target` with its loop counter as immediate, in turn through both segments, and calls it: 1 + 2 + ... + 1000.
    g.put(target, [asm.addiu(T0, T0, 0), asm.jr(31), asm.nop]);
    g.run([
      asm.li(S0, target),
      asm.li(T2, 0x2508_0000), // addiu t0, t0, 0
      asm.lui(T1, 0x2000), // kseg0 <-> kseg1
      asm.addiu(S1, 0, 1),
      // loop:
      asm.add(V0, T2, S1),
      asm.sw(V0, 0, S0),
      asm.li(25, target),
      asm.jalr(25),
      asm.nop,
      ((S0 << 21) | (T1 << 16) | (S0 << 11) | 0x26) >>> 0, // xor s0, s0, t1
      asm.addiu(S1, S1, 1),
      asm.addiu(V0, S1, -1001),
      asm.bnez(V0, -10),
      asm.nop,
    ]);
    expect(cpu.reg(T0)).toBe(500_500);
  });
});

it.each(PATHS.slice(1))('counts and times as the first path here does: %s', (_name, path) => {
  const run = (options: Partial<MipsCpuOptions>): unknown => {
    const g = guest(options);
    g.put(0x8000_0180, [
      asm.addiu(S1, S1, 1),
      asm.mfc0(K0, COUNT),
      asm.addiu(K0, K0, 100),
      asm.mtc0(K0, COMPARE),
      asm.ehb,
      asm.eret,
    ]);
    g.put(PROGRAM, [
      asm.li(T0, TIMER_ENABLED),
      asm.addiu(S0, 0, 300),
      asm.mtc0(S0, COMPARE),
      asm.mtc0(T0, STATUS),
      asm.ehb,
      asm.addiu(T1, T1, 1),
      asm.addiu(V0, T1, -20_000),
      asm.bnez(V0, -3),
      asm.nop,
      asm.mtc0(0, STATUS),
      asm.wait,
    ]);
    const end = g.cpu.run(PROGRAM);
    return [end, g.cpu.instructions, g.cpu.now, g.cpu.reg(S1), g.exceptions];
  };
  expect(run(path)).toEqual(run({}));
});
