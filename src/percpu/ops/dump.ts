// The state dump of operation scripts: the `S` lines of docs/ops-format.md, without "S ".
import type { BlockMd } from '../block.js';
import type { Chunk } from '../chunk.js';
import type { CountingMemory } from '../counting-memory.js';
import type { PercpuAllocator } from '../allocator.js';

/** @param brief leave out bitmaps and blocks */
export function stateLines(percpu: PercpuAllocator, memory: CountingMemory, brief: boolean): string[] {
  const { stats, slots } = percpu;
  const flag = (value: boolean): number => (value ? 1 : 0);
  const lines = [
    `g empty_pop=${percpu.nrEmptyPopPages} populated=${percpu.nrPopulated} atomic_failed=${flag(percpu.atomicAllocFailed)}` +
      ` pending=${flag(percpu.balancePending)} async=${flag(percpu.asyncEnabled)}`,
    `stats nr_alloc=${stats.nrAlloc} nr_dealloc=${stats.nrDealloc} cur=${stats.nrCurAlloc} max=${stats.nrMaxAlloc}` +
      ` chunks=${stats.nrChunks} max_chunks=${stats.nrMaxChunks} min_size=${stats.minAllocSize} max_size=${stats.maxAllocSize}`,
    `vm pages_used=${memory.pagesUsed} pages_free=${memory.pagesFree} pages_next=${memory.pagesMade}` +
      ` lazy=${memory.lazyPages} stale_remaps=${memory.staleRemaps}`,
  ];
  const listed: [Chunk, number][] = [];
  if (percpu.reservedChunk !== null) listed.push([percpu.reservedChunk, -1]);
  for (let slot = 0; slot < slots.nrSlots; slot++) {
    const chunks = [...slots.chunks(slot)];
    if (chunks.length === 0) continue;
    lines.push(`slot ${slot}: ${chunks.map((chunk) => chunk.name).join(' ')}`);
    for (const chunk of chunks) listed.push([chunk, slot]);
  }
  for (const [chunk, slot] of listed) dumpChunk(percpu, chunk, slot, brief, lines);
  return lines;
}

function dumpChunk(percpu: PercpuAllocator, chunk: Chunk, slot: number, brief: boolean, lines: string[]): void {
  lines.push(
    `chunk ${chunk.name} slot=${slot} cslot=${percpu.slots.ofChunk(chunk)} base=${percpu.hex(chunk.base)}` +
      ` free=${chunk.freeBytes} start=${chunk.startOffset} end=${chunk.endOffset} pages=${chunk.nrPages}` +
      ` pop=${chunk.nrPopulated} empty=${chunk.nrEmptyPopPages} nalloc=${chunk.nrAlloc} maxalloc=${chunk.maxAllocSize}` +
      ` imm=${chunk.immutable ? 1 : 0} iso=${chunk.isolated ? 1 : 0}`,
    `md${hintText(chunk.md)} bits=${chunk.md.bits}`,
    `pop ${hexBits(chunk.populated, chunk.nrPages)}`,
  );
  if (brief) return;
  lines.push(`am ${hexBits(chunk.allocMap, chunk.mapBits)}`, `bm ${hexBits(chunk.boundMap, chunk.mapBits + 1)}`);
  const { blocks, nrPages } = chunk;
  for (let index = 0; index < nrPages;) {
    const hints = hintText(blocks[index]!);
    let next = index + 1;
    while (next < nrPages && hintText(blocks[next]!) === hints) next++;
    lines.push(`b ${next - index > 1 ? `${index}-${next - 1}` : index}${hints}`);
    index = next;
  }
}

function hintText({ scan, scanStart, contig, contigStart, left, right, first }: BlockMd): string {
  return ` scan=${scan}@${scanStart} contig=${contig}@${contigStart} left=${left} right=${right} first=${first}`;
}

/** HEX of docs/ops-format.md: one digit per 4 bits, lowest first, runs of 4 and more equal digits as d{count}. */
function hexBits(map: Int32Array, bits: number): string {
  const digits = (bits + 3) >>> 2;
  const digitAt = (digit: number): number => {
    const value = (map[digit >>> 3]! >>> ((digit & 7) * 4)) & 15;
    const missing = digit * 4 + 4 - bits;
    return missing > 0 ? value & (15 >>> missing) : value;
  };
  let text = '';
  for (let digit = 0; digit < digits;) {
    const value = digitAt(digit);
    let next = digit + 1;
    while (next < digits && digitAt(next) === value) next++;
    const character = value.toString(16);
    text += next - digit >= 4 ? `${character}{${next - digit}}` : character.repeat(next - digit);
    digit = next;
  }
  return text;
}
