// The hints of blocks and chunks: what is known about free runs without looking at the bitmap. The rules are the kernel's to the bit,
// including those that make a hint too small, because which chunk serves an allocation depends on them.
import { findLastBit, findNextBit, findNextZeroBit } from './bitmap.js';
import { MD_STRIDE, Md, blockAt } from './chunk.js';
import type { Chunk } from './chunk.js';

/** pcpu_block_update(): takes the free run [start, end) into the record at `at`. */
export function updateBlock(md: Int32Array, at: number, start: number, end: number): void {
  // May be negative: see updateHintsOnFree.
  const run = end - start;
  if (start < md[at + Md.FIRST]!) md[at + Md.FIRST] = start;
  if (start === 0) md[at + Md.LEFT] = run;
  if (end === md[at + Md.BITS]!) md[at + Md.RIGHT] = run;

  const contig = md[at + Md.CONTIG]!;
  const contigStart = md[at + Md.CONTIG_START]!;
  const scan = md[at + Md.SCAN]!;
  if (run > contig) {
    if (start > contigStart) {
      // The old best run lies before the new one and may serve as the scan hint.
      if (contig > scan) {
        md[at + Md.SCAN_START] = contigStart;
        md[at + Md.SCAN] = contig;
      } else if (start < md[at + Md.SCAN_START]!) {
        md[at + Md.SCAN] = 0;
      }
    } else {
      md[at + Md.SCAN] = 0;
    }
    md[at + Md.CONTIG_START] = start;
    md[at + Md.CONTIG] = run;
  } else if (run === contig) {
    if (isBetterAligned(start, contigStart)) {
      md[at + Md.CONTIG_START] = start;
      if (start < md[at + Md.SCAN_START]! && contig > scan) md[at + Md.SCAN] = 0;
    } else if (start > md[at + Md.SCAN_START]! || contig > scan) {
      md[at + Md.SCAN_START] = start;
      md[at + Md.SCAN] = run;
    }
  } else if (start < contigStart && (run > scan || (run === scan && start > md[at + Md.SCAN_START]!))) {
    md[at + Md.SCAN_START] = start;
    md[at + Md.SCAN] = run;
  }
}

/** pcpu_block_update_scan(): a free run that a search skipped, so that its block knows it. */
export function updateBlockAfterScan(chunk: Chunk, bit: number, bits: number): void {
  const shift = chunk.blockShift;
  const base = (bit >>> shift) << shift;
  const end = bit - base + bits;
  if (end > 1 << shift) return;
  // Alignment may have skipped free bits before the run.
  const start = findLastBit(chunk.allocMap, base, bit) + 1 - base;
  updateBlock(chunk.md, blockAt(bit >>> shift), start, end);
}

/**
 * pcpu_chunk_refresh_hint(): rebuilds the chunk's own record out of its blocks. What updateBlock would do with each run is done on
 * local variables here and in {@link refreshBlock}; a run that is smaller than the best one before it changes nothing, because the
 * runs come in ascending order.
 */
