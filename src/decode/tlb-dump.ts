// The TLB as dump_tlb() of arch/mips/lib prints it when a machine check comes, and the entries in it that match one address.

/** An entry that a dump shows. */
export interface TlbEntry {
  readonly index: number;
  /** Virtual address of the even page, hexadecimal as printed. */
  readonly va: string;
  readonly asid: string;
  /** Bytes of one of its two pages. */
  readonly pageSize: number;
  /** Global: the address space does not matter. Both pages' G bits must be set. */
  readonly isGlobal: boolean;
  /** Physical addresses of the even and the odd page, hexadecimal as printed. */
  readonly pages: readonly string[];
  readonly line: number;
}

/** Entries that answer to one address: what the machine check is about. */
export interface TlbMatch {
  /** The first address that all of them match, hexadecimal, as wide as printed. */
  readonly va: string;
  readonly entries: readonly TlbEntry[];
}

/** 64-bit kernels print an address with 11 digits or, when it does not fit, with 16. */
const ENTRY = new RegExp(
  `^Index:\\s{0,4}(\\d{1,5}) +(?:pgmask=(\\S{2,8}) +)?va=([0-9a-f]{8,16}) +asid=([0-9a-f]{2,4})`,
);
const PAGE = /\bpa=([0-9a-f]{5,16}) [^\]]{0,40}?\bg=([01])\]/g;
const SIZE = /^(\d{1,4})([kKMG])b$/;
const MAX_ENTRIES = 4096;

type OpenEntry = { -readonly [K in keyof TlbEntry]: TlbEntry[K] } & { pages: string[] };

/** True of the line that an entry begins with. */
export function isTlbEntry(text: string): boolean {
  return /^\s*Index:/.test(text) && ENTRY.test(text.trim());
}

/** Reads a dump line by line. */
export class TlbDumpReader {
  readonly #entries: OpenEntry[] = [];

  /** Takes a line; false when it belongs to no such dump. */
  add(text: string, line: number): boolean {
    const trimmed = text.trim();
    const match = trimmed.startsWith('Index:') ? ENTRY.exec(trimmed) : null;
    if (match !== null) {
      if (this.#entries.length >= MAX_ENTRIES) return true;
      const [whole, index, size, va, asid] = match;
      const pageSize = sizeOf(size);
      const isGlobal = false;
      this.#entries.push({ index: Number(index), va, asid, pageSize, isGlobal, pages: [], line });
      this.#pages(trimmed.slice(whole.length));
      return true;
    }
    return this.#entries.length > 0 && trimmed.startsWith('[') && this.#pages(trimmed);
  }

  #pages(text: string): boolean {
    const entry = this.#entries.at(-1)!;
    let found = false;
    for (const [, address, global] of text.matchAll(PAGE)) {
      if (entry.pages.length >= 2) break;
      entry.pages.push(address);
      entry.isGlobal = global === '1' && (entry.pages.length === 1 || entry.isGlobal);
      found = true;
    }
    return found;
  }

  get size(): number {
    return this.#entries.length;
  }

  /** Entries of which two or more match the same address, in the order of the dump. */
  matches(): TlbMatch[] {
    const matches: TlbMatch[] = [];
    const taken = new Set<OpenEntry>();
    for (const [i, first] of this.#entries.entries()) {
      if (taken.has(first)) continue;
      const others = this.#entries.slice(i + 1).filter((other) => overlap(first, other));
      if (others.length === 0) continue;
      const entries = [first, ...others];
      for (const entry of entries) taken.add(entry);
      const va = entries.map((entry) => entry.va).reduce((a, b) => (start(a) >= start(b) ? a : b));
      matches.push({ va, entries });
    }
    return matches;
  }
}

function sizeOf(text: string | undefined): number {
  const match = SIZE.exec(text ?? '');
  // An R3000's entries and unknown masks: 4 KB, the smallest usual page.
  if (match === null) return 4096;
  return Number(match[1]) * { k: 2 ** 10, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 }[match[2] as 'k' | 'K' | 'M' | 'G'];
}

/** 16 digits do not fit a number exactly: addresses are compared as BigInt. */
function start(va: string): bigint {
  return BigInt(`0x${va}`);
}

/** An entry's two pages lie at a multiple of their common size; the smaller entry lies within the larger or beside it. */
function overlap(a: TlbEntry, b: TlbEntry): boolean {
  if (!a.isGlobal && !b.isGlobal && a.asid !== b.asid) return false;
  const pair = BigInt(2 * Math.max(a.pageSize, b.pageSize));
  return start(a.va) / pair === start(b.va) / pair;
}
