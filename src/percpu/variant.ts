// The kernels that can be modelled. They differ only where the commits differ.

/** Where reclaim flushes the TLB after unmapping pages of a chunk that stays alive. */
export type FlushRule = 'never' | 'per-range' | 'per-chunk';

/** A share of the pages of a chunk: numerator and denominator, as the kernel's integers have it. */
export type Share = readonly [number, number];

/** nr_pages / 4: what f183324133ea introduced and all after it have. */
const A_QUARTER: Share = [1, 4];

/** One kernel version's rules. */
export interface Variant {
  /** A VariantName, or that of a rule of one's own. */
  readonly name: string;
  /** Partial depopulation: isolation, reclaim, the sidelined and to-depopulate slots (commit f183324133ea). */
  readonly reclaim: boolean;
  /** A chunk is isolated for reclaim when at least this share of its pages is populated and empty. */
  readonly reclaimAt: Share;
  readonly flush: FlushRule;
  /** Depopulated chunks go to the head of the sidelined slot (f183324133ea) instead of its tail (6.1). */
  readonly sidelineToHead: boolean;
  /** Atomic means "not full GFP_KERNEL" instead of "no direct reclaim" (a 6.1 stable backport). */
  readonly atomicUnlessFullKernel: boolean;
  /** The steps of the background work each take pcpu_lock for themselves instead of under one hold. */
  readonly lockPerStep: boolean;
}

export type VariantName = 'fixed' | 'buggy' | 'f183' | 'before' | 'first-fix';

export const VARIANTS: Readonly<Record<VariantName, Variant>> = {
  /** Linux 6.1 (commit 93274f1dd6b0 included): one flush per chunk at the end of pcpu_reclaim_populated(). */
  fixed: {
    name: 'fixed',
    reclaim: true,
    reclaimAt: A_QUARTER,
    flush: 'per-chunk',
    sidelineToHead: false,
    atomicUnlessFullKernel: false,
    lockPerStep: false,
  },
  /** 6.1 with only that flush left out: the buggy kernel of the recorded boots. */
  buggy: {
    name: 'buggy',
    reclaim: true,
    reclaimAt: A_QUARTER,
    flush: 'never',
    sidelineToHead: false,
    atomicUnlessFullKernel: false,
    lockPerStep: false,
  },
  /** Commit f183324133ea, 5.14-rc1: "percpu: implement partial chunk depopulation", the first bad commit. */
  f183: {
    name: 'f183',
    reclaim: true,
    reclaimAt: A_QUARTER,
    flush: 'never',
    sidelineToHead: true,
    atomicUnlessFullKernel: true,
    lockPerStep: true,
  },
  /** Its parent, which behaves as v5.13: pages go away only together with their chunk. */
  before: {
    name: 'before',
    reclaim: false,
    reclaimAt: A_QUARTER,
    flush: 'never',
    sidelineToHead: false,
    atomicUnlessFullKernel: true,
    lockPerStep: true,
  },
  /** The form in which the fix was first posted: a flush after every depopulated range. Otherwise 6.1. */
  'first-fix': {
    name: 'first-fix',
    reclaim: true,
    reclaimAt: A_QUARTER,
    flush: 'per-range',
    sidelineToHead: false,
    atomicUnlessFullKernel: false,
    lockPerStep: false,
  },
};

/** Empty populated pages from which a chunk of `pages` pages is isolated. */
export function reclaimPages({ reclaimAt: [numerator, denominator] }: Variant, pages: number): number {
  return Math.floor((pages * numerator) / denominator);
}
