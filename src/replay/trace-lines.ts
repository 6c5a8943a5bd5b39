// The events of a trace, whoever printed it and whatever happened to the text since. One event in its forms:
//   initd-1     [000] .....     0.268931: percpu_alloc_percpu: reserved=0 ...     /sys/kernel/tracing/trace, trace_pipe, trace-cmd report
//   initd-1       0d..1   12us : percpu_alloc_percpu: ...                          the same with latency-format
//   initd     1 [000]     0.268931: percpu:percpu_alloc_percpu: ...                perf script
//   0)               |  /* percpu_alloc_percpu: ... */                             function_graph
//   [    0.268931] percpu_alloc_percpu: ...                                        tp_printk: the console
// Lines may be quoted (>), wrapped at blanks, and stand among other text. What says that lines are missing is reported.
import { MailSource } from '../decode/mail-source.js';
import type { BootGeometry } from './boot-geometry.js';
import { readGeometry } from './boot-geometry.js';
import { LogError } from './log-error.js';

/** One event, as far as the form has it. */
export interface TraceLine {
  /** 1-based, of the event's first line. */
  readonly line: number;
  readonly text: string;
  readonly pid: number | undefined;
  readonly cpu: number;
  /** Seconds as printed; '0' where there are none. */
  readonly time: string;
  readonly event: string;
  readonly fields: ReadonlyMap<string, string>;
  readonly rest: string;
  /** The text ends in the middle of this line. */
  readonly unfinished: boolean;
}

/** A place at which lines are missing. */
export interface Cut {
  readonly line: number;
  readonly what: string;
  /** By the tracer itself, not by whoever passed the text on. */
  readonly lost: boolean;
}

export interface TraceText {
  readonly events: readonly TraceLine[];
  /** In order of their lines. */
  readonly cuts: readonly Cut[];
  /** What lines of a boot log among the events say. */
  readonly geometry: BootGeometry;
  /** entries-in-buffer of the header, and its line. */
  readonly promised: { readonly line: number; readonly entries: number; readonly written: number } | undefined;
  /** Lines of any event. */
  readonly traceLines: number;
}

const EVENTS =
  'percpu_alloc_percpu_fail percpu_alloc_percpu percpu_free_percpu percpu_create_chunk percpu_destroy_chunk ' +
  'workqueue_execute_start workqueue_execute_end';
const EVENT = new RegExp(`^(|.*?[\\s:;])(?:\\w+:)?(${EVENTS.replaceAll(' ', '|')}):(?: (.*?)|\\s*)(?:\\s*\\*/\\s*)?$`);
/** Fields without which an event is of no use. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  percpu_alloc_percpu: ['reserved', 'is_atomic', 'size', 'align', 'base_addr', 'off', 'ptr'],
  percpu_alloc_percpu_fail: ['reserved', 'is_atomic', 'size', 'align'],
  percpu_free_percpu: ['base_addr', 'off', 'ptr'],
  percpu_create_chunk: ['base_addr'],
  percpu_destroy_chunk: ['base_addr'],
};

/** Longer lines, in characters, are no events. */
const LONGEST = 4096;

