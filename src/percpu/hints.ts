// The hints of blocks and chunks: what is known about free runs without looking at the bitmap. The rules are the kernel's to the bit,
// including those that make a hint too small, because which chunk serves an allocation depends on them.
import { findLastBit, findNextBit, findNextZeroBit } from './bitmap.js';
import { Md, blockAt } from './chunk.js';
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
    if (contigStart !== 0 && (start === 0 || (start & -start) > (contigStart & -contigStart))) {
      // Better aligned, so it becomes the contig hint.
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

/** pcpu_chunk_refresh_hint(): rebuilds the chunk's own record out of its blocks. */
function refreshChunk(chunk: Chunk, fullScan: boolean): void {
  const md = chunk.md;
  const shift = chunk.blockShift;
  const blockBits = 1 << shift;
  const nrBlocks = chunk.nrPages;
  let from: number;
  if (!fullScan && md[Md.SCAN]! !== 0) {
    from = md[Md.SCAN_START]! + md[Md.SCAN]!;
    md[Md.CONTIG_START] = md[Md.SCAN_START]!;
    md[Md.CONTIG] = md[Md.SCAN]!;
    md[Md.SCAN] = 0;
  } else {
    from = md[Md.FIRST]!;
    md[Md.CONTIG] = 0;
  }

  // pcpu_for_each_md_free_region(): runs inside one block from its contig hint, runs across blocks from right and left ends.
  let index = from >>> shift;
  let offset = from & (blockBits - 1);
  let run = 0;
  let runStart = 0;
  while (index < nrBlocks) {
    const at = blockAt(index);
    let end: number;
    if (run !== 0) {
      const left = md[at + Md.LEFT]!;
      run += left;
      if (left === blockBits) {
        index++;
        continue;
      }
      end = runStart + run;
    } else {
      const contig = md[at + Md.CONTIG]!;
      const start = md[at + Md.CONTIG_START]!;
      if (contig === 0 || start < offset || contig + start >= blockBits) {
        offset = 0;
        run = md[at + Md.RIGHT]!;
        runStart = ((index + 1) << shift) - run;
        index++;
        continue;
      }
      runStart = (index << shift) + start;
      end = runStart + contig;
    }
    updateBlock(md, 0, runStart, end);
    // The walk goes on one bit behind the run, which is in use.
    run = 0;
    index = (end + 1) >>> shift;
    offset = (end + 1) & (blockBits - 1);
  }
  // A run that reaches the end of the chunk. With run 0 the kernel's iterator ends at the map's end and takes nothing.
  if (run !== 0) updateBlock(md, 0, runStart, runStart + run);
}

/** pcpu_block_refresh_hint(): rescans a block whose contig hint was broken, behind what its scan hint promises. */
function refreshBlock(chunk: Chunk, index: number): void {
  const md = chunk.md;
  const at = blockAt(index);
  const map = chunk.allocMap;
  const base = index << chunk.blockShift;
  const top = base + (1 << chunk.blockShift);
  let start: number;
  if (md[at + Md.SCAN]! !== 0) {
    start = md[at + Md.SCAN_START]! + md[at + Md.SCAN]!;
    md[at + Md.CONTIG_START] = md[at + Md.SCAN_START]!;
    md[at + Md.CONTIG] = md[at + Md.SCAN]!;
    md[at + Md.SCAN] = 0;
  } else {
    start = md[at + Md.FIRST]!;
    md[at + Md.CONTIG] = 0;
  }
  // Stays 0 when the promoted run is the one that touches the end: part of the kernel's behaviour.
  md[at + Md.RIGHT] = 0;
  for (let bit = findNextZeroBit(map, top, base + start); bit < top;) {
    const end = findNextBit(map, top, bit + 1);
    updateBlock(md, at, bit - base, end - base);
    bit = findNextZeroBit(map, top, end + 1);
  }
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
    refreshBlock(chunk, sIndex);
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
      if (eOff > md[e + Md.CONTIG_START]!) refreshBlock(chunk, eIndex);
      else if (blockBits - eOff < md[e + Md.RIGHT]!) md[e + Md.RIGHT] = blockBits - eOff;
    }
    pages += eIndex - sIndex - 1;
    for (let at = blockAt(sIndex + 1); at < middleEnd; at += 8) {
      md[at + Md.SCAN] = 0;
      md[at + Md.CONTIG] = 0;
      md[at + Md.LEFT] = 0;
      md[at + Md.RIGHT] = 0;
    }
  }

  const end = bit + bits;
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
    const base = eIndex << shift;
    end = findNextBit(map, base + blockBits, base + eOff) - base;
  }

  const sEnd = sIndex === eIndex ? end : blockBits;
  if (start === 0 && sEnd === blockBits) pages++;
  updateBlock(md, s, start, sEnd);
  if (sIndex !== eIndex) {
    if (end === blockBits) pages++;
    updateBlock(md, e, 0, end);
    pages += eIndex - sIndex - 1;
    for (let at = blockAt(sIndex + 1); at < e; at += 8) {
      md[at + Md.FIRST] = 0;
      md[at + Md.SCAN] = 0;
      md[at + Md.CONTIG_START] = 0;
      md[at + Md.CONTIG] = blockBits;
      md[at + Md.LEFT] = blockBits;
      md[at + Md.RIGHT] = blockBits;
    }
  }

  // The kernel passes `end` relative to its block but the start relative to the chunk, so in all blocks but the first the length is
  // negative and the chunk's contig hint does not rise until a page gets empty. Placement depends on it.
  if (end - start >= blockBits || sIndex !== eIndex) refreshChunk(chunk, true);
  else updateBlock(md, 0, (sIndex << shift) + start, end);
  return pages;
}
