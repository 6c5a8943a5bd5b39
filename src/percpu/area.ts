// Areas inside a chunk: where one can be had, taking it and giving it back. Called by the allocator, which does the rest: slots, counters.
import { Md } from './chunk-maps.js';
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

  /** pcpu_next_hint(): where to begin searching in the record at `at`: behind its scan hint if that is known to be too small. */
  #nextHint(w: Int32Array, at: number, bits: number): number {
    const scan = w[at + Md.SCAN]!;
    if (scan !== 0 && bits > scan) {
      const scanStart = w[at + Md.SCAN_START]!;
      if (w[at + Md.CONTIG_START]! > scanStart) return (scanStart + scan) | 0;
    }
    return w[at + Md.FIRST]!;
  }

  /**
   * pcpu_find_block_fit() and the search of pcpu_alloc_area(): where `bits` bits at alignment `align` (bits, power of two) can be
   * taken. Changes nothing. The hints give a place to begin at, and a run behind it that is known to be free and large enough; only
   * what lies between the two is searched.
   * @param populatedOnly look at backed pages only (atomic allocations)
   * @returns the area's first bit, Fit.NONE when the hints say that nothing fits, Fit.NO_AREA when nothing was found all the same
   */
  findFit(bits: number, align: number, populatedOnly: boolean): number {
    const w = this.words;
    const chunkContigStart = w[Md.CONTIG_START]!;
    // pcpu_check_block_hint(): only the chunk's best run is asked, another one may fit all the same.
    if (((chunkContigStart + align - 1) & -align) - chunkContigStart + bits > w[Md.CONTIG]!) return Fit.NONE;

    const shift = this.blockShift;
    const blockBits = 1 << shift;
    const endAt = (this.nrPages + 1) << 3;
    let from = this.#nextHint(w, 0, bits);
    for (;;) {
      // pcpu_next_fit_region(). `run`: aligned free bits at the end of the block before.
      let base = (from >>> shift) << shift;
      let offset = (from - base) | 0;
      let run = 0;
      let known = -1;
      for (let at = ((from >>> shift) + 1) << 3; at < endAt; at = (at + Md.STRIDE) | 0) {
        if (run !== 0) {
          const left = w[at + Md.LEFT]!;
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
        const contig = w[at + Md.CONTIG]!;
        if (contig >= bits) {
          const contigStart = w[at + Md.CONTIG_START]!;
          const needed = (((contigStart + align - 1) & -align) - contigStart + bits) | 0;
          if (contigStart >= offset && contig >= needed) {
            const start = this.#nextHint(w, at, bits);
            run = (needed + contigStart - start) | 0;
            known = (base + contigStart) | 0;
            from = (base + start) | 0;
            break;
          }
        }
        offset = 0;
        base = (base + blockBits) | 0;
        // Blocks are multiples of any alignment.
        run = w[at + Md.RIGHT]! & -align;
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
      this.#skippedBits = 0;
      if (from < known) return this.#findArea(w, bits, align, from, known);
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
    const map = this.allocBase;
    const knownBit = (map + known) | 0;
    for (let from = start; ;) {
      const bit = ((from < known ? this.nextFree(w, (map + from) | 0, knownBit) - map : from) + align - 1) & -align;
      if (bit >= known) return bit;
      const end = (bit + bits) | 0;
      if (end > start + bits + (1 << this.blockShift) || end > this.mapBits) return Fit.NO_AREA;
      const used = (this.nextSet(w, (map + bit) | 0, end < known ? (map + end) | 0 : knownBit) - map) | 0;
      if (used >= end || used >= known) return bit;
      const run = (used - bit) | 0;
      const skipped = this.#skipped;
      const skippedBits = this.#skippedBits;
      if (
        run > skippedBits ||
        (run === skippedBits && skipped !== 0 && (bit === 0 || (bit & -bit) > (skipped & -skipped)))
      ) {
        this.#skipped = bit;
        this.#skippedBits = run;
      }
      from = (used + 1) | 0;
    }
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
    const w = this.words;
    if (bit < w[Md.FIRST]!) w[Md.FIRST] = bit;
    return this.hintsAfterFree(bit, bits);
  }
}
