import { expect, test } from 'vitest';
import { rawTrace, THREAD_SIZE } from './unwind.js';

const RETURN = 0x8010_0040;

/** Every word of memory is a return address, but for the first `zeroes` bytes of each stack. */
function memory(zeroes: number) {
  const read: number[] = [];
  const peek32 = (address: number): number => {
    read.push(address);
    return address % THREAD_SIZE < zeroes ? 0 : RETURN;
  };
  const lookup = (address: number) => (address === RETURN ? { start: 0x8010_0000 } : undefined);
  return { read, machine: { symbols: { lookup }, peek32 } };
}

test('a stack pointer that points anywhere is followed to the end of a stack, not to that of the task', () => {
  const { read, machine } = memory(THREAD_SIZE);
  expect(rawTrace(machine, 0x10, 0x8140_2000)).toEqual([]);
  expect([read[0], read.at(-1), read.length]).toEqual([0x10, THREAD_SIZE - 4, THREAD_SIZE / 4 - 4]);
});

test('on the stack of the task all words up to its end are looked at', () => {
  const { read, machine } = memory(THREAD_SIZE - 8);
  expect(rawTrace(machine, 0x8140_0010, 0x8140_2000)).toEqual([RETURN, RETURN]);
  expect(read.at(-1)).toBe(0x8140_1ffc);
});
