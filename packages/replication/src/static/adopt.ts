import { CometError } from '@cometmq/protocol'
import type { Clock } from '@cometmq/runtime'
import type { Elector, GroupView, Guard, Transaction, Write } from '../elector.ts'
import type { GroupState } from '../group-state.ts'

/** A group with configured roles as it runs now, every member of it. */
export interface AdoptedGroup {
  readonly epoch: number
  readonly master: number
  readonly minInSync: number
  readonly members: readonly {
    readonly brokerId: number
    readonly storeId: string
    readonly incarnation: number
    readonly address: string
  }[]
}

const ADOPTED = 'adopted'
const AGAIN_MS = 100
const TRIES = 20

/**
 * What an elector is told of a group that gets one: its present epoch and master, and nobody else in
 * sync. Members that restart with that elector join as they catch up; the master restarts last, and
 * begins the next epoch.
 *
 * Throws `NOT_ALLOWED` where the elector knows the group already, unless from an earlier adoption.
 */
export function adoption(view: GroupView, group: AdoptedGroup): Transaction {
  const master = group.members.find(({ brokerId }) => brokerId === group.master)
  if (master === undefined) {
    throw new CometError('NOT_READY', 'the broker group has no master; promote one first')
  }
  const { state, nextId } = view
  if (state !== undefined && state.value.reason !== ADOPTED) {
    throw new CometError(
      'NOT_ALLOWED',
      `etcd knows this broker group already, with member ${state.value.master} as master of epoch ${state.value.epoch}`,
    )
  }
  const value: GroupState = {
    epoch: group.epoch,
    master: group.master,
    masterIncarnation: master.incarnation,
    inSync: new Map([[group.master, master.incarnation]]),
    minInSync: group.minInSync,
    memberCount: group.members.length,
    attempt: `${group.master}.${master.incarnation}.${ADOPTED}`,
    reason: ADOPTED,
    previous: undefined,
    possibleLoss: undefined,
  }
  const last = Math.max(...group.members.map(({ brokerId }) => brokerId))
  const isMissing = group.members.filter(({ brokerId }) => !view.members.has(brokerId))
  return {
    kind: 'bootstrap',
    guards: [
      guardOf({ kind: 'state' }, state?.revision),
      guardOf({ kind: 'next-id' }, nextId?.revision),
      ...isMissing.map(({ brokerId }) => guardOf({ kind: 'member', brokerId }, undefined)),
    ],
    writes: [
      { kind: 'put-state', value },
      { kind: 'put-next-id', value: Math.max(last + 1, nextId?.value ?? 0) },
      ...isMissing.map(memberWrite),
    ],
  }
}

/** Has an elector take a group over; see `adoption`. Throws `NOT_READY` if it does not answer. */
export async function adopt(
  { elector, clock }: { readonly elector: Elector; readonly clock: Clock },
  group: AdoptedGroup,
): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    const outcome = await elector.read()
    if (outcome.kind === 'read') {
      const { state } = outcome.view
      const isDone = state?.value.reason === ADOPTED && state.value.epoch === group.epoch
      if (isDone && state.value.master === group.master) return
      const { kind } = await elector.swap(adoption(outcome.view, group))
      if (kind === 'won') return
    }
    await clock.sleep(AGAIN_MS)
  }
  throw new CometError('NOT_READY', 'etcd does not answer, or changes all the time; try again')
}

function memberWrite(member: AdoptedGroup['members'][number]): Write {
  const { brokerId, storeId, incarnation, address } = member
  const value = {
    storeId,
    lastIncarnation: incarnation,
    replicationAddress: address,
    observer: false,
    priority: 0,
  }
  return { kind: 'put-member', brokerId, value }
}

function guardOf(
  key: Guard['key'],
  revision: Extract<Guard, { kind: 'unchanged' }>['revision'] | undefined,
): Guard {
  return revision === undefined ? { kind: 'absent', key } : { kind: 'unchanged', key, revision }
}
