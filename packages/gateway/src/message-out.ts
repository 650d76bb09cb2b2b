import { type Message as StoredMessage, visibleProperties } from '@cometmq/protocol'
import type {
  Message__Input as Message,
  Resource,
  SystemProperties__Input as SystemProperties,
} from '@cometmq/protocol/rocketmq'
import { md5Of } from './digests.ts'
import { durationOf, timestampOf } from './durations.ts'
import { encodeHandle } from './handles.ts'
import { hidden } from './hidden-properties.ts'
import type { Segment } from './ports.ts'

/** How the messages come to their client. */
export interface Delivered {
  /** As the client names it. */
  readonly topic: Resource
  /** Where they were stored. */
  readonly storeHost: string
  /** Of messages that are leased. */
  readonly lease?: {
    readonly brokerName: string
    readonly group: string
    readonly retry: boolean
    readonly queueId: number
    readonly attempt: number
    readonly generation: string
    readonly invisibleMs: number
  }
}

/** The messages as official clients read them. */
export function messagesOf(segments: readonly Segment[], delivered: Delivered): Message[] {
  return segments.flatMap((segment) =>
    segment.batch
      .messages(segment.from, segment.to)
      .map((message, n) => messageOf(segment, n, message, delivered)),
  )
}

function messageOf(
  segment: Segment,
  n: number,
  stored: StoredMessage,
  delivered: Delivered,
): Message {
  const { batch } = segment
  const { origin } = batch.sections
  const index = segment.from + n
  const properties = stored.properties ?? {}
  const body = Buffer.from(stored.body.buffer, stored.body.byteOffset, stored.body.byteLength)
  const system: SystemProperties = {
    keys: [...(stored.keys ?? [])],
    messageId: batch.messageId(index, stored),
    bodyDigest: { type: 'MD5', checksum: md5Of(body) },
    bodyEncoding: properties[hidden.bodyEncoding] === 'GZIP' ? 'GZIP' : 'IDENTITY',
    messageType: stored.messageGroup === undefined ? 'NORMAL' : 'FIFO',
    bornTimestamp: timestampOf(batch.bornTimeMs),
    bornHost: properties[hidden.bornHost] ?? 'unknown',
    storeTimestamp: timestampOf(origin?.storeTimeMs ?? batch.storeTimeMs),
    storeHost: delivered.storeHost,
    queueId: origin?.queueId ?? batch.queueId,
    queueOffset: origin === undefined ? segment.offset + n : origin.queueOffset + index,
  }
  if (stored.tag !== undefined) system.tag = stored.tag
  if (stored.messageGroup !== undefined) system.messageGroup = stored.messageGroup
  const traceContext = properties[hidden.traceContext]
  if (traceContext !== undefined) system.traceContext = traceContext
  if (origin !== undefined && batch.topic.startsWith('%DLQ%')) {
    system.deadLetterQueue = { topic: origin.topic, messageId: system.messageId ?? '' }
  }
  const { lease } = delivered
  if (lease !== undefined) {
    system.deliveryAttempt = lease.attempt
    system.invisibleDuration = durationOf(lease.invisibleMs)
    system.receiptHandle = encodeHandle({
      brokerName: lease.brokerName,
      group: lease.group,
      topic: delivered.topic.name,
      retry: lease.retry,
      queueId: lease.queueId,
      offset: segment.offset + n,
      attempt: lease.attempt,
      generation: lease.generation,
    })
  }
  return {
    topic: delivered.topic,
    userProperties: { ...visibleProperties(properties) },
    systemProperties: system,
    body,
  }
}
