import { CometError, errorOfStatus, statusOfError } from '@cometmq/protocol'
import { Metadata, type ServiceError } from '@grpc/grpc-js'
import { CONNECT_TIMEOUT_MS } from './grpc-options.ts'

/** What grpc-js says of a stream that a server, while closing down, refused before it read it. */
const REFUSED = 'Stream refused by server'

/** The error of a call of ours to `address`. `reachedPeer`: whether it had got hold of a connection. */
export function errorOfCall(
  error: ServiceError,
  { address, reachedPeer }: { readonly address: string; readonly reachedPeer: boolean },
): CometError {
  const connected = reachedPeer && error.details !== REFUSED
  const received = errorOfStatus({
    code: error.code,
    details: error.details,
    trailer: (name) => error.metadata.get(name)[0]?.toString(),
    connected,
    peer: address,
  })
  // A peer may have said so itself, of a third one.
  if (connected || received.code !== 'CONNECT_FAILED') return received
  const why = whyNotConnected(error.details)
  const isRefused = /ECONNREFUSED/.test(error.details)
  const message = `cannot connect to ${address}: ${why}`
  return new CometError('CONNECT_FAILED', message, { cause: error, isRefused })
}

/** What grpc-js and the system say when there is no connection, and what it means. */
const connectFailures: readonly (readonly [RegExp, string])[] = [
  [/ECONNREFUSED/, 'nobody listens there'],
  [/ENOTFOUND|EAI_AGAIN|Name resolution failed/, 'its name is not known'],
  [/EHOSTUNREACH|ENETUNREACH/, 'the network has no way to it'],
  [/ETIMEDOUT|^Channel closed/, `no answer within ${CONNECT_TIMEOUT_MS} ms`],
  [/Protocol error|NGHTTP2|ERR_HTTP2/, 'what listens there does not speak gRPC'],
  [/ECONNRESET|EPIPE|Failed to connect|closed/, 'it closes the connection at once'],
  [new RegExp(REFUSED), 'it is shutting down'],
]

function whyNotConnected(details: string): string {
  for (const [sign, meaning] of connectFailures) if (sign.test(details)) return meaning
  const cause = /Last error: (?:Error: )?(?<cause>.+?)\. Resolution note/.exec(details)
  return cause?.groups?.['cause'] ?? (details || 'for a reason unknown')
}

/** An error as grpc-js servers send it. */
export interface ServerStatus {
  readonly code: number
  readonly details: string
  readonly metadata: Metadata
}

export function serverStatusOf(error: CometError): ServerStatus {
  const { code, details, trailers } = statusOfError(error)
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(trailers)) metadata.set(name, value)
  return { code, details, metadata }
}

/** The codec that grpc-js is given: it carries bytes, and our methods know what they are. */
export function asIs(bytes: Buffer): Buffer {
  return bytes
}
