import { expect, test } from 'vitest';
import { printable, printableJson, printableLine } from './terminal-text.js';

test.each([
  ['an escape sequence', '\x1b[2Jevil', '\\x1b[2Jevil'],
  ['C1 CSI', 'a\x9b31mb', 'a\\x9b31mb'],
  ['NUL, bell, backspace, DEL', '\x00\x07\b\x7f', '\\x00\\x07\\x08\\x7f'],
  ['a carriage return that would overwrite the line', 'safe\rEVIL', 'safe\\rEVIL'],
  ['a bidi override', 'a\u202eb\u2066c\u061cd', 'a\\u202eb\\u2066c\\u061cd'],
  ['zero-width characters', 'a\u200bb\u200dc\ufeffd\u00ade', 'a\\u200bb\\u200dc\\ufeffd\\xade'],
  ['line separators', 'a\u2028b\u2029c', 'a\\u2028b\\u2029c'],
  ['a tag character', 'a\u{e0041}b', 'a\\u{e0041}b'],
  ['half a surrogate pair', 'a\ud800b', 'a\\ud800b'],
  ['line feed and tab', 'a\n\tb', 'a\n\tb'],
  ['text of any script', 'Грин 中文 é ⏎ 😀 a\u00a0b', 'Грин 中文 é ⏎ 😀 a\u00a0b'],
])('%s', (_, text, shown) => expect(printable(text)).toBe(shown));

test('no control character of the first 65536 code points is left, whatever it is', () => {
  const all = String.fromCharCode(...Array.from({ length: 0x1_0000 }, (_, i) => i));
  // eslint-disable-next-line no-control-regex
  const left = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff]/.exec(
    printable(all),
  );
  expect(left?.[0].charCodeAt(0)).toBeUndefined();
});

test('on one line', () => expect(printableLine('a\nb\tc\x1b')).toBe('a\\nb\tc\\x1b'));

test('JSON stays the same JSON', () => {
  const value = { text: 'a\x9b\u202e\u{e0041}\n\x1b"é' };
  expect(printableJson(value)).toBe('{"text":"a\\u009b\\u202e\\udb40\\udc41\\n\\u001b\\"é"}');
  expect(JSON.parse(printableJson(value))).toEqual(value);
});
