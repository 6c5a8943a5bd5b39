// A second opinion on the translation checker: at every access and jump that it looks at, the page table is walked by somebody who knows its
// format, and what the two say is compared. For tests: it takes a call out of the hooks for each access.
import type { MipsCpu } from '../../emu/mips/cpu.js';
import type { Look } from '../../emu/unicorn/shim/check-state.js';
import type { MappedPage } from '../linux/page-table.js';

export type Opinion = 'right' | 'stale' | 'permission';

export interface Disagreement {
  readonly look: Look;
  readonly checker: Opinion;
  readonly oracle: Opinion;
  readonly instruction: number;
}

/** Disagreements kept; all are counted. */
const MOST_KEPT = 20;

export class TranslationOracle {
  /** Looks that both have an opinion on, and those of them that differ. */
  looks = 0;
  differences = 0;
  readonly first: Disagreement[] = [];
  /** Looks at entries whose words the checker cannot tell. */
  leftOut = 0;
  /** By the oracle. */
  readonly counts: Record<Opinion, number> = { right: 0, stale: 0, permission: 0 };
  readonly hows: Record<Look['how'], number> = { load: 0, store: 0, jump: 0 };

  /** @param page what the page table says of an address now */
  constructor(cpu: MipsCpu, page: (virtual: number) => MappedPage | undefined) {
    if (!cpu.translations) throw new Error('translations are not checked');
    cpu.translations.watchLooks((look) => {
      if (look.kinds === undefined) {
        this.leftOut++;
        return;
      }
      const entry = cpu.tlbEntry(look.entry);
      const used = (look.virtual & entry.pageSize) === 0 ? entry.even : entry.odd;
      const now = page(look.virtual);
      const oracle =
        !now?.valid || now.physical !== used.physical
          ? 'stale'
          : look.how === 'store' && !now.dirty
            ? 'permission'
            : 'right';
      const checker =
        look.kinds.length === 0 ? 'right' : look.kinds.some((kind) => kind !== 'permission') ? 'stale' : 'permission';
      this.looks++;
      this.counts[oracle]++;
      this.hows[look.how]++;
      if (oracle === checker) return;
      this.differences++;
      if (this.first.length < MOST_KEPT) this.first.push({ look, checker, oracle, instruction: cpu.instructions });
    });
  }
}
