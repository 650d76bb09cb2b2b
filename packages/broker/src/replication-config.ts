import {
  defaultSettings,
  defaultStreamLimits,
  mistakesIn,
  type ReplicationSettings,
  type Rules,
  type StreamLimits,
} from '@cometmq/replication'

/** How a broker takes part in a broker group of several members. */
export interface ReplicationConfig {
  /** `host:port` where the other members come in; port 0 takes a free one. */
  readonly listen: string
  /** As for clients; needed where it listens on every address. */
  readonly advertise: string | undefined
  /** Own number in the group, from 1; undefined: the elector gives the next one. */
  readonly memberId: number | undefined
  /** It copies, is never elected, and nobody waits for it. */
  readonly isObserver: boolean
  /** Of equally good candidates the one with the highest is elected. */
  readonly priority: number
  /** This machine and its present boot: whose processes a lock on the data folder proves to be gone. */
  readonly host: string
  readonly bootId: string
  readonly settings: ReplicationSettings
  readonly limits: StreamLimits
  /** See `MemberOptions`. */
  readonly rules?: Rules | undefined
}

/** Everything but the place. */
export const replicationDefaults = {
  listen: '0.0.0.0:10911',
  advertise: undefined,
  memberId: undefined,
  isObserver: false,
  priority: 0,
  settings: defaultSettings,
  limits: defaultStreamLimits,
} as const satisfies Partial<ReplicationConfig>

/** What is wrong with it, as sentences. */
export function mistakesInReplication({ settings, memberId }: ReplicationConfig): string[] {
  const mistakes = mistakesIn(settings).map((mistake) => `replication: ${mistake}`)
  const isId = memberId === undefined || (Number.isSafeInteger(memberId) && memberId >= 1)
  // Such a member would have to know after a power cut that it may have lost what it had acknowledged.
  if (settings.confirmOn !== 'flushed') {
    mistakes.push('replication.settings.confirmOn is not "flushed", the only one supported yet')
  }
  if (!isId) mistakes.push(`replication.memberId is ${memberId}; give 1 or more, or none`)
  return mistakes
}
