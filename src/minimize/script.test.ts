import { describe, expect, test } from 'vitest';
import { UsageError } from '../errors.js';
import type { Kept } from '../experiments/kept.js';
import { parseScript, printScript } from './script.js';

const words = {
  options: new Map<string, (text: string) => unknown>([
    ['layout', (text) => text],
    [
      'seed',
      (text) => {
        if (!/^\d+$/.test(text)) throw new Error('need a whole number.');
        return Number(text);
      },
    ],
  ]),
  steps: new Set(['percpu bioset_init', 'kobjects tty', 'print']),
};
const parse = (text: string): ReturnType<typeof parseScript> => parseScript(text, 'x.boot', words);

describe('boot scripts', () => {
  const kept: Kept[] = [
    {},
    { targets: [] },
    { steps: [] },
    { targets: [{ host: 0, channel: 2, first: 0, last: 3 }], steps: ['kobjects tty', 'print'] },
    {
      targets: [
        { host: 0, channel: 2, first: 5, last: 5 },
        { host: 0, channel: 2, first: 7, last: 127 },
        { host: 2, channel: 3, first: 0, last: 0 },
      ],
    },
  ];
  test.each(kept)('are read as they are written: %j', (part) => {
    const text = printScript([['layout', 'malta'], ['seed', '7']], part, ['a comment']); // prettier-ignore
    expect(text).toMatch(/^percpu-malta script 1\n# a comment\n/);
    const options = new Map<string, unknown>([['layout', 'malta'], ['seed', 7]]); // prettier-ignore
    expect(parse(text)).toEqual({ options, kept: part });
  });

  test('may have comments, empty lines, spaces and CRLF', () => {
    const { options, kept: part } = parse(
      '\n# mailed\r\npercpu-malta script 1\r\n\r\n  seed   3  # three\r\nscan 1 0 2,4-5\n',
    );
    expect(options).toEqual(new Map([['seed', 3]]));
    expect(part.targets).toEqual([
      { host: 1, channel: 0, first: 2, last: 2 },
      { host: 1, channel: 0, first: 4, last: 5 },
    ]);
  });

  test.each([
    ['', 'x.boot: empty: the first line of a boot script has to be'],
    ['seed 1', 'x.boot:1: no boot script: the first line has to be'],
    ['percpu-malta script 2', 'x.boot:1: no boot script'],
    ['percpu-malta script 1\nsead 1', "x.boot:2: 'sead' is no option: need scan, step or one of layout, seed"],
    ['percpu-malta script 1\nseed', 'x.boot:2: seed needs one value'],
    ['percpu-malta script 1\nseed 1 2', 'x.boot:2: seed needs one value'],
    ['percpu-malta script 1\nseed one', 'x.boot:2: seed one: need a whole number.'],
    ['percpu-malta script 1\nseed 1\n\nseed 2', 'x.boot:4: seed is given twice'],
    ['percpu-malta script 1\nscan', "x.boot:2: need 'scan HOST CHANNEL IDS'"],
    ['percpu-malta script 1\nscan 0 0 a', "x.boot:2: need 'scan HOST CHANNEL IDS'"],
    ['percpu-malta script 1\nscan 0 0 1,', "x.boot:2: need 'scan HOST CHANNEL IDS'"],
    ['percpu-malta script 1\nscan 3 0 1', 'x.boot:2: host 3: hosts are 0 to 2'],
    ['percpu-malta script 1\nscan 0 4 1', 'x.boot:2: channel 4: channels are 0 to 3'],
    ['percpu-malta script 1\nscan 0 0 128', 'x.boot:2: ids 128: ids are 0 to 127'],
    ['percpu-malta script 1\nscan 0 0 5-2', 'x.boot:2: ids 5-2: ids are 0 to 127, the smaller one first'],
    ['percpu-malta script 1\nstep percpu nobody', "x.boot:2: 'percpu nobody' is no step of kernel_init: need one of"],
    ['percpu-malta script 1\nstep', "x.boot:2: '' is no step of kernel_init"],
  ])('%j: %s', (text, message) => {
    expect(() => parse(text)).toThrow(UsageError);
    expect(() => parse(text)).toThrow(message);
  });
});
