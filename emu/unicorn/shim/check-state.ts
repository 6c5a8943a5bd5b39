// One guest's block of the translation checker (struct check in sanitizer.c), seen from TypeScript.
import type { StateMemory } from './cpu-state.js';

/** Byte offsets in struct check. */
const AT = {
  fast: 0,
  report: 8,
  looked: 16,
  places: 24,
  kind: 92,
  accesses: 144,
  inUse: 264,
  failed: 276,
  look: 300,
  next: 336,
  info: 912,
  evicted: 79_760,
} as const;
const INFO_BYTES = 576;
/** Entries and shadows, QEMU's MIPS_TLB_MAX; behind them come the evicted ones. */
const TLB_MAX = 128;
const ENTRY_WORDS = 10;
const EVICTED = { bytes: 616, info: 0, copy: 576 } as const;
/** Byte offsets in struct entry_info. */
const INFO = {
  filledAt: 0,
  fillPc: 8,
  fillRa: 12,
  fillEpc: 16,
  known: 20,
  count: 28,
  words: 40,
  wordBytes: 16,
  refusedAt: 424,
} as const;

const LAYOUT = [
  undefined,
  AT.places,
  AT.looked,
  AT.look,
  AT.kind,
  AT.accesses,
  AT.inUse,
  AT.next,
  AT.info,
  INFO_BYTES,
  INFO.refusedAt,
  AT.evicted,
  EVICTED.bytes,
  EVICTED.copy,
  EVICTED.info,
];

/** What goes through the TLB: kuseg, kseg2 and kseg3; last addresses included. */
export const MAPPED = [
  [0, 0x7fff_ffff],
  [0xc000_0000, 0xffff_ffff],
] as const;

/** Sets the bits of these segments in a map with a bit for each 4 KB page of virtual memory. */
export function watchMappedPages(map: Uint8Array): void {
  for (const [begin, end] of MAPPED) map.fill(0xff, begin >>> 15, (end >>> 15) + 1);
}

/** Kinds of findings, in the order of enum kind. */
export const FINDING_KINDS = [
  'stale',
  'permission',
  'asid-reuse',
  'duplicate',
  'stale-code',
  'refused',
  'unflushed',
] as const;
export type FindingKind = (typeof FINDING_KINDS)[number];

/** Byte offsets from general register 0; 0 for what the CPU does not have. */
export interface CheckPlaces {
  readonly index: number;
  readonly entryLo0: number;
  readonly entryLo1: number;
  readonly pageMask: number;
  readonly wired: number;
  readonly context: number;
  readonly kscratch: readonly number[];
  readonly userLocal: number;
}

/** A word of memory that a TLB entry was made from. */
export interface SourceWord {
  /** Physical address. */
  readonly physical: number;
  /** When the entry was written. */
  readonly filled: number;
  /** Its value went into EntryLo (a page table entry); else into the address of such a word (root, directory). */
  readonly isData: boolean;
}

export interface EntrySource {
  /** Instructions started when the entry was written. */
  readonly filledAt: number;
  /** Address of the tlbwi or tlbwr; $31 and EPC then. */
  readonly fillPc: number;
  readonly fillRa: number;
  readonly fillEpc: number;
  readonly words: readonly SourceWord[];
}

/** An access (or a jump, or a write of the TLB) as the hooks report it. */
export interface RawFinding {
  readonly kind: FindingKind;
  readonly virtual: number;
  /** Where the access goes by the entry. */
  readonly physical: number;
  readonly pc: number;
  readonly write: boolean;
  /** Bytes; 0 for a duplicate. */
  readonly size: number;
  /** What a store writes; for a duplicate the index of the other entry. */
  readonly value: number;
  /** Index, shadows behind those that the guest sees, behind all of them those that tlbwr threw out. */
  readonly entry: number;
  /** EntryLo that the kernel's handler would write now; undefined when it cannot be told. */
  readonly presentLo: number | undefined;
  /** Instructions started, the accessing one included. */
  readonly instruction: number;
}

