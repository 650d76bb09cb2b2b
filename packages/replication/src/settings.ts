import type { ConfirmOn } from './log-state.ts'

/** How a group is meant to be, and when something is tried. No duration decides what is safe. */
export interface ReplicationSettings {
  /** How many members the group is meant to have. */
  readonly memberCount: number
  /** With fewer in sync nothing is confirmed. Counts the master. */
  readonly minInSync: number
  readonly confirmOn: ConfirmOn
  /** Whether a group whose in-sync members are all untrusted elects its best log by itself. */
  readonly recoversByItself: boolean
  /** Whether a master ever gives its epoch to another member. */
  readonly handsOver: boolean
  readonly handsOverOnShutdown: boolean

  readonly beatMs: number
  /** A slave that has heard nothing for so long asks others about the master. */
  readonly silenceMs: number
  readonly inspectMs: number
  /** Another member that heard the master since proves that it lives. */
  readonly hearsayMs: number
  /** A slave that hears its master waits so long before it minds that its lease is gone. */
  readonly leaseGoneMs: number
  /** The elector is read so often, whatever it hints. */
  readonly readMs: number
  readonly redialMs: number

  /** A slave that says nothing for so long leaves the in-sync set. */
  readonly memberSilentMs: number
  /** So does one that was not level with the master for so long. */
  readonly memberBehindMs: number
  /** To join, a slave has been nearly level for so long … */
  readonly rejoinLevelMs: number
  /** … and four times longer for each removal within this time. */
  readonly removalsMs: number
  /** Confirming waits so long for a member that is to join, twice as long the next time, and not often. */
  readonly awaitMs: number
  /** What is missing to nearly level. */
  readonly levelBytes: number

  readonly canvassMs: number
  /** The second best candidate waits so long, the third twice as long. */
  readonly rankDelayMs: number
  /** Who was deposed less than this ago goes last. */
  readonly deposedMs: number
  /** More elections than three in this time double the silence that leads to the next. */
  readonly electionsMs: number
  readonly maxSilenceMs: number

  /** A slave that echoed a beat does not campaign for so long. */
  readonly peerLeaseMs: number
  /** A process that was late by more than this distrusts what it did not hear. */
  readonly lateMs: number
  readonly tickMs: number

  /** So long writes wait for a hand-over; then they go on here. */
  readonly drainMs: number
  /** So long the target has to take over. */
  readonly handOverMs: number
  /** After one that came to nothing, so long until the next: each makes writes wait. */
  readonly handOverAgainMs: number
  /** A command of an operator that nobody could carry out for so long is taken back. */
  readonly commandMs: number
  /** A master that cannot flush for so long hands over. */
  readonly stallMs: number
  /** So long a master that stops looks for somebody to hand over to. */
  readonly shutdownMs: number
}

export const defaultSettings: ReplicationSettings = {
  memberCount: 3,
  minInSync: 2,
  confirmOn: 'flushed',
  recoversByItself: true,
  handsOver: true,
  handsOverOnShutdown: true,

  beatMs: 200,
  silenceMs: 1_200,
  inspectMs: 300,
  hearsayMs: 1_000,
  leaseGoneMs: 10_000,
  readMs: 1_000,
  redialMs: 100,

  memberSilentMs: 1_000,
  memberBehindMs: 3_000,
  rejoinLevelMs: 500,
  removalsMs: 300_000,
  awaitMs: 200,
  levelBytes: 1024 * 1024,

  canvassMs: 100,
  rankDelayMs: 100,
  deposedMs: 10_000,
  electionsMs: 60_000,
  maxSilenceMs: 10_000,

  peerLeaseMs: 1_000,
  lateMs: 300,
  tickMs: 100,

  drainMs: 500,
  handOverMs: 1_000,
  handOverAgainMs: 10_000,
  commandMs: 30_000,
  stallMs: 2_000,
  shutdownMs: 3_000,
}

/**
 * What is wrong with these settings, as sentences. On a broken link between a healthy master and
 * one slave the master must be the first to act, or each break deposes it.
 */
export function mistakesIn(settings: ReplicationSettings): string[] {
  const { beatMs, memberSilentMs, silenceMs, peerLeaseMs, minInSync, memberCount } = settings
  return [
    ...(4 * beatMs <= memberSilentMs ? [] : ['memberSilentMs is less than four beats']),
    ...(memberSilentMs < silenceMs ? [] : ['memberSilentMs is not below silenceMs']),
    ...(peerLeaseMs < silenceMs ? [] : ['peerLeaseMs is not below silenceMs']),
    ...(minInSync >= 1 && minInSync <= memberCount ? [] : ['minInSync is not in 1..memberCount']),
  ]
}
