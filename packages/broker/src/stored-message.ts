import {
  CometError,
  type RecordBatch,
  type StoredMessage,
  visibleProperties,
} from '@cometmq/protocol'
import type { MessageStore, QueueKey } from '@cometmq/store'

/** Reads one message for an operator to look at. Throws `MESSAGE_NOT_FOUND` or `RECORD_CORRUPT`. */
export async function getMessage(
  store: MessageStore,
  place: { readonly queue: QueueKey; readonly offset: number; readonly brokerName: string },
): Promise<StoredMessage> {
  const { queue, offset, brokerName } = place
  const bounds = store.bounds(queue) ?? { minOffset: 0, maxOffset: 0 }
  const read =
    offset >= bounds.minOffset && offset < bounds.maxOffset
      ? await store.read(queue, { from: offset, maxBytes: 1 })
      : undefined
  const batch = read?.kind === 'batches' ? read.batches[0] : undefined
  if (batch === undefined) {
    throw new CometError(
      'MESSAGE_NOT_FOUND',
      `queue ${queue.queueId} of "${queue.topic}" holds ${bounds.minOffset} to ${bounds.maxOffset}; there is no ${offset}`,
    )
  }
  return storedMessageOf(batch, offset - batch.baseQueueOffset, brokerName)
}

/** Message `index` of a batch, with where it came from if a broker sent it back or gave it up. */
export function storedMessageOf(
  batch: RecordBatch,
  index: number,
  brokerName: string,
): StoredMessage {
  const [message] = batch.messages(index, index + 1)
  if (message === undefined) {
    throw new CometError('MESSAGE_NOT_FOUND', `a batch has no message ${index}`)
  }
  const { origin } = batch.sections
  return {
    brokerName,
    topic: batch.topic,
    queueId: batch.queueId,
    offset: batch.baseQueueOffset + index,
    messageId: batch.messageId(index, message),
    body: Buffer.from(message.body),
    tag: message.tag ?? '',
    keys: [...(message.keys ?? [])],
    properties: { ...visibleProperties(message.properties ?? {}) },
    messageGroup: message.messageGroup ?? '',
    bornTimeMs: batch.bornTimeMs,
    storeTimeMs: batch.storeTimeMs,
    originTopic: origin?.topic ?? '',
    originQueueId: origin?.queueId ?? 0,
    originOffset: origin === undefined ? 0 : origin.queueOffset + index,
    attempts: origin?.attempts ?? 0,
    reason: origin?.reason ?? '',
    dueAtMs: origin?.dueAtMs ?? 0,
  }
}
