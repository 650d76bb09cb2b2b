import { type CometError, errorOfStatus, statusOfError } from '@cometmq/protocol'
import { Metadata, type ServiceError } from '@grpc/grpc-js'

/** What grpc-js says of a stream that a server, while closing down, refused before it read it. */
const REFUSED = 'Stream refused by server'

/** The error of a call of ours. `reachedPeer`: whether it had got hold of a connection. */
export function errorOfCall(error: ServiceError, reachedPeer: boolean): CometError {
  return errorOfStatus({
    code: error.code,
    details: error.details,
    trailer: (name) => error.metadata.get(name)[0]?.toString(),
    connected: reachedPeer && error.details !== REFUSED,
  })
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
