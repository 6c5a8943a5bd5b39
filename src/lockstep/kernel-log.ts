// The event log of a kernel that runs on the board: what the watched allocator does, TLB refills and flushes, the console, oopses. The same events
// as those of a boot of our own guest (src/kernel/events.ts), so that the same reports are made from them; a kernel of somebody's own tells less.
import type { ExceptionRecord } from '../../emu/mips/cpu.js';
import type { Victim } from '../analysis/victim.js';
import { decodeConsole } from '../decode/index.js';
import { type CpuState, type EventBody, EventLog, type KernelEvent } from '../kernel/events.js';
import { PCPU_MIN_ALLOC_SIZE, type Chunk } from '../percpu/index.js';
import { peek } from '../run/guest-trace.js';
import type { KernelRun } from '../run/kernel-run.js';
import type { Lockstep, Path } from './lockstep.js';
import type { Operation } from './moments.js';
import type { WatchListener } from './percpu-watch.js';

const KSEG0 = 0x8000_0000;
const KSEG2 = 0xc000_0000;
const PTE_PRESENT = 1;
const POINTER_BYTES = 4;
/** The kernel's only level; it is not told on a serial line. */
const LEVEL = 6;
const IDLE: CpuState = { softirq: false, needResched: false };
type AllocEvent = KernelEvent & { type: 'percpu_alloc' };

export class KernelLog implements WatchListener {
  readonly log = new EventLog();
  /** Called with each event, and with each exception but interrupts. */
  onEvent: ((event: KernelEvent) => void) | undefined;
  onFault: ((exception: ExceptionRecord) => void) | undefined;
  readonly #run: KernelRun;
  readonly #known = new Map<number, string>();
  #lockstep: Lockstep | undefined;
  /** Frames of mapped pages, by virtual address. */
  readonly #mapped = new Map<number, number>();
  #oopses = 0;
  #isMemcg: boolean | undefined;
  #first: AllocEvent | undefined;
  /** Address of the page table's root. */
  #root: number | undefined;
  /** From a per-CPU pointer to the address in unit 0; 0: not known yet. */
  #delta = 0;

  /** Attaches to a run that has not started. */
  constructor(run: KernelRun) {
    this.#run = run;
    run.onLine = (line) => this.#line(line);
    const { cpu } = run.machine;
    cpu.onException = (exception) => {
      const { name, noMatch, fetch, badVAddr, pc } = exception;
      if (name !== 'Int') this.onFault?.(exception);
      if ((name === 'TLBL' || name === 'TLBS') && badVAddr >= KSEG2 && this.#lockstep)
        this.append({ type: 'tlb_refill', va: badVAddr, miss: noMatch, write: name === 'TLBS' && !fetch, pc });
    };
  }

  get #cpu() {
    return this.#run.machine.cpu;
  }

