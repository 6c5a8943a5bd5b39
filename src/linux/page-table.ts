// Linux's page table on a 32-bit MIPS, found as the CPU's refill handler finds it: the kernel writes that handler at boot (arch/mips/mm/tlbex.c),
// and its first instructions say where the root of the running program's table is and how an entry becomes an EntryLo. No symbols are needed.
import type { MipsCpu } from '../../emu/mips/cpu.js';

/** What a page table says of an address. */
export interface MappedPage {
  /** Physical address of the page, in bytes. */
  readonly physical: number;
  /** V and D of the EntryLo that the kernel makes of it. */
  readonly valid: boolean;
  readonly dirty: boolean;
}

/** How to get at the tables. */
export interface TableWalk {
  /** Address of the root for a virtual address: kseg0. */
  root(virtual: number): number | undefined;
  /** Log2 of a page's bytes, and of the entries of a table. */
  readonly pageShift: number;
  readonly tableBits: number;
  /** An entry rotated right by this is an EntryLo. */
  readonly rotate: number;
}

const KSEG0_TOP_BITS = 2;
const ENTRYLO_V = 2;
const ENTRYLO_D = 4;

/** Two levels: a root of pointers to tables of entries, words all. Undefined where there is no table. */
export function walkTwoLevels(
  cpu: MipsCpu,
  { root, pageShift, tableBits, rotate }: TableWalk,
  virtual: number,
): MappedPage | undefined {
  const start = root(virtual);
  const table = start === undefined ? undefined : unmappedWord(cpu, start + 4 * (virtual >>> (pageShift + tableBits)));
  const entry =
    table === undefined ? undefined : unmappedWord(cpu, table + 4 * ((virtual >>> pageShift) & ((1 << tableBits) - 1)));
  return entry === undefined ? undefined : pageOf((entry >>> rotate) | (entry << (32 - rotate)), pageShift);
}

/** The page that an EntryLo gives. */
export function pageOf(entryLo: number, pageShift: number): MappedPage {
  const physical = ((entryLo << 6) & 0xffff_f000 & -(1 << pageShift)) >>> 0;
  return { physical, valid: (entryLo & ENTRYLO_V) !== 0, dirty: (entryLo & ENTRYLO_D) !== 0 };
}

/** The word at an address in kseg0 or kseg1; undefined elsewhere and where there is no RAM. */
export function unmappedWord(cpu: MipsCpu, address: number): number | undefined {
  const physical = address & 0x1fff_fffc;
  return address >>> 30 === KSEG0_TOP_BITS && physical + 4 <= cpu.ramBytes
    ? cpu.view.getUint32(physical, cpu.littleEndian)
    : undefined;
}

/** Longest refill handler: it ends before the next vector. */
const HANDLER_WORDS = 96;
const KSEG2 = 0xc000_0000;

const opcode = (word: number): number => word >>> 26;
const LUI = 0x0f;
const LW = 0x23;
/** mtc0 rt, EntryLo0; srl and rotr rd, rt, sa. */
const isToEntryLo0 = (word: number): boolean => (word & 0xffe0_ffff) >>> 0 === 0x4080_1000;
const isShift = (word: number): boolean => (word & 0xffc0_003f) === 2;
const rd = (word: number): number => (word >>> 11) & 31;
const rt = (word: number): number => (word >>> 16) & 31;

export class LinuxPageTable {
  readonly #cpu: MipsCpu;
  readonly #walk: TableWalk;
  /** The kernel's own root: the one that was in use first, where nobody knows better. */
  #kernelRoot: number;

  /** @param kernelRoot address of swapper_pg_dir, where it is known @throws Error when the refill handler is none of Linux's, or has not been written yet */
  constructor(cpu: MipsCpu, kernelRoot = 0) {
    this.#cpu = cpu;
    this.#kernelRoot = kernelRoot;
    const saved = cpu.registers.save();
    const ebase = cpu.registers.read(saved, 'ebase');
    const pageMask = cpu.registers.read(saved, 'pagemask');
    if (ebase === undefined || pageMask === undefined) throw new Error('EBase and PageMask cannot be read');
    const handler = Array.from(
      { length: HANDLER_WORDS },
      (_, i) => unmappedWord(cpu, (ebase & 0xffff_f000) + 4 * i) ?? 0,
    );
    const load = handler.findIndex((word) => opcode(word) === LW);
    const high = handler.findLastIndex((word, i) => i < load && opcode(word) === LUI);
    const end = handler.findIndex(isToEntryLo0);
    const shift = handler.findLast((word, i) => i < end && isShift(word) && rd(word) === rt(handler[end]!));
    if (load < 0 || high < 0 || shift === undefined) throw new Error("the refill handler is none of Linux's");
    // lui rt, high; lw rt, low(rt): pgd_current, of the only CPU
    const pointer = ((handler[high]! << 16) + ((handler[load]! << 16) >> 16)) >>> 0;
    const pageShift = 31 - Math.clz32(((pageMask | 0x1fff) + 1) >>> 1);
    this.#walk = {
      root: () => unmappedWord(cpu, pointer),
      pageShift,
      tableBits: pageShift - 2, // a table is a page of words
      rotate: (shift >>> 6) & 31,
    };
  }

  /** Bytes. */
  get pageSize(): number {
    return 1 << this.#walk.pageShift;
  }

  /** What the table in use says; of the kernel's addresses what its own says where the program's has not got it yet, as do_page_fault does. */
  page(virtual: number): MappedPage | undefined {
    this.#kernelRoot ||= this.#walk.root(virtual) ?? 0;
    const page = walkTwoLevels(this.#cpu, this.#walk, virtual);
    if (page?.valid || virtual < KSEG2) return page;
    return walkTwoLevels(this.#cpu, { ...this.#walk, root: () => this.#kernelRoot }, virtual);
  }
}
