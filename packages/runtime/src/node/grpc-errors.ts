import {
  CometError,
  errorOfStatus,
  limits,
  type Method,
  statusOfError,
  toCometError,
} from '@cometmq/protocol'
import { Metadata, type ServiceError } from '@grpc/grpc-js'
import type { Logger } from '../logger.ts'

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

/**
 * What a handler threw, as its caller may see it. Anything but a `CometError` is a mistake of ours:
 * it is logged here, and the caller learns only that there was one.
 */
export function errorOfHandler(thrown: unknown, path: string, log: Logger): CometError {
  if (thrown instanceof CometError) return thrown
  log.error({ method: path, error: thrown }, 'a handler failed')
  return new CometError('INTERNAL', `${path} failed; the log of the server says more`)
}

/** Decodes what a client sent; bytes that are no such message are the client's mistake. */
export function decodeRequest<Request>(method: Method<Request, unknown>, bytes: Buffer): Request {
  try {
    return method.decodeRequest(bytes)
  } catch (thrown) {
    if (thrown instanceof CometError) throw thrown
    const message = `the request is malformed: ${toCometError(thrown).message}`
    throw new CometError('MALFORMED_REQUEST', message, { cause: thrown })
  }
}

/** Refuses here what the other end would refuse, where the stack shows who made it. */
export function checkedSize(bytes: Buffer): Buffer {
  if (bytes.length <= limits.rpcMessageMaxBytes) return bytes
  throw new CometError(
    'MESSAGE_TOO_LARGE',
    `a call of ${bytes.length} bytes is above the limit of ${limits.rpcMessageMaxBytes}`,
  )
}

/** The codec that grpc-js is given: it carries bytes, and our methods know what they are. */
export function asIs(bytes: Buffer): Buffer {
  return bytes
}
