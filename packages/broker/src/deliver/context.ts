import type { GroupRegistry } from '../group-registry.ts'
import type { CommitLoop } from './commit-loop.ts'
import type { DeliveryConfig, DeliveryPorts } from './ports.ts'
import type { ReadSlots } from './read-slots.ts'
import type { Redelivery } from './redelivery.ts'
import type { TopicReaders } from './topic-readers.ts'

/** What the groups of one engine share. */
export interface DeliveryContext extends DeliveryPorts {
  readonly config: DeliveryConfig
  readonly groups: GroupRegistry
  readonly loop: CommitLoop
  readonly redelivery: Redelivery
  readonly slots: ReadSlots
  readonly readers: TopicReaders
  /** Runs work that changes what a group reads; one at a time for each group. */
  inTurn<T>(group: string, work: () => Promise<T>): Promise<T>
  /** Calls the group's `sweep` at that moment of the elapsed clock, or a little later. */
  alarm(atMs: number): void
}