export interface Refusal {
  /** Index of the TLB entry. */
  readonly entry: number;
  readonly instruction: number;
  readonly virtual: number;
  readonly pc: number;
  readonly write: boolean;
  /** EntryLo that the kernel's handler would have written then. */
  readonly presentLo: number;
  /** General registers then. */
  readonly registers: readonly number[];
}

/** What the checker decided on one access or jump. */
export interface Look {
  /** Index of the TLB entry. */
  readonly entry: number;
  readonly virtual: number;
  readonly how: 'load' | 'store' | 'jump';
  /** No kind: nothing wrong. Undefined: the entry's words cannot be told, it is left out. */
  readonly kinds: readonly FindingKind[] | undefined;
}

const HOW = ['load', 'store', 'jump'] as const;
const LEFT_OUT = 0xffff_ffff;
const NO_KINDS: readonly FindingKind[] = [];

type Four = [number, number, number, number];

export interface CheckCounts {
  /** Loads and stores through the TLB; jumps to mapped code. */
  readonly accesses: number;
  readonly codeBlocks: number;
  /** Of those: by an entry whose words cannot be told. */
  readonly unknownAccesses: number;
  /** tlbwi and tlbwr; those of them with a valid page whose words cannot be told. */
  readonly writes: number;
  readonly unknownWrites: number;
  /** Runs of the refill handler in the sandbox; those that it could not follow. */
  readonly refills: number;
  readonly failedRefills: number;
  readonly secondLooks: number;
  /** Invalidations, that is entries written with no valid page. */
  readonly flushes: number;
  readonly findings: Readonly<Record<FindingKind, number>>;
}

/** @throws Error when the compiled hooks are of another version @param layout check_layout() @returns bytes of the block */
export function checkStateBytes(layout: (index: number) => number): number {
  if (LAYOUT.some((bytes, i) => bytes !== undefined && layout(i) !== bytes))
    throw new Error('the compiled hooks are of another version');
  return layout(0);
}

export class CheckState {
  readonly #memory: StateMemory;
  #bytes = new Uint8Array(0);
  #shown = new DataView(new ArrayBuffer(0));

  constructor(memory: StateMemory) {
    this.#memory = memory;
  }

