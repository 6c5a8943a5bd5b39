// The hints of blocks and chunks: what is known about free runs without looking at the bitmap. The rules are the kernel's to the bit,
// including those that make a hint too small, because which chunk serves an allocation depends on them.
import type { BlockMd } from './block.js';
import { isBetterAligned } from './block.js';
import { ChunkMaps } from './chunk-maps.js';

export class HintedMaps extends ChunkMaps {
  /** pcpu_block_update_scan(): a free run that a search skipped, so that its block knows it. */
  protected updateAfterScan(bit: number, bits: number): void {
    const block = this.blocks[bit >>> this.blockShift]!;
    const { base } = block;
    const end = (bit - base + bits) | 0;
    if (end > block.bits) return;
    // Alignment may have skipped free bits before the run.
    const from = (this.allocBase + base) | 0;
    block.update((this.lastSet(this.words, from, (this.allocBase + bit) | 0) + 1 - from) | 0, end);
  }

  /**
   * pcpu_chunk_refresh_hint(): rebuilds the chunk's own record out of its blocks. What BlockMd.update would do with each run is done
   * on local variables here and in {@link #refreshBlock}; a run that is smaller than the best one before it changes nothing, because
   * the runs come in ascending order.
   */
  #refreshChunk(fullScan: boolean): void {
    const { md, mapBits } = this;
    const shift = this.blockShift;
    const blockBits = 1 << shift;
    const freeBase = this.freeFrom << shift;
    let { scan, scanStart, contigStart } = md;
    let contig = 0;
    let from = md.first;
    if (!fullScan && scan !== 0) {
      from = (scanStart + scan) | 0;
      contigStart = scanStart;
      contig = scan;
      scan = 0;
    }

