import type { InSyncSet } from '../group-state.ts'
import type { Reign } from '../replica.ts'

export interface SetChange {
  readonly brokerId: number
  readonly joins: boolean
  readonly why: 'level' | 'gone' | 'disk-full' | 'disconnected' | 'slow'
}

/** Who has joined or left the in-sync set of a reign, and why as far as its master knew then. */
export function changesOfSet(change: {
  readonly was: InSyncSet
  readonly is: InSyncSet
  readonly reign: Pick<Reign, 'departed' | 'peers'>
}): SetChange[] {
  const { was, is, reign } = change
  const joined = [...is].filter(([id, incarnation]) => was.get(id) !== incarnation)
  const left = [...was.keys()].filter((id) => !is.has(id))
  return [
    ...joined.map(([brokerId]): SetChange => ({ brokerId, joins: true, why: 'level' })),
    ...left.map((brokerId) => ({ brokerId, joins: false, why: whyLeft(reign, brokerId) })),
  ]
}

function whyLeft(reign: Pick<Reign, 'departed' | 'peers'>, brokerId: number): SetChange['why'] {
  if (reign.departed.has(brokerId)) return 'gone'
  const peer = reign.peers.get(brokerId)
  if (peer === undefined) return 'disconnected'
  return peer.disk.isFull ? 'disk-full' : 'slow'
}
