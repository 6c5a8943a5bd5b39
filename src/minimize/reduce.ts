// Delta debugging: the smallest part of a list that still does it (after A. Zeller and R. Hildebrandt, ddmin).

/**
 * Tests candidates, several at a time perhaps, and gives the index of the first that passes, -1 without one. Which one is first must
 * not depend on what is ready first.
 */
export type FirstOf<T> = (candidates: readonly (readonly T[])[]) => Promise<number>;

/** Pieces of a list that are tried alone; smaller ones seldom pass. */
const MOST_ALONE = 8;

export interface ReduceOptions<T> {
  /** Told each smaller list that passes. */
  onSmaller?: (items: readonly T[]) => void;
  /** Told before each round how many tests are left when nothing more passes. */
  onLeft?: (tests: number) => void;
  /** Items that are taken away at a time at least; 1, unless a first look will do. */
  least?: number;
}

/**
 * Keeps one piece of `items` as long as it passes alone, then takes pieces of ever smaller size away as long as the rest passes. At the
 * end no single item can be taken away (1-minimal; with `least`, no piece of that size), which does not mean that no smaller part passes.
 * @param items pass; their order is kept
 */
export async function reduce<T>(
  items: readonly T[],
  firstOf: FirstOf<T>,
  { onSmaller = () => {}, onLeft = () => {}, least = 1 }: ReduceOptions<T> = {},
): Promise<readonly T[]> {
  let kept = items;
  for (let pieces = 2; pieces <= MOST_ALONE;) {
    const size = Math.ceil(kept.length / pieces);
    onLeft(testsAlone(kept.length, pieces) + testsWithout(kept.length, Math.ceil(kept.length / 2), least));
    const alone = range(0, kept.length, size).map((start) => kept.slice(start, start + size));
    const passed = size < kept.length ? await firstOf(alone) : -1;
    if (passed >= 0) onSmaller((kept = alone[passed]!));
    else pieces *= 2;
  }
  for (let size = Math.ceil(kept.length / 2); size >= least; size = smaller(size)) {
    for (let at = 0; ;) {
      // The smallest pieces: all the way around, until none has gone since it was last tried.
      const around = smaller(size) < least;
      const starts = [...range(at, kept.length, size), ...(around ? range(0, at, size) : [])];
      onLeft(starts.length + testsWithout(kept.length, smaller(size), least));
      const passed = await firstOf(starts.map((start) => [...kept.slice(0, start), ...kept.slice(start + size)]));
      if (passed < 0) break;
      at = starts[passed]!; // what follows moves up to here
      kept = [...kept.slice(0, at), ...kept.slice(at + size)];
      onSmaller(kept);
    }
  }
  return kept;
}

/** The next size of pieces; 0 behind the last. */
function smaller(size: number): number {
  return size > 1 ? Math.ceil(size / 2) : 0;
}

/** Tests of pieces alone that are left, from a division into `pieces` on. */
function testsAlone(length: number, pieces: number): number {
  let tests = 0;
  for (; pieces <= MOST_ALONE; pieces *= 2)
    if (Math.ceil(length / pieces) < length) tests += Math.ceil(length / Math.ceil(length / pieces));
  return tests;
}

/** Tests that a list takes when no piece of it can go. @param size of the first pieces */
export function testsWithout(length: number, size = Math.ceil(length / 2), least = 1): number {
  let tests = 0;
  for (; size >= least && size > 0; size = smaller(size)) tests += Math.ceil(length / size);
  return tests;
}

function range(start: number, end: number, step: number): number[] {
  const numbers: number[] = [];
  for (let n = start; n < end; n += step) numbers.push(n);
  return numbers;
}
