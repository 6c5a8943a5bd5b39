// Whether a value that was read is an event of a boot. Event logs come from files that anything may have happened to.
import { UsageError } from '../errors.js';
import type { EventBody, EventType, KernelEvent } from './events.js';

type Kind = 'number' | 'string' | 'boolean';
type KindOf<V> = V extends number ? 'number' : V extends boolean ? 'boolean' : 'string';
type Body<T extends EventType> = Extract<EventBody, { type: T }>;
type Fields = { readonly [T in EventType]: { readonly [F in Exclude<keyof Body<T>, 'type'>]-?: KindOf<Body<T>[F]> } };

const n = 'number';
const s = 'string';
const b = 'boolean';
const cpu = { softirq: b, needResched: b } as const;

/** What events.ts declares, to be looked at when the program runs. */
const FIELDS: Fields = {
  printk: { level: n, text: s },
  percpu_alloc: {
    ...{ chunk: n, off: n, size: n, align: n, ptr: n, va: n, caller: s, callSite: s },
    ...{ reserved: b, atomic: b, gfp: n, bytesAlloc: n, ...cpu },
  },
  percpu_alloc_fail: { size: n, align: n, caller: s, reserved: b, atomic: b, ...cpu },
  percpu_free: { chunk: n, off: n, size: n, ptr: n, va: n, caller: s, emptyPages: n, ...cpu },
  chunk_create: { chunk: n, base: n, pages: n, ...cpu },
  chunk_destroy: { chunk: n, base: n, ...cpu },
  populate: { chunk: n, start: n, end: n },
  depopulate: { chunk: n, start: n, end: n, flushed: b },
  map: { chunk: n, page: n, cpu: n, va: n, frame: n },
  unmap: { chunk: n, page: n, cpu: n, va: n, frame: n },
  tlb_refill: { va: n, miss: b, write: b, pc: n },
  tlb_flush: { start: n, end: n, whole: b },
  isolate: { chunk: n, again: b, empty: n },
  reintegrate: { chunk: n, populated: n, empty: n },
  sideline: { chunk: n },
  balance: { phase: s, emptyPages: n, populated: n },
  page_alloc: { frame: n, order: n, owner: s, caller: s },
  page_free: { frame: n, order: n },
  switch: { from: n, to: n },
  task: { task: n, comm: s },
  irq: { line: s },
  softirq: { vector: s, callbacks: n, left: n },
  rcu: { phase: s, callbacks: n },
  work: { phase: s, work: n, func: s, ...cpu },
  scan: { host: n, channel: n, id: n },
  milestone: { what: s, host: n },
  stale_access: {
    ...{ va: n, size: n, write: b, frame: n, mapped: n, owner: s, entry: n, shadow: b, pc: n, by: s },
  },
  oops: { epc: n, ra: n, badva: n, exccode: n, count: n, epcSym: s, raSym: s },
  bug: { text: s },
  panic: { text: s },
  stall: { looping: b, pc: n, sym: s },
};

const BASE = { seq: n, t: n, pid: n } as const;

/** A line of `boot --log`. @throws UsageError "file:line: what is wrong" */
export function readEvent(text: string, file: string, line: number): KernelEvent {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UsageError(`${file}:${line}: not a JSON object; need an event log as boot --log writes it`);
  }
  const problem = eventProblem(value);
  if (problem !== undefined) throw new UsageError(`${file}:${line}: not an event of a boot: ${problem}`);
  return value as KernelEvent;
}

/** What is wrong with `value`, undefined when nothing is. What a checker saw (`checker_...`) is not looked into. */
function eventProblem(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'not a JSON object';
  const event = value as Readonly<Record<string, unknown>>;
  const { type } = event;
  if (typeof type !== 'string') return 'no type';
  if (type.startsWith('checker_')) return wrongField(event, { t: n });
  if (!Object.hasOwn(FIELDS, type)) return `${JSON.stringify(type)} is no type of event`;
  return wrongField(event, BASE) ?? wrongField(event, FIELDS[type as EventType]);
}

function wrongField(event: Readonly<Record<string, unknown>>, fields: Readonly<Record<string, Kind>>) {
  for (const [name, kind] of Object.entries(fields)) {
    const field = Object.hasOwn(event, name) ? event[name] : undefined;
    if (field === undefined) return `${name}: missing`;
    const fits = kind === 'number' ? Number.isFinite(field) : typeof field === kind;
    if (!fits) return `${name}: ${JSON.stringify(field).slice(0, 40)} is no ${kind}`;
  }
  return undefined;
}
