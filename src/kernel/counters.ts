// What is counted while a boot runs.

export interface BootCounters {
  simulatedSeconds: number;
  allocs: number;
  frees: number;
  chunksCreated: number;
  chunksDestroyed: number;
  depopulatedRanges: number;
  depopulatedPages: number;
  /** Virtual pages mapped again after a depopulation. */
  repopulatedPages: number;
  /** Of these, with a live translation to the old frame at that moment. */
  repopulatedStale: number;
  /** Areas that were zeroed through a stale translation, and bytes. */
  staleStores: number;
  staleBytes: number;
  /** Frames of other owners that were hit. */
  foreignPages: number;
  oopses: number;
  tlbRefills: number;
  tlbInvalid: number;
  tlbFlushes: number;
  /** What flushing cost: see FlushCounts. */
  flushedPairs: number;
  flushedEntries: number;
  flushInstructions: number;
  flushRefills: number;
  instructions: number;
  targetsScanned: number;
}

export function newCounters(): BootCounters {
  return {
    simulatedSeconds: 0,
    allocs: 0,
    frees: 0,
    chunksCreated: 0,
    chunksDestroyed: 0,
    depopulatedRanges: 0,
    depopulatedPages: 0,
    repopulatedPages: 0,
    repopulatedStale: 0,
    staleStores: 0,
    staleBytes: 0,
    foreignPages: 0,
    oopses: 0,
    tlbRefills: 0,
    tlbInvalid: 0,
    tlbFlushes: 0,
    flushedPairs: 0,
    flushedEntries: 0,
    flushInstructions: 0,
    flushRefills: 0,
    instructions: 0,
    targetsScanned: 0,
  };
}
