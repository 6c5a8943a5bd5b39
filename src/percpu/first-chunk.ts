// Boot: the shape of the per-CPU areas (pcpu_build_alloc_info), boot memory for the first chunk (pcpu_embed_first_chunk), and the
// chunks that serve the two regions of it (pcpu_alloc_first_chunk).
import { setBits } from './bitmap.js';
import { Chunk, PCPU_MIN_ALLOC_SHIFT } from './chunk.js';
import { PERCPU_DYNAMIC_EARLY_SIZE, alignUp, minUnitSize } from './geometry.js';
import type { AllocInfo, Machine } from './geometry.js';

/** pcpu_alloc_first_chunk(): the chunk that serves `size` bytes at `offset` from the page-aligned `base`. All of it is populated. */
export function firstChunkRegion(id: number, pageShift: number, base: number, offset: number, size: number): Chunk {
  const pageSize = 1 << pageShift;
  const startOffset = offset & (pageSize - 1);
  const regionSize = alignUp(startOffset + size, pageSize);
  const chunk = new Chunk(id, base + offset - startOffset, regionSize >>> pageShift, pageShift);
  chunk.startOffset = startOffset;
  chunk.endOffset = regionSize - startOffset - size;
  chunk.immutable = true;
  setBits(chunk.populated, 0, chunk.nrPages);
  chunk.nrPopulated = chunk.nrPages;
  chunk.nrEmptyPopPages = chunk.nrPages;
  chunk.freeBytes = size;
  if (startOffset > 0) {
    const bits = startOffset >>> PCPU_MIN_ALLOC_SHIFT;
    chunk.nrEmptyPopPages -= chunk.hide(0, bits, 0, bits);
  }
  if (chunk.endOffset > 0) {
    const bits = chunk.endOffset >>> PCPU_MIN_ALLOC_SHIFT;
    const boundary = (startOffset + size) >>> PCPU_MIN_ALLOC_SHIFT;
    chunk.nrEmptyPopPages -= chunk.hide(chunk.mapBits - bits, bits, boundary, chunk.mapBits);
  }
  return chunk;
}

/**
 * pcpu_build_alloc_info(): groups CPUs of one node, and chooses how many units share one allocation of `atomSize` multiples.
 * CPUs of one node are at LOCAL_DISTANCE, others are not; group offsets are as if the groups lay back to back.
 */
export function buildAllocInfo(
  machine: Machine,
  staticSize: number,
  reservedSize: number,
  dynSize: number,
  atomSize: number,
): AllocInfo {
  const pageSize = 1 << machine.pageShift;
  const sizeSum = alignUp(staticSize + reservedSize + Math.max(dynSize, PERCPU_DYNAMIC_EARLY_SIZE), pageSize);
  const minUnit = Math.max(sizeSum, minUnitSize(pageSize));
  const allocSize = alignUp(minUnit, atomSize);
  const fits = (upa: number): boolean => allocSize % upa === 0 && (allocSize / upa) % pageSize === 0;
  let maxUpa = Math.floor(allocSize / minUnit);
  while (!fits(maxUpa)) maxUpa--;

  const cpusOfGroup: number[][] = [];
  const groupOfNode = new Map<number, number[]>();
  for (let cpu = 0; cpu < machine.cpus; cpu++) {
    const node = machine.nodes[cpu] ?? 0;
    let cpus = groupOfNode.get(node);
    if (cpus === undefined) {
      groupOfNode.set(node, (cpus = []));
      cpusOfGroup.push(cpus);
    }
    cpus.push(cpu);
  }

  // Units per allocation: as many as waste at most a third of the CPUs' number and do not take more allocations.
  let lastAllocs = Infinity;
  let upa = 0;
  for (let candidate = maxUpa; candidate > 0; candidate--) {
    if (!fits(candidate)) continue;
    let allocs = 0;
    let wasted = 0;
    for (const cpus of cpusOfGroup) {
      const mine = Math.ceil(cpus.length / candidate);
      allocs += mine;
      wasted += mine * candidate - cpus.length;
    }
    if (wasted > Math.floor(machine.cpus / 3)) continue;
    if (allocs > lastAllocs) break;
    lastAllocs = allocs;
    upa = candidate;
  }

  const unitSize = allocSize / upa;
  let unit = 0;
  const groups = cpusOfGroup.map((cpus) => {
    const nrUnits = alignUp(cpus.length, upa);
    const group = {
      baseOffset: unit * unitSize,
      cpuMap: [...cpus, ...new Array<number>(nrUnits - cpus.length).fill(-1)],
    };
    unit += nrUnits;
    return group;
  });
  return {
    staticSize,
    reservedSize,
    dynSize: sizeSum - staticSize - reservedSize,
    unitSize,
    atomSize,
    allocSize,
    groups,
  };
}

/** Boot memory for one group of units: `size` bytes aligned to `align`. @returns its address, number form */
export type BootAlloc = (size: number, align: number) => number;

/** What {@link embedFirstChunk} decided. */
export interface EmbeddedFirstChunk {
  readonly info: AllocInfo;
  /** Address of the lowest group: pcpu_base_addr. */
  readonly base: number;
  /** Address of each group. */
  readonly areas: readonly number[];
  /** Distance from the lowest unit to the end of the highest group, bytes. */
  readonly maxDistance: number;
}

/** pcpu_embed_first_chunk(): the first chunk inside boot memory. @param bootAlloc pcpu_fc_alloc(), called once per group */
export function embedFirstChunk(
  machine: Machine,
  staticSize: number,
  reservedSize: number,
  dynSize: number,
  atomSize: number,
  bootAlloc: BootAlloc,
): EmbeddedFirstChunk {
  const info = buildAllocInfo(machine, staticSize, reservedSize, dynSize, atomSize);
  const areas = info.groups.map((group) => bootAlloc(group.cpuMap.length * info.unitSize, atomSize));
  const base = Math.min(...areas);
  const highest = areas.indexOf(Math.max(...areas));
  const maxDistance = areas[highest]! - base + info.groups[highest]!.cpuMap.length * info.unitSize;
  info.groups.forEach((group, index) => (group.baseOffset = areas[index]! - base));
  return { info, base, areas, maxDistance };
}
