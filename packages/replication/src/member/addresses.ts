import type { ReplicaState } from '../replica.ts'

type Known = Pick<ReplicaState, 'member' | 'elector'>

/** Where a member is reached by others, as the elector last said. */
export function addressOf({ elector }: Known, brokerId: number): string | undefined {
  const { view } = elector
  const record = view?.live.get(brokerId) ?? view?.members.get(brokerId)
  return record?.value.replicationAddress
}

/** Of all members but this one, the master's first: it has everything. */
export function addressesOfOthers(state: Known): string[] {
  const { view } = state.elector
  const master = view?.state?.value.master ?? 0
  const ids = new Set([master, ...(view?.live.keys() ?? []), ...(view?.members.keys() ?? [])])
  ids.delete(state.member.brokerId ?? 0)
  return [...ids].flatMap((id) => addressOf(state, id) ?? [])
}