  get #view(): DataView {
    // A view whose buffer was detached is empty.
    if (this.#bytes.length === 0) {
      this.#bytes = new Uint8Array(this.#memory.buffer(), this.#memory.offset);
      this.#shown = new DataView(this.#memory.buffer(), this.#memory.offset);
    }
    return this.#shown;
  }

  point(fast: bigint, report: bigint): void {
    this.#view.setBigUint64(AT.fast, fast, true);
    this.#view.setBigUint64(AT.report, report, true);
  }

  /** Has `looked` called for each access and jump through the TLB. */
  tell(looked: bigint): void {
    this.#view.setBigUint64(AT.looked, looked, true);
  }

  /** The access or jump that is told about. @param entry what the hooks hand over */
  look(entry: number): Look {
    const verdict = this.#word(AT.look + 8);
    return {
      entry,
      virtual: this.#word(AT.look),
      how: HOW[this.#word(AT.look + 4)]!,
      kinds:
        verdict === LEFT_OUT
          ? undefined
          : verdict === 0
            ? NO_KINDS
            : FINDING_KINDS.filter((_, bit) => verdict & (1 << bit)),
    };
  }

  setPlaces({ index, entryLo0, entryLo1, pageMask, wired, context, kscratch, userLocal }: CheckPlaces): void {
    const words = [index, entryLo0, entryLo1, pageMask, wired, context, ...kscratch, userLocal];
    words.forEach((offset, i) => this.#view.setUint32(AT.places + 4 * i, offset, true));
  }

  #word(at: number): number {
    return this.#view.getUint32(at, true);
  }

  #number(at: number): number {
    return this.#word(at) + this.#word(at + 4) * 0x1_0000_0000;
  }

  /** The finding that is being reported. */
  get finding(): RawFinding {
    const at = AT.kind;
    const presentLo = this.#word(at + 32);
    return {
      kind: FINDING_KINDS[this.#word(at)]!,
      virtual: this.#word(at + 4),
      physical: this.#word(at + 8),
      pc: this.#word(at + 12),
      write: this.#word(at + 16) !== 0,
      size: this.#word(at + 20),
      value: this.#word(at + 24),
      entry: this.#word(at + 28),
      presentLo: presentLo === 0xffff_ffff ? undefined : presentLo,
      instruction: this.#number(at + 44),
    };
  }

  /** What entry `index` was made from; undefined when that cannot be told. */
  source(index: number): EntrySource | undefined {
    const at =
      index < TLB_MAX ? AT.info + index * INFO_BYTES : AT.evicted + (index - TLB_MAX) * EVICTED.bytes + EVICTED.info;
    if (this.#word(at + INFO.known) !== 1) return undefined;
    return {
      filledAt: this.#number(at + INFO.filledAt),
      fillPc: this.#word(at + INFO.fillPc),
      fillRa: this.#word(at + INFO.fillRa),
      fillEpc: this.#word(at + INFO.fillEpc),
      words: Array.from({ length: this.#word(at + INFO.count) }, (_, i) => {
        const word = at + INFO.words + i * INFO.wordBytes;
        return {
          physical: this.#word(word),
          filled: this.#word(word + 4),
          isData: this.#word(word + 12) !== 0,
        };
      }),
    };
  }

  /** An entry that tlbwr threw out, in the engine's layout. @param index as a finding has it */
  evicted(index: number): Uint32Array | undefined {
    return index < TLB_MAX
      ? undefined
      : new Uint32Array(
          this.#memory.buffer(),
          this.#memory.offset + AT.evicted + (index - TLB_MAX) * EVICTED.bytes + EVICTED.copy,
          ENTRY_WORDS,
        );
  }

  /** Of the entries in use: accesses that they refused although the kernel would allow them, and that nobody mended. */
  get refusals(): Refusal[] {
    const found: Refusal[] = [];
    for (let entry = 0; entry < this.#word(AT.inUse); entry++) {
      const at = AT.info + entry * INFO_BYTES + INFO.refusedAt;
      const instruction = this.#number(at);
      if (instruction === 0) continue;
      const [virtual, pc, write, presentLo] = [0, 1, 2, 3].map((i) => this.#word(at + 8 + 4 * i)) as Four;
      const registers = Array.from({ length: 32 }, (_, n) => this.#word(at + 24 + 4 * n));
      found.push({ entry, instruction, virtual, pc, write: write !== 0, presentLo, registers });
    }
    return found;
  }

  /** One more finding, which the hooks could not see. */
  count(kind: FindingKind): void {
    const at = AT.accesses + 8 * (8 + FINDING_KINDS.indexOf(kind));
    this.#view.setBigUint64(at, this.#view.getBigUint64(at, true) + 1n, true);
  }

  get counts(): CheckCounts {
    const at = (n: number): number => this.#number(AT.accesses + 8 * n);
    const findings = Object.fromEntries(FINDING_KINDS.map((kind, i) => [kind, at(8 + i)])) as Record<
      FindingKind,
      number
    >;
    return {
      accesses: at(0),
      codeBlocks: at(1),
      writes: at(2),
      unknownWrites: at(3),
      unknownAccesses: at(4),
      refills: at(5),
      failedRefills: at(6),
      secondLooks: at(7),
      flushes: this.#number(AT.next - 8),
      findings,
    };
  }

  /** Where the sandbox could not follow last: address and word of the instruction. */
  get lastFailure(): { pc: number; word: number } {
    return { pc: this.#word(AT.failed), word: this.#word(AT.failed + 4) };
  }

  /** The invalidation that ran last: EntryHi, address of the tlbwi, instructions started. */
  get lastFlush(): { entryHi: number; pc: number; at: number } {
    return { entryHi: this.#word(AT.next - 24), pc: this.#word(AT.next - 20), at: this.#number(AT.next - 16) };
  }
}
