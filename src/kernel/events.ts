// The event log: everything that happens in a boot, one typed, append-only stream. Console, checker, reports and traces
// read it; nothing else is passed around.

/** What all events have. Times in microseconds of simulated time; seq counts from 0. */
export interface EventBase {
  seq: number;
  t: number;
  pid: number;
}

/** Addresses are guest virtual addresses of CPU 0's copy unless a field says otherwise; frames are page frame numbers. */
export type EventBody =
  | { type: 'printk'; level: number; text: string }
  | {
      type: 'percpu_alloc';
      chunk: number;
      off: number;
      size: number;
      align: number;
      ptr: number;
      va: number;
      caller: string;
    }
  | { type: 'percpu_alloc_fail'; size: number; align: number; caller: string }
  | { type: 'percpu_free'; chunk: number; off: number; size: number; va: number; caller: string; emptyPages: number }
  | { type: 'chunk_create'; chunk: number; base: number; pages: number }
  | { type: 'chunk_destroy'; chunk: number; base: number }
  | { type: 'populate'; chunk: number; start: number; end: number }
  | { type: 'depopulate'; chunk: number; start: number; end: number; flushed: boolean }
  | { type: 'map'; chunk: number; page: number; cpu: number; va: number; frame: number }
  | { type: 'unmap'; chunk: number; page: number; cpu: number; va: number; frame: number }
  | {
      /** The CPU asks for a translation of `va`: no entry matched, or (`miss` false) the one that did had V = 0. */
      type: 'tlb_refill';
      va: number;
      miss: boolean;
      write: boolean;
      /** Address of the load, store or (with `pc` = `va`) fetch. */
      pc: number;
    }
  | { type: 'tlb_flush'; start: number; end: number; whole: boolean }
  | { type: 'isolate'; chunk: number; again: boolean; empty: number }
  | { type: 'reintegrate'; chunk: number; populated: number; empty: number }
  | { type: 'sideline'; chunk: number }
  | { type: 'balance'; phase: 'start' | 'end'; emptyPages: number; populated: number }
  | { type: 'page_alloc'; frame: number; order: number; owner: string; caller: string }
  | { type: 'page_free'; frame: number; order: number }
  | { type: 'switch'; from: number; to: number }
  | { type: 'task'; task: number; comm: string }
  | { type: 'irq'; line: 'timer' | 'device' }
  | { type: 'softirq'; vector: 'block' | 'rcu'; callbacks: number; left: number }
  | { type: 'rcu'; phase: 'gp_start' | 'gp_end'; callbacks: number }
  | { type: 'scan'; host: number; channel: number; id: number }
  | { type: 'milestone'; what: 'scan_start' | 'scan_end' | 'root_found' | 'root_mounted' | 'init'; host: number }
  | {
      /** A store or load went through a translation that the page table no longer has. */
      type: 'stale_access';
      va: number;
      size: number;
      write: boolean;
      /** Frame that was hit, and the one the page table names (-1: none). */
      frame: number;
      mapped: number;
      owner: string;
      entry: number;
      shadow: boolean;
      pc: number;
      by: string;
    }
  | {
      type: 'oops';
      epc: number;
      ra: number;
      badva: number;
      exccode: number;
      count: number;
      epcSym: string;
      raSym: string;
    }
  | { type: 'bug'; text: string }
  | { type: 'panic'; text: string };

export type KernelEvent = EventBase & EventBody;
export type EventType = EventBody['type'];

/** Appends an event with the time and the task of now. */
export type Append = (body: EventBody) => void;

export class EventLog {
  readonly events: KernelEvent[] = [];
  /** Called with each event as it is appended. */
  onEvent: ((event: KernelEvent) => void) | null = null;

  append(t: number, pid: number, body: EventBody): KernelEvent {
    const event = { seq: this.events.length, t: Math.round(t * 1000) / 1000, pid, ...body } as KernelEvent;
    this.events.push(event);
    this.onEvent?.(event);
    return event;
  }
}
