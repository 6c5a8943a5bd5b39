// From what a serial capture holds to what printk wrote: one line of the kernel log at a time, without the capture's decorations.

/** A line of the kernel log. */
export interface LogLine {
  /** 1-based line of the file it stands in. */
  readonly number: number;
  /** printk's time stamp in seconds as printed, empty when there is none. */
  readonly time: string;
  readonly text: string;
}

/** Longest line that is looked at, in characters; a capture without line ends must not become one string of its size. */
export const MAX_LINE = 65_536;

// eslint-disable-next-line no-control-regex
const ANSI = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])/g;
// eslint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f\ufffd]/g;
const QUOTE = /^(?:[ \t]{0,3}>[ \t]?)+/;
/** printk's stamp, with the caller of CONFIG_PRINTK_CALLER: `[    0.618786][    T8] `. */
const STAMP = /\[ {0,6}\d{1,7}\.\d{6}\](?:\[ {0,6}[TC]\d{1,7}\])? ?/g;
const SECONDS = /\d+\.\d+/;
const LEVEL = /^<\d{1,3}>/;
/** Stamps of terminal programs, of `dmesg -T` and of syslog. */
const CAPTURE_STAMP =
  /^(?:\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?\]?\s+|\[?\d\d:\d\d:\d\d(?:\.\d+)?\]?\s+|\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}\] ?)/;
/** A record of /dev/kmsg, which netconsole's extended format has too: level, sequence number, microseconds. */
const KMSG = /^\d{1,3},\d{1,20},(\d{1,17}),[^;]{1,80};/;
const SYSLOG = /^(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d )?(?:\S{1,64} )?kernel: /;

/**
 * The kernel lines in line `number` of a capture: usually one; more when output of two sources ran together, which a time stamp in the
 * middle gives away. Removed: carriage returns and other control characters, terminal escapes, mail quoting, log levels, capture stamps.
 */
export function kernelLines(raw: string, number: number): LogLine[] {
  let text = raw.length > MAX_LINE ? raw.slice(0, MAX_LINE) : raw;
  if (text.includes('\x1b')) text = text.replace(ANSI, '');
  text = text.replace(CONTROL, '');
  if (text.includes('>')) text = text.replace(QUOTE, '');

  const record = text.includes(';') ? KMSG.exec(text) : null;
  if (record !== null) {
    const us = record[1].padStart(7, '0');
    return [{ number, time: `${us.slice(0, -6)}.${us.slice(-6)}`, text: text.slice(record[0].length) }];
  }

  STAMP.lastIndex = 0;
  let stamp = STAMP.exec(text);
  if (stamp === null) return [{ number, time: '', text: withoutPrefixes(text) }];
  const lines: LogLine[] = [];
  const before = withoutPrefixes(text.slice(0, stamp.index));
  if (before.trim() !== '') lines.push({ number, time: '', text: before });
  while (stamp !== null) {
    const start = STAMP.lastIndex;
    const next = STAMP.exec(text);
    const body = text.slice(start, next === null ? undefined : next.index);
    lines.push({ number, time: SECONDS.exec(stamp[0])![0], text: body.replace(LEVEL, '') });
    stamp = next;
  }
  return lines;
}

function withoutPrefixes(text: string): string {
  return text.replace(LEVEL, '').replace(CAPTURE_STAMP, '').replace(SYSLOG, '').replace(LEVEL, '');
}
