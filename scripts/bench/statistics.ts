/** What two samples of times say about whether their sources differ. */
export interface Comparison {
  means: readonly [number, number];
  medians: readonly [number, number];
  /** Welch's t: the difference of the means in standard errors. */
  welchT: number;
  /** Mann–Whitney: the standardised rank sum, which a few slow requests do not move. */
  mannWhitneyZ: number;
  /** Two-sided, of the rank test: how often chance alone gives a difference like this. */
  pValue: number;
}

export function compare(first: readonly number[], second: readonly number[]): Comparison {
  const mannWhitneyZ = rankSumZ(first, second);
  return {
    means: [mean(first), mean(second)],
    medians: [median(first), median(second)],
    welchT: (mean(first) - mean(second)) / Math.sqrt(squaredError(first) + squaredError(second)),
    mannWhitneyZ,
    pValue: 2 * upperTail(Math.abs(mannWhitneyZ)),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Of the mean. */
function squaredError(values: readonly number[]): number {
  const centre = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return squares / (values.length - 1) / values.length;
}

/** Normal approximation; times have nanoseconds, so ties do not matter. */
function rankSumZ(first: readonly number[], second: readonly number[]): number {
  const ranked = [
    ...first.map((value) => ({ value, isFirst: true })),
    ...second.map((value) => ({ value, isFirst: false })),
  ].sort((a, b) => a.value - b.value);
  const rankSum = ranked.reduce((sum, { isFirst }, index) => sum + (isFirst ? index + 1 : 0), 0);
  const [n, m] = [first.length, second.length];
  const expected = (n * (n + m + 1)) / 2;
  return (rankSum - expected) / Math.sqrt((n * m * (n + m + 1)) / 12);
}

/** Of the standard normal distribution; Abramowitz and Stegun, 26.2.17. */
function upperTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const series =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * series;
}
