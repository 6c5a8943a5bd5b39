import { describe, expect, test } from 'vitest';
import { Progress } from './progress.js';

/** What a terminal of `columns` shows in the end, and all that was written to it. */
function terminal(columns = 80): { isTTY: boolean; columns: number; write: (text: string) => void; written: string[] } {
  const written: string[] = [];
  return { isTTY: true, columns, write: (text) => written.push(text), written };
}
const last = ({ written }: { written: string[] }): string => written.at(-1)!.replace('\r\x1b[K', '');

describe('progress', () => {
  test('says how many are done, how fast, and how long the rest takes', () => {
    const to = terminal();
    let now = 100;
    const progress = new Progress(to, 8, () => now);
    expect(last(to)).toBe('[........................] 0/8');
    now += 4;
    progress.step('1 crashed');
    progress.step('2 crashed');
    expect(last(to)).toBe('[######..................] 2/8  0.5 boots/s  12 s left  2 crashed');
    progress.clear();
    expect(last(to)).toBe('');
  });

  test('guesses where nobody can know, and never runs over', () => {
    const to = terminal();
    let now = 0;
    const progress = new Progress(to, undefined, () => now);
    now += 60;
    progress.step('small');
    expect(last(to)).toBe('1 boots  0.0 boots/s  small');
    progress.expect(3);
    progress.step('smaller');
    expect(last(to)).toMatch(/^\[#{12}\.{12}\] 2\/~4 .* about 1 min 0 s left {2}smaller$/);
    for (let i = 0; i < 5; i++) progress.step('');
    expect(last(to)).toMatch(/^\[#{24}\] 7\/~4 .* about 0 s left$/);
  });

  test('results stay above the line', () => {
    const to = terminal();
    const progress = new Progress(to, 2);
    progress.step('0 crashed');
    progress.say('malta-4k: 1 of 1');
    expect(to.written.slice(-3)).toEqual(['\r\x1b[K', 'malta-4k: 1 of 1\n', expect.stringContaining('0 crashed')]);
  });

  test('fits into a narrow terminal, and says nothing where there is none', () => {
    const narrow = terminal(20);
    new Progress(narrow, 5).step('a long note');
    expect(last(narrow)).toHaveLength(19);
    const none = { ...terminal(), isTTY: false };
    const progress = new Progress(none, 5);
    progress.step('x');
    progress.say('y');
    progress.expect(7);
    progress.clear();
    expect(none.written).toEqual([]);
  });
});
