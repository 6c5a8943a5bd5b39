import { describe, expect, test } from 'vitest';
import { momentText, parseMoment } from './moment.js';

describe('a moment', () => {
  test.each([
    'stale',
    'stale:3',
    'foreign',
    'oops',
    'oops:2',
    'event 12394',
    'insn 0',
    'pc memset',
    'pc memset:12',
    'pc pcpu_alloc+0x84:2',
    'pc 8010ced8',
    'time 0.58',
  ])('%s is read and written again', (text) => {
    expect(momentText(parseMoment(text))).toBe(text);
  });

  test('takes spaces, and hexadecimal numbers', () => {
    expect(parseMoment('  insn   0x10 ')).toEqual({ kind: 'insn', number: 16 });
    expect(parseMoment('time .5')).toEqual({ kind: 'time', us: 500_000 });
  });

  test.each([
    '',
    'stall',
    'stale:0',
    'stale:x',
    'stale 3',
    'event',
    'event -1',
    'event 1e3',
    'insn 99999999999999999999',
    'insn 1 2',
    'insn:1 2',
    'foreign:2',
    'pc',
    'pc a:0',
    'pc :1',
    'time x',
    'time Infinity',
    'constructor',
  ])('%j is refused with the forms that there are', (text) => {
    expect(() => parseMoment(text)).toThrow(/is no moment: need one of stale\[:N\], foreign/);
  });
});
