import { describe, expect, it } from 'vitest';
import { GuestNames } from '../linux/guest-names.js';
import { findCall, skipProblem } from './skip-calls.js';

const J = 2;
const JAL = 3;
const JALR_T9 = 0x0320_f809;
const jump = (opcode: number, target: number): number => ((opcode << 26) | ((target & 0x0fff_ffff) >>> 2)) >>> 0;

const names = GuestNames.fromSystemMap(
  [
    '80100000 T reclaim',
    '80100020 t reclaim.part.0',
    '80100040 T flush_range.constprop.0',
    '80100060 T post_unmap_flush',
    '80100080 T through_register',
    '801000a0 T flush_all',
    '801000c0 T end',
  ].join('\n'),
  'map',
);
const text = new Map([
  [0x8010_0000, jump(JAL, 0x8010_0020)],
  [0x8010_0024, jump(JAL, 0x8010_0060)], // reclaim.part.0 calls post_unmap_flush
  [0x8010_0068, jump(J, 0x8010_0040)], // which ends in flush_range
  [0x8010_0084, JALR_T9],
]);
const read = (address: number): number | undefined => text.get(address) ?? 0;
const find = (caller: string, callee: string) => findCall(names, read, { caller, callee });

describe('a call to step over', () => {
  it('is found through parts and clones of functions, and where the callee is what another ends in', () => {
    const { callers, callees, isCalled, calls } = find('reclaim', 'flush_range');
    expect(callers.map(({ name }) => name)).toEqual(['reclaim', 'reclaim.part.0']);
    expect(callees.map(({ name }) => name)).toEqual(['flush_range.constprop.0']);
    expect(isCalled).toBe(true);
    expect(calls).toEqual(['flush_range.constprop.0', 'post_unmap_flush', 'reclaim.part.0']);
  });

  it.each([
    [
      'reclaim',
      'flush_all',
      /^--skip-call reclaim:flush_all: reclaim never calls flush_all; it calls flush_range.*, post_/,
    ],
    ['flush_all', 'reclaim', /flush_all never calls reclaim; it calls nobody by name$/],
    [
      'post_unmap_flush',
      'flush_range',
      /post_unmap_flush ends in flush_range and returns to its own caller: name that/,
    ],
    ['reclaim_all', 'flush_all', /^--skip-call reclaim_all:flush_all: the kernel has no function reclaim_all; it has /],
    ['reclaim', 'q', /the kernel has no function q \(inlined, or called something else\)$/],
  ])('is refused where the kernel does not make it: %s to %s', (caller, callee, message) => {
    expect(() => find(caller, callee)).toThrow(message);
  });

  it('through a register is told by the run alone', () => {
    const call = { caller: 'through_register', callee: 'flush_all' };
    const found = findCall(names, read, call);
    expect(found.isCalled).toBe(false);
    expect(skipProblem([{ call, found, count: 3 }])).toBeUndefined();
    expect(skipProblem([{ call, found, count: 0 }])).toMatch(/through_register never calls flush_all/);
    expect(skipProblem([{ call, count: undefined }])).toMatch(/no names of functions were found/);
  });
});
