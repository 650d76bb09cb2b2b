import type { LeftOut } from '../group/group-cluster.ts'
import { rulesWithout } from '../replication/left-out.ts'
import { brokenStores } from './broken-stores.ts'
import { withoutSyncs } from './without-syncs.ts'

/** Something that broker groups rely on, left out alone. */
export interface Mutation {
  readonly name: string
  readonly leftOut: LeftOut
  /** Breaks the classes of the store, and mends them again with the answer. */
  readonly breakStores?: () => () => void
}

/**
 * The rules of the design that tens of worlds show. All others need a coincidence of moments, or
 * members that come back untrusted, which nobody is who acknowledges only what he has flushed: for
 * each of them the model of `../replication` has seeds, among thousands.
 */
const RULES = [
  'a disconnected member of the set blocks the confirm offset',
  'only a member of the set is elected',
]

export const mutations: readonly Mutation[] = [
  ...RULES.map((name) => ({ name, leftOut: { rules: rulesWithout(name) } })),
  ...Object.entries(brokenStores).map(([name, breakStores]) => ({
    name,
    leftOut: {},
    breakStores,
  })),
  { name: 'what is flushed is on the disk', leftOut: { runtime: withoutSyncs } },
]
