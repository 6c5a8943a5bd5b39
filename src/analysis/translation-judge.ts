// Who says which accesses go through translations that the kernel no longer has: the translation checker (emu/mips/translation-checker.ts), which asks
// the kernel's own refill handler. page-table-judge.ts stands in where that one is not to be had.
import type { MemoryAccess, MipsCpu, TlbEntry } from '../../emu/mips/cpu.js';

/** A load or store through a stale translation, before it has its effect. */
export interface StaleTranslation {
  readonly write: boolean;
  readonly virtual: number;
  /** Where it goes. */
  readonly physical: number;
  /** Physical address of the page that the kernel has there now; undefined for none. */
  readonly present: number | undefined;
  /** Bytes. */
  readonly size: number;
  /** What a store writes. */
  readonly value: number;
  readonly pc: number;
  readonly entry: TlbEntry;
}

export interface TranslationJudge {
  /** Has the sound accesses to the page around a virtual address reported, too. */
  observe(virtual: number): void;
  /** Instructions that had started when the entry of the access that is being reported was written; undefined where that is not known. */
  filledAt(entry: TlbEntry): number | undefined;
}

export interface JudgeListener {
  stale(access: StaleTranslation): void;
  sound(access: MemoryAccess): void;
}

/**
 * Code that was translated without any memory hook never calls one: to be called before a run whose accesses may have to be watched later. The hook
 * is where nobody goes.
 */
export function readyToObserve(cpu: MipsCpu): void {
  cpu.observeMemory(0xbfff_f000, 0xbfff_f003, () => {});
}

export class CheckerJudge implements TranslationJudge {
  readonly #cpu: MipsCpu;
  readonly #pageSize: number;
  readonly #listener: JudgeListener;
  readonly #observed = new Set<number>();
  /** The access that was reported last: its page's observer comes next. */
  #reported: { virtual: number; write: boolean } | undefined;

  /** @param cpu one that checks translations, before its first run if `readyToObserve` was not called @param pageSize bytes */
  constructor(cpu: MipsCpu, pageSize: number, listener: JudgeListener) {
    this.#cpu = cpu;
    this.#pageSize = pageSize;
    this.#listener = listener;
    cpu.translations!.onAccess = (access) => {
      if (access.kind !== 'stale') return;
      const { present, virtual, write, physical, size, value, pc, entry } = access;
      this.#reported = access;
      const now = present?.valid ? present.physical : undefined;
      listener.stale({ virtual, write, physical, size, value, pc, entry, present: now });
    };
  }

  filledAt({ index }: TlbEntry): number | undefined {
    return this.#cpu.translations!.source(index)?.filledAt;
  }

  observe(virtual: number): void {
    const page = virtual - (virtual % this.#pageSize);
    if (this.#observed.has(page)) return;
    this.#observed.add(page);
    this.#cpu.observeMemory(page, page + this.#pageSize - 1, (access) => {
      const reported = this.#reported;
      this.#reported = undefined;
      if (reported?.virtual !== access.virtual || reported.write !== access.write) this.#listener.sound(access);
    });
  }
}
