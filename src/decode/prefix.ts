// Prefixes that no rule knows: `board3| `, `console.log-12-`, `+ `. They are learned from the lines around: where register dumps and call
// traces have the same text in front, that text is no kernel's.
import { readDumpLine } from './dump-line.js';
import { readHeadline } from './headline.js';
import type { LogLine } from './line.js';

/** Lines that are looked at before and behind a line. */
const REACH = 24;
const MAX_PREFIX = 80;

/** What only a kernel prints, wherever in a line it stands. */
const ANCHOR =
  /\$ ?\d{1,2}\s{0,6}: ?[0-9a-f]{8}|\b(?:epc|ra|Status|Cause|BadVA|PrId|Hi|Lo)\s{0,6}: [0-9a-f]{8}|Call Trace:|\[<[0-9a-f]{8,16}>\] |(?:[Cc][Pp][Uu] \d{1,4} )?Unable to handle kernel |CPU: \d{1,4} (?:UID: \d{1,6} )?PID: \d|Process \S.{0,30} \(pid: \d|Modules linked in:|Code\s{0,4}: [0-9a-f]{8} |Stack\s{0,4}: [0-9a-f]{8} |---\[ end |-{8,12}\[ cut here|Kernel panic - not syncing|Linux version \d/;

interface Held {
  readonly line: LogLine;
  /** Shape of what stands before the anchor: undefined without an anchor, empty when it starts the line. */
  readonly shape: string | undefined;
}

/** Takes lines and gives them back in the same order, REACH lines later, without the prefixes that their neighbours share. */
export class PrefixLearner {
  readonly #held: Held[] = [];
  /** Lines among those held, and REACH before, that have the shape in front of an anchor. */
  readonly #shapes = new Map<string, number>();
  readonly #past: string[] = [];

  /** @returns the lines that are ready */
  add(line: LogLine): LogLine[] {
    const shape = shapeOf(line.text);
    this.#held.push({ line, shape });
    if (shape !== undefined && shape !== '') this.#shapes.set(shape, (this.#shapes.get(shape) ?? 0) + 1);
    return this.#held.length > REACH ? [this.#next()] : [];
  }

  /** The rest. */
  finish(): LogLine[] {
    const rest: LogLine[] = [];
    while (this.#held.length > 0) rest.push(this.#next());
    return rest;
  }

  #next(): LogLine {
    const { line, shape } = this.#held.shift()!;
    const stripped = this.#shapes.size === 0 ? line : this.#strip(line, shape);
    this.#past.push(shape ?? '');
    if (this.#past.length > REACH) this.#forget(this.#past.shift()!);
    return stripped;
  }

  #forget(shape: string): void {
    if (shape === '') return;
    const count = this.#shapes.get(shape)! - 1;
    if (count === 0) this.#shapes.delete(shape);
    else this.#shapes.set(shape, count);
  }

  #strip(line: LogLine, shape: string | undefined): LogLine {
    if (shape === '') return line;
    for (const [learned, count] of this.#shapes) {
      if (count < 2 || (shape !== undefined && shape !== learned)) continue;
      const prefix = patternOf(learned).exec(line.text)?.[0];
      if (prefix === undefined) continue;
      const text = line.text.slice(prefix.length);
      return { ...line, text: /["']$/.test(prefix) ? unquoted(text, prefix.at(-1)!) : text, marked: true };
    }
    return line;
  }
}

/** The text in front of the quote that closes it, as JSON or a table has it. */
function unquoted(text: string, quote: string): string {
  const end = text.lastIndexOf(quote);
  const body = end < 0 ? text : text.slice(0, end);
  return body.replaceAll('\\t', '\t').replace(/\\(["/])/g, '$1');
}

/** Numbers and spaces of a prefix vary from line to line. */
function shapeOf(text: string): string | undefined {
  const match = ANCHOR.exec(text);
  if (match === null) return undefined;
  const prefix = text.slice(0, match.index);
  if (prefix.trim() === '') return '';
  if (prefix.length > MAX_PREFIX || /\bat: $/.test(prefix)) return undefined;
  // A line of its own that has such words within; the words of a fault are found wherever they stand.
  if (!match[0].includes('Unable') && (readDumpLine(text) !== undefined || readHeadline(text) !== undefined)) return '';
  return prefix.replace(/[0-9a-fA-F]*\d[0-9a-fA-F]*/g, '0').replace(/\s+/g, ' ');
}

const patterns = new Map<string, RegExp>();

function patternOf(shape: string): RegExp {
  let pattern = patterns.get(shape);
  if (pattern === undefined) {
    const source = shape
      .replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')
      .replaceAll('0', '[0-9a-fA-F]+')
      .replaceAll(' ', '\\s+');
    pattern = new RegExp(`^${source.replace(/\\s\+$/, '\\s*')}`);
    if (patterns.size > 256) patterns.clear();
    patterns.set(shape, pattern);
  }
  return pattern;
}
