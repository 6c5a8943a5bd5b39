// Hooks on loads and stores in ranges of virtual addresses. The engine goes through all of its hooks at every access, which is slow
// with dozens of them: where the compiled hooks are there, one of these looks into a map of pages first.
import { type Engine, HOOK, type MemoryCallback } from '../unicorn/engine.js';

interface Range {
  /** First and last address. */
  readonly start: number;
  readonly end: number;
  readonly callback: MemoryCallback;
}

/** Pages of the map, whatever size the guest's pages have: 4 KB. */
const PAGE_SHIFT = 12;

/** What the compiled hooks offer: one hook that calls back for accesses to pages of the map that it returns. */
export interface PageWatch {
  /** The map is to be fetched anew at each use. Addresses are virtual ones, whatever the engine reports. */
  watchMemory(callback: MemoryCallback): () => Uint8Array;
}

export class MemoryHooks {
  readonly #engine: Engine;
  readonly #shim: PageWatch | undefined;
  readonly #ranges = new Set<Range>();
  /** A bit for each page that a range touches; made with the first range. */
  #pages: (() => Uint8Array) | undefined;
  /** Ranges of the pages accessed since the ranges changed last. */
  readonly #rangesOf = new Map<number, readonly Range[]>();

  constructor(engine: Engine, shim: PageWatch | undefined) {
    this.#engine = engine;
    this.#shim = shim;
  }

  /** Whether one hook for all ranges gets virtual addresses from the compiled hooks. */
  get compiled(): boolean {
    return this.#shim !== undefined;
  }

  /** Calls `callback` before each load and store from `start` to `end` (inclusive). @returns ends that */
  add(start: number, end: number, callback: MemoryCallback): () => void {
    if (this.#shim === undefined) {
      const hook = this.#engine.hook_add(HOOK.MEM_READ | HOOK.MEM_WRITE, callback, start, end);
      return () => this.#engine.hook_del(hook);
    }
    this.#pages ??= this.#shim.watchMemory((type, address, size, value) => {
      for (const range of this.#rangesAt(address))
        if (address >= range.start && address <= range.end) range.callback(type, address, size, value);
    });
    const range = { start, end, callback };
    this.#ranges.add(range);
    this.#rangesOf.clear();
    this.#mark(range);
    return () => {
      this.#ranges.delete(range);
      this.#rangesOf.clear();
      this.#pages!().fill(0);
      for (const other of this.#ranges) this.#mark(other);
    };
  }

  #mark({ start, end }: Range): void {
    const pages = this.#pages!();
    for (let page = start >>> PAGE_SHIFT; page <= end >>> PAGE_SHIFT; page++) pages[page >> 3]! |= 1 << (page & 7);
  }

  #rangesAt(address: number): readonly Range[] {
    const page = address >>> PAGE_SHIFT;
    let ranges = this.#rangesOf.get(page);
    if (ranges === undefined) {
      ranges = [...this.#ranges].filter(({ start, end }) => start >>> PAGE_SHIFT <= page && page <= end >>> PAGE_SHIFT);
      this.#rangesOf.set(page, ranges);
    }
    return ranges;
  }
}
