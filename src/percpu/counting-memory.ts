// A memory port without memory: pages are numbers, translations are a table of them. It behaves as the surroundings that
// docs/ops-format.md defines (pages reused last in, first out; vm areas freed lazily), can fail on request, and notices when a page
// is mapped again whose old translation was never flushed. Used for scripts, replays and benchmarks.
import { addressFrom, addressValue, hexAddress } from './address.js';
import type { Chunk } from './chunk.js';
import type { Machine } from './geometry.js';
import type { MemoryPort } from './port.js';
import type { UnitLayout } from './units.js';
import { VmAreas } from './vm-areas.js';

/** Largest part of the vmalloc range that is simulated, counted from its end. */
const WINDOW_BYTES = 2n ** 30n;

/** The script reached something that cannot happen in the modelled surroundings. */
export class MemoryError extends Error {
  override readonly name = 'MemoryError';
}

export class CountingMemory implements MemoryPort {
  /** Backing pages in use, waiting for reuse, and ever made. */
  pagesUsed = 0;
  pagesMade = 0;
  /** Pages mapped again over a stale translation. */
  staleRemaps = 0;
  /** Injected faults; -1 = off. failPage: successes left before all fail; the others: calls left before the one that fails. */
  failPage = -1;
  failMap = -1;
  failArea = -1;
  failMetadata = -1;
  /** Receives the lines of docs/ops-format.md, without "E ". Null: nothing is written down. */
  log: ((line: string) => void) | null = null;

  readonly #machine: Machine;
  readonly #units: UnitLayout;
  readonly #atomSize: number;
  readonly #pageSize: number;
  readonly #areas: VmAreas;
  #lazyLimit = 0;
  #drainWanted = false;
  /** Pages that were freed, last in, first out. */
  #freePages = new Int32Array(1024);
  #nrFreePages = 0;
  /** Address of the first page of the window, number form, and page tables from there: page id + 1, 0 = none. */
  readonly #windowStart: number;
  readonly #mapped: Int32Array;
  readonly #stale: Int32Array;
  /** Page ids of one range of all CPUs, as pcpu_get_pages() has them. */
  readonly #scratch: Int32Array;
  /** Distance of each CPU's unit in pages. */
  readonly #unitPage: readonly number[];

