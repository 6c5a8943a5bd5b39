// Recounts every hint, bitmap and counter from the allocation maps and compares. Slow; tests switch it on, nothing else calls it.
import type { PercpuAllocator } from './allocator.js';
import { findNextBit, findNextZeroBit, testBit } from './bitmap.js';
import type { BlockMd } from './block.js';
import { PCPU_MIN_ALLOC_SIZE } from './chunk.js';
import type { Chunk } from './chunk.js';

/** A state that the allocator can never be in. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/** Checks everything that must hold between two operations. @throws InvariantError saying which chunk breaks which rule */
export function checkInvariants(percpu: PercpuAllocator): void {
  const { slots, units, firstChunk, reservedChunk } = percpu;
  let empty = 0;
  let populated = 0;
  let listed = 0;
  let areas = 0;
  for (let slot = 0; slot < slots.nrSlots; slot++) {
    for (const chunk of slots.chunks(slot)) {
      listed++;
      areas += checkChunk(percpu, chunk);
      expect(chunk, chunk.slot === slot, `is on slot ${slot} but says ${chunk.slot}`);
      expect(chunk, chunk.next.prev === chunk && chunk.prev.next === chunk, 'is not linked both ways');
      const own = slots.ofChunk(chunk);
      expect(chunk, chunk.ownSlot === own, `belongs to slot ${own} but says ${chunk.ownSlot}`);
      if (chunk.isolated) {
        expect(chunk, slot === slots.sidelined || slot === slots.toDepopulate, `is isolated but on slot ${slot}`);
      } else {
        // Slot 0 also holds chunks that were thrown there by a failed fit.
        expect(chunk, slot === own || slot === 0, `is on slot ${slot} but belongs to ${own}`);
        empty += chunk.nrEmptyPopPages;
      }
      if (!chunk.immutable) populated += chunk.nrPopulated;
    }
  }
  if (reservedChunk !== null) areas += checkChunk(percpu, reservedChunk);
  const known = [...percpu.chunks()].filter((chunk) => chunk !== reservedChunk).length;
  expect(firstChunk, listed === known, `and others: ${listed} chunks are on slots, ${known} exist`);
  expect(
    firstChunk,
    empty === percpu.nrEmptyPopPages,
    `and others have ${empty} empty pages, not ${percpu.nrEmptyPopPages}`,
  );
  const { staticSize, reservedSize, dynSize } = percpu.info;
  populated += Math.floor((staticSize + reservedSize + dynSize) / percpu.pageSize);
  expect(firstChunk, populated === percpu.nrPopulated, `and others: ${populated} pages, not ${percpu.nrPopulated}`);
  const { stats } = percpu;
  expect(firstChunk, stats.nrChunks === known, `and others are ${known}, not ${stats.nrChunks}`);
  expect(firstChunk, areas === stats.nrCurAlloc, `and others hold ${areas} areas, not ${stats.nrCurAlloc}`);
  expect(
    firstChunk,
    stats.nrCurAlloc === stats.nrAlloc - stats.nrDealloc,
    'and others: allocs - frees is not what is left',
  );
  expect(firstChunk, units.nrUnits >= percpu.machine.cpus, 'has fewer units than CPUs');
}

function expect(chunk: Chunk, holds: boolean, what: string): void {
  if (!holds) throw new InvariantError(`chunk ${chunk.name} ${what}`);
}

