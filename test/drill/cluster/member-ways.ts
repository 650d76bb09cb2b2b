/** Whom a member may be cut off from. */
export type Neighbours = 'all' | 'members' | 'etcd'

/** Seen from the member: what it would hear, what others would hear of it, or both. */
export type CutDirection = 'there' | 'back' | 'both'

/** All ways to and from one member of a broker group, so that it can be cut off. */
export interface MemberWays extends AsyncDisposable {
  /** By what they are made, for the report. */
  readonly kind: 'namespaces' | 'relays'
  /** What comes before its command line. */
  readonly prefix: readonly string[]
  /** `there`: the member hears nothing any more; `back`: nobody hears it. */
  cut(neighbours: Neighbours, direction: CutDirection): void
  heal(): void
  /** Makes the line bad, until `calm`; only where `DrillNetwork.canBeBad`. */
  disturb?(): void
  calm?(): void
  /** The member has ended; else whoever dials it would be let in. */
  refuse(): Promise<void>
  /** The member listens again. */
  admit(): Promise<void>
}