    // pcpu_for_each_md_free_region(): runs inside one block from its contig hint, runs across blocks from right and left ends. `run`:
    // free bits at the end of the block before. Runs that are smaller than the best one so far are passed over here.
    let block = this.blocks[from >>> shift]!;
    let { base } = block;
    let offset = (from - base) | 0;
    let run = 0;
    for (;;) {
      let start = -1;
      while (base < mapBits) {
        if (run !== 0) {
          if (base >= freeBase) {
            run = (run + mapBits - base) | 0;
            base = mapBits;
            break;
          }
          const { left } = block;
          run = (run + left) | 0;
          if (left === blockBits) {
            block = block.next;
            base = (base + blockBits) | 0;
            continue;
          }
          // The walk goes on one bit behind the run, which is in use.
          offset = (left + 1) | 0;
          if (run >= contig || base + left - run <= from) {
            start = (base + left - run) | 0;
            break;
          }
        }
        const size = block.contig;
        if (size >= contig && size !== 0) {
          const sizeStart = block.contigStart;
          if (sizeStart >= offset && sizeStart + size < blockBits) {
            start = (base + sizeStart) | 0;
            run = size;
            offset = (sizeStart + size + 1) | 0;
            break;
          }
        }
        run = block.right;
        block = block.next;
        base = (base + blockBits) | 0;
        offset = 0;
      }
      if (start < 0) {
        // A run that reaches the end of the chunk. With run 0 the kernel's iterator ends at the map's end and takes nothing.
        if (run === 0) break;
        start = (mapBits - run) | 0;
      }

      if (start < md.first) md.first = start;
      if (start === 0) md.left = run;
      if (start + run === mapBits) md.right = run;
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
      if (base >= mapBits) break;
      run = 0;
    }
    md.scan = scan;
    md.scanStart = scanStart;
    md.contig = contig;
    md.contigStart = contigStart;
  }

  /**
   * pcpu_block_refresh_hint(): rescans a block whose contig hint was broken, behind what its scan hint promises.
   * @param areaEnd first bit of the block behind the area that broke it
   */
  #refreshBlock(w: Int32Array, block: BlockMd, areaEnd: number): void {
    const blockBits = block.bits;
    const from = (this.allocBase + block.base) | 0;
    let { scan, scanStart, contigStart } = block;
    let contig = 0;
    let start = block.first;
    if (scan !== 0) {
      start = (scanStart + scan) | 0;
      contigStart = scanStart;
      contig = scan;
      scan = 0;
    }
    // What the hint says of the block's end is not looked at again: all bits from `tail` on are free.
    let tail = (blockBits - block.right) | 0;
    if (tail < areaEnd) tail = areaEnd;
    const tailBit = (from + tail) | 0;
    // Stays 0 when the promoted run is the one that touches the end: part of the kernel's behaviour.
    let right = 0;
    if (start < tail) start = (this.nextFree(w, (from + start) | 0, tailBit) - from) | 0;
    while (start < blockBits) {
      let end = tail;
      if (start < tail) {
        let behind = (start + 1) | 0;
        // Only the last run and those that are at least as large as the best one so far matter: if that many bits behind `start` are
        // not all free, the next run worth a look begins behind the last one in use.
        if (contig > 1 && start !== 0) {
          behind = (start + contig) | 0;
          if (behind > tail) behind = tail;
          const used = (this.lastSet(w, (from + start) | 0, (from + behind) | 0) - from) | 0;
          if (used >= start) {
            start = (used + 1) | 0;
            if (start === behind) start = (this.nextFree(w, (from + start) | 0, tailBit) - from) | 0;
            continue;
          }
        }
        end = (this.nextSet(w, (from + behind) | 0, tailBit) - from) | 0;
      }
      if (end >= tail) end = blockBits;
      const run = (end - start) | 0;
      if (start === 0) block.left = run;
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
      if (end >= tail) break;
      start = (this.nextFree(w, (from + end + 1) | 0, tailBit) - from) | 0;
    }
    block.scan = scan;
    block.scanStart = scanStart;
    block.contig = contig;
    block.contigStart = contigStart;
    block.right = right;
  }

  /** First free bit of the chunk at or above `bit`, or the number of bits. */
  #firstFree(w: Int32Array, bit: number): number {
    const map = this.allocBase;
    let block = this.blocks[bit >>> this.blockShift]!;
    if (block.contig !== 0) {
      const end = (map + block.base + block.bits) | 0;
      const from = (map + bit) | 0;
      const first = (map + block.base + block.first) | 0;
      const found = this.nextFree(w, first > from ? first : from, end);
      if (found < end) return (found - map) | 0;
    }
    const { mapBits } = this;
    do {
      block = block.next;
      if (block.base >= mapBits) return mapBits;
    } while (block.contig === 0);
    const base = (map + block.base) | 0;
    return (this.nextFree(w, (base + block.first) | 0, (base + block.bits) | 0) - map) | 0;
  }

  /**
   * pcpu_block_update_hint_alloc(): the area [bit, bit + bits) was just set in the allocation map. Also the chunk's first free bit.
   * @returns number of pages that are not empty any more
   */
  protected hintsAfterAlloc(bit: number, bits: number): number {
    const w = this.words;
    const shift = this.blockShift;
    const blockBits = 1 << shift;
    const end = (bit + bits) | 0;
    const sIndex = bit >>> shift;
    const eIndex = (end - 1) >>> shift;
    const s = this.blocks[sIndex]!;
    const sOff = (bit - s.base) | 0;
    // May lie behind the block's end, as in the kernel.
    const sEnd = (sOff + bits) | 0;
    let pages = 0;

    if (eIndex >= this.freeFrom) this.freeFrom = eIndex + 1;
    const { contig, contigStart, scanStart } = s;
    if (contig === blockBits) pages++;
    if (sOff === s.first) {
      const from = (this.allocBase + s.base) | 0;
      s.first = (this.nextFree(w, (from + sEnd) | 0, (from + blockBits) | 0) - from) | 0;
    }
    if (scanStart < sEnd && sOff < scanStart + s.scan) s.scan = 0;
    if (contigStart < sEnd && sOff < contigStart + contig) {
      if (sOff === 0) s.left = 0;
      this.#refreshBlock(w, s, sEnd < blockBits ? sEnd : blockBits);
    } else {
      if (sOff < s.left) s.left = sOff;
      if (sEnd > blockBits) s.right = 0;
      else if (blockBits - sEnd < s.right) s.right = (blockBits - sEnd) | 0;
    }

    if (sIndex !== eIndex) {
      const e = this.blocks[eIndex]!;
      let middleEnd = e;
      if (e.contig === blockBits) pages++;
      const eOff = (end - e.base) | 0;
      const from = (this.allocBase + e.base) | 0;
      e.first = (this.nextFree(w, (from + eOff) | 0, (from + blockBits) | 0) - from) | 0;
      if (eOff === blockBits) {
        middleEnd = e.next;
      } else {
        if (eOff > e.scanStart) e.scan = 0;
        e.left = 0;
        if (eOff > e.contigStart) this.#refreshBlock(w, e, eOff);
        else if (blockBits - eOff < e.right) e.right = (blockBits - eOff) | 0;
      }
      pages = (pages + eIndex - sIndex - 1) | 0;
      for (let block = s.next; block !== middleEnd; block = block.next) {
        block.scan = 0;
        block.contig = 0;
        block.left = 0;
        block.right = 0;
      }
    }

    const { md } = this;
    if (bit === md.first) md.first = this.#firstFree(w, end);
    const chunkScanStart = md.scanStart;
    if (chunkScanStart < end && bit < chunkScanStart + md.scan) md.scan = 0;
    const chunkContigStart = md.contigStart;
    if (chunkContigStart < end && bit < chunkContigStart + md.contig) this.#refreshChunk(false);
    return pages;
  }

  /**
   * pcpu_block_update_hint_free(): the area [bit, bit + bits) was just cleared in the allocation map.
   * @returns number of pages that became empty
   */
  protected hintsAfterFree(bit: number, bits: number): number {
    const w = this.words;
    const shift = this.blockShift;
    const blockBits = 1 << shift;
    const areaEnd = (bit + bits) | 0;
    const sIndex = bit >>> shift;
    const eIndex = (areaEnd - 1) >>> shift;
    const s = this.blocks[sIndex]!;
    const e = sIndex === eIndex ? s : this.blocks[eIndex]!;
    const sOff = (bit - s.base) | 0;
    const eOff = (areaEnd - e.base) | 0;
    let pages = 0;

    // The whole free run, as far as it lies in the first and the last block.
    let start = s.contigStart;
    if (sOff !== start + s.contig) {
      const from = (this.allocBase + s.base) | 0;
      start = (this.lastSet(w, from, (from + sOff) | 0) + 1 - from) | 0;
    }
    let end = e.contigStart;
    if (eOff === end) end = (end + e.contig) | 0;
    else {
      // All bits from `tail` on are free.
      const tail = (blockBits - e.right) | 0;
      end = tail;
      if (eOff < tail) {
        const from = (this.allocBase + e.base) | 0;
        end = (this.nextSet(w, (from + eOff) | 0, (from + tail) | 0) - from) | 0;
      }
      if (end >= tail) end = blockBits;
    }

    if (sIndex === eIndex) {
      if (start === 0 && end === blockBits) pages = 1;
      s.update(start, end);
    } else {
      pages = (eIndex - sIndex - 1) | 0;
      if (start === 0) pages++;
      if (end === blockBits) pages++;
      s.update(start, blockBits);
      e.update(0, end);
      for (let block = s.next; block !== e; block = block.next) block.allFree();
    }

    if (pages !== 0) {
      let { freeFrom } = this;
      while (freeFrom > 0 && this.blocks[freeFrom - 1]!.contig === blockBits) freeFrom--;
      this.freeFrom = freeFrom;
    }

    // The kernel passes `end` relative to its block but the start relative to the chunk, so in all blocks but the first the length is
    // not positive, nothing is updated, and the chunk's contig hint does not rise until a page gets empty. Placement depends on it.
    if (end - start >= blockBits || sIndex !== eIndex) this.#refreshChunk(true);
    else if (sIndex === 0) this.md.update(start, end);
    return pages;
  }
}
