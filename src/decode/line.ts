// From what a capture holds to what printk wrote: one line of the kernel log at a time, with its time stamp and without the prefixes that
// syslog, serial captures and viewers put in front.
import { capturedLines } from './capture.js';

export { MAX_LINE } from './capture.js';

/** A line of the kernel log. */
export interface LogLine {
  /** 1-based line of the file it stands in. */
  readonly number: number;
  /** printk's time stamp in seconds as printed, empty when there is none. */
  readonly time: string;
  readonly text: string;
  /** The capture's own time stamp as it stands there, when the line has one and no printk stamp; else empty. */
  readonly clock: string;
  /** printk's caller (CONFIG_PRINTK_CALLER): `T8` for thread 8, `C1` for CPU 1; else empty. */
  readonly caller: string;
  /** The line has a stamp, a level or a logger's prefix: it is not the rest of the one before. */
  readonly marked: boolean;
  /** Somebody quotes it. */
  readonly quoted?: boolean;
  /** Columns that the line takes in the file. */
  readonly width: number;
}

/** Characters of a line that are looked at: printk itself cuts at about 1000. */
export const MAX_TEXT = 4096;

/** printk's stamp, with the caller of CONFIG_PRINTK_CALLER: `[    0.618786][    T8] `. */
const STAMP = /\[ {0,7}\d{1,8}\.\d{6}(?: <[ \d.]{1,14}>)?\](?:\[ {0,6}([TC]\d{1,7})(?:@[TC]\d{1,7})?\])? ?/g;
const QUOTED = /^[ \t]{0,3}(?:>|&gt;)/;
const SECONDS = /\d+\.\d+/;
const LEVEL = /^<\d{1,3}>(?:1 (?=\d{4}-))?/;
const MONTH = '[A-Z][a-z]{2}';
const CLOCK = '\\d\\d:\\d\\d:\\d\\d(?:[.,:]\\d{1,9})?';
/** Stamps of terminal programs, of dmesg's options, of syslog, journalctl, logread, ts, grabserial and conserver. */
const CAPTURE_STAMP = new RegExp(
  `^(?:${[
    `\\[?\\d{4}-\\d\\d-\\d\\d[T ]${CLOCK} ?(?:Z|UTC|[+-]\\d\\d:?\\d\\d|[A-Z]{3,4})?\\]?[:,|]?\\s`,
    `\\[?${CLOCK}\\]?[:,|]?\\s+(?:-> )?`,
    `\\[${MONTH} ${MONTH} [ \\d]?\\d ${CLOCK} \\d{4}\\] ?`,
    `${MONTH} ${MONTH} [ \\d]?\\d ${CLOCK} \\d{4}:? `,
    `${MONTH} +\\d{1,2} (?:\\d{4} )?${CLOCK}(?: \\d{4})? `,
    `${MONTH} \\d{4}-\\d\\d-\\d\\d ${CLOCK}(?: [A-Z]{2,5})? `,
    `\\[?\\d\\d?[/.]\\d\\d?[/.]\\d{2,4}[ ,]+${CLOCK}(?: [AP]M)?\\]?:? `,
    '\\d{9,10}\\.\\d{3,6}:? ',
    '\\[ *\\d+\\.\\d+ \\d+\\.\\d+\\] ?',
    `\\[(?: *\\+\\d+\\.\\d{6}|${MONTH} ?\\d{1,2} \\d\\d:\\d\\d)\\] ?`,
  ].join('|')})`,
);
/** A record of /dev/kmsg, which netconsole's extended format has too: level, sequence number, microseconds. */
const KMSG = /^\d{1,3},\d{1,20},(\d{1,17}),[^;]{1,80};/;
const LOGGER = /^(?:\S{1,64} )?(?:kernel|klogd)(?:\[\d+\])?: /;
/** Behind a stamp a logger may name host and facility, or write RFC 5424. */
const LOGGER_AFTER_STAMP =
  /^(?:(?:\S{1,64} ){0,2}(?:kernel|klogd)(?:\[\d+\])?: |\S{1,64} (?:kernel|klogd) \S{1,16} \S{1,32} (?:-|\[[^\]]{0,200}\]) )/;

/**
 * The kernel lines in line `number` of a capture: usually one; more when output of two sources ran together, which a time stamp in the
 * middle gives away.
 */
export function kernelLines(raw: string, number: number): LogLine[] {
  const lines: LogLine[] = [];
  for (const text of capturedLines(raw)) addLines(lines, text, number);
  return QUOTED.test(raw) ? lines.map((line) => ({ ...line, quoted: true })) : lines;
}

function addLines(lines: LogLine[], text: string, number: number): void {
  const width = text.length;
  const common = { number, clock: '', caller: '', width };
  const record = text.includes(';') ? KMSG.exec(text) : null;
  if (record !== null) {
    const us = record[1].padStart(7, '0');
    const caller = /,caller=([TC]\d+)/.exec(record[0])?.[1] ?? '';
    const time = `${us.slice(0, -6)}.${us.slice(-6)}`;
    lines.push({ ...common, time, caller, text: text.slice(record[0].length).slice(0, MAX_TEXT), marked: true });
    return;
  }
  STAMP.lastIndex = 0;
  let stamp = STAMP.exec(text);
  if (stamp === null) {
    lines.push(withoutPrefixes(text, number, width));
    return;
  }
  const before = text.slice(0, stamp.index);
  // A quote that opens in front of the stamp closes behind the message: `{"msg":"[    0.618786] Oops[#1]:"}`.
  const quote = /["']$/.exec(before)?.[0];
  const first = withoutPrefixes(before, number, width);
  if (first.text.trim() !== '') lines.push(first);
  while (stamp !== null) {
    const start = STAMP.lastIndex;
    const next = STAMP.exec(text);
    let body = text.slice(start, next === null ? undefined : next.index).replace(LEVEL, '');
    if (quote !== undefined && next === null && body.includes(quote)) body = body.slice(0, body.lastIndexOf(quote));
    body = body.replace(LOGGER, '').slice(0, MAX_TEXT);
    // Of two stamps in a row the second is the kernel's.
    if (next === null || next.index > start)
      lines.push({
        ...common,
        time: SECONDS.exec(stamp[0])![0],
        caller: stamp[1] ?? '',
        text: body,
        marked: true,
      });
    stamp = next;
  }
}

function withoutPrefixes(whole: string, number: number, width: number): LogLine {
  let text = whole;
  let clock = '';
  let marked = false;
  const take = (pattern: RegExp): string | undefined => {
    const found = pattern.exec(text)?.[0];
    if (found === undefined) return undefined;
    text = text.slice(found.length);
    marked = true;
    return found;
  };
  take(LEVEL);
  for (let round = 0; round < 3; round++) {
    const stamp = take(CAPTURE_STAMP);
    if (stamp === undefined) break;
    clock = stamp.replace(/^\[|[\]:,| ]*(?:-> )?$/g, '').trim();
  }
  take(clock === '' ? LOGGER : LOGGER_AFTER_STAMP);
  take(LEVEL);
  return { number, time: '', text: text.slice(0, MAX_TEXT), clock, caller: '', marked, width };
}
