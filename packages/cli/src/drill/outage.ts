/** A stretch of time on the shared clock. */
export interface Span {
  readonly fromMs: number
  readonly toMs: number
}

/** The longest time without an acknowledged send within a span. */
export interface Outage extends Span {
  /** Its length, less what passes between two sends when nothing is wrong. */
  readonly unavailableMs: number
}

/**
 * The worst outage of a span, from the times of all acknowledgements in rising order. Counts from
 * the beginning of the span, and what has not ended at its end up to there.
 */
export function longestOutage(
  acknowledgedAtMs: readonly number[],
  span: Span,
  usualGapMs: number,
): Outage {
  let before = span.fromMs
  let longest: Span = { fromMs: span.fromMs, toMs: span.fromMs }
  const consider = (toMs: number): void => {
    if (toMs - before > longest.toMs - longest.fromMs) longest = { fromMs: before, toMs }
  }
  for (const atMs of acknowledgedAtMs) {
    if (atMs < span.fromMs) continue
    if (atMs > span.toMs) break
    consider(atMs)
    before = atMs
  }
  consider(span.toMs)
  const lengthMs = longest.toMs - longest.fromMs
  return { ...longest, unavailableMs: Math.max(0, lengthMs - usualGapMs) }
}

/** What usually passes between two acknowledgements: the median within the span. */
export function usualGapMs(acknowledgedAtMs: readonly number[], span: Span): number {
  const within = acknowledgedAtMs.filter((atMs) => atMs >= span.fromMs && atMs < span.toMs)
  const gaps = within.slice(1).map((atMs, index) => atMs - (within[index] ?? atMs))
  return gaps.length === 0 ? 0 : median(gaps)
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor((sorted.length - 1) / 2)
  return sorted[middle] ?? Number.NaN
}
