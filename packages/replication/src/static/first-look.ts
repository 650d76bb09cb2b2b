/** What the appointed master knows before it begins an epoch. */
export interface FirstLook {
  readonly memberCount: number
  readonly minInSync: number
  /** It has lost nothing that it had acknowledged, as far as its own disk tells. */
  readonly isTrusted: boolean
  /** Other members that have said how they are. */
  readonly answered: number
  /** How many name servers are configured, and how many have answered. */
  readonly nameServers: number
  readonly nameServersAnswered: number
  /** The highest epoch that any of them has heard of. */
  readonly nameServersEpoch: number
  /** The epoch of the appointment. */
  readonly epoch: number
  readonly waitedMs: number
  /** An operator has said that nobody else is to be waited for. */
  readonly startsAlone: boolean
}

/** So long every member is given to answer, before one that may begin without it does. */
const ANSWER_MS = 2_000

/**
 * What the appointed master has to wait for before it begins an epoch; undefined: nothing.
 *
 * Another one may have been promoted while it was away, and a log that lost its end has to be made
 * whole by others first: what it begins without them cuts what they have.
 */
export function waitsFor(look: FirstLook): string | undefined {
  if (look.nameServersEpoch > look.epoch) {
    return `name servers know of epoch ${look.nameServersEpoch}, and no member that answers knows who leads it; start the member that was promoted, or promote again`
  }
  if (look.startsAlone) return undefined
  const others = look.memberCount - 1
  // Any so many of them hold, among them, everything that was acknowledged.
  const needed = look.isTrusted ? 0 : Math.min(others, look.memberCount - look.minInSync + 1)
  if (look.answered < needed) {
    return `this member is new or may have lost what it had acknowledged, and ${needed - look.answered} more of the other members must answer first; if they never will, start it once with replication.static.startAlone`
  }
  if (look.answered === others) return undefined
  if (look.waitedMs < ANSWER_MS) return 'the other members have a moment to answer'
  if (look.answered === 0 && look.nameServers > 0 && look.nameServersAnswered === 0) {
    return 'neither another member nor a name server answers, and so another master may have been promoted meanwhile; if none has, start it once with replication.static.startAlone'
  }
  return undefined
}
