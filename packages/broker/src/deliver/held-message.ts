import type { DeliveryContext } from './context.ts'
import type { GroupDelivery } from './group-delivery.ts'
import type { Lease } from './message-state.ts'
import type { Span } from './range-map.ts'
import type { DeliveryReceipt } from './receipts.ts'
import type { Session } from './sessions.ts'
import type { Source } from './source.ts'

/**
 * The receipt of a message that is leased to the session, found by its id: for a client that has
 * none. `undefined` if it holds no such message. It reads all that the session holds of the topic,
 * so that nothing has to be kept for it.
 */
export async function receiptOfHeld(
  context: DeliveryContext,
  group: GroupDelivery,
  wanted: { readonly session: Session; readonly topic: string; readonly messageId: string },
): Promise<DeliveryReceipt | undefined> {
  const { session, topic, messageId } = wanted
  const held = [...(group.topics.get(topic)?.sources() ?? [])].flatMap((source) =>
    source.table.leasesOf(session).map((part) => ({ source, part })),
  )
  for (const { source, part } of held) {
    const generation = part.value.pop?.generation
    if (generation === undefined) continue
    const offset = await offsetOf(context, source, { part, messageId })
    if (offset === undefined) continue
    return {
      topic,
      retry: source.isRetry,
      queueId: source.stored.queueId,
      offset,
      attempt: part.value.attempts + 1,
      generation,
    }
  }
  return undefined
}

async function offsetOf(
  { store, config }: DeliveryContext,
  source: Source,
  { part, messageId }: { readonly part: Span<Lease>; readonly messageId: string },
): Promise<number | undefined> {
  // The batch may move while it is read; what was read is where it was.
  const { shift, stored } = source
  let at = part.from
  while (at < part.to) {
    const read = await store.read(stored, { from: at + shift, maxBytes: config.frameMaxBytes })
    // What retention has deleted is nobody's to settle.
    if (read.kind !== 'batches') return undefined
    for (const batch of read.batches) {
      const base = batch.baseQueueOffset - shift
      const to = Math.min(base + batch.messageCount, part.to)
      if (to <= at) continue
      const first = at - base
      const messages = batch.messages(first, to - base)
      const found = messages.findIndex(
        (message, n) => batch.messageId(first + n, message) === messageId,
      )
      if (found >= 0) return at + found
      at = to
    }
  }
  return undefined
}
