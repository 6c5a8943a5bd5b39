import { expect, test } from 'vitest';
import { MAX_TEXT, kernelLines } from './line.js';

const one = (raw: string) => {
  const lines = kernelLines(raw, 7);
  expect(lines).toHaveLength(1);
  return [lines[0].time, lines[0].text];
};

test.each([
  ['[    0.618786] Oops[#1]:', '0.618786', 'Oops[#1]:'],
  ['[   10.618786][    T8] Oops[#1]:', '10.618786', 'Oops[#1]:'],
  ['<4>[    0.618786] Oops[#1]:', '0.618786', 'Oops[#1]:'],
  ['[    0.618786] <4>Oops[#1]:', '0.618786', 'Oops[#1]:'],
  ['<0>Oops[#1]:', '', 'Oops[#1]:'],
  ['> > [    0.618786] Oops[#1]:\r', '0.618786', 'Oops[#1]:'],
  ['[    0.618786]         00000000 8123', '0.618786', '        00000000 8123'],
  ['Jul  2 10:20:30 malta kernel: [    0.618786] Oops[#1]:', '0.618786', 'Oops[#1]:'],
  ['Jul  2 10:20:30 malta kernel: Oops[#1]:', '', 'Oops[#1]:'],
  ['2021-07-02T10:20:30.123+02:00 Oops[#1]:', '', 'Oops[#1]:'],
  ['[Fri Jul  2 10:20:30 2021] Oops[#1]:', '', 'Oops[#1]:'],
  ['\x1b[2J\x1b[1;1H\x1bc[    0.618786] \x1b[31mOops\x1b[0m[#1]:', '0.618786', 'Oops[#1]:'],
  ['O\x00o\x00p\x00s\x00', '', 'Oops'],
])('%j', (raw, time, text) => expect(one(raw)).toEqual([time, text]));

test('output that ran together is taken apart at the time stamps', () => {
  const lines = kernelLines('=====GT-INIT 0.889=====[    0.973933] a[    0.974000] b', 3);
  expect(lines.map(({ number, time, text }) => ({ number, time, text }))).toEqual([
    { number: 3, time: '', text: '=====GT-INIT 0.889=====' },
    { number: 3, time: '0.973933', text: 'a' },
    { number: 3, time: '0.974000', text: 'b' },
  ]);
});

test('of an endless line only the beginning is looked at', () => {
  expect(kernelLines('x'.repeat(3 * MAX_TEXT), 1)[0].text).toHaveLength(MAX_TEXT);
});
