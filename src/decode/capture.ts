// What terminals, web pages, mail programs and log viewers do to a line of text, undone.

/** Longest line that is looked at, in characters; a capture without line ends must not become one string of its size. */
export const MAX_LINE = 65_536;

/* eslint-disable no-control-regex */
/** Terminal sequences: CSI (with ESC or as the C1 character), OSC, others; and CSI as `cat -v`, less and rsyslog write it. */
const ANSI =
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]|(?:\^\[|#033)\[[0-9;?]{0,16}[A-Za-z]/g;
/** C0 but tab, DEL, C1, what a decoder puts in place of a broken byte; zero-width and bidi format characters. */
const INVISIBLE =
  /[\x00-\x08\x0a-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufffd]/g;
/* eslint-enable no-control-regex */
/** No-break and typographic spaces, as web pages and word processors put them in place of runs of spaces. */
const SPACE = /[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/g;
/** What word processors and blogs make of ASCII: `--`, quotes, `...`, `0x`. */
const TYPOGRAPHY: ReadonlyArray<readonly [RegExp, string]> = [
  [/[\u2018\u2019]/g, "'"],
  [/[\u201c\u201d]/g, '"'],
  [/[\u2010-\u2012\u2212]/g, '-'],
  [/[\u2013\u2014]/g, '--'],
  [/\u2026/g, '...'],
  [/(?<=0)\u00d7(?=[0-9a-f])/g, 'x'],
];
/** Pictures of line ends: symbols for CR and LF, a return arrow. */
const LINE_END_PICTURE = /[\u2404]?\u240d*(?:\u240a|\u2424|\u21b5|\u23ce)|\u2028|\u2029/g;
/** The escape that rsyslog, JSON and C write in place of a line feed, where another line follows. */
const LINE_END_ESCAPE = /#015?#012|#012|(?:\\r){1,2}\\n|\\n(?=\[|<\d|\$ ?\d|\\n|["']|$)/g;
/** What is left of a line end at the end of a line. */
const LINE_END_REST = ['^M', '^J', '\\r', '\\n', '#015', '#012', '<CR>', '<LF>', '[CR]', '[LF]', '\u240d'];

const BREAKING_TAG = /<\/?(?:br|p|pre|div|tr|li|hr|table|blockquote)(?:\s[^<>]*)?\/?>/gi;
const OTHER_TAG =
  /<\/?(?:html|head|body|code|span|tt|samp|kbd|font|strong|em|b|i|u|a|td|th|tbody|thead|ul|ol|small|section|article|textarea|nowiki|details|summary)(?:\s[^<>]*)?\/?>/gi;
/** Of XML: what closes the element around a line. */
const LAST_TAG = /(?<=\S)<\/[a-z][\w:.-]{0,40}>\s*$/;
const ENTITY =
  /&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|(lt|gt|amp|quot|apos|nbsp|ensp|emsp|thinsp|dollar|colon|lsqb|rsqb));/g;
const NAMED: Readonly<Record<string, string>> = {
  ...{ lt: '<', gt: '>', amp: '&', quot: '"', apos: "'", nbsp: ' ', ensp: ' ', emsp: ' ', thinsp: ' ' },
  ...{ dollar: '$', colon: ':', lsqb: '[', rsqb: ']' },
};

/** Tags of forums. */
const BBCODE = /\[\/?(?:code|quote|pre|noparse|spoiler|list|size|color|font|b|i|u)(?:=[^\][]{0,40})?\]/gi;
/** Markdown's escapes. */
const MARKDOWN_ESCAPE = /\\([[\]_*$<>#~`()+])/g;
/** The text of a record in JSON (journalctl -o json, Docker, LAVA). */
const JSON_RECORD = /^\s*-?\s*\{.*?"(?:MESSAGE|message|msg|log)"\s?:\s?("(?:[^"\\]|\\.)*")/;

/** Escaped line ends that make a line a log of its own. */
const LOG_IN_A_STRING = 5;

const QUOTE = /^(?:[ \t]{0,3}>[ \t]?)+/;

/**
 * The lines of text in `raw`, a line of a capture without its line end: usually one; more where a page's `<br>` or an escape stands for
 * the end of a line. Gone are terminal sequences, control and invisible characters, tags, entities, mail quoting.
 */
export function capturedLines(raw: string): string[] {
  let text = raw.length > MAX_LINE ? raw.slice(0, MAX_LINE) : raw;
  if (/[^\t\x20-\x7e]|\^\[|#033/.test(text)) {
    text = text.replace(ANSI, '').replace(LINE_END_PICTURE, '\n').replace(SPACE, ' ');
    text = text.replace(INVISIBLE, (character) => (character === '\n' ? '\n' : ''));
    if (/[\u00d7\u2010-\u2026\u2212]/.test(text)) for (const [from, to] of TYPOGRAPHY) text = text.replace(from, to);
  }
  if (text.includes('{"') || text.includes('{ "')) text = recordText(text);
  if (text.includes('[/') || text.includes('[c') || text.includes('[C')) text = text.replace(BBCODE, '');
  if (/\\[[$_]/.test(text)) text = text.replace(MARKDOWN_ESCAPE, '$1');
  if (text.includes('<')) text = text.replace(BREAKING_TAG, '\n').replace(OTHER_TAG, '').replace(LAST_TAG, '');
  // Pages that quote pages escape twice: &amp;lt;
  for (let round = 0; round < 2 && text.includes('&'); round++) text = text.replace(ENTITY, entity);
  if (text.includes('\\n')) text = textOfString(text);
  if (text.includes('\\') || text.includes('#01')) text = text.replace(LINE_END_ESCAPE, '\n');
  if (!text.includes('\n')) return [unquoted(text)];
  const lines = text.split('\n').map(unquoted);
  const filled = lines.filter((line) => line.trim() !== '');
  return filled.length === 0 ? [''] : filled;
}

function recordText(line: string): string {
  const string = JSON_RECORD.exec(line)?.[1];
  if (string === undefined) return line;
  try {
    const text = (JSON.parse(string) as string).replace(ANSI, '').replace(/\r?\n$/, '');
    return text.replace(INVISIBLE, (character) => (character === '\n' ? '\n' : ''));
  } catch {
    return line;
  }
}

/** A whole log in one string of JSON, C or Python, escapes undone; a line with a few of them may be a path or a regular expression. */
function textOfString(line: string): string {
  if ((line.match(/\\n/g) ?? []).length < LOG_IN_A_STRING) return line;
  return line
    .replace(/\\u00([23][0-9a-f])/gi, (_, code: string) => String.fromCharCode(parseInt(code, 16)))
    .replace(/(?:\\r){0,2}\\n/g, '\n')
    .replaceAll('\\t', '\t')
    .replace(/\\(["'/])/g, '$1');
}

function entity(_: string, decimal?: string, hexadecimal?: string, name?: string): string {
  if (name !== undefined) return NAMED[name];
  const code = decimal !== undefined ? Number(decimal) : parseInt(hexadecimal!, 16);
  if (code === 10) return '\n';
  // A no-break space is a space here; control characters are as unwelcome as in the text itself.
  if (code === 160) return ' ';
  return code < 32 || (code >= 127 && code < 160) || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)
    ? ''
    : String.fromCodePoint(code);
}

function unquoted(line: string): string {
  let text = line.includes('>') ? line.replace(QUOTE, '') : line;
  // A table's column.
  if (/^\s*\|.*\|\s*$/.test(text))
    text = text
      .replace(/^\s*\|/, '')
      .trimEnd()
      .slice(0, -1);
  for (;;) {
    const trimmed = text.trimEnd();
    const rest = LINE_END_REST.find((end) => trimmed.endsWith(end));
    if (rest === undefined) return text;
    text = trimmed.slice(0, -rest.length);
  }
}
