// Reads event logs (gt_log) of instrumented kernels: one line per per-CPU event from the first allocation on.
//   seq time_s cpu pid type fields... caller
// A allocated, X failed, F freed, C/D chunk created/destroyed, P/U pages populated/depopulated (p, u: one line per page of each unit),
// T TLB flush of reclaim, I/R/S chunk isolated/reintegrated/sidelined, W balance work starts (a=0) or ends (a=1).
import { LogError } from './log-error.js';

export type EventKind = 'A' | 'X' | 'F' | 'C' | 'D' | 'P' | 'U' | 'T' | 'I' | 'R' | 'S' | 'W';

/** One event. Addresses are unsigned numbers of a 32-bit kernel; sizes and offsets in bytes, pages as indexes into a unit. */
export interface LogEvent {
  /** 1-based line of the log. */
  readonly line: number;
  readonly text: string;
  readonly time: string;
  readonly cpu: number;
  readonly pid: number;
  readonly kind: EventKind;
  /** Address of the chunk; 0 for X and W. */
  readonly base: number;
  /** A, F: offset in the chunk. */
  readonly offset: number;
  readonly size: number;
  readonly align: number;
  readonly atomic: boolean;
  readonly reserved: boolean;
  /** P, U, T: pages [start, end). */
  readonly start: number;
  readonly end: number;
  /** F: the chunk's and the global number of empty populated pages afterwards. */
  readonly chunkEmpty: number;
  readonly globalEmpty: number;
  /** C, I, R, S, W, D: the four numbers that the README of the logs explains. */
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
}

/** What the log's header says of the kernel. Sizes in bytes. */
export interface LogHeader {
  /** Events in the kernel's buffer when the log was read. */
  readonly recorded: number;
  readonly lost: number;
  /** The kernel flushes after partial depopulation. */
  readonly flushes: boolean;
  readonly unitSize: number;
  readonly unitPages: number;
  readonly nrUnits: number;
  readonly atomSize: number;
  readonly nrGroups: number;
  /** pcpu_base_addr. */
  readonly base: number;
  readonly staticSize: number;
}

export interface GtLog {
  readonly header: LogHeader;
  readonly events: readonly LogEvent[];
  /** p and u lines: pages that were mapped and unmapped. */
  readonly pagesMapped: number;
  readonly pagesUnmapped: number;
}

/** Does the text begin like a gt_log? */
export function isGtLog(text: string): boolean {
  return text.startsWith('# percpu event log:');
}

const HEADER = /^# percpu event log: (\d+) recorded, (\d+) total, lost (\d+), variant (\w+)\((\w+)\)$/;
const GEOMETRY =
  /^# unit_size=(\d+) unit_pages=(\d+) nr_units=(\d+) atom=(\d+) nr_groups=(\d+) base_addr=([0-9a-f]+) static=(\d+)$/;
const EVENT = /^(\d+) (\d+\.\d+) (\d+) (\d+) ([A-Zpu]) (.*)$/;
const CALLER = String.raw` \S.*$`;
const FIELDS: Readonly<Record<string, RegExp>> = {
  A: new RegExp(`^base=([0-9a-f]+) off=(\\d+) size=(\\d+) align=(\\d+) flags=([0-9a-f]+)${CALLER}`),
  X: new RegExp(`^size=(\\d+) align=(\\d+) atomic=(\\d)${CALLER}`),
  F: new RegExp(`^base=([0-9a-f]+) off=(\\d+) size=(\\d+) nr_empty=(-?\\d+) tot_empty=(-?\\d+)${CALLER}`),
  pages: new RegExp(`^base=([0-9a-f]+) pages=\\[(\\d+),(\\d+)\\) va=\\[[0-9a-f]+,[0-9a-f]+\\)${CALLER}`),
  page: /^base=([0-9a-f]+) unit_cpu=(\d+) page=(\d+) pfn=[0-9a-f]+ va=[0-9a-f]+$/,
  numbers: new RegExp(`^base=([0-9a-f]+) a=(\\d+) b=(-?\\d+) c=([0-9a-f]+) d=([0-9a-f]+)${CALLER}`),
};
const LAYOUT: Readonly<Record<string, string>> = {
  ...{ A: 'A', X: 'X', F: 'F', P: 'pages', U: 'pages', T: 'pages', p: 'page', u: 'page' },
  ...{ C: 'numbers', D: 'numbers', I: 'numbers', R: 'numbers', S: 'numbers', W: 'numbers' },
};

/**
 * Reads a whole log.
 * @param name file name for messages
 * @throws LogError naming the first line that is not an event, or the end when events are missing
 */
