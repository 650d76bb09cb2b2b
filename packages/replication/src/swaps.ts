import assert from 'node:assert/strict'
import type { GroupView, Revision, SwapOutcome } from './elector.ts'
import type { PendingSwap } from './replica.ts'
import type { Turn } from './turn.ts'

export type Swap = Pick<PendingSwap, 'transaction' | 'for'> &
  Partial<Pick<PendingSwap, 'next' | 'replaces' | 'leaseId'>>

/** What a transaction came to. */
export type Settled =
  | { readonly kind: 'won'; readonly revision: Revision }
  | { readonly kind: 'lost'; readonly view: GroupView | undefined }
  /** Not yet known: it is sent again, unchanged, until it is. */
  | { readonly kind: 'open' }

/** Begins a transaction; there must be none under way. */
export function beginSwap(turn: Turn, swap: Swap): void {
  assert.equal(turn.state.pending, undefined, 'one transaction at a time')
  const number = turn.nextNumber()
  turn.update({
    pending: {
      number,
      transaction: swap.transaction,
      for: swap.for,
      next: swap.next,
      replaces: swap.replaces,
      leaseId: swap.leaseId,
      isUnknown: false,
      knowing: turn.member.lastSeenEpoch,
    },
  })
  turn.act({ kind: 'swap', number, transaction: swap.transaction })
}

/**
 * Sends a transaction whose answer was lost once more. The same one: an answer to any copy then
 * holds for all, since what it compares never comes back.
 */
export function repeatUnknownSwap(turn: Turn): void {
  const { pending, elector } = turn.state
  if (pending === undefined || !pending.isUnknown || elector.isDistrusted) return
  turn.update({
    pending: { ...pending, isUnknown: false, knowing: turn.member.lastSeenEpoch },
  })
  turn.act({ kind: 'swap', number: pending.number, transaction: pending.transaction })
}

/** What an answer says about the pending transaction. Nothing is changed but that. */
export function settleSwap(turn: Turn, pending: PendingSwap, outcome: SwapOutcome): Settled {
  const result = turn.rules.resultOf(outcome.kind)
  if (result === 'open') {
    turn.update({ pending: { ...pending, isUnknown: true } })
    return { kind: 'open' }
  }
  turn.update({ pending: undefined })
  if (outcome.kind === 'won') return { kind: 'won', revision: outcome.revision }
  if (outcome.kind !== 'lost') return { kind: 'lost', view: undefined }
  return settledBy(outcome.view, pending) ?? { kind: 'lost', view: outcome.view }
}

/**
 * What a view says about a pending transaction; undefined if it may still take effect.
 *
 * Past the revision that it compares, every copy of it is dead. It had won if the state is the one
 * it put; had it won and been replaced since, that is the same to its sender as a loss.
 */
export function settledBy(
  view: GroupView,
  { next, replaces }: PendingSwap,
): Exclude<Settled, { kind: 'open' }> | undefined {
  if (next === undefined || view.state === undefined) return undefined
  const { revision, value } = view.state
  if (value.attempt === next.attempt) return { kind: 'won', revision }
  return replaces === undefined || revision > replaces ? { kind: 'lost', view } : undefined
}
