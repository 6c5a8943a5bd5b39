// For tests only: the stand-in's TLB, with QEMU's shadow entries. It lies in the heap and has the layout of QEMU's r4k_tlb_t,
// because emu/mips/tlb-view.ts looks there.
import type { StandInHeap } from './heap.js';

export const TLB_MAX = 128;
/** Words: a header (entries, entries in use), room, then 10 words an entry. */
const ENTRIES = 8;
const WORDS = 10;
export const TLB_BYTES = 4 * (ENTRIES + TLB_MAX * WORDS);

const G = 1;
const EHINV = 1 << 15;

/** What EntryHi, PageMask and both EntryLo hold. */
export interface EntryRegisters {
  hi: number;
  mask: number;
  lo0: number;
  lo1: number;
}

export class StandInTlb {
  readonly #heap: StandInHeap;
  readonly #at: number;
  readonly size: number;

  constructor(heap: StandInHeap, pointer: number, size: number) {
    this.#heap = heap;
    this.#at = pointer >>> 2;
    this.size = size;
    heap.words.fill(0, this.#at, this.#at + TLB_BYTES / 4);
    heap.words[this.#at] = size;
    heap.words[this.#at + 1] = size;
  }

  #entry(index: number): number {
    return this.#at + ENTRIES + index * WORDS;
  }

  get #inUse(): number {
    return this.#heap.words[this.#at + 1];
  }

  set #inUse(count: number) {
    this.#heap.words[this.#at + 1] = count;
  }

  /** Shadows from `first` on are gone. */
  dropShadows(first = this.size): void {
    this.#inUse = Math.min(this.#inUse, Math.max(first, this.size));
  }

  /** Index of the first entry for a virtual address, or -1. */
  find(virtual: number, asid: number, end = this.#inUse): number {
    const { words } = this.#heap;
    for (let i = 0; i < end; i++) {
      const at = this.#entry(i);
      const mask = words[at + 1] | 0x1fff;
      if (((words[at] ^ virtual) & ~mask) !== 0 || (words[at + 4] & EHINV) !== 0) continue;
      if ((words[at + 4] & G) !== 0 || (words[at + 2] & 0xff) === asid) return i;
    }
    return -1;
  }

  /** tlbp: the visible entry that matches, or -1. A shadow that would have matched is found out, and goes. */
  probe(hi: number): number {
    const index = this.find(hi & ~0x1fff, hi & 0xff);
    if (index < this.size) return index;
    this.dropShadows(index);
    return -1;
  }

  write(index: number, registers: EntryRegisters): void {
    const { words } = this.#heap;
    const at = this.#entry(index);
    const { hi, mask, lo0, lo1 } = registers;
    const flags =
      (lo0 & lo1 & 1) |
      (((lo0 >>> 3) & 7) << 1) |
      (((lo1 >>> 3) & 7) << 4) |
      (((lo0 >>> 1) & 1) << 7) |
      (((lo1 >>> 1) & 1) << 8) |
      (((lo0 >>> 2) & 1) << 9) |
      (((lo1 >>> 2) & 1) << 10);
    // EntryHi.EHINV: the entry is made to match nothing, the rest stays.
    if ((hi & 0x400) !== 0) {
      words[at + 4] |= EHINV;
      return;
    }
    const frame = (lo: number): number => (((lo >>> 6) & ~(mask >>> 13)) << 12) >>> 0;
    words[at] = hi & ~0x1fff;
    words[at + 1] = mask;
    words[at + 2] = hi & 0xff;
    words[at + 4] = flags;
    words[at + 6] = frame(lo0);
    words[at + 8] = frame(lo1);
  }

  /** tlbwi: shadows go unless the entry stays what it was with more rights. */
  writeIndexed(index: number, registers: EntryRegisters): void {
    const { words } = this.#heap;
    const at = this.#entry(index);
    const { hi, lo0, lo1 } = registers;
    const flags = words[at + 4];
    const lost = (bit: number, lo: number, loBit: number): boolean =>
      (flags >>> bit) % 2 === 1 && ((lo >>> loBit) & 1) === 0;
    const changes =
      words[at] >>> 0 !== (hi & ~0x1fff) >>> 0 ||
      (words[at + 2] & 0xff) !== (hi & 0xff) ||
      (flags & G) !== (lo0 & lo1 & 1) ||
      lost(7, lo0, 1) ||
      lost(9, lo0, 2) ||
      lost(8, lo1, 1) ||
      lost(10, lo1, 2) ||
      ((flags & EHINV) === 0 && (hi & 0x400) !== 0);
    if (changes) this.dropShadows();
    this.write(index, registers);
  }

  /** tlbwr: the entry that was there becomes a shadow while there is room, unless another address space's. */
  writeRandom(index: number, registers: EntryRegisters): void {
    const { words } = this.#heap;
    const at = this.#entry(index);
    const used = this.#inUse;
    const global = (words[at + 4] & G) !== 0;
    if (used < TLB_MAX && (global || (words[at + 2] & 0xff) === (registers.hi & 0xff))) {
      words.copyWithin(this.#entry(used), at, at + WORDS);
      this.#inUse = used + 1;
    }
    this.write(index, registers);
  }

  read(index: number): EntryRegisters {
    this.dropShadows();
    const { words } = this.#heap;
    const at = this.#entry(index);
    const flags = words[at + 4];
    const lo = (n: 0 | 1): number =>
      ((words[at + 6 + 2 * n] >>> 12) << 6) |
      (((flags >>> (1 + 3 * n)) & 7) << 3) |
      (((flags >>> (9 + n)) & 1) << 2) |
      (((flags >>> (7 + n)) & 1) << 1) |
      (flags & G);
    const invalid = (flags & EHINV) !== 0;
    if (invalid) return { hi: 0x400, mask: 0, lo0: 0, lo1: 0 };
    return { hi: (words[at] & ~0x1fff) | (words[at + 2] & 0xff), mask: words[at + 1], lo0: lo(0), lo1: lo(1) };
  }

  /** tlbinvf: nothing matches any more. */
  invalidateAll(): void {
    this.dropShadows();
    for (let i = 0; i < this.size; i++) this.#heap.words[this.#entry(i) + 4] |= EHINV;
  }

  /** Physical page address and rights of the half that `virtual` selects. */
  page(index: number, virtual: number): { address: number; valid: boolean; dirty: boolean } {
    const { words } = this.#heap;
    const at = this.#entry(index);
    const size = ((words[at + 1] | 0x1fff) + 1) >>> 1;
    const odd = (virtual & size) === 0 ? 0 : 1;
    const flags = words[at + 4];
    return {
      address: words[at + 6 + 2 * odd] + (virtual & (size - 1) & ~0xfff),
      valid: ((flags >>> (7 + odd)) & 1) === 1,
      dirty: ((flags >>> (9 + odd)) & 1) === 1,
    };
  }
}
