import { CometError } from '@cometmq/protocol'
import { retryDelayMs } from '../group-definition.ts'
import type { DeliveryContext } from './context.ts'
import type { GroupDelivery } from './group-delivery.ts'
import type { LeaseTable } from './lease-table.ts'
import type { Lease, MessageState } from './message-state.ts'
import type { Source } from './source.ts'

/** One delivery of one message, as whoever it was delivered to names it. */
export interface DeliveryReceipt {
  readonly topic: string
  readonly retry: boolean
  readonly queueId: number
  readonly offset: number
  /** From 1. */
  readonly attempt: number
  readonly generation: string
}

export type ReceiptWish =
  | { readonly kind: 'acknowledge' }
  | { readonly kind: 'dead-letter'; readonly reason: string }
  | {
      readonly kind: 'change'
      readonly invisibleMs: number
      readonly atLeastGroupDelay: boolean
      readonly suspend: boolean
      /** For the lease as it is then. */
      readonly generation: string
    }

/**
 * - `settled`: it is so now, or the message was done already.
 * - `changed`: its lease ends at another time, and has the generation of the wish.
 * - `lost`: it was delivered anew since, or is on its way to be.
 */
export type ReceiptOutcome = 'settled' | 'changed' | 'lost'

/**
 * Does what the holder of a receipt says of its message. The receipt is good while the message has
 * not been delivered again: also when its lease has ended, its holder has gone, or this broker has
 * started anew. Resolves when it is durable.
 */
export async function settleReceipt(
  context: DeliveryContext,
  group: GroupDelivery,
  { receipt, wish }: { readonly receipt: DeliveryReceipt; readonly wish: ReceiptWish },
): Promise<ReceiptOutcome> {
  const { offset } = receipt
  const range = { ...receipt, from: offset, to: offset + 1 }
  let [part] = group.partsOf(range)
  if (part === undefined && receipt.retry) {
    group.indexEntries()
    part = group.partsOf(range)[0]
  }
  // A retry that is done is not known any more.
  if (part === undefined) return receipt.retry ? settled(context) : 'lost'
  const { source } = part
  if (offset >= source.table.maxOffset) {
    throw new CometError('OFFSET_OUT_OF_RANGE', `the queue ends at ${source.table.maxOffset}`)
  }
  const state = source.table.stateAt(offset)
  if (state.kind === 'done') return settled(context)
  if (!isOwn(state, receipt)) return 'lost'
  switch (wish.kind) {
    case 'acknowledge':
      finish(source.table, offset, state)
      group.changed(source)
      return settled(context)
    case 'dead-letter':
      await sendBack(context, group, { source, receipt, failure: { ...wish, isFinal: true } })
      return 'settled'
    case 'change':
      return change(context, group, { source, receipt, wish })
  }
}

/** An acknowledgement that is done in memory may have failed to become durable when it was made. */
async function settled({ loop }: DeliveryContext): Promise<'settled'> {
  await loop.durable()
  return 'settled'
}

function isOwn(state: MessageState, { generation, attempt }: DeliveryReceipt): boolean {
  switch (state.kind) {
    case 'leased':
      return state.pop?.generation === generation || state.pop?.previous === generation
    case 'delayed':
    case 'returned':
    case 'ready':
      return state.attempts <= attempt
    case 'done':
    case 'moving':
    case 'parked':
      return false
  }
}

function finish(table: LeaseTable, offset: number, state: MessageState): void {
  if (state.kind !== 'leased') table.change(offset, NO_LEASE)
  table.acknowledge(state.kind === 'leased' ? state.holder : NOBODY, offset, offset + 1)
}

/**
 * Moves the end of a lease. What was renewed is different: its consumer does not ask for more time,
 * it says that its handler has failed, and waits. That goes the way of all failures, to the retry
 * topic, so that many of them, for long, hold nothing up.
 */
async function change(
  context: DeliveryContext,
  group: GroupDelivery,
  {
    source,
    receipt,
    wish,
  }: {
    readonly source: Source
    readonly receipt: DeliveryReceipt
    readonly wish: Extract<ReceiptWish, { kind: 'change' }>
  },
): Promise<ReceiptOutcome> {
  const { offset, attempt } = receipt
  const lease = leaseOf(context, source.table, receipt)
  if (lease.pop?.isRenewed === true && !wish.suspend) {
    const leastMs = wish.atLeastGroupDelay
      ? retryDelayMs(context.groups.need(group.name), attempt)
      : 0
    const delayMs = Math.max(wish.invisibleMs, leastMs)
    const failure = { reason: 'its consumer failed to handle it', delayMs, isFinal: false }
    await sendBack(context, group, { source, receipt, failure })
    return 'changed'
  }
  const deadlineMs = context.clock.elapsedMs() + wish.invisibleMs
  source.table.change(offset, {
    ...lease,
    deadlineMs,
    pop: {
      generation: wish.generation,
      previous: receipt.generation,
      isRenewed: false,
      isSuspended: wish.suspend,
    },
  })
  group.alarm(deadlineMs)
  return 'changed'
}

async function sendBack(
  context: DeliveryContext,
  group: GroupDelivery,
  {
    source,
    receipt,
    failure,
  }: {
    readonly source: Source
    readonly receipt: DeliveryReceipt
    readonly failure: Parameters<GroupDelivery['sendBack']>[2]
  },
): Promise<void> {
  const { offset } = receipt
  const value = leaseOf(context, source.table, receipt)
  // A span of its own, whatever else the lease covers.
  source.table.change(offset, value)
  await group.sendBack(source, { from: offset, to: offset + 1, value }, failure)
}

/** The lease of a message that the receipt is good for; one that has ended begins again. */
function leaseOf(
  context: DeliveryContext,
  table: LeaseTable,
  { offset, attempt, generation }: DeliveryReceipt,
): Lease {
  const state = table.stateAt(offset)
  if (state.kind === 'leased') return { ...state }
  return {
    kind: 'leased',
    holder: NOBODY,
    attempts: attempt - 1,
    deadlineMs: context.clock.elapsedMs(),
    pop: { generation, isRenewed: false, isSuspended: false },
  }
}

/** Has what belongs to receipts whose consumer is not connected. */
const NOBODY = { held: 0 }

/** Of what is done in the same moment. */
const NO_LEASE: Lease = {
  kind: 'leased',
  holder: NOBODY,
  attempts: 0,
  deadlineMs: Number.POSITIVE_INFINITY,
}
