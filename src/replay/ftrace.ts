// A trace of the percpu tracepoints as events of a log. What it does not say about its kernel, ftrace-input.ts finds out.
import { addressFrom } from '../percpu/index.js';
import type { LongBits } from '../percpu/index.js';
import type { BootGeometry } from './boot-geometry.js';
import type { LogEvent } from './gt-log.js';
import { LogError } from './log-error.js';
import type { Cut, TraceLine } from './trace-lines.js';
import { hasTraceEvents, traceLines } from './trace-lines.js';

export interface Ftrace {
  readonly bits: LongBits;
  /** Up to the first place behind which events are missing. */
  readonly events: readonly LogEvent[];
  /**
   * What the number of possible CPUs can be, likeliest first. bytes_alloc is size times CPUs, and in a kernel that accounts for memory
   * cgroups a pointer per 4 bytes on top. Kernels before 6.0 do not print it.
   */
  readonly cpus: readonly number[];
  /** From lines of the boot log among the events. */
  readonly geometry: BootGeometry;
  /** Where events are missing; what comes behind is not among `events`. */
  readonly cut: Cut | undefined;
  /** Every event says which task it is from. */
  readonly hasTasks: boolean;
}

const KINDS: Readonly<Record<string, LogEvent['kind']>> = {
  percpu_alloc_percpu: 'A',
  percpu_alloc_percpu_fail: 'X',
  percpu_free_percpu: 'F',
  percpu_create_chunk: 'C',
  percpu_destroy_chunk: 'D',
};
/** The background work, where the trace has the workqueue's events too. */
const WORK = /^work struct \S+: function pcpu_balance_workfn\b/;
const WORK_PHASE: Readonly<Record<string, number>> = { workqueue_execute_start: 0, workqueue_execute_end: 1 };
const SMALLEST_PAGE = 4096n;
const HASHED =
  'boot with no_hash_pointers, or trace with 0 in options/hash-ptr (Linux 5.14 and later) to have the real ones';

/** Does the text have events of the percpu tracepoints, or is it a trace at least? */
export function isFtrace(text: string): boolean {
  return /^# tracer:/m.test(text.slice(0, 20_000)) || hasTraceEvents(text);
}

/**
 * Reads a whole trace. Events of other tracepoints are passed over.
 * @param name file name for messages
 * @throws LogError naming the first line that is not a trace line, a pointer that is none, or the end when there are no percpu events
 */
export function parseFtrace(text: string, name: string): Ftrace {
  const { events: found, cuts, geometry, promised, traceLines: count } = traceLines(text, name);
  if (promised !== undefined && promised.entries < promised.written) {
    throw new LogError(name, promised.line, 'the trace buffer overflowed: the beginning of the trace is lost');
  }
  // What is left out before the first event is what a trace begun late lacks anyway.
  const first = found[0]?.line ?? 0;
  const end = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  let cut = cuts.find(({ line, lost }) => line > first || lost);
  if (cut === undefined && promised !== undefined && count < promised.entries) {
    cut = {
      line: end,
      what: `the trace ends after ${count} of ${promised.entries} entries: it is truncated`,
      lost: true,
    };
  }
  if (found.length === 0 || (cut !== undefined && cut.line < first)) {
    throw new LogError(name, cut?.line ?? end, cut?.what ?? 'no percpu:* events in this trace');
  }

  const events: LogEvent[] = [];
  let bits: LongBits = 32;
  let cpus = 0;
  let hasTasks = true;
  for (const line of found) {
    const phase = WORK.test(line.rest.trim()) ? WORK_PHASE[line.event] : undefined;
    const kind = phase === undefined ? KINDS[line.event] : 'W';
    if (kind === undefined || (cut !== undefined && line.line > cut.line)) continue;
    const { number, address } = fieldReader(line, name);
    let base = 0n;
    if (kind !== 'X' && kind !== 'W') {
      const { value, digits } = address('base_addr');
      if (value % SMALLEST_PAGE !== 0n) {
        const upper = digits > 8 && value < 1n << 32n ? 'upper 32 bits 0, ' : '';
        throw new LogError(
          name,
          line.line,
          `base_addr=${line.fields.get('base_addr')!}: pointers are hashed (${upper}not page aligned): ${HASHED}`,
        );
      }
      if (digits > 8 && value !== 0n) bits = 64;
      base = value;
    }
    const size = number('size');
    if (kind === 'A' && size > 0 && line.fields.has('bytes_alloc'))
      cpus = Math.max(cpus, Math.floor(number('bytes_alloc') / size));
    if (line.pid === undefined) hasTasks = false;
    events.push({
      line: line.line,
      text: line.text,
      time: line.time,
      cpu: line.cpu,
      pid: line.pid ?? 1,
      kind,
      base: addressFrom(base, bits),
      offset: number('off'),
      size,
      align: number('align'),
      atomic: number('is_atomic') !== 0,
      reserved: number('reserved') !== 0,
      ...{ start: 0, end: 0, chunkEmpty: 0, globalEmpty: 0, a: phase ?? 0, b: 0, c: 0, d: 0 },
    });
  }
  if (!events.some(({ kind }) => kind !== 'W')) throw new LogError(name, end, 'no percpu:* events in this trace');
  const accounted = cpus - bits / 32;
  return {
    bits,
    events,
    cpus: cpus === 0 ? [1, 2, 4, 8] : accounted > 0 ? [accounted, cpus] : [cpus],
    geometry,
    cut,
    hasTasks,
  };
}

function fieldReader(line: TraceLine, name: string) {
  const bad = (what: string): LogError => new LogError(name, line.line, what);
  return {
    number(key: string): number {
      const value = Number(line.fields.get(key) ?? 0);
      if (!Number.isInteger(value) || value < 0 || value > 0x7fffffff)
        throw bad(`damaged ${line.event} event: ${key}=${line.fields.get(key)!}`);
      return value;
    },
    address(key: string): { value: bigint; digits: number } {
      const text = line.fields.get(key)!;
      const digits = text.replace(/^0x/i, '');
      if (!/^[0-9a-f]{1,16}$/i.test(digits)) throw bad(`${key}=${text}: pointers are hashed: ${HASHED}`);
      return { value: BigInt(`0x${digits}`), digits: digits.length };
    },
  };
}