function refreshChunk(chunk: Chunk, fullScan: boolean): void {
  const md = chunk.md;
  const shift = chunk.blockShift;
  const blockBits = 1 << shift;
  const endAt = blockAt(chunk.nrPages);
  const freeAt = blockAt(chunk.freeFrom);
  let scan = md[Md.SCAN]!;
  let scanStart = md[Md.SCAN_START]!;
  let contig = 0;
  let contigStart = md[Md.CONTIG_START]!;
  let from = md[Md.FIRST]!;
  if (!fullScan && scan !== 0) {
    from = scanStart + scan;
    contigStart = scanStart;
    contig = scan;
    scan = 0;
  }

  // pcpu_for_each_md_free_region(): runs inside one block from its contig hint, runs across blocks from right and left ends. `run`:
  // free bits at the end of the block before. Runs that are smaller than the best one so far are passed over here.
  let at = blockAt(from >>> shift);
  let base = (from >>> shift) << shift;
  let offset = from - base;
  let run = 0;
  for (;;) {
    let start = -1;
    while (at < endAt) {
      if (run !== 0) {
        if (at >= freeAt) {
          run += chunk.mapBits - base;
          at = endAt;
          break;
        }
        const left = md[at + Md.LEFT]!;
        run += left;
        if (left === blockBits) {
          at += MD_STRIDE;
          base += blockBits;
          continue;
        }
        // The walk goes on one bit behind the run, which is in use.
        offset = left + 1;
        start = base + left - run;
        if (run >= contig || start <= from) break;
        start = -1;
      }
      const size = md[at + Md.CONTIG]!;
      if (size >= contig && size !== 0) {
        const sizeStart = md[at + Md.CONTIG_START]!;
        if (sizeStart >= offset && sizeStart + size < blockBits) {
          start = base + sizeStart;
          run = size;
          offset = sizeStart + size + 1;
          break;
        }
      }
      run = md[at + Md.RIGHT]!;
      at += MD_STRIDE;
      base += blockBits;
      offset = 0;
    }
    if (start < 0) {
      // A run that reaches the end of the chunk. With run 0 the kernel's iterator ends at the map's end and takes nothing.
      if (run === 0) break;
      start = chunk.mapBits - run;
    }

    const end = start + run;
    if (start < md[Md.FIRST]!) md[Md.FIRST] = start;
    if (start === 0) md[Md.LEFT] = run;
    if (end === md[Md.BITS]!) md[Md.RIGHT] = run;
    if (run > contig) {
      if (start <= contigStart) scan = 0;
      else if (contig > scan) {
        scanStart = contigStart;
        scan = contig;
      } else if (start < scanStart) scan = 0;
      contigStart = start;
      contig = run;
    } else if (run === contig) {
      if (isBetterAligned(start, contigStart)) {
        contigStart = start;
        if (start < scanStart && contig > scan) scan = 0;
      } else if (start > scanStart || contig > scan) {
        scanStart = start;
        scan = run;
      }
    } else if (start < contigStart && (run > scan || (run === scan && start > scanStart))) {
      scanStart = start;
      scan = run;
    }
    if (at >= endAt) break;
    run = 0;
  }
  md[Md.SCAN] = scan;
  md[Md.SCAN_START] = scanStart;
  md[Md.CONTIG] = contig;
  md[Md.CONTIG_START] = contigStart;
}

/** Of two runs of the same size the one at `start` becomes the contig hint, because more requests can be aligned in it. */
function isBetterAligned(start: number, contigStart: number): boolean {
  return contigStart !== 0 && (start === 0 || (start & -start) > (contigStart & -contigStart));
}

/**
 * pcpu_block_refresh_hint(): rescans a block whose contig hint was broken, behind what its scan hint promises.
 * @param areaEnd first bit of the block behind the area that broke it
 */
function refreshBlock(chunk: Chunk, index: number, areaEnd: number): void {
  const md = chunk.md;
  const at = blockAt(index);
  const map = chunk.allocMap;
  const base = index << chunk.blockShift;
  const blockBits = 1 << chunk.blockShift;
  let scan = md[at + Md.SCAN]!;
  let scanStart = md[at + Md.SCAN_START]!;
  let contig = 0;
  let contigStart = md[at + Md.CONTIG_START]!;
  let start = md[at + Md.FIRST]!;
  if (scan !== 0) {
    start = scanStart + scan;
    contigStart = scanStart;
    contig = scan;
    scan = 0;
  }
  // What the hint says of the block's end is not looked at again: all bits from `tail` on are free.
  let tail = blockBits - md[at + Md.RIGHT]!;
  if (tail < areaEnd) tail = areaEnd;
  // Stays 0 when the promoted run is the one that touches the end: part of the kernel's behaviour.
  let right = 0;
  if (start < tail) start = findNextZeroBit(map, base + tail, base + start) - base;
  while (start < blockBits) {
    // Only the last run and those that are at least as large as the best one so far matter: if that many bits behind `start` are not
    // all free, the next run worth a look begins behind the last one in use.
    if (contig > 1 && start !== 0 && start < tail && start + contig <= blockBits) {
      const used = findLastBit(map, base + start, base + (start + contig < tail ? start + contig : tail)) - base;
      if (used >= start) {
        start = findNextZeroBit(map, base + tail, base + used + 1) - base;
        continue;
      }
    }
    let end = start < tail ? findNextBit(map, base + tail, base + start + 1) - base : tail;
    if (end >= tail) end = blockBits;
    const run = end - start;
    if (start === 0) md[at + Md.LEFT] = run;
    if (end === blockBits) right = run;
    if (run > contig) {
      if (start <= contigStart) scan = 0;
      else if (contig > scan) {
        scanStart = contigStart;
        scan = contig;
      } else if (start < scanStart) scan = 0;
      contigStart = start;
      contig = run;
    } else if (run === contig) {
      if (isBetterAligned(start, contigStart)) {
        contigStart = start;
        if (start < scanStart && contig > scan) scan = 0;
      } else if (start > scanStart || contig > scan) {
        scanStart = start;
        scan = run;
      }
    }
    start = end < tail ? findNextZeroBit(map, base + tail, base + end + 1) - base : blockBits;
  }
  md[at + Md.SCAN] = scan;
  md[at + Md.SCAN_START] = scanStart;
  md[at + Md.CONTIG] = contig;
  md[at + Md.CONTIG_START] = contigStart;
  md[at + Md.RIGHT] = right;
}

