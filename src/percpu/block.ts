// The hint record of a block or of a whole chunk: struct pcpu_block_md, with pcpu_block_update() and pcpu_next_hint().

/** Of two runs of the same size the one at `start` becomes the contig hint, because more requests can be aligned in it. */
export function isBetterAligned(start: number, contigStart: number): boolean {
  return contigStart !== 0 && (start === 0 || (start & -start) > (contigStart & -contigStart));
}

/**
 * What is known of the free runs of a block, which is a page, or of a chunk, without looking at the bitmap. In bits; starts are
 * relative to the block, and keep their last value when the hint itself is 0. An object and not a part of the chunk's array: its fields
 * are read without a check of bounds, and nearly everything the allocator does reads a dozen of them.
 */
export class BlockMd {
  /** The largest known free run before contig; it lies behind contig only if both have the same size. */
  scan = 0;
  scanStart = 0;
  /**
   * The largest known free run; never more than the largest there is. 0 in a block: no bit of it is free. Chunk wide it may be too small
   * (see HintedMaps.hintsAfterFree).
   */
  contig: number;
  contigStart = 0;
  /** Free bits at the two ends. Of the chunk's own record they are set on init and free, never lowered. */
  left: number;
  right: number;
  /** No free bit lies below it. */
  first = 0;
  readonly bits: number;
  /** First bit of the block in the chunk. */
  readonly base: number;
  /** The block behind it. The last one's is a block of no bits, whose base is the end of the map. */
  next: BlockMd = this;

  constructor(base: number, bits: number) {
    this.contig = bits;
    this.left = bits;
    this.right = bits;
    this.bits = bits;
    this.base = base;
  }

  /** pcpu_init_md_block(). */
  reset(): void {
    this.scanStart = 0;
    this.allFree();
  }

  /** All bits are free now. */
  allFree(): void {
    const { bits } = this;
    this.scan = 0;
    this.contig = bits;
    this.contigStart = 0;
    this.left = bits;
    this.right = bits;
    this.first = 0;
  }

  /** pcpu_next_hint(): where to begin searching for `bits` bits: behind the scan hint if that is known to be too small. */
  searchStart(bits: number): number {
    const { scan } = this;
    if (scan !== 0 && bits > scan) {
      const { scanStart } = this;
      if (this.contigStart > scanStart) return (scanStart + scan) | 0;
    }
    return this.first;
  }

  /** pcpu_block_update(): takes the free run [start, end) into the hints. */
  update(start: number, end: number): void {
    const run = (end - start) | 0;
    if (start < this.first) this.first = start;
    if (start === 0) this.left = run;
    if (end === this.bits) this.right = run;

    const { contig, contigStart } = this;
    if (run > contig) {
      if (start > contigStart) {
        // The old best run lies before the new one and may serve as the scan hint.
        if (contig > this.scan) {
          this.scanStart = contigStart;
          this.scan = contig;
        } else if (start < this.scanStart) {
          this.scan = 0;
        }
      } else {
        this.scan = 0;
      }
      this.contigStart = start;
      this.contig = run;
    } else if (run === contig) {
      if (isBetterAligned(start, contigStart)) {
        this.contigStart = start;
        if (start < this.scanStart && contig > this.scan) this.scan = 0;
      } else if (start > this.scanStart || contig > this.scan) {
        this.scanStart = start;
        this.scan = run;
      }
    } else if (start < contigStart) {
      const { scan } = this;
      if (run > scan || (run === scan && start > this.scanStart)) {
        this.scanStart = start;
        this.scan = run;
      }
    }
  }
}
