import {
  CometError,
  type CommandGroupRequest,
  type CommandGroupResponse,
  type ReplicasDescription,
  type Services,
} from '@cometmq/protocol'
import type { Fulfilled, Promoted, PromoteWish, Wish } from '@cometmq/replication'
import { answer, type Handler } from '@cometmq/runtime'

/** What a member of a broker group of several can say and do about it. */
export interface ReplicaCallsParts {
  describeReplicas(): Promise<ReplicasDescription>
  command(wish: Wish, timeoutMs: number): Promise<Fulfilled>
  promote(wish: PromoteWish): Promise<Promoted>
}

const TIMEOUT_DEFAULT_MS = 10_000
const TIMEOUT_MAX_MS = 60_000

/** Operators' calls about the broker group. Any member answers, whether it is master or not. */
export function replicaHandlers(
  { admin }: Services,
  member: () => ReplicaCallsParts | undefined,
): Handler[] {
  const need = (): ReplicaCallsParts => {
    const found = member()
    if (found !== undefined) return found
    throw new CometError('MEMBER_UNFIT', 'this broker is the only member of its broker group')
  }
  return [
    answer(admin.DescribeReplicas, () => need().describeReplicas()),
    answer(admin.CommandGroup, async (request) => {
      const { kind, memberId, timeoutMs } = request
      if (kind === 'promote') return promoted(await need().promote(promotionOf(request)))
      const waitMs = Math.min(timeoutMs || TIMEOUT_DEFAULT_MS, TIMEOUT_MAX_MS)
      const { state, tookMs } = await need().command(wishOf(kind, memberId), waitMs)
      const loss = kind === 'elect' ? state.possibleLoss : undefined
      return {
        epoch: state.epoch,
        master: state.master,
        tookMs: Math.round(tookMs),
        keptTo: loss?.keptTo ?? 0,
        confirmedTo: loss?.confirmedTo ?? 0,
      }
    }),
  ]
}

function promotionOf({ memberId, oldMasterIsDead, without }: CommandGroupRequest): PromoteWish {
  if (memberId === 0) throw new CometError('ILLEGAL_ARGUMENT', 'which member to promote is missing')
  return { to: memberId, oldMasterIsDead, without }
}

function promoted({ epoch, master, tookMs, loss }: Promoted): CommandGroupResponse {
  return {
    epoch,
    master,
    tookMs: Math.round(tookMs),
    keptTo: loss?.keptTo ?? 0,
    confirmedTo: loss?.confirmedTo ?? 0,
  }
}

function wishOf(kind: string, memberId: number): Wish {
  if (kind === 'hand-over') return { kind, to: memberId || undefined }
  if (memberId === 0) throw new CometError('ILLEGAL_ARGUMENT', `which member to ${kind} is missing`)
  if (kind === 'forget') return { kind, brokerId: memberId }
  if (kind === 'elect') return { kind, to: memberId }
  throw new CometError(
    'ILLEGAL_ARGUMENT',
    `a broker group knows no "${kind}"; give hand-over, forget or elect`,
  )
}
