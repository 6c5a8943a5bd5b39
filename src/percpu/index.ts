// The per-CPU allocator of Linux, bit for bit. Overview: see below; public names only here.
export { addressFrom, addressValue, hexAddress } from './address.js';
export type { LongBits } from './address.js';
export { PercpuAllocator, PCPU_EMPTY_POP_PAGES_HIGH, PCPU_EMPTY_POP_PAGES_LOW, runToEnd } from './allocator.js';
export type { LockDrop, PercpuStats, Steps } from './allocator.js';
export { Chunk, PCPU_MIN_ALLOC_SIZE } from './chunk.js';
export { CountingMemory, MemoryError } from './counting-memory.js';
export { buildAllocInfo, embedFirstChunk } from './first-chunk.js';
export type { BootAlloc, EmbeddedFirstChunk } from './first-chunk.js';
export { PERCPU_MODULE_RESERVE, dynamicReserve } from './geometry.js';
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
export { ScriptError, parseScript } from './ops/script.js';
export type { ScriptOp } from './ops/script.js';
export type { MemoryPort, PercpuEvents } from './port.js';
export { statsLines } from './stats.js';
export { SetupError, unitLayout } from './units.js';
export type { UnitLayout } from './units.js';
export { VARIANTS } from './variant.js';
export type { FlushRule, Variant, VariantName } from './variant.js';
