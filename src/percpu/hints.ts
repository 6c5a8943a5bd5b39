// The hints of blocks and chunks: what is known about free runs without looking at the bitmap. The rules are the kernel's to the bit,
// including those that make a hint too small, because which chunk serves an allocation depends on them.
import { ChunkMaps, Md } from './chunk-maps.js';

/** Of two runs of the same size the one at `start` becomes the contig hint, because more requests can be aligned in it. */
function isBetterAligned(start: number, contigStart: number): boolean {
  return contigStart !== 0 && (start === 0 || (start & -start) > (contigStart & -contigStart));
}

export class HintedMaps extends ChunkMaps {
  /** pcpu_block_update(): takes the free run [start, end) into the record at `at`. */
  #update(w: Int32Array, at: number, start: number, end: number): void {
    const run = (end - start) | 0;
    if (start < w[at + Md.FIRST]!) w[at + Md.FIRST] = start;
    if (start === 0) w[at + Md.LEFT] = run;
    if (end === w[at + Md.BITS]!) w[at + Md.RIGHT] = run;

    const contig = w[at + Md.CONTIG]!;
    const contigStart = w[at + Md.CONTIG_START]!;
    if (run > contig) {
      if (start > contigStart) {
        // The old best run lies before the new one and may serve as the scan hint.
        if (contig > w[at + Md.SCAN]!) {
          w[at + Md.SCAN_START] = contigStart;
          w[at + Md.SCAN] = contig;
        } else if (start < w[at + Md.SCAN_START]!) {
          w[at + Md.SCAN] = 0;
        }
      } else {
        w[at + Md.SCAN] = 0;
      }
      w[at + Md.CONTIG_START] = start;
      w[at + Md.CONTIG] = run;
    } else if (run === contig) {
      if (isBetterAligned(start, contigStart)) {
        w[at + Md.CONTIG_START] = start;
        if (start < w[at + Md.SCAN_START]! && contig > w[at + Md.SCAN]!) w[at + Md.SCAN] = 0;
      } else if (start > w[at + Md.SCAN_START]! || contig > w[at + Md.SCAN]!) {
        w[at + Md.SCAN_START] = start;
        w[at + Md.SCAN] = run;
      }
    } else if (start < contigStart) {
      const scan = w[at + Md.SCAN]!;
      if (run > scan || (run === scan && start > w[at + Md.SCAN_START]!)) {
        w[at + Md.SCAN_START] = start;
        w[at + Md.SCAN] = run;
      }
    }
  }

  /** pcpu_block_update_scan(): a free run that a search skipped, so that its block knows it. */
  protected updateAfterScan(bit: number, bits: number): void {
    const shift = this.blockShift;
    const base = (bit >>> shift) << shift;
    const end = (bit - base + bits) | 0;
    if (end > 1 << shift) return;
    const w = this.words;
    // Alignment may have skipped free bits before the run.
    const from = (this.allocBase + base) | 0;
    const start = (this.lastSet(w, from, (this.allocBase + bit) | 0) + 1 - from) | 0;
    this.#update(w, ((bit >>> shift) + 1) << 3, start, end);
  }

  /**
   * pcpu_chunk_refresh_hint(): rebuilds the chunk's own record out of its blocks. What #update would do with each run is done on
   * local variables here and in {@link #refreshBlock}; a run that is smaller than the best one before it changes nothing, because the
   * runs come in ascending order.
   */
  #refreshChunk(w: Int32Array, fullScan: boolean): void {
    const shift = this.blockShift;
    const blockBits = 1 << shift;
    const mapBits = this.mapBits;
    const endAt = (this.nrPages + 1) << 3;
    const freeAt = (this.freeFrom + 1) << 3;
    let scan = w[Md.SCAN]!;
    let scanStart = w[Md.SCAN_START]!;
    let contig = 0;
    let contigStart = w[Md.CONTIG_START]!;
    let from = w[Md.FIRST]!;
    if (!fullScan && scan !== 0) {
      from = (scanStart + scan) | 0;
      contigStart = scanStart;
      contig = scan;
      scan = 0;
    }

    // pcpu_for_each_md_free_region(): runs inside one block from its contig hint, runs across blocks from right and left ends. `run`:
    // free bits at the end of the block before. Runs that are smaller than the best one so far are passed over here.
    let at = ((from >>> shift) + 1) << 3;
    let base = (from >>> shift) << shift;
    let offset = (from - base) | 0;
    let run = 0;
    for (;;) {
      let start = -1;
      while (at < endAt) {
        if (run !== 0) {
          if (at >= freeAt) {
            run = (run + mapBits - base) | 0;
            at = endAt;
            break;
          }
          const left = w[at + Md.LEFT]!;
          run = (run + left) | 0;
          if (left === blockBits) {
            at = (at + Md.STRIDE) | 0;
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
        const size = w[at + Md.CONTIG]!;
        if (size >= contig && size !== 0) {
          const sizeStart = w[at + Md.CONTIG_START]!;
          if (sizeStart >= offset && sizeStart + size < blockBits) {
            start = (base + sizeStart) | 0;
            run = size;
            offset = (sizeStart + size + 1) | 0;
            break;
          }
        }
        run = w[at + Md.RIGHT]!;
        at = (at + Md.STRIDE) | 0;
        base = (base + blockBits) | 0;
        offset = 0;
      }
      if (start < 0) {
        // A run that reaches the end of the chunk. With run 0 the kernel's iterator ends at the map's end and takes nothing.
        if (run === 0) break;
        start = (mapBits - run) | 0;
      }

      if (start < w[Md.FIRST]!) w[Md.FIRST] = start;
      if (start === 0) w[Md.LEFT] = run;
      if (start + run === mapBits) w[Md.RIGHT] = run;
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
    w[Md.SCAN] = scan;
    w[Md.SCAN_START] = scanStart;
    w[Md.CONTIG] = contig;
    w[Md.CONTIG_START] = contigStart;
  }

  /**
   * pcpu_block_refresh_hint(): rescans a block whose contig hint was broken, behind what its scan hint promises.
   * @param at the block's record, `base` its first bit in the chunk
   * @param areaEnd first bit of the block behind the area that broke it
   */
  #refreshBlock(w: Int32Array, at: number, base: number, areaEnd: number): void {
    const blockBits = 1 << this.blockShift;
    const from = (this.allocBase + base) | 0;
    let scan = w[at + Md.SCAN]!;
    let scanStart = w[at + Md.SCAN_START]!;
    let contig = 0;
    let contigStart = w[at + Md.CONTIG_START]!;
    let start = w[at + Md.FIRST]!;
    if (scan !== 0) {
      start = (scanStart + scan) | 0;
      contigStart = scanStart;
      contig = scan;
      scan = 0;
    }
    // What the hint says of the block's end is not looked at again: all bits from `tail` on are free.
    let tail = (blockBits - w[at + Md.RIGHT]!) | 0;
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
      if (start === 0) w[at + Md.LEFT] = run;
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
    w[at + Md.SCAN] = scan;
    w[at + Md.SCAN_START] = scanStart;
    w[at + Md.CONTIG] = contig;
    w[at + Md.CONTIG_START] = contigStart;
    w[at + Md.RIGHT] = right;
  }

  /** First free bit of the chunk at or above `bit`, or the number of bits. */
  #firstFree(w: Int32Array, bit: number): number {
    const shift = this.blockShift;
    const blockBits = 1 << shift;
    const endAt = (this.nrPages + 1) << 3;
    let at = ((bit >>> shift) + 1) << 3;
    if (at >= endAt) return this.mapBits;
    let base = (this.allocBase + ((bit >>> shift) << shift)) | 0;
    if (w[at + Md.CONTIG]! !== 0) {
      const end = (base + blockBits) | 0;
      const from = (this.allocBase + bit) | 0;
      const first = (base + w[at + Md.FIRST]!) | 0;
      const found = this.nextFree(w, first > from ? first : from, end);
      if (found < end) return (found - this.allocBase) | 0;
    }
    do {
      at = (at + Md.STRIDE) | 0;
      base = (base + blockBits) | 0;
      if (at >= endAt) return this.mapBits;
    } while (w[at + Md.CONTIG]! === 0);
    return (this.nextFree(w, (base + w[at + Md.FIRST]!) | 0, (base + blockBits) | 0) - this.allocBase) | 0;
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
    const sBase = sIndex << shift;
    const sOff = (bit - sBase) | 0;
    const s = (sIndex + 1) << 3;
    // May lie behind the block's end, as in the kernel.
    const sEnd = (sOff + bits) | 0;
    let pages = 0;

    if (eIndex >= this.freeFrom) this.freeFrom = eIndex + 1;
    const contig = w[s + Md.CONTIG]!;
    if (contig === blockBits) pages++;
    if (sOff === w[s + Md.FIRST]!) {
      const from = (this.allocBase + sBase) | 0;
      w[s + Md.FIRST] = (this.nextFree(w, (from + sEnd) | 0, (from + blockBits) | 0) - from) | 0;
    }
    const scanStart = w[s + Md.SCAN_START]!;
    if (scanStart < sEnd && sOff < scanStart + w[s + Md.SCAN]!) w[s + Md.SCAN] = 0;
    const contigStart = w[s + Md.CONTIG_START]!;
    if (contigStart < sEnd && sOff < contigStart + contig) {
      if (sOff === 0) w[s + Md.LEFT] = 0;
      this.#refreshBlock(w, s, sBase, sEnd < blockBits ? sEnd : blockBits);
    } else {
      if (sOff < w[s + Md.LEFT]!) w[s + Md.LEFT] = sOff;
      if (sEnd > blockBits) w[s + Md.RIGHT] = 0;
      else if (blockBits - sEnd < w[s + Md.RIGHT]!) w[s + Md.RIGHT] = (blockBits - sEnd) | 0;
    }

    if (sIndex !== eIndex) {
      const e = (eIndex + 1) << 3;
      let middleEnd = e;
      if (w[e + Md.CONTIG]! === blockBits) pages++;
      const eBase = eIndex << shift;
      const eOff = (end - eBase) | 0;
      const from = (this.allocBase + eBase) | 0;
      w[e + Md.FIRST] = (this.nextFree(w, (from + eOff) | 0, (from + blockBits) | 0) - from) | 0;
      if (eOff === blockBits) {
        middleEnd = (e + Md.STRIDE) | 0;
      } else {
        if (eOff > w[e + Md.SCAN_START]!) w[e + Md.SCAN] = 0;
        w[e + Md.LEFT] = 0;
        if (eOff > w[e + Md.CONTIG_START]!) this.#refreshBlock(w, e, eBase, eOff);
        else if (blockBits - eOff < w[e + Md.RIGHT]!) w[e + Md.RIGHT] = (blockBits - eOff) | 0;
      }
      pages = (pages + eIndex - sIndex - 1) | 0;
      for (let at = (s + Md.STRIDE) | 0; at < middleEnd; at = (at + Md.STRIDE) | 0) {
        w[at + Md.SCAN] = 0;
        w[at + Md.CONTIG] = 0;
        w[at + Md.LEFT] = 0;
        w[at + Md.RIGHT] = 0;
      }
    }

    if (bit === w[Md.FIRST]!) w[Md.FIRST] = this.#firstFree(w, end);
    const chunkScanStart = w[Md.SCAN_START]!;
    if (chunkScanStart < end && bit < chunkScanStart + w[Md.SCAN]!) w[Md.SCAN] = 0;
    const chunkContigStart = w[Md.CONTIG_START]!;
    if (chunkContigStart < end && bit < chunkContigStart + w[Md.CONTIG]!) this.#refreshChunk(w, false);
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
    const sBase = sIndex << shift;
    const eBase = eIndex << shift;
    const sOff = (bit - sBase) | 0;
    const eOff = (areaEnd - eBase) | 0;
    const s = (sIndex + 1) << 3;
    const e = (eIndex + 1) << 3;
    let pages = 0;

    // The whole free run, as far as it lies in the first and the last block.
    let start = w[s + Md.CONTIG_START]!;
    if (sOff !== start + w[s + Md.CONTIG]!) {
      const from = (this.allocBase + sBase) | 0;
      start = (this.lastSet(w, from, (from + sOff) | 0) + 1 - from) | 0;
    }
    let end = w[e + Md.CONTIG_START]!;
    if (eOff === end) end = (end + w[e + Md.CONTIG]!) | 0;
    else {
      // All bits from `tail` on are free.
      const tail = (blockBits - w[e + Md.RIGHT]!) | 0;
      end = tail;
      if (eOff < tail) {
        const from = (this.allocBase + eBase) | 0;
        end = (this.nextSet(w, (from + eOff) | 0, (from + tail) | 0) - from) | 0;
      }
      if (end >= tail) end = blockBits;
    }

    if (sIndex === eIndex) {
      if (start === 0 && end === blockBits) pages = 1;
      this.#update(w, s, start, end);
    } else {
      pages = (eIndex - sIndex - 1) | 0;
      if (start === 0) pages++;
      if (end === blockBits) pages++;
      this.#update(w, s, start, blockBits);
      this.#update(w, e, 0, end);
      for (let at = (s + Md.STRIDE) | 0; at < e; at = (at + Md.STRIDE) | 0) {
        w[at + Md.FIRST] = 0;
        w[at + Md.SCAN] = 0;
        w[at + Md.CONTIG_START] = 0;
        w[at + Md.CONTIG] = blockBits;
        w[at + Md.LEFT] = blockBits;
        w[at + Md.RIGHT] = blockBits;
      }
    }

    if (pages !== 0) {
      let freeFrom = this.freeFrom;
      while (freeFrom > 0 && w[(freeFrom << 3) + Md.CONTIG]! === blockBits) freeFrom--;
      this.freeFrom = freeFrom;
    }

    // The kernel passes `end` relative to its block but the start relative to the chunk, so in all blocks but the first the length is
    // not positive, nothing is updated, and the chunk's contig hint does not rise until a page gets empty. Placement depends on it.
    if (end - start >= blockBits || sIndex !== eIndex) this.#refreshChunk(w, true);
    else if (sIndex === 0) this.#update(w, 0, start, end);
    return pages;
  }
}
