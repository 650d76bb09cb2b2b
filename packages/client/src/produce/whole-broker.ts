import type { CometError, ErrorCode } from '@cometmq/protocol'

/** Whether no queue of the broker would have fared better: its lane says when it is tried again. */
export function isOfWholeBroker({ code }: CometError): boolean {
  return codes.has(code)
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