export function parseGtLog(text: string, name: string): GtLog {
  const lines = text.split(/\r?\n/);
  const first = HEADER.exec(lines[0] ?? '');
  if (first === null) throw new LogError(name, 1, 'not a per-CPU event log ("# percpu event log: ..." expected)');
  const geometry = GEOMETRY.exec(lines[1] ?? '');
  if (geometry === null)
    throw new LogError(name, 2, 'the line with the geometry ("# unit_size=... static=...") is damaged');
  const header: LogHeader = {
    recorded: Number(first[1]),
    lost: Number(first[3]),
    flushes: first[5] === 'flush',
    unitSize: Number(geometry[1]),
    unitPages: Number(geometry[2]),
    nrUnits: Number(geometry[3]),
    atomSize: Number(geometry[4]),
    nrGroups: Number(geometry[5]),
    base: parseInt(geometry[6]!, 16),
    staticSize: Number(geometry[7]),
  };
  if (first[5] !== 'flush' && first[5] !== 'noflush') {
    throw new LogError(name, 1, `unknown kernel variant ${first[4]}(${first[5]})`);
  }
  const pageSize = header.unitSize / header.unitPages;
  if (!Number.isInteger(Math.log2(pageSize)) || pageSize < 4096) {
    throw new LogError(name, 2, `unit_size ${header.unitSize} in ${header.unitPages} pages is no possible geometry`);
  }
  if (header.lost > 0)
    throw new LogError(name, 1, `the kernel lost ${header.lost} events: nothing after them can be checked`);

  const events: LogEvent[] = [];
  let seen = 0;
  let pagesMapped = 0;
  let pagesUnmapped = 0;
  for (let index = 2; index < lines.length; index++) {
    const line = lines[index]!;
    if (line === '' || line.startsWith('#')) continue;
    const bad = (what: string): LogError => new LogError(name, index + 1, what);
    const match = EVENT.exec(line);
    if (match === null) throw bad(`not an event: "${shorten(line)}"`);
    const [, seq, time, cpu, pid, type, rest] = match as unknown as string[];
    const layout = LAYOUT[type!];
    if (layout === undefined) throw bad(`unknown event type "${type!}"`);
    const fields = FIELDS[layout]!.exec(rest!);
    if (fields === null) throw bad(`damaged ${type!} event: "${shorten(line)}"`);
    if (Number(seq) !== seen) throw bad(`event ${seq!} where ${seen} is expected: lines are missing`);
    seen++;
    if (layout === 'page') {
      if (type === 'p') pagesMapped++;
      else pagesUnmapped++;
      continue;
    }
    // The kernel prints its signed counters unsigned: -1 (an area was taken, its page not yet counted) reads 4294967295.
    const value = (group: number): number => Number(fields[group]) | 0;
    const base = layout === 'X' ? 0 : parseInt(fields[1]!, 16);
    const flags = layout === 'A' ? parseInt(fields[5]!, 16) : layout === 'X' ? value(3) : 0;
    const pages = layout === 'pages';
    const numbers = layout === 'numbers';
    events.push({
      line: index + 1,
      text: line,
      time: time!,
      cpu: Number(cpu),
      pid: Number(pid),
      kind: type as EventKind,
      base,
      offset: layout === 'A' || layout === 'F' ? value(2) : 0,
      size: layout === 'A' || layout === 'F' ? value(3) : layout === 'X' ? value(1) : 0,
      align: layout === 'A' ? value(4) : layout === 'X' ? value(2) : 0,
      atomic: (flags & 1) !== 0,
      reserved: (flags & 2) !== 0,
      start: pages ? value(2) : 0,
      end: pages ? value(3) : 0,
      chunkEmpty: layout === 'F' ? value(4) : 0,
      globalEmpty: layout === 'F' ? value(5) : 0,
      a: numbers ? value(2) : 0,
      b: numbers ? value(3) : 0,
      c: numbers ? parseInt(fields[4]!, 16) | 0 : 0,
      d: numbers ? parseInt(fields[5]!, 16) | 0 : 0,
    });
  }
  if (seen < header.recorded) {
    const last = lines.at(-1) === '' ? lines.length - 1 : lines.length;
    throw new LogError(name, last, `the log ends after ${seen} of ${header.recorded} events: it is truncated`);
  }
  if (!text.endsWith('\n')) throw new LogError(name, lines.length, 'the last line has no end: the log is truncated');
  return { header, events, pagesMapped, pagesUnmapped };
}

function shorten(line: string): string {
  return line.length > 80 ? `${line.slice(0, 77)}...` : line;
}
