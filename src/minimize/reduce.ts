// Delta debugging: the smallest part of a list that still does it (after A. Zeller and R. Hildebrandt, ddmin).

/**
 * Tests candidates, several at a time perhaps, and gives the index of the first that passes, -1 without one. Which one is first must
 * not depend on what is ready first.
 */
export type FirstOf<T> = (candidates: readonly (readonly T[])[]) => Promise<number>;

/** Pieces of a list that are tried alone; smaller ones seldom pass. */
const MOST_ALONE = 8;

/**
 * Keeps one piece of `items` as long as it passes alone, then takes pieces of ever smaller size away as long as the rest passes. At the
 * end no single item can be taken away (1-minimal), which does not mean that no smaller part passes.
 * @param items pass; their order is kept @param onSmaller told each smaller list that passes
 */
export async function reduce<T>(
  items: readonly T[],
  firstOf: FirstOf<T>,
  onSmaller: (items: readonly T[]) => void = () => {},
): Promise<readonly T[]> {
  let kept = items;
  for (let pieces = 2; pieces <= MOST_ALONE;) {
    const size = Math.ceil(kept.length / pieces);
    const alone = range(0, kept.length, size).map((start) => kept.slice(start, start + size));
    const passed = size < kept.length ? await firstOf(alone) : -1;
    if (passed >= 0) onSmaller((kept = alone[passed]!));
    else pieces *= 2;
  }
  for (let size = Math.ceil(kept.length / 2); size > 0; size = size > 1 ? Math.ceil(size / 2) : 0) {
    for (let at = 0; ;) {
      // Single items: all the way around, until none has gone since it was last tried.
      const starts = [...range(at, kept.length, size), ...(size === 1 ? range(0, at, 1) : [])];
      const passed = await firstOf(starts.map((start) => [...kept.slice(0, start), ...kept.slice(start + size)]));
      if (passed < 0) break;
      at = starts[passed]!; // what follows moves up to here
      kept = [...kept.slice(0, at), ...kept.slice(at + size)];
      onSmaller(kept);
    }
  }
  return kept;
}

function range(start: number, end: number, step: number): number[] {
  const numbers: number[] = [];
  for (let n = start; n < end; n += step) numbers.push(n);
  return numbers;
}
