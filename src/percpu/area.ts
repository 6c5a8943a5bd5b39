// Areas inside a chunk: where one can be had, taking it and giving it back. Called by the allocator, which does the rest: slots, counters.
import { HintedMaps } from './hints.js';

/** What {@link AreaMaps.findFit} says when no area can be had: by the hints, or in spite of them. */
export const enum Fit {
  NONE = -1,
  NO_AREA = -2,
}

export class AreaMaps extends HintedMaps {
  /** The largest run that the last search had to skip; 0 bits = none. */
  #skipped = 0;
  #skippedBits = 0;

  /**
   * pcpu_find_block_fit() and the search of pcpu_alloc_area(): where `bits` bits at alignment `align` (bits, power of two) can be
   * taken. Changes nothing. The hints give a place to begin at, and a run behind it that is known to be free and large enough; only
   * what lies between the two is searched.
   * @param populatedOnly look at backed pages only (atomic allocations)
   * @returns the area's first bit, Fit.NONE when the hints say that nothing fits, Fit.NO_AREA when nothing was found all the same
   */
  findFit(bits: number, align: number, populatedOnly: boolean): number {
    const { md } = this;
    const chunkContigStart = md.contigStart;
    // pcpu_check_block_hint(): only the chunk's best run is asked, another one may fit all the same.
    if (((chunkContigStart + align - 1) & -align) - chunkContigStart + bits > md.contig) return Fit.NONE;

    const shift = this.blockShift;
    const blockBits = 1 << shift;
    const { mapBits } = this;
    let from = md.searchStart(bits);
    for (;;) {
      // pcpu_next_fit_region(). `run`: aligned free bits at the end of the block before.
      let block = this.blocks[from >>> shift]!;
      let { base } = block;
      let offset = (from - base) | 0;
      let run = 0;
      let known = -1;
      for (; base < mapBits; block = block.next) {
        if (run !== 0) {
          const { left } = block;
          run = (run + left) | 0;
          if (run >= bits) {
            known = from;
            break;
          }
          if (left === blockBits) {
            base = (base + blockBits) | 0;
            continue;
          }
        }
        const { contig } = block;
        if (contig >= bits) {
          const { contigStart } = block;
          const needed = (((contigStart + align - 1) & -align) - contigStart + bits) | 0;
          if (contigStart >= offset && contig >= needed) {
            const start = block.searchStart(bits);
            run = (needed + contigStart - start) | 0;
            known = (base + contigStart) | 0;
            from = (base + start) | 0;
            break;
          }
        }
        offset = 0;
        base = (base + blockBits) | 0;
        // Blocks are multiples of any alignment.
        run = block.right & -align;
        from = (base - run) | 0;
        if (run >= bits) {
          known = from;
          break;
        }
      }
      if (known < 0) return Fit.NONE;
      if (populatedOnly) {
        const resume = this.#behindHole(from, run);
        if (resume >= 0) {
          from = resume;
          continue;
        }
      }
      if (from < known) return this.#findArea(this.words, bits, align, from, known);
      this.#skippedBits = 0;
      return (from + align - 1) & -align;
    }
  }

  /** pcpu_is_populated(): -1 if all pages of [bit, bit + bits) are backed, else the bit behind the first hole. */
  #behindHole(bit: number, bits: number): number {
    const shift = this.blockShift;
    const end = (bit + bits + (1 << shift) - 1) >>> shift;
    const hole = this.nextHole(bit >>> shift, end);
    if (hole >= end) return -1;
    return this.nextPopulated((hole + 1) | 0, end) << shift;
  }

  /**
   * pcpu_find_zero_area() as pcpu_alloc_area() uses it: first fit of `bits` bits at `align` from bit `start` on.
   * @param known where a free run begins that has room for the area
   * @returns the first bit, or Fit.NO_AREA
   */
  #findArea(w: Int32Array, bits: number, align: number, start: number, known: number): number {
    const limit = Math.min((start + bits + (1 << this.blockShift)) | 0, this.mapBits);
    let skipped = 0;
    let skippedBits = 0;
    // `base`: bit 0 of word `word` of the array; `free`: the free bits of that word that have not been looked at.
    let word = (this.allocBase + start) >>> 5;
    let base = start & -32;
    let value = w[word]!;
    let free = ~value & (-1 << start);
    let bit: number;
    for (;;) {
      if (free === 0) {
        const next = this.nextFreeWord(w, word);
        base = (base + ((next - word) << 5)) | 0;
        word = next;
        value = w[word]!;
        free = ~value;
      }
      bit = ((base | 31) - Math.clz32(free & -free) + align - 1) & -align;
      if (bit >= known) break;
      const end = (bit + bits) | 0;
      if (end > limit) return Fit.NO_AREA;
      // Alignment may have gone on to a later word.
      const ahead = (bit - base) >>> 5;
      if (ahead !== 0) {
        word = (word + ahead) | 0;
        base = bit & -32;
        value = w[word]!;
      }
      let used = value & (-1 << bit);
      const stop = end < known ? end : known;
      while (used === 0) {
        base = (base + 32) | 0;
        if (base >= stop) break;
        word = (word + 1) | 0;
        value = w[word]!;
        used = value;
      }
      if (used === 0) break;
      const usedBit = ((base | 31) - Math.clz32(used & -used)) | 0;
      if (usedBit >= stop) break;
      const run = (usedBit - bit) | 0;
      if (
        run > skippedBits ||
        (run === skippedBits && skipped !== 0 && (bit === 0 || (bit & -bit) > (skipped & -skipped)))
      ) {
        skipped = bit;
        skippedBits = run;
      }
      free = ~value & (-2 << usedBit);
    }
    this.#skipped = skipped;
    this.#skippedBits = skippedBits;
    return bit;
  }

  /** pcpu_alloc_area() at the bit that the last {@link findFit} gave. @returns number of pages that are not empty any more */
  takeArea(bit: number, bits: number): number {
    if (this.#skippedBits !== 0) this.updateAfterScan(this.#skipped, this.#skippedBits);
    return this.markArea(bit, bits);
  }

  /** The part of pcpu_alloc_area() after its search: [bit, bit + bits) is an area now. @returns as {@link takeArea} */
  markArea(bit: number, bits: number): number {
    this.setAllocated(bit, bits);
    this.setBounds(bit, bits);
    return this.hintsAfterAlloc(bit, bits);
  }

  /** Bits that no area ever has, with boundaries at `low` and `high`. @returns as {@link takeArea} */
  hide(bit: number, bits: number, low: number, high: number): number {
    this.setAllocated(bit, bits);
    this.setBound(low);
    this.setBound(high);
    return this.hintsAfterAlloc(bit, bits);
  }

  /** pcpu_free_area() of `bits` bits. @returns number of pages that became empty */
  releaseArea(bit: number, bits: number): number {
    this.clearAllocated(bit, bits);
    const { md } = this;
    if (bit < md.first) md.first = bit;
    return this.hintsAfterFree(bit, bits);
  }
}
