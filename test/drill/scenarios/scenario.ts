import type { ClusterShape } from '../cluster/drill-cluster.ts'
import type { Scene } from '../scene.ts'

export interface Scenario {
  readonly name: string
  readonly about: string
  /** For how long a group with slaves may be away. Without one: it takes as long as the fault. */
  readonly goalMs?: number
  /** Why it cannot be run on such a cluster here; undefined: it can. */
  missing?(shape: ClusterShape): string | undefined
  run(scene: Scene): Promise<void>
}

export function needsSlaves({ members }: ClusterShape): string | undefined {
  return members > 1 ? undefined : 'there are no slaves in groups of one member'
}
