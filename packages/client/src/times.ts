/** A point in time as users see it. */
export function dateOf(ms: number): Date {
  // oxlint-disable-next-line no-restricted-globals -- shows a time that is given; asks for none
  return new Date(ms)
}