const FLAGS = String.raw`[-.a-zA-Z\d#]{3,8}`;
/** What stands before the event: task, pid, CPU and time, in named groups. */
const HEADS = [
  String.raw`(?<task>\S.*?)-(?<pid>\d+)\s+(?:\(\s*[-\d]+\)\s+)?\[(?<cpu>\d+)\]\s+(?:${FLAGS}\s+)?(?<time>\d+(?:\.\d+)?):`,
  String.raw`(?<task>\S.*?)-(?<pid>\d+)\s+(?<cpu>\d+)${FLAGS}\s+(?<us>\d+)us[^\s:]?\s*:`,
  String.raw`(?<task>\S.*?)\s+(?:\d+\/)?(?<pid>\d+)\s+(?:\[(?<cpu>\d+)\]\s+)?(?:${FLAGS}\s+)?(?<time>\d+\.\d+):(?:\s+\d+)?`,
  String.raw`(?:(?<time>\d+\.\d+)\s*\|\s*)?(?<cpu>\d+)\)\s+(?:(?<task>\S.*?)-(?<pid>\d+)\s*\|)?.*\/\*`,
  String.raw`.*\[\s*(?<time>\d+\.\d+)\](?:\s*\[\s*[TC]\d+\])?`,
].map((head) => new RegExp(`^\\s*${head}\\s*$`));
/** A line of any event or of a function tracer. */
const OTHER = [
  String.raw`\S.*?-\d+\s+(?:\(\s*[-\d]+\)\s+)?\[\d+\]\s+(?:${FLAGS}\s+)?\d+(?:\.\d+)?:`,
  String.raw`\S.*?-\d+\s+\d+${FLAGS}\s+\d+us[^\s:]?\s*:`,
  String.raw`\S.*?\s+(?:\d+\/)?\d+\s+(?:\[\d+\]\s+)?\d+\.\d+:(?:\s+\d+)?\s+\S+:`,
  String.raw`(?:\d+\.\d+\s*\|\s*)?\d+\)\s.*[|;{}]`,
].map((head) => new RegExp(`^\\s*${head}`));
/** A wrapped line's first half that ends before the event's name. */
const HEAD_ONLY = new RegExp(
  String.raw`^\s*\S.*-\d+\s+(?:\(\s*[-\d]+\)\s+)?\[\d+\](?:\s+${FLAGS})?(?:\s+\d+\.\d+:?)?\s*$`,
);
/** Second halves: fields, or the rest of the flags. */
const FIELDS_ONLY = /^\s*(?:\w+=\S+|[A-Z_|]{4,})(?:\s+(?:\w+=\S+|[A-Z_|]{4,}))*\s*$/;
const STACK = /^\s*(?:=> |<stack trace>|[0-9a-f]{5,16} \S+)/;
const CONSOLE = /\[\s*\d+\.\d{6}\]/;
const LOST = /LOST \d+ EVENTS|\[LOST\b|EVENTS DROPPED\]|overrun|lost \d+ (?:events|chunks|samples)/i;
const LEFT_OUT = 'cut|omitted|skipped|deleted|removed|snipped|trimmed|truncated|left out|elided|missing|lost';
const CUT = new RegExp(
  String.raw`^\W*(?:\.{3,}|…)\W*$|^\W*(?:\.{3}|…).*(?:\.{3}|…)\W*$|^\W*(?:snip|snipped|cut|trimmed|truncated|omitted|8<)\W*$|` +
    String.raw`^\W*(?:\d+|many|some|more|several)\b.*\b(?:lines?|events?|entries)\b.*\b(?:${LEFT_OUT})\b|` +
    String.raw`^\W*(?:lines?|events?|entries|output|trace|log|rest|remainder)\b.{0,30}\b(?:${LEFT_OUT})\W*$`,
  'i',
);

/** Does the text have events of the percpu tracepoints? */
export function hasTraceEvents(text: string): boolean {
  return EVENTS.split(' ').some((event) => text.includes(`${event}:`));
}

/**
 * Finds the events of a whole text.
 * @param name file name for messages
 * @throws LogError naming the first line among a trace's that belongs to none, or a damaged event
 */
