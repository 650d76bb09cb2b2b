import { limits } from '../limits.ts'
import type { Method } from './method.ts'
import {
  checkMore,
  decodeWith,
  encodeWith,
  fieldTag,
  LENGTH,
  type Reader,
  readBytes,
  readMessage,
  readNested,
  readNumber,
  skipField,
  VARINT,
  type Writer,
  writeBytes,
  writeFlag,
  writeNested,
  writeNumber,
  writeText,
} from './protobuf.ts'

/** Encoded record batches, each for one queue. Decoded, they are views of the bytes received. */
export interface PublishRequest {
  readonly batches: readonly Buffer[]
}

/** One result per batch, in the order of the batches on the stream. */
export interface PublishResponse {
  readonly results: readonly PublishResult[]
}

export interface PublishResult {
  /** Id of a row of the error table; 0: stored as the topic's ack level says. */
  readonly error: number
  readonly message: string
  readonly baseQueueOffset: number
  readonly epoch: number
  /** The batch had been stored before; the offset is that of the first time. */
  readonly duplicate: boolean
  readonly retryAfterMs: number
}

/** `cometmq.v1.Broker/Publish`. */
export const publishMethod: Method<PublishRequest, PublishResponse> = {
  path: '/cometmq.v1.Broker/Publish',
  kind: 'bidi',
  encodeRequest: (request) =>
    encodeWith((writer) => {
      for (const batch of request.batches) writeBytes(writer, 1, batch)
    }),
  decodeRequest: (bytes) =>
    decodeWith(bytes, (reader) => {
      const batches: Buffer[] = []
      readMessage(reader, (tag) => {
        if (tag === fieldTag(1, LENGTH)) {
          checkMore(batches, limits.batchesPerRequestMax, 'batches')
          batches.push(readBytes(reader))
        } else skipField(reader, tag)
      })
      return { batches }
    }),
  encodeResponse: (response) =>
    encodeWith((writer) => {
      for (const result of response.results) {
        writeNested(writer, 1, () => writeResult(writer, result))
      }
    }),
  decodeResponse: (bytes) =>
    decodeWith(bytes, (reader) => {
      const results: PublishResult[] = []
      readMessage(reader, (tag) => {
        if (tag === fieldTag(1, LENGTH)) results.push(readResult(reader))
        else skipField(reader, tag)
      })
      return { results }
    }),
}

function writeResult(writer: Writer, result: PublishResult): void {
  writeNumber(writer, 1, result.error)
  writeText(writer, 2, result.message)
  writeNumber(writer, 3, result.baseQueueOffset)
  writeNumber(writer, 4, result.epoch)
  writeFlag(writer, 5, result.duplicate)
  writeNumber(writer, 6, result.retryAfterMs)
}

function readResult(reader: Reader): PublishResult {
  const result = {
    error: 0,
    message: '',
    baseQueueOffset: 0,
    epoch: 0,
    duplicate: false,
    retryAfterMs: 0,
  }
  readNested(reader, (tag) => {
    if (tag === fieldTag(1, VARINT)) result.error = reader.uint32()
    else if (tag === fieldTag(2, LENGTH)) result.message = reader.string()
    else if (tag === fieldTag(3, VARINT)) result.baseQueueOffset = readNumber(reader)
    else if (tag === fieldTag(4, VARINT)) result.epoch = readNumber(reader)
    else if (tag === fieldTag(5, VARINT)) result.duplicate = reader.bool()
    else if (tag === fieldTag(6, VARINT)) result.retryAfterMs = readNumber(reader)
    else skipField(reader, tag)
  })
  return result
}
