// What the allocator needs from the rest of memory management, and what it tells whoever wants to watch.
import type { Chunk } from './chunk.js';

/**
 * The memory behind the chunks: mm/vmalloc.c, the page allocator, page tables and the TLB as mm/percpu-vm.c uses them. All pages are
 * unit-relative indexes; a range [start, end) means these pages of every possible CPU's unit. No method may call the allocator.
 */
export interface MemoryPort {
  /** pcpu_mem_zalloc() of metadata; false = no memory. Asked for chunk struct, allocation map, bound map, blocks, page array. */
  allocMetadata(): boolean;
  /** pcpu_get_vm_areas(): base address of a new chunk (see Chunk.base), NaN when nothing fits. */
  createArea(): number;
  /** pcpu_free_vm_areas(): returns the chunk's addresses; the port flushes their translations before it hands them out again. */
  destroyArea(chunk: Chunk): void;
  /** pcpu_alloc_pages() and pcpu_map_pages(); false when either failed, with everything undone and flushed. */
  populate(chunk: Chunk, start: number, end: number): boolean;
  /** Unmaps the pages, then frees them, without any TLB flush. */
  depopulate(chunk: Chunk, start: number, end: number): void;
  /** pcpu_post_unmap_tlb_flush(): from page `start` of the lowest unit to page `end` of the highest unit. */
  flush(chunk: Chunk, start: number, end: number): void;
  /** memset(0) of a fresh area in every unit: `size` bytes at `offset` of the chunk. */
  zero(chunk: Chunk, offset: number, size: number): void;
}

/** Readers of everything that happens. Sizes and offsets in bytes; called at the place where the kernel has its tracepoint. */
export interface PercpuEvents {
  /** trace_percpu_alloc_percpu(): the allocation is complete. `size` and `align` after rounding. */
  alloc(
    chunk: Chunk,
    offset: number,
    size: number,
    align: number,
    reserved: boolean,
    atomic: boolean,
    gfp: number,
  ): void;
  /** trace_percpu_alloc_percpu_fail(). */
  allocFail(size: number, align: number, reserved: boolean, atomic: boolean): void;
  /** trace_percpu_free_percpu(). */
  free(chunk: Chunk, offset: number, size: number): void;
  /** trace_percpu_create_chunk(), also for the first chunk. */
  createChunk(chunk: Chunk): void;
  /** trace_percpu_destroy_chunk(), before the area goes back. */
  destroyChunk(chunk: Chunk): void;
  /** Pages became usable, or stopped being usable; after the port did it, before the counters change. */
  populate(chunk: Chunk, start: number, end: number): void;
  depopulate(chunk: Chunk, start: number, end: number): void;
  /** A TLB flush of reclaim is done. */
  flush(chunk: Chunk, start: number, end: number): void;
  /** pcpu_isolate_chunk(); `again` when it was isolated already. */
  isolate(chunk: Chunk, again: boolean): void;
  /** pcpu_reintegrate_chunk() of an isolated chunk; counters already changed. */
  reintegrate(chunk: Chunk): void;
  /** A depopulated chunk was put on the sidelined slot. */
  sideline(chunk: Chunk): void;
  /** pcpu_balance_workfn() begins, ends. */
  balanceStart(): void;
  balanceEnd(): void;
  /** schedule_work(&pcpu_balance_work). */
  schedule(wasPending: boolean): void;
  /** WARN(): "illegal size (%zu) or align (%zu) for percpu allocation", arguments as given. */
  illegalRequest(size: number, align: number): void;
  /** pr_warn("allocation failed, size=%zu align=%zu atomic=%d, %s"). `last`: the tenth, after which the kernel says no more. */
  allocWarning(size: number, align: number, reason: string, last: boolean): void;
}
