// A function of six lines, compiled by gcc 12 for MIPS with -g -O1 and linked at 80100000; what its addresses are is objdump's answer.
//
//    3 int add(int a, int b)
//    4 {
//    5   seen++;
//    6   if (a > b)
//    7     return a - b;
//    8   return a + b;             (the compiler gives the delay slot and the jump to line 9)
import { describe, expect, test } from 'vitest';
import { DwarfLines } from './dwarf-lines.js';

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
const NONE = new Uint8Array(0);
const VERSIONS = {
  3: {
    line: bytes(
      '000000540003000000200101fb0e0d00010101010000000100000173726300006164642e630001000000050100050280100000' +
        '1505031305070601050306f305060601050306bc0501061305050680050e06010208000101',
    ),
  },
  5: {
    line: bytes(
      '00000064000504000000002e010101fb0e0d00010101010000000100000101011f02000000000000000e02011f020f02000000' +
        '1201000000120105010005028010000015050313050706' +
        '01050306f305060601050306bc0501061305050680050e06010208000101',
    ),
    lineStrings: new TextEncoder().encode('/build/kernel\0src\0add.c\0'),
  },
};
const EXPECTED = [
  [0x8010_0000, 5],
  [0x8010_000c, 5],
  [0x8010_0010, 6],
  [0x8010_0014, 6],
  [0x8010_001c, 9],
  [0x8010_0024, 7],
  [0x8010_0028, 7],
] as const;

const linesOf = (sections: { line: Uint8Array; lineStrings?: Uint8Array }): DwarfLines =>
  new DwarfLines({ lineStrings: NONE, strings: NONE, ...sections }, true);

describe.each([3, 5] as const)('debug information of version %i', (version) => {
  test.each(EXPECTED)('%i is of line %i', (address, line) => {
    expect(linesOf(VERSIONS[version]).lookup(address)).toEqual({ file: 'src/add.c', line });
  });

  test('says nothing of other addresses', () => {
    const lines = linesOf(VERSIONS[version]);
    for (const address of [0, 0x800f_fffc, 0x8010_0030, 0xffff_fffc]) expect(lines.lookup(address)).toBeUndefined();
  });

  test('is no reason to stop when it is cut short or damaged', () => {
    const { line, ...strings } = VERSIONS[version];
    for (let length = 0; length < line.length; length++) {
      linesOf({ line: line.subarray(0, length), ...strings }).lookup(0x8010_0014);
      const damaged = line.slice();
      damaged[length]! ^= 0xff;
      linesOf({ line: damaged, ...strings }).lookup(0x8010_0014);
    }
  });
});

test('several units stand one behind the other', () => {
  const { line } = VERSIONS[3];
  const second = line.slice();
  second[second.findIndex((_, i) => second[i] === 0x80 && second[i + 1] === 0x10)] = 0x81;
  const lines = linesOf({ line: Uint8Array.from([...line, ...second]) });
  expect(lines.lookup(0x8010_0014)?.line).toBe(6);
  expect(lines.lookup(0x8110_0014)?.line).toBe(6);
});
