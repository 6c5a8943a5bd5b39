// Proportions with their uncertainty.

/** Normal quantile of a two-sided 95 % interval. */
const Z = 1.959963984540054;

export interface Interval {
  low: number;
  high: number;
}

/** Wilson score interval, 95 %, of `hits` in `trials` (Wilson 1927; Brown, Cai, DasGupta 2001). No trials: 0..1. */
export function wilson(hits: number, trials: number): Interval {
  if (trials === 0) return { low: 0, high: 1 };
  const p = hits / trials;
  const z2 = Z * Z;
  const middle = p + z2 / (2 * trials);
  const half = Z * Math.sqrt((p * (1 - p)) / trials + z2 / (4 * trials * trials));
  const scale = 1 + z2 / trials;
  return {
    low: hits === 0 ? 0 : Math.max(0, (middle - half) / scale),
    high: hits === trials ? 1 : Math.min(1, (middle + half) / scale),
  };
}

/** Smallest n with (1 - rate)^n < risk: this many clean boots in a row are that unlikely on a kernel that crashes at `rate`. */
export function cleanBootsNeeded(rate: number, risk: number): number {
  if (rate >= 1) return 1;
  return Math.max(1, Math.floor(Math.log(risk) / Math.log(1 - rate)) + 1);
}