/** @returns the number of areas in the chunk */
function checkChunk(percpu: PercpuAllocator, chunk: Chunk): number {
  const map = chunk.allocMap;
  const used = (bit: number): boolean => testBit(map, bit);
  let free = 0;
  for (let bit = findNextZeroBit(map, chunk.mapBits, 0); bit < chunk.mapBits;) {
    const next = findNextBit(map, chunk.mapBits, bit);
    free += next - bit;
    bit = findNextZeroBit(map, chunk.mapBits, next);
  }
  // A region whose size is not a multiple of 4 keeps its odd bytes in free_bytes.
  const odd =
    chunk.endOffset % PCPU_MIN_ALLOC_SIZE === 0 ? 0 : PCPU_MIN_ALLOC_SIZE - (chunk.endOffset % PCPU_MIN_ALLOC_SIZE);
  const counted = free * PCPU_MIN_ALLOC_SIZE - (odd === 0 ? 0 : PCPU_MIN_ALLOC_SIZE - odd);
  expect(chunk, chunk.freeBytes === counted, `has ${counted} bytes free, not ${chunk.freeBytes}`);

  const low = chunk.startOffset / PCPU_MIN_ALLOC_SIZE;
  const high = chunk.mapBits - (chunk.endOffset >>> 2);
  let areas = 0;
  for (let bit = findNextBit(map, high, low); bit < high; bit = findNextBit(map, high, bit + 1)) {
    const begins = testBit(chunk.boundMap, bit);
    if (begins) areas++;
    else expect(chunk, bit > low && used(bit - 1), `has an area at bit ${bit} without a boundary`);
    if (bit + 1 === high || !used(bit + 1)) {
      expect(chunk, testBit(chunk.boundMap, bit + 1), `has an area that ends at bit ${bit + 1} without a boundary`);
    }
  }
  expect(chunk, areas === chunk.nrAlloc, `has ${areas} areas, not ${chunk.nrAlloc}`);

  chunk.boundMap.forEach((bits, word) => {
    expect(chunk, testBit(chunk.boundSummary, word) === (bits !== 0), `has a wrong summary of bound map word ${word}`);
  });

  chunk.allocMap.forEach((bits, word) => {
    expect(chunk, testBit(chunk.fullWords, word) === (bits === -1), `has a wrong mark of full map word ${word}`);
  });
  expect(chunk, chunk.fullWords.at(-1) === 0, 'has a mark behind its map');

  checkHints(chunk, chunk.md, 'chunk');
  const blockBits = 1 << chunk.blockShift;
  let populated = 0;
  let empty = 0;
  let freeFrom = 0;
  for (let page = 0; page < chunk.nrPages; page++) {
    const block = chunk.blocks[page]!;
    expect(chunk, block.base === page * blockBits && block.bits === blockBits, `block ${page} is another one`);
    expect(chunk, block.next === chunk.blocks[page + 1], `block ${page} is not followed by the next`);
    checkHints(chunk, block, `block ${page}`);
    const isEmpty = block.contig === blockBits;
    const inUse = findNextBit(map, (page + 1) * blockBits, page * blockBits) < (page + 1) * blockBits;
    expect(
      chunk,
      isEmpty !== inUse,
      `block ${page} is ${inUse ? '' : 'not '}in use but its contig hint says otherwise`,
    );
    if (inUse) freeFrom = page + 1;
    if (testBit(chunk.populated, page)) {
      populated++;
      if (isEmpty) empty++;
    } else expect(chunk, isEmpty, `has an area on page ${page}, which is not populated`);
  }
  expect(chunk, freeFrom === chunk.freeFrom, `is free from block ${freeFrom} on, not ${chunk.freeFrom}`);
  expect(chunk, populated === chunk.nrPopulated, `has ${populated} populated pages, not ${chunk.nrPopulated}`);
  expect(chunk, empty === chunk.nrEmptyPopPages, `has ${empty} empty populated pages, not ${chunk.nrEmptyPopPages}`);
  expect(chunk, chunk.nrPages <= percpu.unitPages, 'is larger than a unit');
  return areas;
}

/** The rules that stand at the fields in block.ts. */
function checkHints(chunk: Chunk, md: BlockMd, what: string): void {
  const { scan, scanStart, contig, contigStart, bits, base: from } = md;
  const end = from + bits;
  const map = chunk.allocMap;
  const isFree = (start: number, length: number): boolean =>
    start >= 0 &&
    start + length <= bits &&
    findNextBit(map, from + start + length, from + start) === from + start + length;
  const first = findNextZeroBit(map, end, from) - from;
  const left = findNextBit(map, end, from) - from;
  let right = 0;
  let largest = 0;
  for (let bit = findNextZeroBit(map, end, from); bit < end;) {
    const next = findNextBit(map, end, bit);
    largest = Math.max(largest, next - bit);
    if (next === end) right = next - bit;
    bit = findNextZeroBit(map, end, next);
  }
  expect(chunk, contig <= largest, `${what}: contig hint ${contig}, largest free run ${largest}`);
  expect(chunk, isFree(contigStart, contig) || contig === 0, `${what}: the contig hint's run is not free`);
  expect(chunk, isFree(scanStart, scan) || scan === 0, `${what}: the scan hint's run is not free`);
  expect(chunk, scan <= contig, `${what}: scan hint ${scan} exceeds contig hint ${contig}`);
  expect(
    chunk,
    scan === 0 || scanStart <= contigStart || scan === contig,
    `${what}: smaller scan hint behind the contig hint`,
  );
  expect(chunk, md.first <= first, `${what}: first free ${md.first}, but bit ${first} is free`);
  if (md === chunk.md) return;
  expect(chunk, contig > 0 || largest === 0, `${what}: contig hint 0, but ${largest} bits are free`);
  expect(chunk, md.left === left, `${what}: left free ${md.left}, counted ${left}`);
  expect(chunk, md.right <= right, `${what}: right free ${md.right}, counted ${right}`);
}
