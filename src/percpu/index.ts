// The per-CPU allocator of Linux, bit for bit: what mm/percpu.c, percpu-vm.c and percpu-stats.c do, over a memory port.
//
// A per-CPU area exists once per CPU at the same offset of that CPU's *unit*. The units of all CPUs lie at fixed distances from each
// other, so one offset names all copies. One set of units is a *chunk*; groups of units (NUMA nodes) have a vm area each:
//
//     chunk 0 (boot memory)          chunk 1 (vm area)              chunk 2 ...
//     |static|reserved|dynamic|      |                       |      |                       |   unit of CPU 0
//     |static|reserved|dynamic|      |                       |      |                       |   unit of CPU 1
//      page  page  page  page         page  page  (hole) page
//
// Chunk 0 always exists; its regions behind the static area are served by the reserved and the first chunk. Later chunks are address
// space at first: their pages are *populated* when an allocation needs them or in the background, in all units at once.
//
// Inside a chunk, one bit of the allocation map stands for 4 bytes. A *block* of bits is a page; blocks and the chunk as a whole carry
// *hints* about their free runs, so that most searches look at few bits. Hints may be too small, never too large: which chunk serves a
// request follows from the hints, so their rules are the kernel's in every detail.
//
// Chunks are on *slots*, lists sorted by the size class of their largest free run as the hint has it. A request goes through the slots
// from its own class upwards: the fullest chunk that may have room comes first. Behind the size classes come
//     sidelined       chunks whose empty pages were taken away; they serve when no other does
//     free            completely free chunks
//     to-depopulate   chunks *isolated* by a free that left enough of their pages empty; not searched
//
// The *balance work* (a work item) destroys free chunks but one, takes empty pages from the isolated chunks, last page first
// (*depopulate*: unmap, free, and since 93274f1dd6b0 flush the TLB once per chunk), sidelines them or *reintegrates* them when empty
// pages are scarce elsewhere, and populates pages until four are empty and at hand for requests that must not sleep.
// It drops pcpu_lock wherever it calls the memory port, and other tasks go on there: slow paths are generators that stop at every such
// place (allocSteps, balanceSteps). The fast paths of `alloc` and `free` know nothing of that and make no JavaScript objects.
//
// To read on, top down:
//     geometry.ts, units.ts, first-chunk.ts   what the machine fixes; set-up at boot
//     allocator.ts, slots.ts                  pcpu_alloc(), free_percpu(), isolation, counters; which chunk is asked next
//     area.ts, hints.ts                       inside a chunk: search, areas; hints
//     block.ts, chunk-maps.ts                 a hint record; the maps themselves
//     balance.ts                              the balance work
//     variant.ts                              in what the modelled kernels differ
//     port.ts                                 memory behind the chunks, and the event sink
//     counting-memory.ts, vm-areas.ts         a port without memory, for scripts, replays and benchmarks
//     stats.ts, stats-text.ts, invariants.ts  debugfs percpu_stats, written and read; an independent recount for tests
//     ops/                                    operation scripts and their output
export { addressFrom, addressValue, hexAddress } from './address.js';
export type { LongBits } from './address.js';
export { PercpuAllocator } from './allocator.js';
export type { PercpuStats } from './allocator.js';
export { Chunk, PCPU_MIN_ALLOC_SIZE } from './chunk.js';
export { CountingMemory, MemoryError } from './counting-memory.js';
export { buildAllocInfo, embedFirstChunk } from './first-chunk.js';
export type { BootAlloc, EmbeddedFirstChunk } from './first-chunk.js';
export {
  PCPU_EMPTY_POP_PAGES_HIGH,
  PCPU_EMPTY_POP_PAGES_LOW,
  PERCPU_MODULE_RESERVE,
  dynamicReserve,
} from './geometry.js';
export type { AllocInfo, Machine, UnitGroup } from './geometry.js';
export {
  GFP_ATOMIC,
  GFP_KERNEL,
  GFP_NOFS,
  GFP_NOIO,
  GFP_NOWAIT,
  __GFP_NOFAIL,
  __GFP_NOWARN,
  gfpNames,
  parseGfpNames,
} from './gfp.js';
export { ScriptRunner } from './ops/runner.js';
export { ScriptError, parseScript, scriptOps } from './ops/script.js';
export type { ScriptOp } from './ops/script.js';
export type { MemoryPort, PercpuEvents } from './port.js';
export type { LockDrop, Steps } from './steps.js';
export { statsLines } from './stats.js';
export { StatsTextError, contradictions, isStatsText, parseStatsText } from './stats-text.js';
export type { StatsFields, StatsText } from './stats-text.js';
export { SetupError, unitLayout } from './units.js';
export type { UnitLayout } from './units.js';
export { VARIANTS, reclaimPages } from './variant.js';
export type { FlushRule, Share, Variant, VariantName } from './variant.js';
export { InvariantError, checkInvariants } from './invariants.js';
