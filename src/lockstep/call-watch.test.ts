import { describe, expect, it } from 'vitest';
import { loadEngine } from '../../emu/unicorn/choose.js';
import { asm, TestGuest } from '../../emu/mips/test-guest.js';
import { CallWatch } from './call-watch.js';

const engine = await loadEngine('native');
const V0 = 2;
const A0 = 4;
const T9 = 25;
const SP = 29;
const RA = 31;
const DOUBLE = 0x8000_4000;
const NESTED = 0x8000_4100;
const TAIL = 0x8000_4200;

/** A guest with `double(x)`, `nested(x)` = double(x) + 1, and `tail(x)`, which ends with a jump to double. */
function guest(precise = false): TestGuest {
  const test = new TestGuest(engine, { precise });
  test.put(DOUBLE, [asm.add(V0, A0, A0), asm.jr(RA), asm.nop]);
  test.put(NESTED, [
    asm.addiu(SP, SP, -8),
    asm.sw(RA, 4, SP),
    asm.li(T9, DOUBLE),
    asm.jalr(T9),
    asm.nop,
    asm.addiu(V0, V0, 1),
    asm.lw(RA, 4, SP),
    asm.jr(RA),
    asm.addiu(SP, SP, 8),
  ]);
  test.put(TAIL, [asm.li(T9, DOUBLE), asm.jr(T9), asm.nop]);
  return test;
}

const call = (to: number, argument: number): (number | readonly number[])[] => [
  asm.li(SP, 0x8000_8000),
  asm.addiu(A0, 0, argument),
  asm.li(T9, to),
  asm.jalr(T9),
  asm.nop,
];

describe('calls of a guest', () => {
  it.each([true, false])(
    'are seen at their entries with arguments and at their returns with values (precise: %s)',
    (precise) => {
      const test = guest(precise);
      try {
        const watch = new CallWatch(test.cpu);
        const seen: string[] = [];
        const add = (name: string, address: number): void =>
          watch.add(address, ({ args, sp }) => {
            seen.push(`${name}(${args[0]})`);
            return (value) => void seen.push(`${name} = ${value}, sp ${sp === test.cpu.reg(SP)}`);
          });
        add('double', DOUBLE);
        add('nested', NESTED);
        test.run([...call(DOUBLE, 3), ...call(NESTED, 5), asm.nop]);
        expect(seen).toEqual([
          'double(3)',
          'double = 6, sp true',
          'nested(5)',
          'double(5)',
          'double = 10, sp true',
          'nested = 11, sp true',
        ]);
      } finally {
        test.cpu.close();
      }
    },
  );

  it('that end with a jump to another function return together with it, the inner one first', () => {
    const test = guest();
    try {
      const watch = new CallWatch(test.cpu);
      const seen: string[] = [];
      watch.add(TAIL, () => (value) => void seen.push(`tail ${value}`));
      watch.add(DOUBLE, () => (value) => void seen.push(`double ${value}`));
      test.run(call(TAIL, 4));
      expect(seen).toEqual(['double 8', 'tail 8']);
    } finally {
      test.cpu.close();
    }
  });

  it('are watched with the exact count of instructions, and without changing it', () => {
    const program = [...call(NESTED, 5)];
    const count = (watched: boolean): { at: number[]; end: number } => {
      const test = guest();
      try {
        const at: number[] = [];
        if (watched) {
          const watch = new CallWatch(test.cpu);
          watch.add(NESTED, () => {
            at.push(test.cpu.instructions);
            expect(test.cpu.pc).toBe(NESTED);
            return () => void at.push(test.cpu.instructions);
          });
        }
        test.run(program);
        return { at, end: test.cpu.instructions };
      } finally {
        test.cpu.close();
      }
    };
    const words = program.flat().length;
    // 10 instructions of nested, 3 of double
    expect(count(true)).toEqual({ at: [words, words + 13], end: count(false).end });
  });

  it('says why calls cannot be watched', () => {
    const test = new TestGuest(engine, { shim: false });
    try {
      expect(() => new CallWatch(test.cpu)).toThrow('calls can only be watched on the fast path');
    } finally {
      test.cpu.close();
    }
  });
});
