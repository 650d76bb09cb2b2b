import { CometError, limits, type Method, toCometError } from '@cometmq/protocol'
import type { Logger } from './logger.ts'

/** Refuses here what the other end would refuse, where the stack shows who made it. */
export function checkedSize(bytes: Buffer): Buffer {
  if (bytes.length <= limits.rpcMessageMaxBytes) return bytes
  throw new CometError(
    'MESSAGE_TOO_LARGE',
    `a call of ${bytes.length} bytes is above the limit of ${limits.rpcMessageMaxBytes}`,
  )
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

/**
 * What a handler threw, as its caller may see it. Anything but a `CometError` is a mistake of ours:
 * it is logged here, and the caller learns only that there was one.
 */
export function errorOfHandler(thrown: unknown, path: string, log: Logger): CometError {
  if (thrown instanceof CometError) return thrown
  log.error({ method: path, error: thrown }, 'a handler failed')
  return new CometError('INTERNAL', `${path} failed; the log of the server says more`)
}
