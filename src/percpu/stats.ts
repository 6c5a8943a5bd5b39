// The text of debugfs percpu_stats: mm/percpu-stats.c.
import { findLastBit, findNextBit, testBit } from './bitmap.js';
import { PCPU_MIN_ALLOC_SHIFT, PCPU_MIN_ALLOC_SIZE } from './chunk.js';
import type { Chunk } from './chunk.js';
import type { PercpuAllocator } from './allocator.js';

const RULE = '----------------------------------------';

function row(name: string, value: number): string {
  return `  ${name.padEnd(20)}: ${String(value).padStart(12)}`;
}

/** percpu_stats_show(): lines without their newlines. */
export function statsLines(percpu: PercpuAllocator): string[] {
  const { info, stats, slots } = percpu;
  const lines = [
    'Percpu Memory Statistics',
    'Allocation Info:',
    RULE,
    row('unit_size', info.unitSize),
    row('static_size', info.staticSize),
    row('reserved_size', info.reservedSize),
    row('dyn_size', info.dynSize),
    row('atom_size', info.atomSize),
    row('alloc_size', info.allocSize),
    '',
    'Global Stats:',
    RULE,
    row('nr_alloc', stats.nrAlloc),
    row('nr_dealloc', stats.nrDealloc),
    row('nr_cur_alloc', stats.nrCurAlloc),
    row('nr_max_alloc', stats.nrMaxAlloc),
    row('nr_chunks', stats.nrChunks),
    row('nr_max_chunks', stats.nrMaxChunks),
    row('min_alloc_size', stats.minAllocSize),
    row('max_alloc_size', stats.maxAllocSize),
    row('empty_pop_pages', percpu.nrEmptyPopPages),
    '',
    'Per Chunk Stats:',
    RULE,
  ];
  if (percpu.reservedChunk !== null) lines.push('Chunk: <- Reserved Chunk', ...chunkLines(percpu.reservedChunk));
  for (let slot = 0; slot < slots.nrSlots; slot++) {
    for (const chunk of slots.chunks(slot)) {
      if (chunk === percpu.firstChunk) lines.push('Chunk: <- First Chunk');
      else if (slot === slots.toDepopulate) lines.push('Chunk (to_depopulate)');
      else if (slot === slots.sidelined) lines.push('Chunk (sidelined):');
      else lines.push('Chunk:');
      lines.push(...chunkLines(chunk));
    }
  }
  return lines;
}

/** chunk_map_stats(): fragmentation between the chunk's beginning and its last area. */
function chunkLines(chunk: Chunk): string[] {
  const map = chunk.allocMap;
  // The kernel leaves the last bit out of the search, and takes the size it returns for a bit when nothing is found.
  const size = chunk.mapBits - (chunk.endOffset >>> PCPU_MIN_ALLOC_SHIFT) - 1;
  let last = findLastBit(map, 0, size);
  if (last < 0) last = size;
  const end = testBit(map, last) ? last + 1 : 0;

  // Areas positive, free runs negative, so that sorting puts the largest free run first.
  const sizes: number[] = [];
  for (let bit = chunk.startOffset >>> PCPU_MIN_ALLOC_SHIFT; bit < end;) {
    const used = testBit(map, bit);
    const next = findNextBit(used ? chunk.boundMap : map, end, bit + 1);
    sizes.push((next - bit) * (used ? PCPU_MIN_ALLOC_SIZE : -PCPU_MIN_ALLOC_SIZE));
    bit = next;
  }
  sizes.sort((a, b) => a - b);
  const nrFree = sizes.filter((bytes) => bytes < 0).length;
  const free = sizes.slice(0, nrFree);
  return [
    row('nr_alloc', chunk.nrAlloc),
    row('max_alloc_size', chunk.maxAllocSize),
    row('empty_pop_pages', chunk.nrEmptyPopPages),
    row('first_bit', chunk.md.first),
    row('free_bytes', chunk.freeBytes),
    row('contig_bytes', chunk.md.contig * PCPU_MIN_ALLOC_SIZE),
    row(
      'sum_frag',
      free.reduce((sum, bytes) => sum - bytes, 0),
    ),
    row('max_frag', nrFree > 0 ? -free[0]! : 0),
    row('cur_min_alloc', sizes[nrFree] ?? 0),
    row('cur_med_alloc', sizes[Math.floor((nrFree + sizes.length - 1) / 2)] ?? 0),
    row('cur_max_alloc', sizes.at(-1) ?? 0),
    '',
  ];
}