  /** @param lazyLimit lazily freed pages that trigger a purge; undefined = the kernel's lazy_max_pages() */
  constructor(machine: Machine, units: UnitLayout, atomSize: number, lazyLimit?: number) {
    this.#machine = machine;
    this.#units = units;
    this.#atomSize = atomSize;
    const pageSize = 1 << machine.pageShift;
    this.#pageSize = pageSize;
    this.setLazyLimit(lazyLimit);
    this.#areas = new VmAreas(
      machine.bits,
      machine.pageShift,
      machine.vmallocStart,
      machine.vmallocEnd,
      (lazyPages, spans) => {
        this.log?.(`vmpurge pages=${lazyPages}`);
        for (const { start, end } of spans) this.#clearStale(this.#pageOf(start), (end - start) / pageSize);
      },
    );
    let span = BigInt.asUintN(machine.bits, machine.vmallocEnd - machine.vmallocStart);
    if (span > WINDOW_BYTES) span = WINDOW_BYTES;
    const start = (machine.vmallocEnd - span) & -BigInt(pageSize);
    this.#windowStart = addressFrom(start, machine.bits);
    const pages = Number((span + BigInt(pageSize) - 1n) >> BigInt(machine.pageShift)) + 1;
    this.#mapped = new Int32Array(pages);
    this.#stale = new Int32Array(pages);
    this.#scratch = new Int32Array(machine.cpus * (units.unitSize / pageSize));
    this.#unitPage = units.offsets.map((offset) => offset / pageSize);
  }

  /** Lazily freed pages that trigger a purge; undefined = lazy_max_pages() of the kernel: 32 MB per bit of the number of CPUs. */
  setLazyLimit(pages: number | undefined): void {
    const { cpus, pageShift } = this.#machine;
    this.#lazyLimit = pages ?? (32 - Math.clz32(cpus)) * ((32 << 20) >>> pageShift);
  }

  get pagesFree(): number {
    return this.#nrFreePages;
  }

  get lazyPages(): number {
    return this.#areas.lazyPages;
  }

  #pageOf(address: number): number {
    return (address - this.#windowStart) / this.#pageSize;
  }

  /** Index into the page tables of page 0 of the chunk's unit 0; kept in Chunk.area. */
  #tableIndex(chunk: Chunk): number {
    const { area } = chunk;
    if (typeof area === 'number') return area;
    const index = this.#pageOf(chunk.base);
    chunk.area = index;
    return index;
  }

  #check(index: number): void {
    if (index < 0 || index >= this.#mapped.length) {
      throw new MemoryError('a chunk lies outside of the simulated end of the vmalloc range (1 GB)');
    }
  }

  allocMetadata(): boolean {
    if (this.failMetadata >= 0 && this.failMetadata-- === 0) {
      this.log?.('memfail');
      return false;
    }
    return true;
  }

  createArea(): number {
    let base = NaN;
    if (!(this.failArea >= 0 && this.failArea-- === 0)) {
      base = this.#areas.get(this.#units.groupOffsets, this.#units.groupSizes, this.#atomSize);
    }
    if (this.log !== null) this.log(Number.isNaN(base) ? 'vmget_fail' : `vmget base=${this.#hex(base)}`);
    return base;
  }

  destroyArea(chunk: Chunk): void {
    const { groupOffsets, groupSizes } = this.#units;
    if (this.log !== null) this.log(`vmfree base=${this.#hex(chunk.base)}`);
    for (let group = 0; group < groupOffsets.length; group++) {
      this.#areas.release(chunk.base + groupOffsets[group]!, groupSizes[group]!);
      if (this.#areas.lazyPages > this.#lazyLimit) this.#drainWanted = true;
    }
  }

  #hex(address: number): string {
    const { bits } = this.#machine;
    return hexAddress(addressValue(address, bits), bits);
  }

  /** Purges when too many pages were freed lazily; call it after every operation (the kernel does it from a work item). */
  drainIfWanted(): void {
    if (this.#drainWanted) this.purge();
  }

  /** Makes lazily freed areas reusable and flushes their translations. */
  purge(): void {
    this.#areas.purge();
    this.#drainWanted = false;
  }

  /** alloc_pages(), `count` times, into #scratch. @returns how many could be had */
  #allocPages(count: number): number {
    if (this.failPage >= 0) {
      if (count > this.failPage) count = this.failPage;
      this.failPage -= count;
    }
    const pages = this.#scratch;
    const free = this.#freePages;
    let nrFree = this.#nrFreePages;
    let made = this.pagesMade;
    for (let at = 0; at < count; at++) pages[at] = nrFree > 0 ? free[--nrFree]! : made++;
    this.#nrFreePages = nrFree;
    this.pagesMade = made;
    this.pagesUsed += count;
    return count;
  }

  /** __free_page() of the first `count` of `pages`, in that order. */
  #freeAll(pages: Int32Array, count: number): void {
    let free = this.#freePages;
    let nrFree = this.#nrFreePages;
    if (nrFree + count > free.length) {
      free = new Int32Array(2 * (nrFree + count));
      free.set(this.#freePages);
      this.#freePages = free;
    }
    for (let at = 0; at < count; at++) free[nrFree++] = pages[at]!;
    this.#nrFreePages = nrFree;
    this.pagesUsed -= count;
  }

  populate(chunk: Chunk, start: number, end: number): boolean {
    const count = end - start;
    const cpus = this.#machine.cpus;
    const total = cpus * count;
    const pages = this.#scratch;
    const made = this.#allocPages(total);
    if (made < total) {
      this.#undoAlloc(pages.slice(0, made), count);
      return false;
    }
    const mapped = this.#mapped;
    const stale = this.#stale;
    const first = this.#tableIndex(chunk) + start;
    let next = 0;
    for (let cpu = 0; cpu < cpus; cpu++) {
      if (this.failMap >= 0 && this.failMap-- === 0) {
        this.#undoMap(chunk, start, end, cpu, pages.slice(0, total));
        return false;
      }
      const at = first + this.#unitPage[cpu]!;
      this.#check(at);
      this.#check(at + count - 1);
      for (let page = at; page < at + count; page++) {
        const id = pages[next++]!;
        if (stale[page] !== 0) {
          this.staleRemaps++;
          const old = stale[page]! - 1;
          this.log?.(`stale_remap ${chunk.name} ${start + page - at} cpu=${cpu} old=${old} new=${id}`);
          stale[page] = 0;
        }
        mapped[page] = id + 1;
      }
    }
    if (this.log !== null) this.log(`populate ${chunk.name} ${start} ${end} alloc=${runs(pages, total)}`);
    return true;
  }

  /** pcpu_alloc_pages() failed after some pages: the failing CPU's from the last down, then the other CPUs'. */
  #undoAlloc(pages: Int32Array, count: number): void {
    const made = pages.length;
    const freed = new Int32Array(made);
    const cpuStart = made - (made % count);
    let at = 0;
    for (let page = made - 1; page >= cpuStart; page--) freed[at++] = pages[page]!;
    for (let page = 0; page < cpuStart; page++) freed[at++] = pages[page]!;
    this.#freeAll(freed, made);
    this.log?.(`populate_fail alloc=${runs(pages, made)} free=${runs(freed, made)}`);
  }

  /** pcpu_map_pages() failed for `cpu`: unmap the CPUs before it, flush, free all pages. */
  #undoMap(chunk: Chunk, start: number, end: number, cpu: number, pages: Int32Array): void {
    this.log?.(`map_fail ${chunk.name} ${start} ${end} cpu=${cpu}`);
    for (let done = 0; done < cpu; done++) {
      this.#unmap(this.#tableIndex(chunk) + this.#unitPage[done]! + start, end - start);
      this.log?.(`unmap ${chunk.name} ${start} ${end}`);
    }
    this.flush(chunk, start, end);
    this.#freeAll(pages, pages.length);
    this.log?.(`map_fail_free alloc=${runs(pages, pages.length)} free=${runs(pages, pages.length)}`);
  }

  #unmap(at: number, count: number): void {
    for (let page = at; page < at + count; page++) {
      this.#stale[page] = this.#mapped[page]!;
      this.#mapped[page] = 0;
    }
  }

  depopulate(chunk: Chunk, start: number, end: number): void {
    const count = end - start;
    const cpus = this.#machine.cpus;
    const freed = this.#scratch;
    const mapped = this.#mapped;
    const stale = this.#stale;
    const first = this.#tableIndex(chunk) + start;
    let total = 0;
    for (let cpu = 0; cpu < cpus; cpu++) {
      const at = first + this.#unitPage[cpu]!;
      for (let page = at; page < at + count; page++) {
        const id = mapped[page]!;
        freed[total++] = id - 1;
        stale[page] = id;
        mapped[page] = 0;
      }
    }
    this.#freeAll(freed, total);
    if (this.log !== null) this.log(`depopulate ${chunk.name} ${start} ${end} free=${runs(freed, total)}`);
  }

  flush(chunk: Chunk, start: number, end: number): void {
    const { lowCpu, highCpu } = this.#units;
    const from = this.#tableIndex(chunk) + this.#unitPage[lowCpu]! + start;
    const to = this.#tableIndex(chunk) + this.#unitPage[highCpu]! + end;
    if (this.log !== null) {
      const { bits, pageShift } = this.#machine;
      const base = addressValue(chunk.base, bits);
      const address = (cpu: number, page: number): string =>
        hexAddress(base + BigInt(this.#units.offsets[cpu]!) + (BigInt(page) << BigInt(pageShift)), bits);
      this.log(`tlbflush ${chunk.name} ${start} ${end} start=${address(lowCpu, start)} end=${address(highCpu, end)}`);
    }
    this.#clearStale(from, to - from);
  }

  #clearStale(from: number, count: number): void {
    this.#stale.fill(0, Math.max(from, 0), Math.max(from + count, 0));
  }

  zero(_chunk: Chunk, _offset: number, _size: number): void {}

  /** Backing page of a page of a CPU's unit, -1 when there is none. */
  pageAt(chunk: Chunk, cpu: number, page: number): number {
    return (this.#mapped[this.#tableIndex(chunk) + this.#unitPage[cpu]! + page] ?? 0) - 1;
  }
}

/** RUNS of docs/ops-format.md: ids, runs of step 1 or -1 joined greedily. */
function runs(ids: Int32Array, length: number): string {
  if (length === 0) return '-';
  const parts: string[] = [];
  for (let at = 0; at < length;) {
    let end = at + 1;
    const step = end < length ? ids[end]! - ids[at]! : 0;
    if (step === 1 || step === -1) while (end < length && ids[end]! - ids[end - 1]! === step) end++;
    parts.push(end - at > 1 ? `${ids[at]!}-${ids[end - 1]!}` : `${ids[at]!}`);
    at = end;
  }
  return parts.join(',');
}
