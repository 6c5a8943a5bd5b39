// One line of plain text per event.
import { hex, pfn } from '../../analysis/addresses.js';
import type { KernelEvent } from '../../kernel/events.js';

/** `page 3`, `pages 3-5`: from start up to, not including, end. */
const pages = (start: number, end: number): string =>
  end - start === 1 ? `page ${start}` : `pages ${start}-${end - 1}`;

const pageCount = (order: number): string => (order === 0 ? 'pfn' : `${1 << order} pages from pfn`);

/** Uses no field that event-table.ts leaves out. */
export function describe(e: KernelEvent): string {
  switch (e.type) {
    case 'printk':
      return `console: ${e.text.trim()}`;
    case 'percpu_alloc':
      return `${e.caller}: allocated ${e.size} bytes in chunk ${e.chunk} at offset ${e.off}`;
    case 'percpu_free':
      return `${e.caller}: freed ${e.size} bytes in chunk ${e.chunk} at offset ${e.off}`;
    case 'percpu_alloc_fail':
      return `${e.caller}: no per-CPU memory for ${e.size} bytes`;
    case 'chunk_create':
      return `chunk ${e.chunk} created at ${hex(e.base)}, ${e.pages} pages`;
    case 'chunk_destroy':
      return `chunk ${e.chunk} destroyed`;
    case 'populate':
      return `chunk ${e.chunk}: ${pages(e.start, e.end)} populated`;
    case 'depopulate':
      return `chunk ${e.chunk}: ${pages(e.start, e.end)} depopulated, ${e.flushed ? 'flush follows' : 'TLB not flushed'}`;
    case 'map':
      return `chunk ${e.chunk} page ${e.page}${cpu(e.cpu)}: ${hex(e.va)} mapped to pfn ${pfn(e.frame)}`;
    case 'unmap':
      return `chunk ${e.chunk} page ${e.page}${cpu(e.cpu)}: ${hex(e.va)} unmapped from pfn ${pfn(e.frame)}`;
    case 'tlb_refill':
      return `TLB refill for the ${e.write ? 'store' : 'load'} to ${hex(e.va)}: ${e.miss ? 'no entry matched' : 'the entry had V=0'}`;
    case 'tlb_flush':
      return `TLB flushed ${e.whole ? 'as a whole, for' : 'from'} ${hex(e.start)} to ${hex(e.end)}`;
    case 'isolate':
      return `chunk ${e.chunk} isolated${e.again ? ' again' : ''}, ${e.empty} empty pages`;
    case 'reintegrate':
      return `chunk ${e.chunk} reintegrated: ${e.populated} populated, ${e.empty} empty pages`;
    case 'sideline':
      return `chunk ${e.chunk} sidelined`;
    case 'balance':
      return `pcpu_balance_workfn ${e.phase === 'start' ? 'starts' : 'ends'}: ${e.populated} populated, ${e.emptyPages} empty pages`;
    case 'page_alloc':
      return `${pageCount(e.order)} ${pfn(e.frame)} to ${e.owner}${e.caller === e.owner ? '' : ` by ${e.caller}`}`;
    case 'page_free':
      return `${pageCount(e.order)} ${pfn(e.frame)} freed`;
    case 'switch':
      return `switch from pid ${e.from} to pid ${e.to}`;
    case 'task':
      return `pid ${e.task} is ${e.comm}`;
    case 'irq':
      return `${e.line} interrupt`;
    case 'softirq':
      return `softirq ${e.vector}: ${e.callbacks} callbacks, ${e.left} left`;
    case 'rcu':
      return `RCU grace period ${e.phase === 'gp_start' ? 'starts' : 'ends'}, ${e.callbacks} callbacks`;
    case 'work':
      return `worker ${e.phase === 'start' ? 'takes up' : 'is done with'} ${e.func}`;
    case 'scan':
      return `scanning target ${e.host}:${e.channel}:${e.id}`;
    case 'milestone':
      return milestone(e.what, e.host);
    case 'stale_access':
      return (
        `${e.by}: stale ${e.write ? 'store' : 'load'} of ${e.size} bytes at ${hex(e.va)} goes to pfn ${pfn(e.frame)} (${e.owner}), ` +
        `PTE ${pfn(e.mapped)}; ${e.shadow ? 'shadow' : 'TLB'} entry ${e.entry}`
      );
    case 'oops':
      return `oops ${e.count}: ExcCode ${String(e.exccode).padStart(2, '0')}, BadVA ${hex(e.badva)}, epc ${e.epcSym}, ra ${e.raSym}`;
    case 'bug':
      return e.text;
    case 'panic':
      return `panic: ${e.text}`;
    case 'stall':
      return `stall: ${e.looping ? `the guest loops in ${e.sym}` : 'nothing is left to do'}, init was not reached`;
    default:
      return other(e);
  }
}

/** Unit 0 goes without saying. */
const cpu = (unit: number): string => (unit === 0 ? '' : ` of CPU ${unit}`);

function milestone(what: string, host: number): string {
  switch (what) {
    case 'scan_start':
      return `scan of host ${host} starts`;
    case 'scan_end':
      return `scan of host ${host} ends`;
    case 'root_found':
      return 'root disk found';
    case 'root_mounted':
      return 'root mounted';
    default:
      return 'init runs';
  }
}

/** An event that this file has no words for yet. */
function other(event: object): string {
  const { seq: _seq, t: _t, pid: _pid, type, ...fields } = event as Record<string, unknown>;
  const values = Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`);
  return [String(type), ...values].join(' ');
}
