import type { CometError, ErrorCode } from '@cometmq/protocol'

/** Whether no queue of the broker would have fared better: its lane says when it is tried again. */
export function isOfWholeBroker({ code }: CometError): boolean {
  return codes.has(code)
}

/** Whether it waits for its slaves: other queues of it may fare better, and other broker groups will. */
export function isShortOfCopies({ code }: CometError): boolean {
  return code === 'IN_SYNC_SET_TOO_SMALL' || code === 'REPLICATION_TIMEOUT'
}

const codes: ReadonlySet<ErrorCode> = new Set([
  'NOT_MASTER',
  'NOT_READY',
  'NOT_CONFIRMED',
  'DRAINING',
  'DISK_FULL',
  'CONNECT_FAILED',
  'UNAVAILABLE',
])