  get #tasks() {
    return this.#run.tasks;
  }

  get #names() {
    return this.#run.names.current;
  }

  /** Microseconds, and who runs. */
  get now(): { t: number; pid: number } {
    return { t: this.#cpu.now / 1000, pid: this.#tasks.current()?.pid ?? 0 };
  }

  /** With the time and the task of now. */
  append(body: EventBody): void {
    const task = this.#tasks.current();
    const pid = task?.pid ?? 0;
    const t = this.#cpu.now / 1000;
    if (task && this.#known.get(pid) !== task.comm) {
      this.#known.set(pid, task.comm);
      this.log.append(t, pid, { type: 'task', task: pid, comm: task.comm });
    }
    const event = this.log.append(t, pid, body);
    this.onEvent?.(event);
  }

  get #state(): CpuState {
    return this.#tasks.state();
  }

  // ---- the console ----------------------------------------------------------------------------------------------------

  /** A line of the console is complete. */
  #line(text: string): void {
    const message = /^\[ *\d+\.\d+\]\s?(.*)$/.exec(text)?.[1] ?? text;
    this.append({ type: 'printk', level: LEVEL, text: message });
    // a dump is complete with the process; the words of a panic come last
    if (/^Process \S+ \(pid: /.test(message)) this.#oops();
    const panic = /^Kernel panic - not syncing: (.*)$/.exec(message);
    if (panic) this.append({ type: 'panic', text: panic[1]! });
    const bug = /^(BUG: .*|kernel BUG at .*|WARNING: CPU: .*)$/.exec(message);
    if (bug) this.append({ type: 'bug', text: bug[1]! });
  }

  #oops(): void {
    const { oopses } = decodeConsole(this.#run.lines);
    if (oopses.length <= this.#oopses) return;
    this.#oopses = oopses.length;
    const last = oopses.at(-1)!;
    const number = (found: { value: string } | undefined): number => parseInt(found?.value.slice(-8) ?? '0', 16);
    const [epc, ra] = [number(last.epc), number(last.ra)];
    this.append({
      type: 'oops',
      epc,
      ra,
      badva: number(last.badva),
      exccode: number(last.exccode),
      count: oopses.length,
      epcSym: this.#names.symbolize(epc),
      raSym: this.#names.symbolize(ra),
    });
  }

  // ---- the allocator --------------------------------------------------------------------------------------------------

  begun(lockstep: Lockstep): void {
    this.#lockstep = lockstep;
    this.#run.tasks.firstRuns();
    const { firstChunk } = lockstep.percpu;
    this.append({ type: 'chunk_create', chunk: 0, base: firstChunk.base, pages: firstChunk.nrPages, ...IDLE });
  }

  #caller(site: number): { caller: string; callSite: string } {
    const name = this.#names.lookup(site - 8)?.name ?? `0x${site.toString(16)}`;
    return { caller: name, callSite: this.#names.symbolize(site) };
  }

  #chunkAt(address: number): Chunk | undefined {
    return this.#lockstep!.percpu.chunkAt(address) ?? undefined;
  }

  /** The area is taken and its pages are there; the kernel zeroes it next. */
  alloc(chunk: Chunk, off: number, size: number, align: number, reserved: boolean, atomic: boolean): void {
    const path = this.#lockstep!.stepping!;
    const va = chunk.base + off;
    this.append({
      type: 'percpu_alloc',
      chunk: chunk.id,
      off,
      size,
      align,
      ptr: (va - this.#delta) >>> 0,
      va,
      ...this.#caller(path.site),
      reserved,
      atomic,
      gfp: path.request!.gfp,
      bytesAlloc: this.#accounted(size),
      ...this.#state,
    });
    this.#first ??= this.log.events.at(-1) as AllocEvent;
  }

  allocated({ request, atomic, site }: Path, pointer: number): void {
    const first = this.#first;
    if (pointer !== 0 && first && this.#delta === 0) {
      // what pointers are off from addresses is seen at the first of them
      this.#delta = first.va - pointer;
      first.ptr = pointer;
    }
    if (pointer !== 0) return;
    const { size, align, reserved } = request!;
    const rounded = {
      size: (size + PCPU_MIN_ALLOC_SIZE - 1) & -PCPU_MIN_ALLOC_SIZE,
      align: Math.max(align, PCPU_MIN_ALLOC_SIZE),
    };
    this.append({
      type: 'percpu_alloc_fail',
      ...rounded,
      reserved,
      atomic,
      caller: this.#caller(site).caller,
      ...this.#state,
    });
  }

  /** pcpu_obj_full_size(). */
  #accounted(size: number): number {
    this.#isMemcg ??= this.#names.address('pcpu_memcg_post_alloc_hook') !== undefined;
    const slots = this.#isMemcg ? (size / PCPU_MIN_ALLOC_SIZE) * POINTER_BYTES : 0;
    return size * this.#lockstep!.percpu.machine.cpus + slots;
  }

  freed(address: number, size: number, ptr: number, site: number): void {
    const chunk = this.#chunkAt(address);
    if (!chunk) return;
    this.append({
      type: 'percpu_free',
      chunk: chunk.id,
      off: address - chunk.base,
      size,
      ptr,
      va: address,
      caller: this.#caller(site).caller,
      emptyPages: this.#lockstep!.percpu.nrEmptyPopPages,
      ...this.#state,
    });
  }

  operated(operation: Operation): void {
    const { percpu } = this.#lockstep!;
    if (operation.kind === 'flush' || operation.base === undefined) return;
    const { kind, base } = operation;
    const chunk = kind === 'destroy' ? undefined : this.#chunkAt(base);
    if (kind === 'create' && chunk) {
      this.append({ type: 'chunk_create', chunk: chunk.id, base, pages: chunk.nrPages, ...this.#state });
    } else if (kind === 'populate' && chunk && operation.ok) {
      this.#eachPage(operation.start, operation.end, chunk, (page, cpu, va) => {
        const frame = this.frameOf(va);
        if (frame === undefined) return;
        this.#mapped.set(va, frame);
        this.append({ type: 'map', chunk: chunk.id, page, cpu, va, frame });
      });
      this.append({ type: 'populate', chunk: chunk.id, start: operation.start, end: operation.end });
    } else if (kind === 'depopulate' && chunk) {
      this.#eachPage(operation.start, operation.end, chunk, (page, cpu, va) => {
        const frame = this.#mapped.get(va);
        if (frame === undefined) return;
        this.#mapped.delete(va);
        this.append({ type: 'unmap', chunk: chunk.id, page, cpu, va, frame });
      });
      const flushed = percpu.variant.flush !== 'never';
      this.append({ type: 'depopulate', chunk: chunk.id, start: operation.start, end: operation.end, flushed });
    }
  }

  destroyChunk({ id, base }: Chunk): void {
    this.append({ type: 'chunk_destroy', chunk: id, base, ...this.#state });
  }

  #eachPage(start: number, end: number, chunk: Chunk, use: (page: number, cpu: number, va: number) => void): void {
    const { units, pageSize } = this.#lockstep!.percpu;
    units.offsets.forEach((offset, cpu) => {
      for (let page = start; page < end; page++) use(page, cpu, chunk.base + offset + page * pageSize);
    });
  }

  /** The frame that Linux's page table of two levels has for a kseg2 address; undefined for none, and where its root is not known. */
  frameOf(va: number): number | undefined {
    const shift = this.#lockstep!.percpu.machine.pageShift;
    const root = (this.#root ??= this.#names.address('swapper_pg_dir') ?? this.#rootFromTlb(shift));
    if (root === undefined) return undefined;
    const table = peek(this.#cpu, root + POINTER_BYTES * (va >>> (2 * shift - 2)));
    if (table === undefined || table >>> 30 !== 2) return undefined;
    const pte = peek(this.#cpu, table + POINTER_BYTES * ((va >>> shift) & ((1 << shift) / POINTER_BYTES - 1)));
    return pte !== undefined && (pte & PTE_PRESENT) !== 0 ? pte >>> shift : undefined;
  }

  /** By the words that the checker saw an entry of kseg2 made from: the last on the way to the PTEs is in the root. */
  #rootFromTlb(shift: number): number | undefined {
    const cpu = this.#cpu;
    for (const { index, virtual, invalid } of cpu.translations ? cpu.tlb() : []) {
      if (invalid || virtual < KSEG2) continue;
      const way = cpu.translations!.source(index)?.words.filter(({ isData }) => !isData) ?? [];
      const last = way.at(-1);
      if (last) return KSEG0 + last.physical - POINTER_BYTES * (virtual >>> (2 * shift - 2));
    }
    return undefined;
  }

  /** The event of the per-CPU area that a virtual address lies in; -1 for none. */
  areaOf(va: number): number {
    const { offsets } = this.#lockstep!.percpu.units;
    return this.log.events.findLastIndex(
      (event) =>
        event.type === 'percpu_alloc' &&
        offsets.some((offset) => event.va + offset <= va && va < event.va + offset + event.size),
    );
  }

  /** Where a frame of a per-CPU chunk is mapped; undefined for other frames. */
  mappedAt(frame: number): number | undefined {
    return [...this.#mapped].find(([, mapped]) => mapped === frame)?.[0];
  }

  /** The part of a frame of a per-CPU chunk that belongs to one area, or to none; undefined for other frames. */
  areaAt(frame: number, physical: number): Victim | undefined {
    const { units, pageSize } = this.#lockstep!.percpu;
    const va = this.mappedAt(frame);
    if (va === undefined) return undefined;
    const cpu = units.offsets.findLastIndex((offset) => this.#chunkAt(va - offset) !== undefined);
    const chunk = this.#chunkAt(va - units.offsets[cpu]!)!;
    const at = physical % pageSize;
    const area = this.areaOf(va + at);
    const event = this.log.events[area];
    const begins = event?.type === 'percpu_alloc' ? event.va + units.offsets[cpu]! : va + at;
    const size = event?.type === 'percpu_alloc' ? event.size : 1;
    const [first, last] = [Math.max(begins, va), Math.min(begins + size, va + pageSize)];
    const start = frame * pageSize + first - va;
    const page = (va - units.offsets[cpu]! - chunk.base) / pageSize;
    return {
      kind: 'per-CPU',
      chunk: chunk.id,
      page,
      cpu,
      area,
      offset: first - begins,
      start,
      end: start + last - first,
    };
  }

  flushed(start: number, end: number): void {
    this.append({ type: 'tlb_flush', start, end, whole: false });
  }

  isolate({ id, nrEmptyPopPages }: Chunk, again: boolean): void {
    this.append({ type: 'isolate', chunk: id, again, empty: nrEmptyPopPages });
  }

  reintegrate({ id, nrPopulated, nrEmptyPopPages }: Chunk): void {
    this.append({ type: 'reintegrate', chunk: id, populated: nrPopulated, empty: nrEmptyPopPages });
  }

  sideline({ id }: Chunk): void {
    this.append({ type: 'sideline', chunk: id });
  }

  balanced(phase: 'start' | 'end', work: number): void {
    const item = { type: 'work', work, func: 'pcpu_balance_workfn' } as const;
    const { nrEmptyPopPages: emptyPages, nrPopulated: populated } = this.#lockstep!.percpu;
    if (phase === 'start') this.append({ ...item, phase, ...this.#state });
    this.append({ type: 'balance', phase, emptyPages, populated });
    if (phase === 'end') this.append({ ...item, phase, ...this.#state });
  }
}
