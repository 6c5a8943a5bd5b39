// Puts together again what was one line: wrapped by a mail program at a space, by a terminal at its last column, or torn by another message.
import { fieldsOf, readDumpLine } from './dump-line.js';
import { headlineFields, readHeadline } from './headline.js';
import type { LogLine } from './line.js';
import { kernelLines } from './line.js';
import { panicFields } from './panic.js';
import { readUserFault, userFaultFields } from './user-fault.js';

/** Lines shorter than this are not wrapped but torn. */
const WRAP_FROM = 40;
/** What is left of a row of registers; a logger that wraps puts its prefix in front of it too. */
const REGISTER_VALUES = /^\s*(?:[0-9a-f]{16}|[0-9a-f]{8})(?: +(?:[0-9a-f]{16}|[0-9a-f]{8})){0,2} *$/;
const ROW_REGISTERS = 4;
const TERMINAL_COLUMNS: readonly number[] = [80, 132];

interface Waiting {
  readonly line: LogLine;
  /** Physical line that it reaches into. */
  readonly end: number;
}

/** Takes lines in order and gives them back joined, one physical line later. */
export class LineJoiner {
  /** The lines of the last physical line: several when output of two sources ran together. */
  #waiting: Waiting[] = [];
  /** Columns of the longest line, and of the shortest, that was wrapped and put together again; 0 when none was. */
  #longest = 0;
  #shortest = Infinity;

  /** @returns the lines that are complete */
  add(line: LogLine): LogLine[] {
    const here = { line, end: line.number };
    const last = this.#waiting.at(-1);
    if (last === undefined || last.line.number === line.number) {
      this.#waiting.push(here);
      return [];
    }
    // A line without a mark of its own may be the rest of one in front; the rest may be cut again.
    const mayBeRest = !line.marked || REGISTER_VALUES.test(line.text);
    const isRest = mayBeRest && line.text.trim() !== '' && last.end === line.number - 1;
    for (let i = this.#waiting.length - 1; isRest && i >= 0; i--) {
      const first = this.#waiting[i].line;
      const stamped = tornStamp(first, line);
      if (stamped !== undefined) {
        this.#waiting = this.#waiting.map((other, k) => ({ line: k === i ? stamped : other.line, end: line.number }));
        return [];
      }
      const text = line.marked ? joinedRow(first, line) : (joined(first, line) ?? this.#continued(first, line));
      if (text === undefined) continue;
      if (first.width >= WRAP_FROM) {
        this.#longest = Math.max(this.#longest, first.width);
        this.#shortest = Math.min(this.#shortest, first.width);
      }
      const whole = { ...this.#waiting[i].line, text, width: line.width };
      this.#waiting = this.#waiting.map((other, k) => ({ line: k === i ? whole : other.line, end: line.number }));
      return [];
    }
    const ready = this.finish();
    this.#waiting = [here];
    return ready;
  }

  /** Free text has no end of its own: in a wrapped log the column tells that it goes on. */
  #continued(first: LogLine, rest: LogLine): string | undefined {
    if (this.#longest === 0 || first.width > this.#longest) return undefined;
    if (says(first.text) === 0 || says(rest.text) > 0 || !isFreeText(first.text)) return undefined;
    // A terminal breaks all lines at one column, a mail program at spaces before it.
    if (first.width === this.#longest && (this.#shortest === this.#longest || TERMINAL_COLUMNS.includes(first.width)))
      return first.text + rest.text;
    const word = /^\s*(\S*)/.exec(rest.text)![1].length;
    return first.width + 1 + word > this.#longest ? `${first.text.trimEnd()} ${rest.text.trimStart()}` : undefined;
  }

  /** The rest. */
  finish(): LogLine[] {
    const ready = this.#waiting.map(({ line }) => line);
    this.#waiting = [];
    return ready;
  }
}

/** The line whose time stamp was torn: `[    0.47` and `7409] Cause : ...`. */
function tornStamp(first: LogLine, rest: LogLine): LogLine | undefined {
  if (!/^\s*\[ {0,7}\d{0,8}(?:\.\d{0,6})?$/.test(first.text)) return undefined;
  const [whole] = kernelLines(first.text + rest.text, first.number);
  return whole.time === '' ? undefined : { ...whole, width: rest.width };
}

/** The text of `first` and `rest` as one line; undefined when they are two. */
function joined(first: LogLine, rest: LogLine): string | undefined {
  const next = says(rest.text);
  // A stamp alone was torn from its message.
  if (first.text.trim() === '') return first.marked && next > 0 ? rest.text : undefined;
  // What begins a line of its own is no rest.
  if (next > 0) return undefined;
  // A date in front of the next message is eight digits too.
  if (readDumpLine(first.text)?.part === 'registers' && !/^[0-9a-f\s]*$/.test(rest.text)) return undefined;
  const alone = says(first.text);
  const together = first.text + rest.text;
  const spaced = `${first.text.trimEnd()} ${rest.text.trimStart()}`;
  const [asTorn, asWrapped] = [says(together), says(spaced)];
  if (asTorn === 0 && asWrapped === 0) return undefined;
  const best = Math.max(asTorn, asWrapped);
  if (best > alone)
    return asTorn > asWrapped || (asTorn === asWrapped && TERMINAL_COLUMNS.includes(first.width)) ? together : spaced;
  return undefined;
}

/** The whole row of registers that begins with `first`; undefined when the two are no row. */
function joinedRow(first: LogLine, rest: LogLine): string | undefined {
  const row = readDumpLine(first.text);
  if (row?.part !== 'registers' || row.registers.length >= ROW_REGISTERS) return undefined;
  const text = `${first.text.trimEnd()} ${rest.text.trimStart()}`;
  const whole = readDumpLine(text);
  return whole?.part === 'registers' && whole.registers.length <= ROW_REGISTERS ? text : undefined;
}

/** Fields that a line gives, 0 for one that is no kernel's. */
function says(text: string): number {
  const dump = readDumpLine(text);
  if (dump !== undefined) return fieldsOf(dump);
  const headline = readHeadline(text);
  if (headline !== undefined) return headlineFields(headline, text);
  const user = readUserFault(text);
  return user !== undefined ? userFaultFields(user) : panicFields(text);
}

/** Messages whose words nobody can count beforehand. */
function isFreeText(text: string): boolean {
  return /Kernel panic|BUG|WARNING|UBSAN|INFO: |sending SIG/.test(text);
}
