// Stale accesses of our own guest by its page table, which the host keeps: for engines without the translation checker, and for tests that hold the
// two against each other.
//
// A translation can only become stale where a PTE changes while the TLB holds an entry made from it. So nothing is watched until that happens; then
// every access to that page is compared with the page table until one goes through a translation that agrees again.
import type { MemoryAccess } from '../../emu/mips/cpu.js';
import type { BootParts } from '../kernel/boot.js';
import { KSEG2 } from './addresses.js';
import type { JudgeListener, TranslationJudge } from './translation-judge.js';

export class PageTableJudge implements TranslationJudge {
  readonly #parts: BootParts;
  readonly #listener: JudgeListener;
  readonly #pageSize: number;
  /** All of kseg2 is watched. */
  readonly #everything: boolean;
  /** Pages that a stale entry may translate, by their first address. */
  readonly #suspects = new Set<number>();
  readonly #observed = new Set<number>();

  /** @param parts of a boot that has not started @param everything slower, and sees no more: for tests */
  constructor(parts: BootParts, listener: JudgeListener, everything = false) {
    this.#parts = parts;
    this.#listener = listener;
    this.#pageSize = parts.machine.pageSize;
    this.#everything = everything;
    if (everything) parts.machine.board.cpu.observeMemory(KSEG2, 0xffff_ffff, (access) => this.#access(access));
    parts.pages.table.onUnmap = (va) => this.#unmapped(va);
  }

  #unmapped(va: number): void {
    const page = va - (va % this.#pageSize);
    if (this.#parts.pages.translation(page) === undefined) return; // the next access asks the page table
    this.#suspects.add(page);
    this.observe(page);
  }

  observe(virtual: number): void {
    const page = virtual - (virtual % this.#pageSize);
    if (this.#everything || this.#observed.has(page)) return;
    this.#observed.add(page);
    const { cpu } = this.#parts.machine.board;
    cpu.observeMemory(page, page + this.#pageSize - 1, (access) => this.#access(access));
  }

  filledAt(): undefined {
    return undefined;
  }

  #access(access: MemoryAccess): void {
    const { virtual, physical } = access;
    const page = virtual - (virtual % this.#pageSize);
    const frame = Math.floor(physical / this.#pageSize);
    const suspect = this.#everything || this.#suspects.has(page);
    const mapped = suspect ? this.#parts.pages.table.frameOf(page) : frame;
    if (frame === mapped) {
      this.#suspects.delete(page); // the entry is a new one
      this.#listener.sound(access);
      return;
    }
    const present = mapped < 0 ? undefined : mapped * this.#pageSize;
    this.#listener.stale({ ...access, present });
  }
}