/** First free bit at or above `bit`, or the number of bits. Blocks without a free bit have no contig hint. */
function nextFree(chunk: Chunk, bit: number): number {
  const md = chunk.md;
  const shift = chunk.blockShift;
  const blockBits = 1 << shift;
  const endAt = blockAt(chunk.nrPages);
  let at = blockAt(bit >>> shift);
  if (at >= endAt) return chunk.mapBits;
  let base = (bit >>> shift) << shift;
  const first = base + md[at + Md.FIRST]!;
  if (md[at + Md.CONTIG]! !== 0) {
    const found = findNextZeroBit(chunk.allocMap, base + blockBits, first > bit ? first : bit);
    if (found < base + blockBits) return found;
  }
  do {
    at += MD_STRIDE;
    base += blockBits;
    if (at >= endAt) return chunk.mapBits;
  } while (md[at + Md.CONTIG]! === 0);
  return findNextZeroBit(chunk.allocMap, base + blockBits, base + md[at + Md.FIRST]!);
}

/**
 * pcpu_block_update_hint_alloc(): the area [bit, bit + bits) was just set in the allocation map.
 * @returns number of pages that are not empty any more
 */
export function updateHintsOnAlloc(chunk: Chunk, bit: number, bits: number): number {
  const md = chunk.md;
  const shift = chunk.blockShift;
  const blockBits = 1 << shift;
  const lastBit = bit + bits - 1;
  const sIndex = bit >>> shift;
  const eIndex = lastBit >>> shift;
  const sOff = bit & (blockBits - 1);
  const eOff = (lastBit & (blockBits - 1)) + 1;
  const s = blockAt(sIndex);
  // May lie behind the block's end, as in the kernel.
  const sEnd = sOff + bits;
  let pages = 0;

  if (eIndex >= chunk.freeFrom) chunk.freeFrom = eIndex + 1;
  if (md[s + Md.CONTIG]! === blockBits) pages++;
  if (sOff === md[s + Md.FIRST]!) {
    const base = sIndex << shift;
    md[s + Md.FIRST] = findNextZeroBit(chunk.allocMap, base + blockBits, base + sEnd) - base;
  }
  const scanStart = md[s + Md.SCAN_START]!;
  if (scanStart < sEnd && sOff < scanStart + md[s + Md.SCAN]!) md[s + Md.SCAN] = 0;
  const contigStart = md[s + Md.CONTIG_START]!;
  if (contigStart < sEnd && sOff < contigStart + md[s + Md.CONTIG]!) {
    if (sOff === 0) md[s + Md.LEFT] = 0;
    refreshBlock(chunk, sIndex, sEnd < blockBits ? sEnd : blockBits);
  } else {
    if (sOff < md[s + Md.LEFT]!) md[s + Md.LEFT] = sOff;
    if (sIndex !== eIndex) md[s + Md.RIGHT] = 0;
    else if (blockBits - eOff < md[s + Md.RIGHT]!) md[s + Md.RIGHT] = blockBits - eOff;
  }

  if (sIndex !== eIndex) {
    const e = blockAt(eIndex);
    let middleEnd = e;
    if (md[e + Md.CONTIG]! === blockBits) pages++;
    const base = eIndex << shift;
    md[e + Md.FIRST] = findNextZeroBit(chunk.allocMap, base + blockBits, base + eOff) - base;
    if (eOff === blockBits) {
      middleEnd = blockAt(eIndex + 1);
    } else {
      if (eOff > md[e + Md.SCAN_START]!) md[e + Md.SCAN] = 0;
      md[e + Md.LEFT] = 0;
      if (eOff > md[e + Md.CONTIG_START]!) refreshBlock(chunk, eIndex, eOff);
      else if (blockBits - eOff < md[e + Md.RIGHT]!) md[e + Md.RIGHT] = blockBits - eOff;
    }
    pages += eIndex - sIndex - 1;
    for (let at = blockAt(sIndex + 1); at < middleEnd; at += MD_STRIDE) {
      md[at + Md.SCAN] = 0;
      md[at + Md.CONTIG] = 0;
      md[at + Md.LEFT] = 0;
      md[at + Md.RIGHT] = 0;
    }
  }

  const end = bit + bits;
  if (bit === md[Md.FIRST]!) md[Md.FIRST] = nextFree(chunk, end);
  const chunkScanStart = md[Md.SCAN_START]!;
  if (chunkScanStart < end && bit < chunkScanStart + md[Md.SCAN]!) md[Md.SCAN] = 0;
  const chunkContigStart = md[Md.CONTIG_START]!;
  if (chunkContigStart < end && bit < chunkContigStart + md[Md.CONTIG]!) refreshChunk(chunk, false);
  return pages;
}

