// Accesses through stale translations, found by asking the guest's own refill handler (emu/unicorn/shim/sanitizer.c): what was found, with the
// evidence that is at hand at that moment. Knows the CPU and its TLB, and no kernel.
import type {
  CheckCounts,
  CheckState,
  EntrySource,
  FindingKind,
  Look,
  RawFinding,
} from '../unicorn/shim/check-state.js';
import { decodeEntry, type TlbEntry } from './tlb-view.js';

/** What the checker needs of the CPU. */
export interface CheckedCpu {
  tlb(): TlbEntry[];
  tlbEntry(index: number): TlbEntry;
  reg(n: number): number;
  physicalAddress(virtual: number): number | undefined;
  readonly now: number;
}

/** The page that the kernel's tables give for an address: frame in bytes, V and D of EntryLo. */
export interface PresentPage {
  readonly physical: number;
  readonly valid: boolean;
  readonly dirty: boolean;
}

/** What is at hand at each access without looking further. */
export interface CheckedAccess {
  readonly kind: FindingKind;
  /** Instructions started, the one at fault included. */
  readonly instruction: number;
  readonly pc: number;
  readonly virtual: number;
  /** Where the access goes. */
  readonly physical: number;
  readonly write: boolean;
  /** Bytes; for code 4, for a duplicate 0. */
  readonly size: number;
  /** What a store writes. */
  readonly value: number;
  readonly entry: TlbEntry;
  /** Thrown out by tlbwr before the access: `unflushed`. */
  readonly evicted: boolean;
  /** Undefined where the handler could not be followed. */
  readonly present: PresentPage | undefined;
}

export interface Finding extends CheckedAccess {
  /** Virtual nanoseconds; undefined for what only the end of the run showed. */
  readonly time: number | undefined;
  /** The other entry of a duplicate. */
  readonly twin: TlbEntry | undefined;
  readonly source: EntrySource | undefined;
  /** The entry that was invalidated last. */
  readonly lastFlush: { readonly virtual: number; readonly asid: number; readonly pc: number; readonly at: number };
  /** General registers 0 .. 31. */
  readonly registers: readonly number[];
}

/** A kernel that has not mended an entry for so many instructions does not mean to. */
const MENDED_WITHIN = 1e6;
/** More places than this are only counted. */
const MOST_PLACES = 4096;

export class TranslationChecker {
  readonly #state: CheckState;
  readonly #cpu: CheckedCpu;
  readonly #tellLooks: (callback: (entry: number) => void) => void;
  /** How often each place was found, by kind and address of the instruction. */
  readonly places = new Map<string, { kind: FindingKind; pc: number; count: number; first: Finding }>();
  /** Called at the first access of each place, before it is made; registers and memory are as it finds them. */
  onFinding: (finding: Finding) => void = () => {};
  /** Called at every one. */
  onAccess: ((access: CheckedAccess) => void) | undefined;
  /** What keeps places apart, such as the function that an address is in; each address by itself without it. */
  placeOf: (pc: number) => number = (pc) => pc;

  constructor(state: CheckState, cpu: CheckedCpu, tellLooks: (callback: (entry: number) => void) => void) {
    this.#state = state;
    this.#cpu = cpu;
    this.#tellLooks = tellLooks;
  }

  /** Has `oracle` called with what is decided on each access and jump through the TLB, before it is made. Slow: for tests of the checker. */
  watchLooks(oracle: (look: Look) => void): void {
    this.#tellLooks((entry) => oracle(this.#state.look(entry)));
  }

  get counts(): CheckCounts {
    return this.#state.counts;
  }

  /** Findings of all kinds. */
  get total(): number {
    return Object.values(this.counts.findings).reduce((sum, count) => sum + count, 0);
  }

  /** What a TLB entry was made from, by its index in `tlb()`; undefined when that cannot be told. */
  source(index: number): EntrySource | undefined {
    return this.#state.source(index);
  }

  /** The hooks have found something: called by them. */
  report(): void {
    this.#report(this.#state.finding);
  }

  /** The run is over: reports accesses that a stale entry refused and after which the kernel gave up, which nothing shows before. */
  finish(instructions: number): void {
    for (const refusal of this.#state.refusals) {
      if (instructions - refusal.instruction < MENDED_WITHIN) continue;
      const { entry, registers, ...access } = refusal;
      this.#state.count('refused');
      this.#report({ kind: 'refused', physical: 0, size: 4, value: 0, entry, ...access }, registers);
    }
  }

  #report(raw: RawFinding, registers?: readonly number[]): void {
    const { kind, pc } = raw;
    const at = this.placeOf(pc);
    const key = `${kind} ${at}`;
    const place = this.places.get(key);
    if (place) {
      place.count++;
      this.onAccess?.(this.#access(raw));
      return;
    }
    if (this.places.size >= MOST_PLACES) return;
    const first = this.#finding(raw, registers);
    this.places.set(key, { kind, pc: at, count: 1, first });
    this.onFinding(first);
    this.onAccess?.(first);
  }

  #access(raw: RawFinding): CheckedAccess {
    const evicted = this.#state.evicted(raw.entry);
    const entry = evicted ? decodeEntry(evicted, raw.entry) : this.#cpu.tlbEntry(raw.entry);
    return {
      kind: raw.kind,
      instruction: raw.instruction,
      pc: raw.pc,
      virtual: raw.virtual,
      physical: raw.physical,
      write: raw.write,
      size: raw.size,
      value: raw.write ? raw.value : 0,
      entry,
      evicted: evicted !== undefined,
      present: raw.kind === 'duplicate' ? undefined : presentPage(raw.presentLo, entry),
    };
  }

  #finding(raw: RawFinding, registers?: readonly number[]): Finding {
    const { lastFlush } = this.#state;
    return {
      ...this.#access(raw),
      time: registers ? undefined : this.#cpu.now,
      twin: raw.kind === 'duplicate' ? this.#cpu.tlbEntry(raw.value) : undefined,
      source: this.#state.source(raw.entry),
      lastFlush: {
        virtual: lastFlush.entryHi & 0xffff_e000,
        asid: lastFlush.entryHi & 0xff,
        pc: lastFlush.pc,
        at: lastFlush.at,
      },
      registers: registers ?? Array.from({ length: 32 }, (_, n) => (n === 0 ? 0 : this.#cpu.reg(n))),
    };
  }
}

/** EntryLo as a page. */
function presentPage(lo: number | undefined, { pageSize }: TlbEntry): PresentPage | undefined {
  if (lo === undefined) return undefined;
  const physical = ((lo << 6) & ~(pageSize - 1) & 0xffff_f000) >>> 0;
  return { physical, valid: (lo & 2) !== 0, dirty: (lo & 4) !== 0 };
}
