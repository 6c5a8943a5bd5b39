// Damages texts as captures, editors and enemies do: bytes, lines, pieces of two texts, runs of one token.
import type { Random } from '../../src/random.js';

/** Characters of the longest run that is put in: patterns that go back over what they read show in runs, at much less than this. */
const LONGEST_RUN = 40_000;

/** Pieces that readers of any text trip over. */
const PIECES: readonly string[] = [
  ...[
    '\x00',
    '\x1b[',
    '\x1b]0;x',
    '\x9b31m',
    '\u202e',
    '\u200b',
    '\ufeff',
    '\ufffd',
    '\r',
    '\r\n',
    '\t',
    ' ',
    '\u00a0',
    '\v',
    '\x7f',
    '\ud800',
  ],
  ...[
    '0',
    '-1',
    '1e999',
    '4294967296',
    '99999999999999999999',
    '0x',
    'NaN',
    '__proto__',
    'constructor',
    '"',
    "'",
    '\\',
    '\\n',
    '\\r\\n',
    '^M',
    '␍␊',
  ],
  ...[
    '<',
    '>',
    '&',
    '&lt;',
    '&#0;',
    '&#xd800;',
    '&amp;amp;',
    '<br>',
    '<pre>',
    '<a ',
    '{',
    '}',
    '[',
    ']',
    '(',
    ')',
    ':',
    '; ',
    ', ',
    '=',
    '#',
    '$',
    '%',
  ],
];

const pick = <T>(random: Random, list: readonly T[]): T => list[random.below(list.length)]!;

type Mutation = (text: string, random: Random, other: string) => string;

const atChar: (change: (text: string, at: number, random: Random) => string) => Mutation = (change) => (text, random) =>
  change(text, random.below(text.length + 1), random);

const atLines: (change: (lines: string[], at: number, random: Random, other: string) => string[]) => Mutation =
  (change) => (text, random, other) => {
    const lines = text.split('\n');
    return change(lines, random.below(lines.length), random, other).join('\n');
  };

const insert = (text: string, at: number, piece: string) => text.slice(0, at) + piece + text.slice(at);

const MUTATIONS: readonly Mutation[] = [
  atChar((text, at, random) => insert(text, at, pick(random, PIECES))),
  atChar((text, at, random) =>
    insert(text, at, String.fromCharCode(random.below(random.below(2) === 0 ? 256 : 65536))),
  ),
  atChar((text, at, random) => text.slice(0, at) + String.fromCharCode(random.below(256)) + text.slice(at + 1)),
  atChar((text, at, random) => text.slice(0, at) + text.slice(at + 1 + random.below(40))),
  atChar((text, at, random) => insert(text, at, text.slice(at, at + random.below(400)))),
  atChar((text, at) => text.slice(0, at)),
  atChar((text, at) => text.slice(at)),
  atChar((text, at, random) => insert(text, at, pick(random, PIECES).repeat(1 + random.below(60)))),
  // A digit becomes another, a space two, a case the other.
  atChar(
    (text, at, random) =>
      text.slice(0, at) + text.slice(at).replace(/[0-9a-f]/, () => '0123456789abcdef'[random.below(16)]!),
  ),
  atChar((text, at) => text.slice(0, at) + text.slice(at).replace(/ /, '  ')),
  atChar((text, at) => text.slice(0, at) + text.slice(at).replace(/ +/, '\n')),
  atChar((text, at) => text.slice(0, at) + text.slice(at).replace(/\n/, '')),
  atLines((lines, at) => lines.toSpliced(at, 1)),
  atLines((lines, at, random) => lines.toSpliced(at, 1 + random.below(8))),
  atLines((lines, at, random) => lines.toSpliced(at, 0, ...lines.slice(at, at + 1 + random.below(8)))),
  atLines((lines, at, random) => lines.toSpliced(at, 0, lines[random.below(lines.length)]!)),
  atLines((lines, at, random) => [
    ...lines.slice(0, at),
    ...lines.slice(at, at + 6).reverse(),
    ...lines.slice(at + 6 + random.below(2)),
  ]),
  atLines((lines, at, _, other) => [...lines.slice(0, at), ...other.split('\n')]),
  atLines((lines, at, random, other) => {
    const theirs = other.split('\n');
    const from = random.below(theirs.length);
    return lines.toSpliced(at, 0, ...theirs.slice(from, from + 1 + random.below(20)));
  }),
  // Two texts line by line.
  (text, random, other) => {
    const [a, b] = [text.split('\n'), other.split('\n')];
    const lines: string[] = [];
    while (a.length + b.length > 0)
      lines.push((random.below(2) === 0 && a.length > 0) || b.length === 0 ? a.shift()! : b.shift()!);
    return lines.join('\n');
  },
  // Every line in a new dress.
  (text, random) => {
    const prefix = Array.from({ length: 1 + random.below(3) }, () =>
      pick(random, [...PIECES, 'host ', 'kernel: ', '| ', '> ', '2025-01-01 10:00:00 ']),
    ).join('');
    return text.replace(/^/gm, () => prefix);
  },
  (text, random) => {
    const columns = 20 + random.below(100);
    return text.replace(new RegExp(`(.{${columns}})`, 'g'), '$1\n');
  },
  (text, random) => text.replaceAll('\n', pick(random, ['\r', '\r\n', '<br>', '\\n', '␍␊', ' ', '\n\n', ''])),
  // Long runs: of a piece, of a piece of the text, in the middle of a line.
  atChar((text, at, random) => {
    const piece =
      random.below(2) === 0
        ? pick(random, PIECES)
        : text.slice(at, at + 1 + random.below(12)).replaceAll('\n', '') || 'x';
    return insert(text, at, piece.repeat(Math.ceil(random.below(LONGEST_RUN) / piece.length)));
  }),
];

/** `text` with one to eight damages; of `other` pieces may get in. Not longer than `limit` characters. */
export function mutated(text: string, other: string, random: Random, limit: number): string {
  let result = text;
  // A run once in a while: it costs a hundred times what another damage costs.
  for (let left = 1 + random.below(8); left > 0; left--) {
    const runs = random.below(40) === 0 ? 0 : 1;
    result = MUTATIONS[random.below(MUTATIONS.length - runs)]!(result, random, other).slice(0, limit);
  }
  return result;
}
