// A boot's event log as a trace that Perfetto (ui.perfetto.dev) and other viewers show: who ran when, scans, grace periods, the life
// of each per-CPU chunk, the balance work, flushes, stale accesses. Each event's args have the log's seq.
import type { KernelEvent } from '../../kernel/events.js';
import { type Args, type Slice, type Track, TraceWriter } from './trace-events.js';

const CPU = 1;
const CHUNKS = 2;
const RECLAIM = 3;
const SCSI = 4;
const INTERRUPTS = 5;
const WORKERS = 6;

/** Tracks of a kind are numbered from here on; tasks have their pid. */
const FIRST_CHUNK = 1000;
const FIRST_HOST = 4000;
const FIRST_WORKER = 6000;

const BALANCE: Track = { pid: RECLAIM, tid: 2001, cat: 'balance' };
const FLUSHES: Track = { pid: RECLAIM, tid: 2002, cat: 'tlb' };
const REFILLS: Track = { pid: RECLAIM, tid: 2003, cat: 'tlb' };
const STALE: Track = { pid: RECLAIM, tid: 2004, cat: 'stale' };
const IRQS: Track = { pid: INTERRUPTS, tid: 5001, cat: 'irq' };
const SOFTIRQS: Track = { pid: INTERRUPTS, tid: 5002, cat: 'softirq' };
const GRACE_PERIODS: Track = { pid: INTERRUPTS, tid: 5003, cat: 'rcu' };
const CONSOLE: Track = { pid: INTERRUPTS, tid: 5004, cat: 'console' };

const taskTrack = (task: number): Track => ({ pid: CPU, tid: task, cat: 'task' });
const chunkTrack = (chunk: number): Track => ({ pid: CHUNKS, tid: FIRST_CHUNK + chunk, cat: 'chunk' });
const workerTrack = (task: number): Track => ({ pid: WORKERS, tid: FIRST_WORKER + task, cat: 'workqueue' });
const hostTrack = (host: number): Track => ({ pid: SCSI, tid: FIRST_HOST + host, cat: 'scan' });

const hex = (value: number): string => `0x${(value >>> 0).toString(16).padStart(8, '0')}`;
const range = (start: number, end: number): string => `[${start},${end})`;

/** @param otherData what the boot was; shown as the trace's metadata */
export function chromeTrace(events: readonly KernelEvent[], otherData: Record<string, unknown>): string {
  const picture = new BootPicture(populatedAtStart(events));
  for (const event of events) picture.add(event);
  return picture.finish(otherData);
}

/** pcpu_nr_populated before the first event: what the first balance work says, less what was populated until then. */
function populatedAtStart(events: readonly KernelEvent[]): number {
  let change = 0;
  for (const event of events) {
    if (event.type === 'balance') return event.populated - change;
    change += populatedBy(event);
  }
  return 0;
}

/** Pages of a unit that the event adds to the populated ones. */
function populatedBy(event: KernelEvent): number {
  if (event.type === 'populate') return event.end - event.start;
  return event.type === 'depopulate' ? event.start - event.end : 0;
}

/** A chunk that exists. */
interface ChunkLife {
  readonly whole: Slice;
  /** isolated or sidelined, inside of `whole`. */
  state: Slice | undefined;
}

/** Reads the log event by event. */
class BootPicture {
  readonly #trace = new TraceWriter();
  readonly #comms = new Map<number, string>();
  readonly #chunks = new Map<number, ChunkLife>();
  readonly #scans = new Map<number, Slice>();
  readonly #targets = new Map<number, Slice>();
  readonly #work = new Map<number, Slice>();
  #running: Slice | undefined;
  #balance: Slice | undefined;
  #gracePeriods = 0;
  #populated: number;
  #allocated = 0;
  #now = 0;

  constructor(populated: number) {
    this.#populated = populated;
    const trace = this.#trace;
    trace.process(CPU, 'CPU 0', 0);
    trace.process(RECLAIM, 'per-CPU reclaim and TLB', 1);
    trace.process(CHUNKS, 'per-CPU chunks', 2);
    trace.process(WORKERS, 'work items', 3);
    trace.process(SCSI, 'SCSI hosts', 4);
    trace.process(INTERRUPTS, 'interrupts, RCU, console', 5);
    trace.track(BALANCE, 'balance work');
    trace.track(FLUSHES, 'TLB flushes');
    trace.track(REFILLS, 'TLB refills');
    trace.track(STALE, 'stale accesses');
    trace.track(IRQS, 'interrupts');
    trace.track(SOFTIRQS, 'softirqs');
    trace.track(GRACE_PERIODS, 'RCU grace periods');
    trace.track(CONSOLE, 'console');
  }

