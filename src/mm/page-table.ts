// The kernel's page table in guest RAM as the host's own C code would write it: physical stores, no TLB involved.
// Format and pairing rule: emu/guest/include/pgtable.h; arch/mips/include/asm/pgtable.h set_pte(), pte_clear().

/** PTE bits of Linux on MIPS32 R2 without RIXI. */
export const PTE = {
  PRESENT: 0x001,
  WRITE: 0x002,
  ACCESSED: 0x004,
  MODIFIED: 0x008,
  NO_READ: 0x020,
  GLOBAL: 0x040,
  VALID: 0x080,
  DIRTY: 0x100,
} as const;

/** PAGE_KERNEL: present, readable, writable, already accessed and modified, global; cacheable noncoherent (C = 3). */
export const PAGE_KERNEL =
  PTE.PRESENT | PTE.WRITE | PTE.ACCESSED | PTE.MODIFIED | PTE.GLOBAL | PTE.VALID | PTE.DIRTY | (3 << 9);

/** Guest RAM as 32-bit words. */
export interface Words {
  read32(address: number): number;
  write32(address: number, value: number): void;
}

export class PageTable {
  readonly #ram: Words;
  readonly #pgd: number;
  readonly #pageShift: number;
  readonly #invalidTable: number;
  readonly #newTable: () => number;
  /** Called after a PTE has lost its frame. */
  onUnmap: ((va: number) => void) | null = null;
  /** Frames are physical address >> 12 in EntryLo; in a PTE the physical address itself is in place. */

  /**
   * @param pgd address of swapper_pg_dir @param invalidTable what an empty slot points to
   * @param newTable makes a page of PTEs (cleared to the global bit is not needed: empty is 0)
   */
  constructor(ram: Words, pgd: number, invalidTable: number, pageShift: number, newTable: () => number) {
    this.#ram = ram;
    this.#pgd = pgd;
    this.#invalidTable = invalidTable;
    this.#pageShift = pageShift;
    this.#newTable = newTable;
  }

  /** Virtual address bits that one page of PTEs covers. */
  get #directoryShift(): number {
    return this.#pageShift + this.#pageShift - 2;
  }

  #slot(va: number): number {
    return this.#pgd + 4 * (va >>> this.#directoryShift);
  }

  /** Address of va's PTE; 0 when its directory slot is empty. */
  pteAddress(va: number): number {
    const table = this.#ram.read32(this.#slot(va));
    if (table === this.#invalidTable) return 0;
    return table + 4 * ((va >>> this.#pageShift) & ((1 << (this.#pageShift - 2)) - 1));
  }

  /** The PTE of va, 0 without a table. */
  pte(va: number): number {
    const address = this.pteAddress(va);
    return address === 0 ? 0 : this.#ram.read32(address);
  }

  /** Frame that va is mapped to, -1 when it is not. */
  frameOf(va: number): number {
    const pte = this.pte(va);
    return pte & PTE.PRESENT ? pte >>> this.#pageShift : -1;
  }

  /** set_pte(): the empty neighbour of a global PTE becomes global too. */
  map(va: number, frame: number): void {
    let address = this.pteAddress(va);
    if (address === 0) {
      this.#ram.write32(this.#slot(va), this.#newTable());
      address = this.pteAddress(va);
    }
    this.#ram.write32(address, ((frame << this.#pageShift) | PAGE_KERNEL) >>> 0);
    const buddy = (address ^ 4) >>> 0;
    const other = this.#ram.read32(buddy);
    if ((other & ~PTE.GLOBAL) === 0) this.#ram.write32(buddy, other | PTE.GLOBAL);
  }

  /** pte_clear(): G stays while the neighbour has it. */
  unmap(va: number): void {
    const address = this.pteAddress(va);
    if (address === 0) return;
    this.#ram.write32(address, this.#ram.read32((address ^ 4) >>> 0) & PTE.GLOBAL);
    this.onUnmap?.(va);
  }
}
