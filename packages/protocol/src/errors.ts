import { inspect } from 'node:util'

/**
 * What a caller should do about an error.
 *
 * - `never`: the same request fails again; the caller has to change it.
 * - `same-broker`: try again there, after `retryAfterMs` or a backoff.
 * - `refresh-route`: ask for the route again, then try what it names.
 * - `outcome-unknown`: it may have happened; retry only what is recognised when repeated.
 */
export type RetryAdvice = 'never' | 'same-broker' | 'refresh-route' | 'outcome-unknown'

/** The gRPC status an error travels with. */
export type StatusName =
  | 'INVALID_ARGUMENT'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'UNAVAILABLE'
  | 'DEADLINE_EXCEEDED'
  | 'DATA_LOSS'
  | 'CANCELLED'
  | 'INTERNAL'
  | 'UNIMPLEMENTED'

export interface ErrorRow {
  /** The number on the wire. Rows are append-only and a retired id stays reserved. */
  readonly id: number
  readonly grpcStatus: StatusName
  readonly retry: RetryAdvice
}

/** Every failure that a caller can act on. `docs/errors.md` explains each row. */
export const errorTable = {
  TOPIC_NOT_FOUND: { id: 1, grpcStatus: 'NOT_FOUND', retry: 'refresh-route' },
  GROUP_NOT_FOUND: { id: 2, grpcStatus: 'NOT_FOUND', retry: 'never' },
  QUEUE_NOT_FOUND: { id: 3, grpcStatus: 'NOT_FOUND', retry: 'refresh-route' },
  MESSAGE_NOT_FOUND: { id: 4, grpcStatus: 'NOT_FOUND', retry: 'never' },
  BROKER_NOT_FOUND: { id: 5, grpcStatus: 'NOT_FOUND', retry: 'refresh-route' },
  TOPIC_EXISTS: { id: 6, grpcStatus: 'ALREADY_EXISTS', retry: 'never' },
  GROUP_EXISTS: { id: 7, grpcStatus: 'ALREADY_EXISTS', retry: 'never' },
  ILLEGAL_NAME: { id: 8, grpcStatus: 'INVALID_ARGUMENT', retry: 'never' },
  ILLEGAL_ARGUMENT: { id: 9, grpcStatus: 'INVALID_ARGUMENT', retry: 'never' },
  ILLEGAL_FILTER: { id: 10, grpcStatus: 'INVALID_ARGUMENT', retry: 'never' },
  MESSAGE_TOO_LARGE: { id: 11, grpcStatus: 'INVALID_ARGUMENT', retry: 'never' },
  BATCH_TOO_LARGE: { id: 12, grpcStatus: 'INVALID_ARGUMENT', retry: 'never' },
  PROPERTIES_TOO_LARGE: { id: 13, grpcStatus: 'INVALID_ARGUMENT', retry: 'never' },
  MALFORMED_BATCH: { id: 14, grpcStatus: 'INVALID_ARGUMENT', retry: 'never' },
  CHECKSUM_MISMATCH: { id: 15, grpcStatus: 'DATA_LOSS', retry: 'same-broker' },
  MALFORMED_REQUEST: { id: 16, grpcStatus: 'INVALID_ARGUMENT', retry: 'never' },
  SEQUENCE_GAP: { id: 17, grpcStatus: 'FAILED_PRECONDITION', retry: 'same-broker' },
  SEQUENCE_TOO_OLD: { id: 18, grpcStatus: 'FAILED_PRECONDITION', retry: 'never' },
  PRODUCER_FENCED: { id: 19, grpcStatus: 'FAILED_PRECONDITION', retry: 'never' },
  STORE_BUSY: { id: 20, grpcStatus: 'RESOURCE_EXHAUSTED', retry: 'same-broker' },
  DISK_FULL: { id: 21, grpcStatus: 'RESOURCE_EXHAUSTED', retry: 'refresh-route' },
  RECORD_CORRUPT: { id: 22, grpcStatus: 'DATA_LOSS', retry: 'never' },
  STORE_CORRUPT: { id: 23, grpcStatus: 'DATA_LOSS', retry: 'never' },
  STORE_LOCKED: { id: 24, grpcStatus: 'FAILED_PRECONDITION', retry: 'never' },
  STORE_UNUSABLE: { id: 25, grpcStatus: 'FAILED_PRECONDITION', retry: 'never' },
  NOT_MASTER: { id: 26, grpcStatus: 'UNAVAILABLE', retry: 'refresh-route' },
  NOT_READY: { id: 27, grpcStatus: 'UNAVAILABLE', retry: 'same-broker' },
  DRAINING: { id: 28, grpcStatus: 'UNAVAILABLE', retry: 'refresh-route' },
  UNAVAILABLE: { id: 29, grpcStatus: 'UNAVAILABLE', retry: 'outcome-unknown' },
  CONNECT_FAILED: { id: 30, grpcStatus: 'UNAVAILABLE', retry: 'refresh-route' },
  TIMEOUT: { id: 31, grpcStatus: 'DEADLINE_EXCEEDED', retry: 'outcome-unknown' },
  CANCELLED: { id: 32, grpcStatus: 'CANCELLED', retry: 'never' },
  OVERLOADED: { id: 33, grpcStatus: 'RESOURCE_EXHAUSTED', retry: 'same-broker' },
  LEASE_LOST: { id: 34, grpcStatus: 'FAILED_PRECONDITION', retry: 'never' },
  SUBSCRIPTION_CONFLICT: { id: 35, grpcStatus: 'FAILED_PRECONDITION', retry: 'never' },
  GROUP_PAUSED: { id: 36, grpcStatus: 'FAILED_PRECONDITION', retry: 'never' },
  GROUP_ACTIVE: { id: 37, grpcStatus: 'FAILED_PRECONDITION', retry: 'never' },
  OFFSET_OUT_OF_RANGE: { id: 38, grpcStatus: 'FAILED_PRECONDITION', retry: 'never' },
  WRONG_CLUSTER: { id: 39, grpcStatus: 'FAILED_PRECONDITION', retry: 'never' },
  STALE_EPOCH: { id: 40, grpcStatus: 'ABORTED', retry: 'never' },
  NAME_TAKEN: { id: 41, grpcStatus: 'ALREADY_EXISTS', retry: 'never' },
  CONFIG_INVALID: { id: 42, grpcStatus: 'INVALID_ARGUMENT', retry: 'never' },
  NOT_ALLOWED: { id: 43, grpcStatus: 'PERMISSION_DENIED', retry: 'never' },
  UNSUPPORTED: { id: 44, grpcStatus: 'UNIMPLEMENTED', retry: 'never' },
  INTERNAL: { id: 45, grpcStatus: 'INTERNAL', retry: 'outcome-unknown' },
  CLOSED: { id: 46, grpcStatus: 'CANCELLED', retry: 'never' },
  SCHEMA_MISMATCH: { id: 47, grpcStatus: 'INVALID_ARGUMENT', retry: 'never' },
  PARTIAL_FAILURE: { id: 48, grpcStatus: 'ABORTED', retry: 'never' },
  TOO_MANY: { id: 49, grpcStatus: 'RESOURCE_EXHAUSTED', retry: 'never' },
  BROKER_ACTIVE: { id: 50, grpcStatus: 'FAILED_PRECONDITION', retry: 'never' },
  GROUP_STATE_CORRUPT: { id: 51, grpcStatus: 'DATA_LOSS', retry: 'never' },
  NOT_CONFIRMED: { id: 52, grpcStatus: 'UNAVAILABLE', retry: 'outcome-unknown' },
  LOG_DIVERGED: { id: 53, grpcStatus: 'DATA_LOSS', retry: 'never' },
  MEMBER_UNFIT: { id: 54, grpcStatus: 'FAILED_PRECONDITION', retry: 'never' },
  IN_SYNC_SET_TOO_SMALL: { id: 55, grpcStatus: 'UNAVAILABLE', retry: 'refresh-route' },
  REPLICATION_TIMEOUT: { id: 56, grpcStatus: 'DEADLINE_EXCEEDED', retry: 'outcome-unknown' },
  READ_ONLY: { id: 57, grpcStatus: 'UNAVAILABLE', retry: 'refresh-route' },
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof errorTable

export interface CometErrorOptions extends ErrorOptions {
  /** When the same request may be worth another try; absent means the caller's own backoff. */
  readonly retryAfterMs?: number
  /** Of `CONNECT_FAILED`: nothing listens there, said the machine itself. */
  readonly isRefused?: boolean
}

/** A failure the caller can act on, as its row says. Bugs are assertion failures instead. */
export class CometError extends Error {
  override readonly name = 'CometError'
  readonly code: ErrorCode
  readonly retryAfterMs: number | undefined
  /** Of `CONNECT_FAILED`: the machine is there and nothing listens, so the process is gone. */
  readonly isRefused: boolean

  constructor(code: ErrorCode, message: string, options?: CometErrorOptions) {
    super(message, options)
    this.code = code
    this.retryAfterMs = options?.retryAfterMs
    this.isRefused = options?.isRefused ?? false
  }

  get retry(): RetryAdvice {
    return errorTable[this.code].retry
  }
}

const codesById = new Map<number, ErrorCode>(
  Object.entries(errorTable).map(([code, row]) => [row.id, code as ErrorCode]),
)

/** The code of a wire id. An id from a newer peer reads as `INTERNAL`: unknown outcome, no retry storm. */
export function errorCodeOfId(id: number): ErrorCode {
  return codesById.get(id) ?? 'INTERNAL'
}

/** Makes any thrown value a CometError; what was not one becomes `INTERNAL` with its cause. */
export function toCometError(thrown: unknown): CometError {
  if (thrown instanceof CometError) return thrown
  if (!(thrown instanceof Error)) {
    const message = typeof thrown === 'string' ? thrown : inspect(thrown)
    return new CometError('INTERNAL', message, { cause: thrown })
  }
  const { name, message } = thrown
  if (name === 'AbortError') {
    return new CometError('CANCELLED', message || 'cancelled by the caller', { cause: thrown })
  }
  // The reason of `AbortSignal.timeout`, which callers may hand in.
  if (name === 'TimeoutError') {
    return new CometError('TIMEOUT', message || 'the time of the caller is up', { cause: thrown })
  }
  return new CometError('INTERNAL', message, { cause: thrown })
}
