// A boot's percpu events as ftrace text, as /sys/kernel/tracing/trace of Linux 6.1 shows them with
//   trace_event=percpu:*,workqueue:workqueue_execute_start,workqueue:workqueue_execute_end
// Fields and order are those of include/trace/events/{percpu,workqueue}.h; the first chunk, made before tracing exists, is left out.
// `percpu-malta replay FILE` reads it and needs no option: the geometry follows from the addresses, and when the balance work ran from
// the workqueue's events. Unlike a real trace it begins with the very first area.
import type { CpuState, KernelEvent } from '../../kernel/events.js';
import { gfpNames } from '../../percpu/index.js';

/** One CPU is online, whatever the number of possible ones. */
const ONLINE = 1;

const COLUMNS = `#
#                                _-----=> irqs-off/BH-disabled
#                               / _----=> need-resched
#                              | / _---=> hardirq/softirq
#                              || / _--=> preempt-depth
#                              ||| / _-=> migrate-disable
#                              |||| /     delay
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
`;

/** The whole trace. */
export function ftraceText(events: readonly KernelEvent[]): string {
  const comms = new Map<number, string>();
  const lines: string[] = [];
  for (const event of events) {
    if (event.type === 'task') comms.set(event.task, event.comm);
    const tracepoint = tracepointOf(event);
    if (tracepoint !== undefined) lines.push(`${prefix(event, comms, tracepoint)}${tracepoint.text}\n`);
  }
  const count = `${lines.length}/${lines.length}`;
  return `# tracer: nop\n#\n# entries-in-buffer/entries-written: ${count}   #P:${ONLINE}\n${COLUMNS}${lines.join('')}`;
}

interface Tracepoint {
  readonly text: string;
  readonly state: CpuState;
  readonly irqsOff: boolean;
}

/** What the kernel's tracepoint prints; undefined for events that are none. */
function tracepointOf(event: KernelEvent): Tracepoint | undefined {
  switch (event.type) {
    case 'percpu_alloc': {
      const { callSite, reserved, atomic, size, align, off, va, ptr, bytesAlloc, gfp } = event;
      const request = `call_site=${callSite} ${requestText(reserved, atomic, size, align)}`;
      const area = `base_addr=${hex(va - off)} off=${off} ptr=${hex(ptr)}`;
      const text = `percpu_alloc_percpu: ${request} ${area} bytes_alloc=${bytesAlloc} gfp_flags=${gfpNames(gfp)}`;
      // The boot CPU's idle task allocates in start_kernel() only, before interrupts are enabled.
      return { text, state: event, irqsOff: event.pid === 0 };
    }
    case 'percpu_alloc_fail': {
      const { reserved, atomic, size, align } = event;
      return {
        text: `percpu_alloc_percpu_fail: ${requestText(reserved, atomic, size, align)}`,
        state: event,
        irqsOff: event.pid === 0,
      };
    }
    case 'percpu_free': {
      const { va, off, ptr } = event;
      const text = `percpu_free_percpu: base_addr=${hex(va - off)} off=${off} ptr=${hex(ptr)}`;
      return { text, state: event, irqsOff: true }; // under pcpu_lock
    }
    case 'chunk_create':
      if (event.chunk === 0) return undefined;
      return { text: `percpu_create_chunk: base_addr=${hex(event.base)}`, state: event, irqsOff: false };
    case 'chunk_destroy':
      return { text: `percpu_destroy_chunk: base_addr=${hex(event.base)}`, state: event, irqsOff: false };
    case 'work': {
      const { phase, work, func } = event;
      return {
        text: `workqueue_execute_${phase}: work struct ${hex(work)}: function ${func}`,
        state: event,
        irqsOff: false,
      };
    }
    default:
      return undefined;
  }
}

function requestText(reserved: boolean, atomic: boolean, size: number, align: number): string {
  return `reserved=${Number(reserved)} is_atomic=${Number(atomic)} size=${size} align=${align}`;
}

/** `TASK-PID [CPU] flags TIME: ` */
function prefix({ t, pid }: KernelEvent, comms: ReadonlyMap<number, string>, { state, irqsOff }: Tracepoint): string {
  const comm = pid === 0 ? '<idle>' : (comms.get(pid) ?? '<...>');
  const flags = `${irqsOff ? 'd' : '.'}${state.needResched ? 'n' : '.'}${state.softirq ? 's' : '.'}..`;
  const us = Math.round(t);
  const time = `${String(Math.floor(us / 1e6)).padStart(5)}.${String(us % 1e6).padStart(6, '0')}`;
  return `${comm.padStart(16)}-${String(pid).padEnd(7)} [000] ${flags} ${time}: `;
}

/** %p of a 32-bit address with no_hash_pointers. */
function hex(address: number): string {
  return (address >>> 0).toString(16).padStart(8, '0');
}