/**
 * pcpu_block_update_hint_free(): the area [bit, bit + bits) was just cleared in the allocation map.
 * @returns number of pages that became empty
 */
export function updateHintsOnFree(chunk: Chunk, bit: number, bits: number): number {
  const md = chunk.md;
  const map = chunk.allocMap;
  const shift = chunk.blockShift;
  const blockBits = 1 << shift;
  const lastBit = bit + bits - 1;
  const sIndex = bit >>> shift;
  const eIndex = lastBit >>> shift;
  const sOff = bit & (blockBits - 1);
  const eOff = (lastBit & (blockBits - 1)) + 1;
  const s = blockAt(sIndex);
  const e = blockAt(eIndex);
  let pages = 0;

  // The whole free run, as far as it lies in the first and the last block.
  let start: number;
  if (sOff === md[s + Md.CONTIG]! + md[s + Md.CONTIG_START]!) start = md[s + Md.CONTIG_START]!;
  else start = findLastBit(map, sIndex << shift, bit) + 1 - (sIndex << shift);
  let end: number;
  if (eOff === md[e + Md.CONTIG_START]!) end = eOff + md[e + Md.CONTIG]!;
  else {
    // All bits from `tail` on are free.
    const base = eIndex << shift;
    const tail = blockBits - md[e + Md.RIGHT]!;
    end = eOff < tail ? findNextBit(map, base + tail, base + eOff) - base : tail;
    if (end >= tail) end = blockBits;
  }

  const sEnd = sIndex === eIndex ? end : blockBits;
  if (start === 0 && sEnd === blockBits) pages++;
  updateBlock(md, s, start, sEnd);
  if (sIndex !== eIndex) {
    if (end === blockBits) pages++;
    updateBlock(md, e, 0, end);
    pages += eIndex - sIndex - 1;
    for (let at = blockAt(sIndex + 1); at < e; at += MD_STRIDE) {
      md[at + Md.FIRST] = 0;
      md[at + Md.SCAN] = 0;
      md[at + Md.CONTIG_START] = 0;
      md[at + Md.CONTIG] = blockBits;
      md[at + Md.LEFT] = blockBits;
      md[at + Md.RIGHT] = blockBits;
    }
  }

  if (pages !== 0) {
    let freeFrom = chunk.freeFrom;
    while (freeFrom > 0 && md[blockAt(freeFrom - 1) + Md.CONTIG]! === blockBits) freeFrom--;
    chunk.freeFrom = freeFrom;
  }

  // The kernel passes `end` relative to its block but the start relative to the chunk, so in all blocks but the first the length is
  // negative and the chunk's contig hint does not rise until a page gets empty. Placement depends on it.
  if (end - start >= blockBits || sIndex !== eIndex) refreshChunk(chunk, true);
  else updateBlock(md, 0, (sIndex << shift) + start, end);
  return pages;
}
