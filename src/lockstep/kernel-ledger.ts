// What a running kernel's allocator has done so far, by its own account alone: chunks, areas in them, populated pages.

interface LedgerChunk {
  /** Addresses in unit 0 that it serves: [from, to). */
  readonly from: number;
  readonly to: number;
  /** Sizes by offset, bytes. */
  readonly areas: Map<number, number>;
  /** Pages, of chunks that were made while somebody watched. */
  readonly populated: Set<number>;
}

export class KernelLedger {
  /** By the address of unit 0. */
  readonly chunks = new Map<number, LedgerChunk>();

  create(base: number, from: number, to: number): void {
    this.chunks.set(base, { from, to, areas: new Map(), populated: new Set() });
  }

  destroy(base: number): void {
    this.chunks.delete(base);
  }

  alloc(base: number, offset: number, size: number): void {
    this.chunks.get(base)?.areas.set(offset, size);
  }

  free(base: number, offset: number): void {
    this.chunks.get(base)?.areas.delete(offset);
  }

  populate(base: number, start: number, end: number): void {
    const populated = this.chunks.get(base)?.populated;
    for (let page = start; page < end; page++) populated?.add(page);
  }

  depopulate(base: number, start: number, end: number): void {
    const populated = this.chunks.get(base)?.populated;
    for (let page = start; page < end; page++) populated?.delete(page);
  }

  /** The chunk and the offset in it of an address in unit 0; undefined outside all chunks. */
  locate(address: number): { base: number; offset: number } | undefined {
    for (const [base, { from, to }] of this.chunks)
      if (address >= from && address < to) return { base, offset: address - base };
    return undefined;
  }
}
