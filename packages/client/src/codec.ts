import { CometError } from '@cometmq/protocol'

/** How values become message bodies and back. */
export interface Codec<In, Out = In> {
  encode(value: In): Uint8Array
  /** The bytes are a view of a larger buffer: copy what outlives the call. What it throws rejects the message. */
  decode(bytes: Buffer): Out
}

/** JSON, the codec of a topic that names none. */
export function json<Out = unknown, In = Out>(): Codec<In, Out> {
  return { encode: encodeJson, decode: decodeJson as (bytes: Buffer) => Out }
}

/** UTF-8 text. */
export function text(): Codec<string> {
  return { encode: (value) => Buffer.from(value), decode: (bytes) => bytes.toString() }
}

/**
 * Bytes as they are. Sent bytes must not change before `send` has resolved. Received bytes are a
 * view that keeps its whole batch alive: copy what you keep for long.
 */
export function bytes(): Codec<Uint8Array, Buffer> {
  return { encode: (value) => value, decode: (received) => received }
}

function encodeJson(value: unknown): Buffer {
  let encoded: string | undefined
  try {
    encoded = JSON.stringify(value)
  } catch (cause) {
    throw new CometError('ILLEGAL_ARGUMENT', 'the value cannot be written as JSON', { cause })
  }
  if (encoded === undefined) {
    throw new CometError(
      'ILLEGAL_ARGUMENT',
      `JSON has no way to write a value of type ${typeof value}`,
    )
  }
  return Buffer.from(encoded)
}

function decodeJson(received: Buffer): unknown {
  return JSON.parse(received.toString())
}
