// The kernels a boot can have: they differ in the per-CPU allocator's variant only, where the commits differ.
import type { VariantName } from '../percpu/index.js';

export interface Kernel {
  readonly variant: VariantName;
  readonly title: string;
}

export const KERNELS = {
  'v5.13': { variant: 'before', title: 'v5.13' },
  f183324133ea: { variant: 'f183', title: 'f183324133ea, the first bad commit' },
  '6.1-noflush': { variant: 'buggy', title: '6.1 without the flush' },
  'first-fix': { variant: 'first-fix', title: 'the first posted fix, a flush after every depopulation' },
  '93274f1dd6b0': { variant: 'fixed', title: '93274f1dd6b0, the merged fix' },
} as const satisfies Record<string, Kernel>;

export type KernelName = keyof typeof KERNELS;