  finish(otherData: Record<string, unknown>): string {
    return this.#trace.finish(this.#now, otherData);
  }

  add(event: KernelEvent): void {
    const { t, seq, pid } = event;
    const trace = this.#trace;
    this.#now = t;
    /** Of events on tracks that are not a task's. */
    const by = { seq, task: `${this.#comms.get(pid) ?? '?'}-${pid}` };
    switch (event.type) {
      case 'task':
        this.#comms.set(event.task, event.comm);
        trace.track(taskTrack(event.task), `${event.comm}-${event.task}`);
        if (event.comm.startsWith('kworker/')) trace.track(workerTrack(event.task), `${event.comm}-${event.task}`);
        this.#running ??= trace.begin(taskTrack(event.task), t, event.comm, { seq });
        break;
      case 'switch':
        trace.end(this.#running, t);
        this.#running = trace.begin(taskTrack(event.to), t, this.#comms.get(event.to) ?? '?', { seq });
        break;
      case 'irq':
        trace.instant(IRQS, t, `${event.line} interrupt`, by);
        break;
      case 'softirq':
        trace.instant(SOFTIRQS, t, `${event.vector} softirq`, { ...by, callbacks: event.callbacks, left: event.left });
        break;
      case 'rcu':
        if (event.phase === 'gp_start') {
          const id = hex(++this.#gracePeriods);
          trace.beginAsync(GRACE_PERIODS, t, id, 'grace period', { ...by, callbacks: event.callbacks });
        } else trace.endAsync(hex(this.#gracePeriods), t, { ...by, callbacks: event.callbacks });
        break;
      case 'work':
        if (event.phase === 'start') {
          const args = { ...by, work: hex(event.work) };
          this.#work.set(pid, trace.begin(workerTrack(pid), t, event.func, args));
        } else trace.end(this.#work.get(pid), t);
        break;
      case 'balance':
        this.#addBalance(event, by);
        break;
      case 'percpu_alloc':
        this.#countBytes(t, event.size);
        break;
      case 'percpu_free':
        this.#countBytes(t, -event.size);
        trace.counter(chunkTrack(0), t, 'empty populated pages', event.emptyPages);
        break;
      case 'percpu_alloc_fail': {
        const { size, align, atomic, caller } = event;
        trace.instant(taskTrack(pid), t, 'per-CPU allocation failed', { seq, size, align, atomic, caller });
        break;
      }
      case 'chunk_create':
      case 'chunk_destroy':
      case 'populate':
      case 'depopulate':
      case 'isolate':
      case 'reintegrate':
      case 'sideline':
        this.#addChunkEvent(event, by);
        break;
      case 'tlb_flush': {
        const { start, end, whole } = event;
        const args = { ...by, start: hex(start), end: hex(end), whole };
        trace.instant(FLUSHES, t, whole ? 'flush of the whole TLB' : 'flush', args);
        break;
      }
      case 'tlb_refill': {
        const { va, miss, write, pc } = event;
        trace.instant(REFILLS, t, miss ? 'refill' : 'invalid', { ...by, va: hex(va), write, pc: hex(pc) });
        break;
      }
      case 'stale_access': {
        const { va, size, write, frame, mapped, owner, entry, shadow, pc, by: caller } = event;
        const pages = { frame: hex(frame), mapped: mapped < 0 ? 'none' : hex(mapped), owner };
        const args = { ...by, va: hex(va), size, ...pages, entry, shadow, pc: hex(pc), caller };
        trace.instant(STALE, t, `stale ${write ? 'store' : 'load'}: ${owner}`, args);
        break;
      }
      case 'scan':
      case 'milestone':
        this.#addScan(event, by);
        break;
      case 'printk':
        trace.instant(CONSOLE, t, event.text || '(empty line)', { ...by, level: event.level });
        break;
      case 'oops': {
        const { epc, epcSym, ra, raSym, badva, exccode, count } = event;
        const args = { seq, epc: hex(epc), epcSym, ra: hex(ra), raSym, badva: hex(badva), exccode };
        trace.instant(taskTrack(pid), t, `oops ${count}: ${epcSym}`, args, 'g');
        break;
      }
      case 'bug':
        trace.instant(taskTrack(pid), t, event.text, { seq }, 'g');
        break;
      case 'panic':
        trace.instant(taskTrack(pid), t, `panic: ${event.text}`, { seq }, 'g');
        break;
      case 'map':
      case 'unmap':
      case 'page_alloc':
      case 'page_free':
        break; // page by page: too fine for a time line
    }
  }

  #addBalance(event: KernelEvent & { type: 'balance' }, by: Args): void {
    const { t, phase, emptyPages, populated } = event;
    const trace = this.#trace;
    trace.counter(chunkTrack(0), t, 'empty populated pages', emptyPages);
    if (phase === 'start') {
      this.#balance = trace.begin(BALANCE, t, 'pcpu_balance_workfn', { ...by, emptyPages, populated });
    } else {
      trace.end(this.#balance, t, { emptyPagesAfter: emptyPages, populatedAfter: populated });
    }
  }

  #countBytes(t: number, change: number): void {
    this.#allocated += change;
    this.#trace.counter(chunkTrack(0), t, 'allocated bytes of a unit', this.#allocated);
  }

  #addChunkEvent(event: KernelEvent & { chunk: number }, by: Args): void {
    const { t, chunk } = event;
    const trace = this.#trace;
    const track = chunkTrack(chunk);
    const life = this.#chunks.get(chunk);
    const pages = populatedBy(event);
    if (pages !== 0) {
      this.#populated += pages;
      trace.counter(chunkTrack(0), t, 'populated pages of a unit', this.#populated);
    }
    switch (event.type) {
      case 'chunk_create': {
        const { base, pages } = event;
        trace.track(track, `chunk ${chunk}`);
        const whole = trace.begin(track, t, `chunk ${chunk}`, { ...by, base: hex(base), pages });
        this.#chunks.set(chunk, { whole, state: undefined });
        this.#countChunks(t);
        break;
      }
      case 'chunk_destroy':
        trace.end(life?.state, t);
        trace.end(life?.whole, t);
        this.#chunks.delete(chunk);
        this.#countChunks(t);
        break;
      case 'populate':
      case 'depopulate': {
        const { type, start, end } = event;
        const flushed = event.type === 'depopulate' ? { flushed: event.flushed } : {};
        trace.instant(track, t, `${type} ${range(start, end)}`, { ...by, start, end, ...flushed });
        break;
      }
      case 'isolate':
        // An isolated chunk is isolated again at each later free; a sidelined one goes back to be depopulated.
        if (life !== undefined && life.state?.name !== 'isolated') {
          trace.end(life.state, t);
          life.state = trace.begin(track, t, 'isolated', { ...by, empty: event.empty });
        }
        break;
      case 'reintegrate':
        trace.end(life?.state, t);
        if (life !== undefined) life.state = undefined;
        trace.instant(track, t, 'reintegrate', { ...by, populated: event.populated, empty: event.empty });
        break;
      case 'sideline':
        trace.end(life?.state, t);
        if (life !== undefined) life.state = trace.begin(track, t, 'sidelined', by);
        break;
    }
  }

  #countChunks(t: number): void {
    this.#trace.counter(chunkTrack(0), t, 'chunks', this.#chunks.size);
  }

  #addScan(event: KernelEvent & { host: number }, by: Args): void {
    const { t, host } = event;
    const trace = this.#trace;
    const track = hostTrack(host);
    if (event.type === 'scan') {
      const { channel, id } = event;
      trace.end(this.#targets.get(host), t);
      this.#targets.set(host, trace.begin(track, t, `target ${host}:${channel}:${id}`, by));
    } else if (event.type === 'milestone' && event.what === 'scan_start') {
      trace.track(track, `host ${host}`);
      this.#scans.set(host, trace.begin(track, t, `scan of host ${host}`, by));
    } else if (event.type === 'milestone' && event.what === 'scan_end') {
      trace.end(this.#targets.get(host), t);
      trace.end(this.#scans.get(host), t);
    } else if (event.type === 'milestone') {
      trace.instant(taskTrack(event.pid), t, event.what.replace('_', ' '), by, 'p');
    }
  }
}
