// Text from logs, symbol files, scripts and file names on its way to a terminal: nothing in it may steer the terminal or hide what it says.

/**
 * Control characters (C0, DEL, C1), format characters (zero-width, bidi overrides and isolates, byte order mark, tags), line and paragraph
 * separators, and halves of surrogate pairs. C1 matters as much as ESC: U+009B is CSI to xterm, and a bidi override makes a terminal show
 * text in another order than it has (CVE-2021-42574).
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** `text` with every such character but line feed and tab written as an escape: `\x1b`, `\u202e`, `\u{e0001}`. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) =>
    character === '\n' || character === '\t' ? character : escape(character),
  );
}

/** As printable, and a line feed too becomes an escape (`\n`): for what must stay on one line, such as a file name. */
export function printableLine(text: string): string {
  return printable(text).replaceAll('\n', '\\n');
}

/** `value` as one line of JSON that may go to a terminal: the same JSON, with those characters as `\\u` escapes. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(UNPRINTABLE, (character) =>
    Array.from(
      { length: character.length },
      (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}

function escape(character: string): string {
  if (character === '\r') return '\\r';
  const code = character.codePointAt(0)!;
  const digits = code.toString(16);
  if (code < 0x100) return `\\x${digits.padStart(2, '0')}`;
  return code < 0x1_0000 ? `\\u${digits.padStart(4, '0')}` : `\\u{${digits}}`;
}
