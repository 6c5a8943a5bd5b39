// The event log as columns, one set per event type, strings by number: a tenth of the log's size as JSON lines.
import type { KernelEvent } from '../../kernel/events.js';

/** How a field is written: a number, the number of a string, 0 or 1. Values of -1 of the last two: the event has no such field. */
export type FieldKind = 'number' | 'string' | 'boolean';

export interface EventColumns {
  /** Distances to the event before, whole microseconds. */
  t: number[];
  pid: number[];
  /** Index into `types`. */
  type: number[];
  types: { name: string; fields: { name: string; kind: FieldKind }[]; columns: number[][] }[];
  strings: string[];
}

/** Fields that nothing on the page shows: of all events, and of some types. */
const BASE = ['seq', 't', 'pid', 'type', 'softirq', 'needResched'];
const LEFT_OUT: Readonly<Record<string, readonly string[]>> = {
  percpu_alloc: ['align', 'ptr', 'va', 'callSite', 'reserved', 'atomic', 'gfp', 'bytesAlloc'],
  percpu_free: ['ptr', 'va', 'emptyPages'],
};

type Fields = Readonly<Record<string, unknown>>;

export function eventColumns(events: readonly KernelEvent[]): EventColumns {
  const strings: string[] = [];
  const numbers = new Map<string, number>();
  const numberOf = (text: string): number => {
    let number = numbers.get(text);
    if (number === undefined) {
      number = strings.push(text) - 1;
      numbers.set(text, number);
    }
    return number;
  };
  const byType = new Map<string, Fields[]>();
  for (const event of events) {
    const list = byType.get(event.type);
    if (list) list.push(event as unknown as Fields);
    else byType.set(event.type, [event as unknown as Fields]);
  }
  const types = [...byType].map(([name, list]) => {
    const skip = new Set([...BASE, ...(LEFT_OUT[name] ?? [])]);
    const names = [...new Set(list.flatMap((event) => Object.keys(event)))].filter((field) => !skip.has(field));
    const fields = names.map((field) => ({ name: field, kind: kindOf(list, field) }));
    const columns = fields.map(({ name: field, kind }) =>
      list.map((event) => {
        const value = event[field];
        if (kind === 'number') return value as number;
        if (value === undefined) return -1;
        return kind === 'string' ? numberOf(String(value)) : Number(value);
      }),
    );
    return { name, fields, columns };
  });
  const position = new Map([...byType.keys()].map((name, i) => [name, i]));
  let last = 0;
  const t = events.map((event) => {
    const at = Math.floor(event.t);
    const distance = at - last;
    last = at;
    return distance;
  });
  return { t, pid: events.map(({ pid }) => pid), type: events.map(({ type }) => position.get(type)!), types, strings };
}

/** Numbers in all events, booleans or nothing, else strings or nothing. */
function kindOf(list: readonly Fields[], field: string): FieldKind {
  if (list.every((event) => Number.isFinite(event[field]))) return 'number';
  if (list.every((event) => event[field] === undefined || typeof event[field] === 'boolean')) return 'boolean';
  return 'string';
}

/** Reads events back by number. */
export class EventTable {
  readonly length: number;
  /** Microseconds of each event. */
  readonly times: Float64Array;
  readonly #columns: EventColumns;
  /** Position of each event among those of its type. */
  readonly #row: Int32Array;

  constructor(columns: EventColumns) {
    this.#columns = columns;
    this.length = columns.type.length;
    this.times = new Float64Array(this.length);
    this.#row = new Int32Array(this.length);
    const rows = columns.types.map(() => 0);
    let t = 0;
    for (let seq = 0; seq < this.length; seq++) {
      t += columns.t[seq]!;
      this.times[seq] = t;
      this.#row[seq] = rows[columns.type[seq]!]!++;
    }
  }

  typeOf(seq: number): string {
    return this.#columns.types[this.#columns.type[seq]!]!.name;
  }

  /** The event as it was, but for fields that nothing shows and fractions of a microsecond. */
  at(seq: number): KernelEvent {
    const { name, fields, columns } = this.#columns.types[this.#columns.type[seq]!]!;
    const event: Record<string, unknown> = { seq, t: this.times[seq]!, pid: this.#columns.pid[seq]!, type: name };
    fields.forEach((field, i) => {
      const value = columns[i]![this.#row[seq]!]!;
      if (field.kind === 'number') event[field.name] = value;
      else if (value >= 0) event[field.name] = field.kind === 'boolean' ? value === 1 : this.#columns.strings[value]!;
    });
    return event as unknown as KernelEvent;
  }

  /** The last event at or before time `t` (microseconds); 0 when there is none. */
  seqAt(t: number): number {
    let low = 0;
    let high = this.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.times[middle]! <= t) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
