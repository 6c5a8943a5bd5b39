// The kernels a boot can have: they differ in the per-CPU allocator's rules only, where the commits differ. A kernel of one's own is one
// more entry of KERNELS, and everything knows it: options, sweeps, pages.
import { type Share, type Variant, type VariantName, VARIANTS } from '../percpu/index.js';

export interface Kernel {
  readonly variant: VariantName;
  readonly title: string;
  /**
   * What becomes of the variant's flushes: `range` (the default) as flush_tlb_kernel_range(), `whole` as flush_tlb_all(), and
   * `on-populate` none until a page is populated again that has lost another one.
   */
  readonly flush?: FlushMode;
  /** In what its rules differ from the variant's. */
  readonly change?: RuleChange;
}

export type FlushMode = 'range' | 'whole' | 'on-populate';

/** Rules that are put in the place of a kernel's, as plain data. */
export interface RuleChange {
  /** A chunk is isolated for reclaim when at least this share of its pages is populated and empty. */
  reclaim?: Share;
  /** When the TLB is flushed: never, behind each depopulated range, once per chunk, or when a page is populated again. */
  flush?: 'never' | 'range' | 'chunk' | 'populate';
  /** What a flush drops: all that it covers (the default), the whole TLB, or the first so many pages of it. */
  flushed?: 'range' | 'whole' | number;
}

/** What a boot goes by. */
export interface KernelRules {
  readonly title: string;
  readonly variant: Variant;
  readonly flush: FlushMode;
  /** Pages at the beginning of its range that a flush drops; Infinity: all of them. */
  readonly flushPages: number;
}

export const KERNELS = {
  'v5.13': { variant: 'before', title: 'v5.13' },
  f183324133ea: { variant: 'f183', title: 'f183324133ea, the first bad commit' },
  '6.1-noflush': { variant: 'buggy', title: '6.1 without the flush' },
  'first-fix': { variant: 'first-fix', title: 'the first posted fix, a flush after every depopulation' },
  '93274f1dd6b0': { variant: 'fixed', title: '93274f1dd6b0, the merged fix' },
  'flush-all': {
    variant: 'fixed',
    flush: 'whole',
    title: '6.1 with a flush of the whole TLB in the place of the merged fix',
  },
  'lazy-flush': { variant: 'buggy', flush: 'on-populate', title: '6.1 with a flush when a page is populated again' },
} as const satisfies Record<string, Kernel>;

export type KernelName = keyof typeof KERNELS;

/** Other commits of the report whose allocator behaves as one of the above. */
export const KERNEL_ALIASES: Readonly<Record<string, KernelName>> = {
  '8ea2e1e35d1e': 'v5.13',
  '1c29a3ceaf5f': 'v5.13',
  '67c2669d69fb': 'v5.13',
  '0bd2212ebd7a': 'f183324133ea',
  e4d777003a43: 'f183324133ea',
  e267992f9ef0: 'f183324133ea',
  '3dbdb38e2869': 'f183324133ea',
  '6.1': '93274f1dd6b0',
};

/** The rules of a kernel, with changes where there are any. */
export function kernelRules(name: KernelName, change: RuleChange = {}): KernelRules {
  const kernel: Kernel = KERNELS[name];
  const all: RuleChange = { ...kernel.change, ...change };
  const base = VARIANTS[kernel.variant];
  const title = Object.keys(change).length === 0 ? kernel.title : `${kernel.title}, ${ruleText(change)}`;
  if (Object.keys(all).length === 0)
    return { title, variant: base, flush: kernel.flush ?? 'range', flushPages: Infinity };
  const { reclaim = base.reclaimAt, flush, flushed = kernel.flush === 'whole' ? 'whole' : 'range' } = all;
  const when = { never: 'never', populate: 'never', range: 'per-range', chunk: 'per-chunk' } as const;
  const lazily = flush === undefined ? kernel.flush === 'on-populate' : flush === 'populate';
  return {
    title,
    variant: { ...base, name, reclaimAt: reclaim, flush: flush === undefined ? base.flush : when[flush] },
    flush: lazily ? 'on-populate' : flushed === 'whole' ? 'whole' : 'range',
    flushPages: typeof flushed === 'number' ? flushed : Infinity,
  };
}

/** `reclaim=1/8 flush=chunk flushed=1`, as --define takes them. */
export function ruleText({ reclaim, flush, flushed }: RuleChange): string {
  return [
    ...(reclaim === undefined ? [] : [`reclaim=${reclaim.join('/')}`]),
    ...(flush === undefined ? [] : [`flush=${flush}`]),
    ...(flushed === undefined ? [] : [`flushed=${flushed}`]),
  ].join(' ');
}

/** Fewest digits that a commit id may be cut to, as git has it. */
const SHORTEST_ID = 4;
const FULL_ID = 40;

/**
 * Whether `text` means the commit `id`, of which twelve digits are known: cut to at least four digits, with more than twelve, or as git
 * describe writes it (v5.13-7637-g3dbdb38e2869).
 */
export function namesCommit(text: string, id: string): boolean {
  if (text === id) return true;
  if (!/^[0-9a-f]{12}$/.test(id)) return false;
  const digits = text.toLowerCase().replace(/^.*-\d+-g(?=[0-9a-f]+$)/, '');
  if (!/^[0-9a-f]+$/.test(digits) || digits.length < SHORTEST_ID || digits.length > FULL_ID) return false;
  return id.startsWith(digits) || digits.startsWith(id);
}

/** The kernel that `text` names, or undefined. */
export function kernelName(text: string): KernelName | undefined {
  if (Object.hasOwn(KERNELS, text)) return text as KernelName;
  if (Object.hasOwn(KERNEL_ALIASES, text)) return KERNEL_ALIASES[text];
  // A text that two commits begin with names neither.
  const ids = [...Object.keys(KERNELS), ...Object.keys(KERNEL_ALIASES)].filter((id) => namesCommit(text, id));
  if (ids.length !== 1) return undefined;
  return Object.hasOwn(KERNELS, ids[0]!) ? (ids[0] as KernelName) : KERNEL_ALIASES[ids[0]!];
}
