import { hasEtcd } from '../../etcd/local-etcd.ts'
import type { ClusterShape, Fitting } from '../cluster/layout.ts'
import type { Scene } from '../scene.ts'

export interface Scenario {
  readonly name: string
  readonly about: string
  /** For how long a group with slaves may be away; unless given, that is told and not judged. */
  readonly goalMs?: number
  readonly fittings?: readonly Fitting[]
  /** Why it cannot be run on such a cluster here; undefined: it can. */
  missing?(shape: ClusterShape): string | undefined
  run(scene: Scene): Promise<void>
}

/** Why this scenario cannot be run on such a cluster on this machine. */
export function missingFor(scenario: Scenario, shape: ClusterShape): string | undefined {
  if (shape.members > 1 && !hasEtcd) return 'groups of several members take a program named etcd'
  return scenario.missing?.(shape)
}

export function needsSlaves({ members }: ClusterShape): string | undefined {
  return members > 1 ? undefined : 'there are no slaves in groups of one member'
}
