// What a replay found.

/** The first place where the allocator and the kernel disagree. */
export interface Difference {
  /** Index of the event in the log's list. */
  readonly index: number;
  /** 1-based line of the log. */
  readonly line: number;
  readonly kernel: string;
  readonly replay: string;
  /**
   * The log shows that no allocator of this kind does that. False: what the log does not have (areas from before it begins, runs of the
   * background work, which task did what) may account for it.
   */
  readonly proven: boolean;
}

export interface ReplayCounts {
  events: number;
  allocations: number;
  failures: number;
  frees: number;
  created: number;
  destroyed: number;
  populated: number;
  depopulated: number;
  flushed: number;
  isolated: number;
  reintegrated: number;
  sidelined: number;
  balanceRuns: number;
}

export interface ReplayOutcome {
  readonly counts: ReplayCounts;
  readonly difference: Difference | undefined;
  /** Index of the first event that cannot be judged because the log ends before the allocation that it belongs to is complete. */
  readonly openAt?: number;
}

export function noCounts(): ReplayCounts {
  return {
    events: 0,
    allocations: 0,
    failures: 0,
    frees: 0,
    created: 0,
    destroyed: 0,
    populated: 0,
    depopulated: 0,
    flushed: 0,
    isolated: 0,
    reintegrated: 0,
    sidelined: 0,
    balanceRuns: 0,
  };
}
