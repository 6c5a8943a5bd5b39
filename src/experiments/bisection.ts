// Bisection over the commits of the 2021 report: which is the first bad one?
import { UsageError } from '../errors.js';
import { type KernelName, namesCommit } from '../kernel/kernels.js';

export interface Commit {
  readonly id: string;
  readonly subject: string;
  /** The kernel that behaves as this commit. */
  readonly kernel: KernelName;
}

/** In order of history, from v5.13 to the kernel of the report (v5.13-7637-g3dbdb38e2869). */
export const COMMITS: readonly Commit[] = [
  { id: 'v5.13', subject: 'Linux 5.13', kernel: 'v5.13' },
  { id: '8ea2e1e35d1e', subject: 'percpu: factor out pcpu_check_block_hint()', kernel: 'v5.13' },
  { id: '67c2669d69fb', subject: 'percpu: split __pcpu_balance_workfn()', kernel: 'v5.13' },
  { id: '1c29a3ceaf5f', subject: 'percpu: use pcpu_free_slot instead of pcpu_nr_slots - 1', kernel: 'v5.13' },
  { id: 'f183324133ea', subject: 'percpu: implement partial chunk depopulation', kernel: 'f183324133ea' },
  { id: 'e4d777003a43', subject: 'percpu: optimize locking in pcpu_balance_workfn()', kernel: 'f183324133ea' },
  { id: 'e267992f9ef0', subject: 'Merge branch for-5.14 of the per-CPU tree', kernel: 'f183324133ea' },
  { id: '3dbdb38e2869', subject: 'v5.13-7637-g3dbdb38e2869, the kernel of the report', kernel: 'f183324133ea' },
];

/**
 * Index of the commit that `text` names: its id, at least four characters of it, or more of them than are known here (a full id).
 * @throws UsageError
 */
export function commitIndex(text: string): number {
  const index = COMMITS.findIndex(({ id }) => namesCommit(text, id));
  if (index < 0) throw new UsageError(`commit ${text}: know ${COMMITS.map(({ id }) => id).join(', ')}`);
  return index;
}

/** The bisection ends without a verdict. No message: the user stopped it. */
export class Undecided extends Error {
  override readonly name = 'Undecided';
}

export type Verdict = 'good' | 'bad' | 'skip';

/** Boots without a crash that make a commit good: (1 - rate)^n at most `risk`. At least one. */
export function seedsNeeded(rate: number, risk: number): number {
  if (rate >= 1) return 1;
  return Math.max(1, Math.ceil(Math.log(risk) / Math.log(1 - rate)));
}

/** What was decided, step by step; `left` untested commits remain after it. */
export interface Step {
  readonly commit: Commit;
  readonly verdict: Verdict;
  readonly left: number;
}

export interface Found {
  /** Index of the first bad commit. */
  readonly firstBad: number;
  /** Indices of the skipped ones in front of it: any of them may be the first. */
  readonly skipped: number[];
  /** Whether a commit was judged so, or the verdict rests on what the caller said of the ends. */
  readonly sawGood: boolean;
  readonly sawBad: boolean;
}

/**
 * Halves the commits between a good and a bad one until they are neighbours.
 * What `judge` rejects with ends it: a commit that is not judged decides nothing.
 */
export async function bisect(
  good: number,
  bad: number,
  judge: (commit: Commit) => Promise<Verdict>,
  onStep: (step: Step) => void,
): Promise<Found> {
  const ends = { good, bad };
  const skipped = new Set<number>();
  for (;;) {
    const open = Array.from({ length: bad - good - 1 }, (_, i) => good + 1 + i).filter((i) => !skipped.has(i));
    if (open.length === 0) break;
    const middle = open[Math.floor((open.length - 1) / 2)]!;
    const verdict = await judge(COMMITS[middle]!);
    if (verdict === 'good') good = middle;
    else if (verdict === 'bad') bad = middle;
    else skipped.add(middle);
    onStep({ commit: COMMITS[middle]!, verdict, left: bad - good - 1 });
  }
  return {
    firstBad: bad,
    skipped: [...skipped].filter((i) => i > good && i < bad).sort((a, b) => a - b),
    sawGood: good !== ends.good,
    sawBad: bad !== ends.bad,
  };
}