export function traceLines(text: string, name: string): TraceText {
  const lines = text.includes('=3D') ? mailLines(text) : text.split('\n');
  const unfinishedLine = text.endsWith('\n') ? -1 : lines.length - 1;
  const quoted = lines.some((line) => /^\s*>/.test(line));
  const events: TraceLine[] = [];
  const cuts: Cut[] = [];
  const geometry: BootGeometry = {};
  let promised: TraceText['promised'];
  let count = 0;
  let begun = false;
  let console_ = false;
  let foreign: { line: number; text: string } | undefined;
  let pending: { line: number; text: string; last: number } | undefined;

  const flush = (): void => {
    if (pending === undefined) return;
    const { line, text: whole, last } = pending;
    pending = undefined;
    const event = parseEvent(whole, line, last === unfinishedLine);
    if (event === undefined) return;
    let missing = NEEDED[event.event]?.find((field) => !event.fields.has(field));
    // Of a last line without its end, an address that stands last may be cut.
    const width = events[0]?.fields.get('base_addr')?.length;
    if (event.unfinished && /chunk$/.test(event.event) && event.fields.get('base_addr')?.length !== width)
      missing = 'base_addr';
    if (missing !== undefined) {
      // The text breaks off, here or at a place that says so.
      if (event.unfinished) cuts.push({ line, what: 'the text ends within this line', lost: false });
      else throw new LogError(name, line, `damaged ${event.event} event: ${missing}= is missing`);
      return;
    }
    if (foreign !== undefined && begun && !quoted && !console_) {
      throw new LogError(name, foreign.line, `not a trace line: "${shorten(foreign.text)}"`);
    }
    if (event.pid === undefined) console_ = true;
    begun = true;
    foreign = undefined;
    events.push(event);
  };

  lines.forEach((raw, index) => {
    const line = raw.length > LONGEST ? '' : clean(raw);
    if (EVENT.test(line)) {
      if (pending !== undefined && HEAD_ONLY.test(pending.text) && EVENT.exec(line)![1]!.trim() === '') {
        pending.text += ` ${line.trim()}`;
        pending.last = index;
        return;
      }
      flush();
      count++;
      pending = { line: index + 1, text: line, last: index };
      return;
    }
    if (line.trim() === '' || /^\s*(?:```|~~~)/.test(line)) return;
    if (pending !== undefined && (isIncomplete(pending.text) || FIELDS_ONLY.test(line)) && !startsAnew(line)) {
      pending.text += ` ${line.trim()}`;
      pending.last = index;
      return;
    }
    if (HEAD_ONLY.test(line)) {
      flush();
      count++;
      pending = { line: index + 1, text: line, last: index };
      return;
    }
    flush();
    if (readGeometry(line, geometry)) return;
    if (/^(?:version = \d+|cpus=\d+|CPU \d+ is empty)$/.test(line)) {
      begun = true;
    } else if (LOST.test(line)) {
      cuts.push({ line: index + 1, what: `events were lost: "${shorten(line.trim())}"`, lost: true });
    } else if (OTHER.some((other) => other.test(line))) {
      count++;
      begun = true;
    } else if (line.startsWith('#')) {
      const entries = /entries-in-buffer\/entries-written: (\d+)\/(\d+)/.exec(line);
      if (entries !== null) promised = { line: index + 1, entries: Number(entries[1]), written: Number(entries[2]) };
      if (/^# (?:tracer|cmdline|perf)/.test(line)) begun = true;
      if (CUT.test(line.slice(1))) cuts.push({ line: index + 1, what: 'events are missing here', lost: false });
    } else if (!/\[ cut here \]/.test(line) && CUT.test(line)) {
      cuts.push({ line: index + 1, what: 'events are missing here', lost: false });
    } else if (!STACK.test(line) && !CONSOLE.test(line)) {
      if (begun) foreign ??= { line: index + 1, text: line };
    }
  });
  flush();
  return { events, cuts, geometry, promised, traceLines: count };
}

/** Lines of a mail's source; what was broken into two stands in the second, so that lines keep their numbers. */
function mailLines(text: string): string[] {
  const mail = new MailSource();
  return [...text.split('\n').map((line) => mail.add(line) ?? ''), mail.finish()];
}

/** A line as it was before it was quoted, put into HTML or typed through a terminal. */
function clean(raw: string): string {
  let line = raw
    .replace(/(?:\r|\^M|\u240d\u240a|\u00e2\u0090\u008d|\u00e2\u0090\u008a)+$/u, '')
    .replace(/^(?:\s*>)+ ?/, '');
  if (line.includes('&')) {
    line = line.replace(/&(lt|gt|amp|quot|#39|nbsp);/g, (_, entity: string) => ENTITIES[entity]!);
  }
  return line.replace(/(?:\u00c2?\u00a0)/g, ' ');
}

const ENTITIES: Readonly<Record<string, string>> = {
  ...{ lt: '<', gt: '>', amp: '&', quot: '"', nbsp: ' ' },
  '#39': "'",
};

function startsAnew(line: string): boolean {
  return (
    line.startsWith('#') ||
    LOST.test(line) ||
    CUT.test(line) ||
    OTHER.some((other) => other.test(line)) ||
    HEAD_ONLY.test(line)
  );
}

/** A wrapped event whose rest is on the next line. */
function isIncomplete(text: string): boolean {
  const match = EVENT.exec(text);
  if (match === null) return HEAD_ONLY.test(text);
  const rest = match[3] ?? '';
  return (NEEDED[match[2]!] ?? []).some((field) => !new RegExp(`\\b${field}=\\S`).test(rest));
}

function parseEvent(text: string, line: number, unfinished: boolean): TraceLine | undefined {
  const match = EVENT.exec(text);
  if (match === null) return undefined;
  const [, before, event, rest = ''] = match as unknown as [string, string, string, string | undefined];
  const fields = new Map<string, string>();
  for (const field of rest.matchAll(/(\w+)=(\S+)/g)) fields.set(field[1]!, field[2]!);
  let groups: Record<string, string | undefined> = {};
  for (const head of HEADS) {
    const found = head.exec(before);
    if (found === null) continue;
    groups = found.groups!;
    break;
  }
  const { pid, cpu, us } = groups;
  const time = us === undefined ? (groups.time ?? '0') : (Number(us) / 1e6).toFixed(6);
  return {
    line,
    text: text.trim(),
    pid: pid === undefined ? undefined : Number(pid),
    cpu: Number(cpu ?? 0),
    time,
    event,
    fields,
    rest,
    unfinished,
  };
}

function shorten(line: string): string {
  return line.length > 80 ? `${line.slice(0, 77)}...` : line;
}
