// The event log: everything that happens in a boot, one typed, append-only stream. Console, checker, reports and traces
// read it; nothing else is passed around.

/** What all events have. Times in microseconds of simulated time; seq counts from 0. */
export interface EventBase {
  seq: number;
  t: number;
  pid: number;
}

/** The CPU at one of the kernel's tracepoints, which record it in common_flags (include/linux/trace_events.h). */
export interface CpuState {
  /** TRACE_FLAG_SOFTIRQ: in a softirq, ksoftirqd's included. */
  softirq: boolean;
  /** TRACE_FLAG_NEED_RESCHED: the task is to give way at the next opportunity. */
  needResched: boolean;
}

/** Addresses are guest virtual addresses of CPU 0's copy unless a field says otherwise; frames are page frame numbers. */
export type EventBody =
  | { type: 'printk'; level: number; text: string }
  | ({
      type: 'percpu_alloc';
      chunk: number;
      off: number;
      /** Bytes of one CPU's copy, and alignment, as rounded by the allocator. */
      size: number;
      align: number;
      ptr: number;
      va: number;
      caller: string;
      /** %pS of the return address; the function's name alone where a recorded boot is replayed. */
      callSite: string;
      reserved: boolean;
      atomic: boolean;
      /** GFP flags as a number (src/percpu/gfp.ts). */
      gfp: number;
      /** Bytes that are accounted for: all copies and their slots in obj_cgroups (pcpu_obj_full_size()). */
      bytesAlloc: number;
    } & CpuState)
  | ({
      type: 'percpu_alloc_fail';
      size: number;
      align: number;
      caller: string;
      reserved: boolean;
      atomic: boolean;
    } & CpuState)
  | ({
      type: 'percpu_free';
      chunk: number;
      off: number;
      size: number;
      ptr: number;
      va: number;
      caller: string;
      emptyPages: number;
    } & CpuState)
  | ({ type: 'chunk_create'; chunk: number; base: number; pages: number } & CpuState)
  | ({ type: 'chunk_destroy'; chunk: number; base: number } & CpuState)
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
  | ({
      /** A worker takes up a work item, or is done with it. */
      type: 'work';
      phase: 'start' | 'end';
      /** Address of the work_struct, and its function. */
      work: number;
      func: string;
    } & CpuState)
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
  | { type: 'panic'; text: string }
  | {
      /** The boot ends without having come to init: in a loop without an end, or with nothing left to do. */
      type: 'stall';
      looping: boolean;
      /** Where the guest was. */
      pc: number;
      sym: string;
    };

export type KernelEvent = EventBase & EventBody;
export type EventType = EventBody['type'];

/** Appends an event with the time and the task of now. */
export type Append = (body: EventBody) => void;

/** The same for an event that has seq, t and pid in front with any values: the frequent ones save a copy that way. */
export type Place = (event: KernelEvent) => void;

export class EventLog {
  readonly events: KernelEvent[] = [];
  /** Called with each event as it is appended. */
  onEvent: ((event: KernelEvent) => void) | null = null;

  append(t: number, pid: number, body: EventBody): KernelEvent {
    const event = { seq: 0, t: 0, pid: 0, ...body } as KernelEvent;
    this.place(t, pid, event);
    return event;
  }

  /** As `append`, without a copy: `event` has seq, t and pid in front, whatever they are. */
  place(t: number, pid: number, event: KernelEvent): void {
    event.seq = this.events.length;
    event.t = Math.round(t * 1000) / 1000;
    event.pid = pid;
    this.events.push(event);
    this.onEvent?.(event);
  }
}
