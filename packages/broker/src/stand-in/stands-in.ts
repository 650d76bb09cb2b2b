/** What one name server said last about the broker group of who asked. */
export interface GroupAnswer {
  readonly masterPresent: boolean
  /** Numbers of the slaves that it hears. */
  readonly memberIds: readonly number[]
  /** Since it said so. */
  readonly ageMs: number
}

/** What was said earlier says nothing about now. */
const FRESH_MS = 3_000

/**
 * Whether a slave stands in for its master: it does not hear the master, name servers that were heard
 * of late agree that there is none, and of the slaves that they hear it has the smallest number.
 *
 * More than one may stand in for a while, cut off from each other: then messages are delivered by
 * both, which is what happens whenever acknowledgements are lost.
 */
export function standsIn(situation: {
  /** To the master. */
  readonly streamUp: boolean
  readonly answers: readonly GroupAnswer[]
  readonly me: number
}): boolean {
  if (situation.streamUp) return false
  const fresh = situation.answers.filter(({ ageMs }) => ageMs <= FRESH_MS)
  if (fresh.length === 0 || fresh.some(({ masterPresent }) => masterPresent)) return false
  return fresh.every(({ memberIds }) => memberIds.every((id) => id >= situation.me))
}
