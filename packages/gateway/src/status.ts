import { type ErrorCode, toCometError } from '@cometmq/protocol'
import type { Code, Status__Input } from '@cometmq/protocol/rocketmq'
import type { Logger } from '@cometmq/runtime'

/** A call is refused, with the code that its client acts on. */
export class RefusedCall extends Error {
  override readonly name = 'RefusedCall'
  readonly code: Code

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** As official clients know it. What a user of theirs cannot act on is INTERNAL_SERVER_ERROR. */
const codes: Readonly<Record<ErrorCode, Code>> = {
  TOPIC_NOT_FOUND: 'TOPIC_NOT_FOUND',
  GROUP_NOT_FOUND: 'CONSUMER_GROUP_NOT_FOUND',
  QUEUE_NOT_FOUND: 'BAD_REQUEST',
  MESSAGE_NOT_FOUND: 'NOT_FOUND',
  BROKER_NOT_FOUND: 'BAD_REQUEST',
  TOPIC_EXISTS: 'BAD_REQUEST',
  GROUP_EXISTS: 'BAD_REQUEST',
  ILLEGAL_NAME: 'BAD_REQUEST',
  ILLEGAL_ARGUMENT: 'BAD_REQUEST',
  ILLEGAL_FILTER: 'ILLEGAL_FILTER_EXPRESSION',
  MESSAGE_TOO_LARGE: 'MESSAGE_BODY_TOO_LARGE',
  BATCH_TOO_LARGE: 'MESSAGE_BODY_TOO_LARGE',
  PROPERTIES_TOO_LARGE: 'MESSAGE_PROPERTIES_TOO_LARGE',
  MALFORMED_BATCH: 'MESSAGE_CORRUPTED',
  CHECKSUM_MISMATCH: 'MESSAGE_CORRUPTED',
  MALFORMED_REQUEST: 'BAD_REQUEST',
  SEQUENCE_GAP: 'INTERNAL_SERVER_ERROR',
  SEQUENCE_TOO_OLD: 'INTERNAL_SERVER_ERROR',
  PRODUCER_FENCED: 'INTERNAL_SERVER_ERROR',
  STORE_BUSY: 'TOO_MANY_REQUESTS',
  DISK_FULL: 'FORBIDDEN',
  RECORD_CORRUPT: 'INTERNAL_SERVER_ERROR',
  STORE_CORRUPT: 'INTERNAL_SERVER_ERROR',
  STORE_LOCKED: 'INTERNAL_SERVER_ERROR',
  STORE_UNUSABLE: 'INTERNAL_SERVER_ERROR',
  NOT_MASTER: 'HA_NOT_AVAILABLE',
  READ_ONLY: 'HA_NOT_AVAILABLE',
  NOT_READY: 'HA_NOT_AVAILABLE',
  DRAINING: 'HA_NOT_AVAILABLE',
  UNAVAILABLE: 'HA_NOT_AVAILABLE',
  CONNECT_FAILED: 'HA_NOT_AVAILABLE',
  TIMEOUT: 'PROXY_TIMEOUT',
  CANCELLED: 'PROXY_TIMEOUT',
  OVERLOADED: 'TOO_MANY_REQUESTS',
  LEASE_LOST: 'INVALID_RECEIPT_HANDLE',
  SUBSCRIPTION_CONFLICT: 'PRECONDITION_FAILED',
  GROUP_PAUSED: 'FORBIDDEN',
  GROUP_ACTIVE: 'FORBIDDEN',
  OFFSET_OUT_OF_RANGE: 'ILLEGAL_OFFSET',
  WRONG_CLUSTER: 'INTERNAL_SERVER_ERROR',
  STALE_EPOCH: 'INTERNAL_SERVER_ERROR',
  NAME_TAKEN: 'INTERNAL_SERVER_ERROR',
  CONFIG_INVALID: 'INTERNAL_SERVER_ERROR',
  NOT_ALLOWED: 'FORBIDDEN',
  UNSUPPORTED: 'UNSUPPORTED',
  INTERNAL: 'INTERNAL_SERVER_ERROR',
  CLOSED: 'HA_NOT_AVAILABLE',
  SCHEMA_MISMATCH: 'INTERNAL_SERVER_ERROR',
  PARTIAL_FAILURE: 'INTERNAL_SERVER_ERROR',
  TOO_MANY: 'TOO_MANY_REQUESTS',
  BROKER_ACTIVE: 'FORBIDDEN',
  GROUP_STATE_CORRUPT: 'INTERNAL_SERVER_ERROR',
  NOT_CONFIRMED: 'HA_NOT_AVAILABLE',
  LOG_DIVERGED: 'INTERNAL_SERVER_ERROR',
  MEMBER_UNFIT: 'FORBIDDEN',
  IN_SYNC_SET_TOO_SMALL: 'HA_NOT_AVAILABLE',
  REPLICATION_TIMEOUT: 'SLAVE_PERSISTENCE_TIMEOUT',
}

export const OK: Status__Input = { code: 'OK', message: 'OK' }

export function status(code: Code, message: string): Status__Input {
  return { code, message }
}

/** What was thrown, as the client may see it. A mistake of ours is logged and not told. */
export function statusOf(thrown: unknown, log: Logger): Status__Input {
  if (thrown instanceof RefusedCall) return status(thrown.code, thrown.message)
  const error = toCometError(thrown)
  if (error.code === 'INTERNAL') {
    log.error({ error: thrown }, 'a call of an official client failed unexpectedly')
    return status('INTERNAL_SERVER_ERROR', 'the server failed; its log says more')
  }
  return status(codes[error.code], error.message)
}
