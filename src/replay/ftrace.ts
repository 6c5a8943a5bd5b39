// Reads ftrace text of the percpu tracepoints, as /sys/kernel/tracing/trace, trace_pipe and `trace-cmd report` print it:
//   TASK-PID [CPU] flags TIME: percpu_alloc_percpu: reserved=0 is_atomic=0 size=.. align=.. base_addr=.. off=.. ptr=.. ...
import { addressFrom } from '../percpu/index.js';
import type { LongBits } from '../percpu/index.js';
import type { LogEvent } from './gt-log.js';
import { LogError } from './log-error.js';

export interface Ftrace {
  readonly bits: LongBits;
  readonly events: readonly LogEvent[];
  /**
   * What the number of possible CPUs can be, likeliest first. bytes_alloc is size times CPUs, and in a kernel that accounts for memory
   * cgroups a pointer per 4 bytes on top. Kernels before 6.0 do not print it.
   */
  readonly cpus: readonly number[];
}

const LINE =
  /^\s*(\S.*)-(\d+)\s+(?:\(\s*[-\d]+\)\s+)?\[(\d+)\]\s+(?:[-.a-zA-Z\d#]{4,8}\s+)?(\d+\.\d+):\s+(?:\w+:)?(\w+):\s*(.*)$/;
const KINDS: Readonly<Record<string, LogEvent['kind']>> = {
  percpu_alloc_percpu: 'A',
  percpu_alloc_percpu_fail: 'X',
  percpu_free_percpu: 'F',
  percpu_create_chunk: 'C',
  percpu_destroy_chunk: 'D',
};
/** The background work, where the trace has the workqueue's events too. */
const WORK = /^work struct \S+: function pcpu_balance_workfn$/;
const WORK_PHASE: Readonly<Record<string, number>> = { workqueue_execute_start: 0, workqueue_execute_end: 1 };
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  A: ['reserved', 'is_atomic', 'size', 'align', 'base_addr', 'off', 'ptr'],
  X: ['reserved', 'is_atomic', 'size', 'align'],
  F: ['base_addr', 'off', 'ptr'],
  C: ['base_addr'],
  D: ['base_addr'],
};

/** Does the text look like ftrace output? */
export function isFtrace(text: string): boolean {
  const head = text.slice(0, 20_000);
  return /^# tracer:/m.test(head) || /^cpus=\d+$/m.test(head) || head.split('\n').some((line) => LINE.test(line));
}

/**
 * Reads a whole trace. Events of other tracepoints are passed over.
 * @param name file name for messages
 * @throws LogError naming the first line that is not a trace line, a loss of events, or the end when events are missing
 */
export function parseFtrace(text: string, name: string): Ftrace {
  const lines = text.split(/\r?\n/);
  const events: LogEvent[] = [];
  let bits: LongBits = 32;
  let cpus = 0;
  let promised: number | undefined;
  let traceLines = 0;
  lines.forEach((line, index) => {
    const bad = (what: string): LogError => new LogError(name, index + 1, what);
    if (line.trim() === '' || /^cpus=\d+$/.test(line)) return;
    if (line.startsWith('#')) {
      const entries = /entries-in-buffer\/entries-written: (\d+)\/(\d+)/.exec(line);
      if (entries !== null) {
        promised = Number(entries[1]);
        if (entries[1] !== entries[2]) throw bad('the trace buffer overflowed: the beginning of the trace is lost');
      }
      return;
    }
    if (/LOST \d+ EVENTS|\[LOST\b|overrun/i.test(line)) throw bad(`events were lost: "${line.trim()}"`);
    const match = LINE.exec(line);
    if (match === null) throw bad(`not a trace line: "${line.length > 80 ? `${line.slice(0, 77)}...` : line}"`);
    traceLines++;
    const [, , pid, cpu, time, event, rest] = match as unknown as string[];
    const phase = WORK.test(rest!.trim()) ? WORK_PHASE[event!] : undefined;
    const kind = phase === undefined ? KINDS[event!] : 'W';
    if (kind === undefined) return;
    const fields = new Map<string, string>();
    for (const field of rest!.matchAll(/(\w+)=(\S+)/g)) fields.set(field[1]!, field[2]!);
    for (const needed of NEEDED[kind] ?? [])
      if (!fields.has(needed)) throw bad(`damaged ${event!} event: ${needed}= is missing`);
    const number = (key: string): number => {
      const value = Number(fields.get(key) ?? 0);
      if (!Number.isInteger(value)) throw bad(`damaged ${event!} event: ${key}=${fields.get(key)!}`);
      return value;
    };
    const address = (key: string): bigint => {
      const digits = (fields.get(key) ?? '0').replace(/^0x/, '');
      if (!/^[0-9a-f]{1,16}$/.test(digits))
        throw bad(`${key}=${digits} is not an address (boot with no_hash_pointers)`);
      if (digits.length > 8) bits = 64;
      return BigInt(`0x${digits}`);
    };
    const base = kind === 'X' || kind === 'W' ? 0n : address('base_addr');
    const size = number('size');
    if (kind === 'A' && size > 0 && fields.has('bytes_alloc'))
      cpus = Math.max(cpus, Math.floor(number('bytes_alloc') / size));
    events.push({
      line: index + 1,
      text: line.trim(),
      time: time!,
      cpu: Number(cpu),
      pid: Number(pid),
      kind,
      base: addressFrom(base, bits),
      offset: number('off'),
      size,
      align: number('align'),
      atomic: number('is_atomic') !== 0,
      reserved: number('reserved') !== 0,
      ...{ start: 0, end: 0, chunkEmpty: 0, globalEmpty: 0, a: phase ?? 0, b: 0, c: 0, d: 0 },
    });
  });
  if (promised !== undefined && traceLines < promised) {
    const last = lines.at(-1) === '' ? lines.length - 1 : lines.length;
    throw new LogError(name, last, `the trace ends after ${traceLines} of ${promised} entries: it is truncated`);
  }
  if (!text.endsWith('\n')) throw new LogError(name, lines.length, 'the last line has no end: the trace is truncated');
  if (events.length === 0) throw new LogError(name, lines.length, 'no percpu:* events in this trace');
  const accounted = cpus - bits / 32;
  return { bits, events, cpus: cpus === 0 ? [1, 2, 4, 8] : accounted > 0 ? [accounted, cpus] : [cpus] };
}
