// Areas inside one chunk: where an allocation fits, taking it, giving it back. Everything here works in bits of the allocation map.
import { clearBits, findNextBit, findNextZeroBit, setBits } from './bitmap.js';
import { MD_STRIDE, Md, PCPU_MIN_ALLOC_SHIFT, blockAt } from './chunk.js';
import type { Chunk } from './chunk.js';
import { updateBlockAfterScan, updateHintsOnAlloc, updateHintsOnFree } from './hints.js';
import { clearSummedBits, findNextSummedBit, setSummedBit } from './summed-bitmap.js';

/** pcpu_next_hint(): where to begin searching in the block at `at`: behind its scan hint if that is known to be too small. */
function nextHint(md: Int32Array, at: number, bits: number): number {
  const scan = md[at + Md.SCAN]!;
  const scanStart = md[at + Md.SCAN_START]!;
  if (scan !== 0 && md[at + Md.CONTIG_START]! > scanStart && bits > scan) return scanStart + scan;
  return md[at + Md.FIRST]!;
}

/** What {@link findFit} says when no area can be had: by the hints, or in spite of them. */
export const NO_FIT = -1;
export const NO_AREA = -2;

/**
 * pcpu_find_block_fit() and the search of pcpu_alloc_area(): where `bits` bits at alignment `align` (bits, power of two) can be taken.
 * Changes nothing. The hints give a place to begin at, and a run behind it that is known to be free and large enough; only what lies
 * between the two is searched.
 * @param populatedOnly look at backed pages only (atomic allocations)
 * @returns the area's first bit, NO_FIT when the hints say that nothing fits, NO_AREA when nothing was found all the same
 */
export function findFit(chunk: Chunk, bits: number, align: number, populatedOnly: boolean): number {
  const md = chunk.md;
  const chunkContigStart = md[Md.CONTIG_START]!;
  // pcpu_check_block_hint(): only the chunk's best run is asked, another one may fit all the same.
  if (((chunkContigStart + align - 1) & -align) - chunkContigStart + bits > md[Md.CONTIG]!) return NO_FIT;

  const shift = chunk.blockShift;
  const blockBits = 1 << shift;
  const endAt = blockAt(chunk.nrPages);
  let from = nextHint(md, 0, bits);
  for (;;) {
    // pcpu_next_fit_region(). `run`: aligned free bits at the end of the block before.
    let base = (from >>> shift) << shift;
    let offset = from - base;
    let run = 0;
    let known = -1;
    for (let at = blockAt(from >>> shift); at < endAt; at += MD_STRIDE) {
      if (run !== 0) {
        const left = md[at + Md.LEFT]!;
        run += left;
        if (run >= bits) {
          known = from;
          break;
        }
        if (left === blockBits) {
          base += blockBits;
          continue;
        }
      }
      const contig = md[at + Md.CONTIG]!;
      if (contig >= bits) {
        const contigStart = md[at + Md.CONTIG_START]!;
        const slack = ((contigStart + align - 1) & -align) - contigStart;
        if (contigStart >= offset && contig >= slack + bits) {
          const start = nextHint(md, at, bits);
          run = slack + bits + contigStart - start;
          known = base + contigStart;
          from = base + start;
          break;
        }
      }
      offset = 0;
      base += blockBits;
      // Blocks are multiples of any alignment.
      run = md[at + Md.RIGHT]! & -align;
      from = base - run;
      if (run >= bits) {
        known = from;
        break;
      }
    }
    if (known < 0) return NO_FIT;
    if (populatedOnly) {
      const resume = behindHole(chunk, from, run);
      if (resume >= 0) {
        from = resume;
        continue;
      }
    }
    return findArea(chunk, bits, align, from, known);
  }
}

/** pcpu_is_populated(): -1 if all pages of [bit, bit + bits) are backed, else the bit behind the first hole. */
function behindHole(chunk: Chunk, bit: number, bits: number): number {
  const shift = chunk.blockShift;
  const end = (bit + bits + (1 << shift) - 1) >>> shift;
  const hole = findNextZeroBit(chunk.populated, end, bit >>> shift);
  if (hole >= end) return -1;
  return findNextBit(chunk.populated, end, hole + 1) << shift;
}

/** The largest run that the last search had to skip; 0 bits = none. */
let skipped = 0;
let skippedBits = 0;

/**
 * pcpu_find_zero_area() as pcpu_alloc_area() uses it: first fit of `bits` bits at `align` from bit `start` on.
 * @param known where a free run begins that has room for the area
 * @returns the first bit, or NO_AREA
 */
function findArea(chunk: Chunk, bits: number, align: number, start: number, known: number): number {
  const map = chunk.allocMap;
  let limit = start + bits + (1 << chunk.blockShift);
  if (limit > chunk.mapBits) limit = chunk.mapBits;
  skipped = 0;
  skippedBits = 0;
  for (let from = start; ;) {
    const bit = ((from < known ? findNextZeroBit(map, known, from) : from) + align - 1) & -align;
    if (bit >= known) return bit;
    const end = bit + bits;
    if (end > limit) return NO_AREA;
    const used = findNextBit(map, end < known ? end : known, bit);
    if (used >= end || used >= known) return bit;
    const run = used - bit;
    if (
      run > skippedBits ||
      (run === skippedBits && skipped !== 0 && (bit === 0 || (bit & -bit) > (skipped & -skipped)))
    ) {
      skipped = bit;
      skippedBits = run;
    }
    from = used + 1;
  }
}

/** pcpu_alloc_area() without slots, at the bit that the last {@link findFit} gave. The global count of empty pages is the caller's. */
export function takeArea(chunk: Chunk, bit: number, bits: number): void {
  if (skippedBits !== 0) updateBlockAfterScan(chunk, skipped, skippedBits);
  markArea(chunk, bit, bits);
}

/** The part of pcpu_alloc_area() after its search: [bit, bit + bits) is an area now. */
export function markArea(chunk: Chunk, bit: number, bits: number): void {
  const map = chunk.allocMap;
  setBits(map, bit, bits);
  const bound = chunk.boundMap;
  const summary = chunk.boundSummary;
  setSummedBit(bound, summary, bit);
  clearSummedBits(bound, summary, bit + 1, bits - 1);
  setSummedBit(bound, summary, bit + bits);
  chunk.freeBytes -= bits << PCPU_MIN_ALLOC_SHIFT;
  chunk.nrEmptyPopPages -= updateHintsOnAlloc(chunk, bit, bits);
}

/**
 * pcpu_free_area() without slots and statistics: gives back the area that begins at `bit`; its length comes from the bound
 * map. @returns that length in bits
 */
export function releaseArea(chunk: Chunk, bit: number): number {
  const bits = findNextSummedBit(chunk.boundMap, chunk.boundSummary, bit + 1) - bit;
  clearBits(chunk.allocMap, bit, bits);
  chunk.freeBytes += bits << PCPU_MIN_ALLOC_SHIFT;
  if (bit < chunk.md[Md.FIRST]!) chunk.md[Md.FIRST] = bit;
  chunk.nrEmptyPopPages += updateHintsOnFree(chunk, bit, bits);
  return bits;
}
