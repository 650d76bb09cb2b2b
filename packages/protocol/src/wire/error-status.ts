import { CometError, type ErrorCode, errorTable, type StatusName } from '../errors.ts'

/** A failure as gRPC carries it: a status number, a sentence and trailers. */
export interface ErrorStatus {
  readonly code: number
  readonly details: string
  readonly trailers: Readonly<Record<string, string>>
}

/** The failure of a call as the caller's gRPC library reports it. */
export interface ReceivedStatus {
  readonly code: number
  readonly details: string
  /** The value of a trailer, if it came. */
  readonly trailer: (name: string) => string | undefined
  /** Whether the call had reached a connection. If not, nothing of it was sent. */
  readonly connected: boolean
  /** Who was called; named in the message of an error that does not come from there. */
  readonly peer: string
}

/** The numbers of https://grpc.io/docs/guides/status-codes/. */
const statusCodes: Record<StatusName, number> = {
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
}

const CODE_TRAILER = 'comet-error'
const RETRY_AFTER_TRAILER = 'comet-retry-after-ms'

/** Trailers must stay far below the 8 KiB that peers accept. */
const DETAILS_MAX_CHARS = 1024

/** How a CometError travels. */
export function statusOfError(error: CometError): ErrorStatus {
  const trailers: Record<string, string> = { [CODE_TRAILER]: error.code }
  if (error.retryAfterMs !== undefined) {
    trailers[RETRY_AFTER_TRAILER] = String(Math.ceil(error.retryAfterMs))
  }
  return {
    code: statusCodes[errorTable[error.code].grpcStatus],
    // Half a surrogate pair cannot be percent-encoded; gRPC libraries throw on it.
    details: error.message.slice(0, DETAILS_MAX_CHARS).toWellFormed(),
    trailers,
  }
}

/** The CometError that a status carries, or what comes closest to a status of another origin. */
export function errorOfStatus(status: ReceivedStatus): CometError {
  const code = status.trailer(CODE_TRAILER)
  if (code === undefined) {
    return new CometError(codeOfPlainStatus(status), `${status.peer}: ${status.details}`)
  }
  const retryAfterMs = Number.parseInt(status.trailer(RETRY_AFTER_TRAILER) ?? '', 10)
  const options = Number.isNaN(retryAfterMs) ? {} : { retryAfterMs }
  return new CometError(isErrorCode(code) ? code : 'INTERNAL', status.details, options)
}

/** What the libraries between the two ends, and servers that are not ours, may say. */
function codeOfPlainStatus(status: ReceivedStatus): ErrorCode {
  switch (status.code) {
    case statusCodes.UNAVAILABLE:
      return status.connected ? 'UNAVAILABLE' : 'CONNECT_FAILED'
    case statusCodes.DEADLINE_EXCEEDED:
      return 'TIMEOUT'
    case statusCodes.CANCELLED:
      return 'CANCELLED'
    case statusCodes.RESOURCE_EXHAUSTED:
      return 'OVERLOADED'
    case statusCodes.UNIMPLEMENTED:
      return 'UNSUPPORTED'
    default:
      return 'INTERNAL'
  }
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorTable, code)
}
