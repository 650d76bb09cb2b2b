import { crc32, inflate } from 'node:zlib'
import { promisify } from 'node:util'
import { encodeBatch, NO_PRODUCER_ID, RecordBatch } from '@cometmq/protocol'
import type { Message } from '@cometmq/protocol/rocketmq'
import type { ClientCall } from './client-call.ts'
import { bounds } from './config.ts'
import { msOf } from './durations.ts'
import { hidden } from './hidden-properties.ts'
import { RefusedCall } from './status.ts'

const inflateAsync = promisify(inflate)

/** A client compresses what is larger than a message may be; what it inflates to has a bound, too. */
const INFLATED_MAX_BYTES = 64 * 1024 * 1024

/**
 * A checked message of an official client as a record batch of one. What only publishers of a
 * server may say (attempts, handles, offsets) is left out.
 */
export async function batchOf(
  message: Message,
  to: {
    readonly topic: string
    readonly queueId: number
    readonly call: ClientCall
    readonly nowMs: number
  },
): Promise<RecordBatch> {
  const system = message.systemProperties
  const properties = { ...message.userProperties }
  let body = message.body
  if (system?.bodyEncoding === 'GZIP') {
    body = await asGzip(body)
    properties[hidden.bodyEncoding] = 'GZIP'
  }
  properties[hidden.bornHost] = system?.bornHost || to.call.peer
  if (system?.traceContext) properties[hidden.traceContext] = system.traceContext
  const bytes = encodeBatch({
    topic: to.topic,
    queueId: to.queueId,
    // Without idempotence: a client that repeats a send says the same message id, and no more.
    producer: {
      producerId: NO_PRODUCER_ID,
      producerEpoch: 0,
      sequence: 0,
      baseMessageNumber: 0,
    },
    bornTimeMs: Math.max(0, Math.round(msOf(system?.bornTimestamp) ?? to.nowMs)) || to.nowMs,
    messages: [
      {
        body,
        tag: system?.tag,
        keys: system?.keys,
        properties,
        messageGroup: system?.messageGroup || undefined,
        messageId: system?.messageId,
      },
    ],
  })
  return RecordBatch.parse(bytes)
}

/** What begins a zlib stream; the C++ client sends such, and calls it GZIP. */
const ZLIB = 0x78

/**
 * A body that is called GZIP, as gzip: most clients read nothing else. A zlib stream becomes one by
 * another frame around the same deflated bytes; only its checksum has to be made of the content.
 */
async function asGzip(body: Buffer): Promise<Buffer> {
  if (body[0] !== ZLIB || body.length < 6) return body
  let content: Buffer
  try {
    content = await inflateAsync(body, { maxOutputLength: INFLATED_MAX_BYTES })
  } catch (cause) {
    throw new RefusedCall('MESSAGE_CORRUPTED', 'the compressed body cannot be opened', { cause })
  }
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(crc32(content))
  trailer.writeUInt32LE(content.length >>> 0, 4)
  const gzip = Buffer.concat([GZIP_HEADER, body.subarray(2, -4), trailer])
  if (gzip.length <= bounds.bodyMaxBytes + GZIP_HEADER.length) return gzip
  throw new RefusedCall('MESSAGE_BODY_TOO_LARGE', `the body has ${gzip.length} bytes as gzip`)
}

const GZIP_HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff])
