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
  /** Roles by configuration; undefined: an elector decides. */
  readonly static: StaticRoles | undefined
  readonly limits: StreamLimits
  /** See `MemberOptions`. */
  readonly rules?: Rules | undefined
}

/** Static mode: who leads is configured, and changed only by an operator. */
export interface StaticRoles {
  /** Where every member, this one too, is reached by the others; the first one is member 1. */
  readonly members: readonly string[]
  /** Who leads until an operator promotes another one. */
  readonly master: number
  /** This once nobody else is waited for, whatever only others may have. */
  readonly startsAlone: boolean
}

/** Everything but the place. */
export const replicationDefaults = {
  listen: '0.0.0.0:10911',
  advertise: undefined,
  memberId: undefined,
  isObserver: false,
  priority: 0,
  settings: defaultSettings,
  static: undefined,
  limits: defaultStreamLimits,
} as const satisfies Partial<ReplicationConfig>

/** What is wrong with it, as sentences. */
export function mistakesInReplication(config: ReplicationConfig): string[] {
  const { settings, memberId } = config
  const mistakes = mistakesIn(settings).map((mistake) => `replication: ${mistake}`)
  const isId = memberId === undefined || (Number.isSafeInteger(memberId) && memberId >= 1)
  // Such a member would have to know after a power cut that it may have lost what it had acknowledged.
  if (settings.confirmOn !== 'flushed') {
    mistakes.push('replication.settings.confirmOn is not "flushed", the only one supported yet')
  }
  if (config.static !== undefined) mistakes.push(...mistakesInRoles(config.static, memberId))
  if (!isId) mistakes.push(`replication.memberId is ${memberId}; give 1 or more, or none`)
  return mistakes
}

function mistakesInRoles({ members, master }: StaticRoles, memberId: number | undefined): string[] {
  const mistakes: string[] = []
  const isOne = (id: number | undefined): boolean =>
    id !== undefined && Number.isSafeInteger(id) && id >= 1 && id <= members.length
  const range = `1 to ${members.length}, the place in replication.static.members`
  if (!isOne(memberId)) mistakes.push(`replication.memberId is ${memberId}; give ${range}`)
  if (!isOne(master)) mistakes.push(`replication.static.master is ${master}; give ${range}`)
  if (new Set(members).size < members.length) {
    mistakes.push('replication.static.members names one address twice')
  }
  return mistakes
}
