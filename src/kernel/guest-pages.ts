// The guest's physical pages and its page table: what alloc_pages(), vmalloc() and the slab caches get, and who owns what.
import type { Machine } from '../../emu/malta/machine.js';
import { physical } from '../../emu/malta/memory-map.js';
import { UsageError } from '../errors.js';
import { PageAllocator, type PageOwner } from '../mm/page-allocator.js';
import { PageTable } from '../mm/page-table.js';
import type { Append } from './events.js';

const KSEG0 = 0x8000_0000;
const VMALLOC_START = 0xc000_0000;

/** A translation that the TLB holds. */
export interface Translation {
  /** Page frame number. */
  frame: number;
  /** TLB index, and whether that is a shadow: thrown out by tlbwr, still translating, invisible to the guest. */
  index: number;
  shadow: boolean;
}

/** An object of a slab cache. Addresses are kseg0 addresses. */
export interface SlabObject {
  cache: string;
  address: number;
  /** Bytes that the cache was made for. */
  size: number;
}

export class GuestPages {
  readonly allocator: PageAllocator;
  readonly table: PageTable;
  readonly #machine: Machine;
  readonly #append: Append;
  readonly #pageSize: number;
  readonly #pageShift: number;
  /** Names of the slab caches by the address of their struct kmem_cache. */
  readonly #caches = new Map<number, string>();
  readonly #vmAreas = new Map<number, number[]>();
  #vmNext = VMALLOC_START;

  /** @param firstFree physical address behind the first chunk and the page descriptors @param ramBytes of the board */
  constructor(machine: Machine, firstFree: number, ramBytes: number, append: Append) {
    this.#machine = machine;
    this.#append = append;
    this.#pageSize = machine.pageSize;
    this.#pageShift = Math.log2(machine.pageSize);
    this.allocator = new PageAllocator(
      (firstFree + this.#pageSize - 1) >>> this.#pageShift,
      ramBytes >>> this.#pageShift,
      this.#pageSize,
    );
    this.table = new PageTable(
      machine,
      machine.symbols.address('swapper_pg_dir'),
      machine.symbols.address('invalid_pte_table'),
      this.#pageShift,
      () => this.#newPteTable(),
    );
  }

  #newPteTable(): number {
    const frame = this.allocator.alloc(0, { kind: 'page-table' });
    if (frame < 0) throw new UsageError('out of memory for page tables: give the guest more (--memory)');
    const address = KSEG0 + frame * this.#pageSize;
    this.#machine.bytes(address, this.#pageSize).fill(0);
    this.#append({ type: 'page_alloc', frame, order: 0, owner: 'page table', caller: 'pte_alloc_kernel' });
    return address;
  }

  /** A slab cache has been made. */
  newCache(cachep: number): void {
    const { symbols } = this.#machine;
    const name = this.#machine.read32(cachep + symbols.offset('kmem_cache', 'name'));
    this.#caches.set(cachep, this.#machine.readString(name));
  }

  /** @param cachep the slab cache that wants them, 0 for others @param by function @returns kseg0 address, 0: no memory */
  alloc(order: number, cachep: number, by: string): number {
    const cache = this.#caches.get(cachep);
    const owner: PageOwner = cache === undefined ? { kind: 'pages', caller: by } : { kind: 'slab', cache };
    const frame = this.allocator.alloc(order, owner);
    if (frame < 0) return 0;
    this.#append({ type: 'page_alloc', frame, order, owner: cache ?? by, caller: by });
    return KSEG0 + frame * this.#pageSize;
  }

  free(address: number, order: number): void {
    const frame = physical(address) >>> this.#pageShift;
    if (this.allocator.owners[frame] === undefined) return; // an address that a stale store has changed
    this.#append({ type: 'page_free', frame, order });
    this.allocator.free(frame, order);
  }

  /** Pages of virtual memory for large bookkeeping, at addresses of their own; no reuse needed in one boot. */
  vmalloc(bytes: number): number {
    const base = this.#vmNext;
    const frames: number[] = [];
    for (let at = 0; at < bytes; at += this.#pageSize) {
      const frame = this.allocator.alloc(0, { kind: 'metadata' });
      if (frame < 0) throw new UsageError('out of memory for the allocator: give the guest more (--memory)');
      this.#append({ type: 'page_alloc', frame, order: 0, owner: 'metadata', caller: '__vmalloc' });
      this.#machine.bytes(frame * this.#pageSize, this.#pageSize).fill(0);
      this.table.map(base + at, frame);
      frames.push(frame);
    }
    this.#vmAreas.set(base, frames);
    this.#vmNext += (frames.length + 1) * this.#pageSize; // a guard page, as every vm area has
    return base;
  }

  vfree(address: number): void {
    const frames = this.#vmAreas.get(address) ?? [];
    this.#vmAreas.delete(address);
    frames.forEach((frame, i) => {
      this.table.unmap(address + i * this.#pageSize);
      this.#append({ type: 'page_free', frame, order: 0 });
      this.allocator.free(frame, 0);
    });
  }

  /** What the TLB says about va now, shadow entries included; undefined when the next access will ask the page table. */
  translation(va: number): Translation | undefined {
    const entry = this.#machine.board.cpu.tlbMatch(va);
    if (!entry || entry.invalid) return undefined;
    const half = va & entry.pageSize ? entry.odd : entry.even;
    if (!half.v) return undefined;
    return { frame: half.physical / entry.pageSize, index: entry.index, shadow: entry.shadow };
  }

  /** Name of what a frame is used for now. */
  ownerName(frame: number): string {
    const owner = this.allocator.owners[frame];
    if (owner === undefined) return 'free';
    if (owner.kind === 'slab') return owner.cache;
    if (owner.kind === 'percpu') return `per-CPU chunk ${owner.chunk} page ${owner.page}`;
    return owner.kind === 'pages' ? owner.caller : owner.kind;
  }

  /** The slab object around a kseg0 address; undefined where no slab page is. */
  objectAt(address: number): SlabObject | undefined {
    const { symbols } = this.#machine;
    if (address >>> 29 !== 4) return undefined;
    const peek = (at: number): number => this.#machine.peek32(at);
    const slab = peek(symbols.address('mem_map')) + (physical(address) >>> this.#pageShift) * symbols.size('slab');
    const cachep = peek(slab + symbols.offset('slab', 'slab_cache'));
    const cache = this.#caches.get(cachep);
    if (cache === undefined) return undefined;
    const first = peek(slab + symbols.offset('slab', 's_mem'));
    const pitch = peek(cachep + symbols.offset('kmem_cache', 'size'));
    const index = Math.floor((address - first) / pitch);
    if (index < 0 || index >= peek(cachep + symbols.offset('kmem_cache', 'num'))) return undefined;
    const size = peek(cachep + symbols.offset('kmem_cache', 'object_size'));
    return { cache, address: first + index * pitch, size };
  }
}
