// The memory port of the per-CPU allocator over guest RAM: pages from the page allocator, page tables in the guest,
// addresses from the top of vmalloc space (mm/percpu-vm.c).
import { VmAreas } from '../percpu/vm-areas.js';
import type { Chunk, Machine, MemoryPort, UnitLayout } from '../percpu/index.js';
import type { PageAllocator } from './page-allocator.js';
import type { PageTable } from './page-table.js';

/** Readers of what happens to single pages. */
export interface PageEvents {
  mapped(chunk: Chunk, page: number, cpu: number, va: number, frame: number): void;
  unmapped(chunk: Chunk, page: number, cpu: number, va: number, frame: number): void;
}

/** lazy_max_pages() of one CPU: 32 MB. */
const LAZY_BYTES = 32 << 20;

export class PercpuMemory implements MemoryPort {
  readonly #machine: Machine;
  readonly #units: UnitLayout;
  readonly #atomSize: number;
  readonly #pages: PageAllocator;
  readonly #table: PageTable;
  readonly #areas: VmAreas;
  readonly #events: PageEvents;
  readonly #pageSize: number;
  /** A lazily freed area became reusable: its translations have to go, [start, end). */
  onPurge: (start: number, end: number) => void = () => {};
  /** Set by `flush`, taken by whoever steps the allocator: the guest has to run the flush. */
  wantedFlush: { start: number; end: number } | null = null;

  constructor(
    machine: Machine,
    units: UnitLayout,
    atomSize: number,
    pages: PageAllocator,
    table: PageTable,
    events: PageEvents,
  ) {
    this.#machine = machine;
    this.#units = units;
    this.#atomSize = atomSize;
    this.#pages = pages;
    this.#table = table;
    this.#events = events;
    this.#pageSize = 1 << machine.pageShift;
    this.#areas = new VmAreas(
      machine.bits,
      machine.pageShift,
      machine.vmallocStart,
      machine.vmallocEnd,
      (_pages, spans) => {
        for (const { start, end } of spans) this.onPurge(start, end);
      },
    );
  }

  allocMetadata(): boolean {
    return true; // the guest has allocated it at the step before (src/kernel/percpu.ts)
  }

  createArea(): number {
    const { groupOffsets, groupSizes } = this.#units;
    return this.#areas.get(groupOffsets, groupSizes, this.#atomSize);
  }

  destroyArea(chunk: Chunk): void {
    this.#units.groupOffsets.forEach((offset, group) =>
      this.#areas.release(chunk.base + offset, this.#units.groupSizes[group]!),
    );
    if (this.#areas.lazyPages > LAZY_BYTES / this.#pageSize) this.#areas.purge();
  }

  #va(chunk: Chunk, page: number, cpu: number): number {
    return chunk.base + this.#units.offsets[cpu]! + page * this.#pageSize;
  }

  populate(chunk: Chunk, start: number, end: number): boolean {
    const frames: number[] = [];
    for (let cpu = 0; cpu < this.#machine.cpus; cpu++) {
      for (let page = start; page < end; page++) {
        const frame = this.#pages.alloc(0, { kind: 'percpu', chunk: chunk.id, page, cpu });
        if (frame < 0) {
          while (frames.length) this.#pages.free(frames.pop()!, 0);
          return false;
        }
        frames.push(frame);
      }
    }
    let i = 0;
    for (let cpu = 0; cpu < this.#machine.cpus; cpu++) {
      for (let page = start; page < end; page++, i++) {
        const va = this.#va(chunk, page, cpu);
        this.#table.map(va, frames[i]!);
        this.#events.mapped(chunk, page, cpu, va, frames[i]!);
      }
    }
    return true;
  }

  depopulate(chunk: Chunk, start: number, end: number): void {
    const frames: number[] = [];
    for (let cpu = 0; cpu < this.#machine.cpus; cpu++) {
      for (let page = start; page < end; page++) {
        const va = this.#va(chunk, page, cpu);
        const frame = this.#table.frameOf(va);
        frames.push(frame);
        this.#table.unmap(va);
        this.#events.unmapped(chunk, page, cpu, va, frame);
      }
    }
    for (const frame of frames) this.#pages.free(frame, 0);
  }

  flush(chunk: Chunk, start: number, end: number): void {
    const { lowCpu, highCpu } = this.#units;
    this.wantedFlush = { start: this.#va(chunk, start, lowCpu), end: this.#va(chunk, end, highCpu) };
  }

  zero(): void {
    // the guest does it, through the TLB: pcpu_alloc in emu/guest/kernel/percpu.c
  }
}
