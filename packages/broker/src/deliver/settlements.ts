import {
  CometError,
  errorTable,
  type LeasedRange,
  limits,
  type Settlement,
  type SettlementFailure,
  toCometError,
} from '@cometmq/protocol'
import type { DeliveryContext } from './context.ts'
import type { GroupDelivery, SourcePart } from './group-delivery.ts'
import type { Session } from './sessions.ts'

/**
 * Does what a member says of the messages it has. Resolves when all of it is durable, to what
 * failed; a failure of one settlement leaves the others alone. Throws `TOO_MANY`.
 *
 * What failed has not happened. An acknowledgement happens in memory at once, so that nobody else
 * gets the message, and is not taken back: while the store takes nothing its answer waits.
 */
export async function settleAll(
  context: DeliveryContext,
  group: GroupDelivery,
  request: { readonly session: Session; readonly settlements: readonly Settlement[] },
): Promise<SettlementFailure[]> {
  const { session, settlements } = request
  if (settlements.length > limits.settlementsMax) {
    const message = `${settlements.length} settlements in one request, ${limits.settlementsMax} are allowed`
    throw new CometError('TOO_MANY', message)
  }
  const failures = new Map<number, CometError>()
  const sent: Promise<void>[] = []
  const kept: number[] = []
  for (const [index, settlement] of settlements.entries()) {
    try {
      const moves = settle(context, group, session, settlement)
      for (const move of moves) {
        sent.push(move.catch((error: unknown) => void failures.set(index, toCometError(error))))
      }
      if (moves.length === 0 && settlement.action.kind === 'acknowledge') kept.push(index)
    } catch (thrown) {
      failures.set(index, toCometError(thrown))
      // Parts of it may have been the member's.
      kept.push(index)
    }
  }
  group.wake()
  session.unanswered++
  try {
    if (kept.length > 0) await context.loop.durableInTheEnd()
  } catch (thrown) {
    const error = toCometError(thrown)
    for (const index of kept) if (!failures.has(index)) failures.set(index, error)
  }
  await Promise.all(sent)
  session.unanswered--
  return [...failures].map(([index, error]) => ({
    index,
    error: errorTable[error.code].id,
    message: error.message,
  }))
}

/** Returns what has to end before the settlement is durable, apart from the rows. */
function settle(
  context: DeliveryContext,
  group: GroupDelivery,
  session: Session,
  { range, action }: Settlement,
): Promise<void>[] {
  const parts = partsOf(group, range)
  const moves: Promise<void>[] = []
  let known = 0
  let refused = 0
  for (const part of parts) {
    const { source, from, to } = part
    known += to - from
    switch (action.kind) {
      case 'acknowledge':
        refused += source.table.acknowledge(session, from, to)
        group.changed(source)
        break
      case 'retry':
        checkDelay(action.delayMs ?? 0, limits.retryDelayMaxMs)
        refused += sendBack(group, session, part, {
          failure: { reason: action.reason, delayMs: action.delayMs, isFinal: false },
          moves,
        })
        break
      case 'reject':
        refused += sendBack(group, session, part, {
          failure: { reason: action.reason, isFinal: true },
          moves,
        })
        break
      case 'extend': {
        checkDelay(action.delayMs, limits.invisibleMaxMs)
        const deadlineMs = context.clock.elapsedMs() + action.delayMs
        refused += source.table.extend(session, { from, to }, deadlineMs)
        group.alarm(source.table.nextDeadlineMs)
        break
      }
      case 'release':
        refused += source.table.release(session, from, to)
        group.changed(source)
        break
    }
  }
  refused += range.to - range.from - known
  if (refused > 0) {
    for (const move of moves) move.catch(() => {})
    throw leaseLost(range, refused)
  }
  return moves
}

function sendBack(
  group: GroupDelivery,
  session: Session,
  { source, from, to }: SourcePart,
  what: {
    readonly failure: Parameters<GroupDelivery['sendBack']>[2]
    readonly moves: Promise<void>[]
  },
): number {
  const { owned, refused } = source.table.ownedBy(session, { from, to })
  for (const part of owned) what.moves.push(group.sendBack(source, part, what.failure))
  return refused
}

/** Throws unless the range can exist here. */
function partsOf(group: GroupDelivery, range: LeasedRange): SourcePart[] {
  const { from, to, topic, queueId, retry } = range
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 0 || from >= to) {
    throw new CometError('ILLEGAL_ARGUMENT', `[${from}, ${to}) is not a range of messages`)
  }
  const parts = group.partsOf(range)
  if (retry) return parts
  const [part] = parts
  if (part === undefined) {
    const code = group.topics.has(topic) ? 'QUEUE_NOT_FOUND' : 'TOPIC_NOT_FOUND'
    throw new CometError(code, `the group reads no queue ${queueId} of topic "${topic}" here`)
  }
  const { maxOffset } = part.source.table
  if (to > maxOffset) {
    const message = `queue ${queueId} of "${topic}" ends at ${maxOffset}; [${from}, ${to}) does not exist`
    throw new CometError('OFFSET_OUT_OF_RANGE', message)
  }
  return parts
}

function checkDelay(delayMs: number, maxMs: number): void {
  if (delayMs >= 0 && delayMs <= maxMs) return
  throw new CometError('ILLEGAL_ARGUMENT', `a delay of ${delayMs} ms; give 0 to ${maxMs}`)
}

function leaseLost({ topic, queueId, retry, from, to }: LeasedRange, refused: number): CometError {
  const queue = retry ? 'the retry queue' : `queue ${queueId} of "${topic}"`
  return new CometError(
    'LEASE_LOST',
    `${refused} of the messages [${from}, ${to}) of ${queue} are not leased to this member any more; others may get them`,
  )
}
