// Pearson's chi-square test that two samples of kinds come from one distribution.

/** Fewer than this are expected: the kind goes to the others. */
const LEAST_EXPECTED = 5;

export interface TestResult {
  readonly statistic: number;
  readonly degrees: number;
  /** Probability of a statistic this large or larger; 1 without degrees of freedom. */
  readonly p: number;
}

/** Kinds of which either sample is expected to have fewer than 5 are merged, the rarest first. */
export function sameDistribution(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): TestResult {
  const names = [...new Set([...a.keys(), ...b.keys()])];
  let pairs = names.map((name): [number, number] => [a.get(name) ?? 0, b.get(name) ?? 0]);
  const sum = (side: 0 | 1): number => pairs.reduce((total, pair) => total + pair[side], 0);
  const [totalA, totalB] = [sum(0), sum(1)];
  const share = Math.min(totalA, totalB) / (totalA + totalB);
  const expected = ([x, y]: readonly [number, number]): number => (x + y) * share;
  pairs.sort((p, q) => expected(q) - expected(p));
  while (pairs.length > 1 && expected(pairs.at(-1)!) < LEAST_EXPECTED) {
    const [x, y] = pairs.pop()!;
    const last = pairs.pop()!;
    pairs.push([last[0] + x, last[1] + y]);
    pairs = pairs.sort((p, q) => expected(q) - expected(p));
  }
  let statistic = 0;
  for (const [x, y] of pairs) {
    const expectedA = ((x + y) * totalA) / (totalA + totalB);
    const expectedB = x + y - expectedA;
    statistic += (x - expectedA) ** 2 / expectedA + (y - expectedB) ** 2 / expectedB;
  }
  const degrees = pairs.length - 1;
  return { statistic, degrees, p: degrees === 0 ? 1 : upperGamma(degrees / 2, statistic / 2) };
}

/** Regularized upper incomplete gamma function, by its series (Abramowitz and Stegun 6.5.29); enough for a few degrees of freedom. */
function upperGamma(shape: number, x: number): number {
  if (x <= 0) return 1;
  let term = 1 / shape;
  let series = term;
  for (let n = 1; term > series * 1e-15; n++) {
    term *= x / (shape + n);
    series += term;
  }
  return Math.max(0, 1 - series * Math.exp(shape * Math.log(x) - x - logGamma(shape)));
}

/** Of whole and half numbers above 0. */
function logGamma(x: number): number {
  let log = 0;
  for (; x > 1; x--) log += Math.log(x - 1);
  return x === 1 ? log : log + Math.log(Math.PI) / 2;
}
