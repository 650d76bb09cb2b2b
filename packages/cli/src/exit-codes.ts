import { type ErrorCode, errorTable, type StatusName } from '@cometmq/protocol'

/** What scripts may rely on; `docs/cli.md` lists them. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  notAllowed: 4,
  cannotConnect: 5,
  timeout: 6,
  precondition: 7,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

const exitCodesByStatus: Record<StatusName, ExitCode> = {
  INVALID_ARGUMENT: exitCodes.usage,
  NOT_FOUND: exitCodes.notFound,
  ALREADY_EXISTS: exitCodes.precondition,
  PERMISSION_DENIED: exitCodes.notAllowed,
  RESOURCE_EXHAUSTED: exitCodes.failed,
  FAILED_PRECONDITION: exitCodes.precondition,
  ABORTED: exitCodes.failed,
  UNAVAILABLE: exitCodes.cannotConnect,
  DEADLINE_EXCEEDED: exitCodes.timeout,
  DATA_LOSS: exitCodes.failed,
  CANCELLED: exitCodes.failed,
  INTERNAL: exitCodes.failed,
  UNIMPLEMENTED: exitCodes.failed,
}

/** Codes whose gRPC status says something else than a person at a shell needs to know. */
const exceptions: Partial<Record<ErrorCode, ExitCode>> = {
  // Two programs do not understand each other; nothing that was typed is wrong.
  MALFORMED_BATCH: exitCodes.failed,
  MALFORMED_REQUEST: exitCodes.failed,
  SEQUENCE_GAP: exitCodes.failed,
  SEQUENCE_TOO_OLD: exitCodes.failed,
  // Somebody has answered.
  IN_SYNC_SET_TOO_SMALL: exitCodes.failed,
}

export function exitCodeOf(code: ErrorCode): ExitCode {
  return exceptions[code] ?? exitCodesByStatus[errorTable[code].grpcStatus]
}

/** What to try next, for the errors where the message alone does not say it. */
export const hints: Partial<Record<ErrorCode, string>> = {
  TOPIC_NOT_FOUND: '`comet topic ls` lists the topics',
  GROUP_NOT_FOUND: '`comet group ls` lists the groups',
  QUEUE_NOT_FOUND: '`comet topic info TOPIC` lists the queues',
  MESSAGE_NOT_FOUND: '`comet topic info TOPIC` shows which offsets each queue holds',
  BROKER_NOT_FOUND: '`comet cluster info` lists the brokers',
  OFFSET_OUT_OF_RANGE: '`comet topic info TOPIC` shows which offsets each queue holds',
  TOPIC_EXISTS: '`comet topic edit` changes it',
  GROUP_ACTIVE: 'stop its consumers first, or add --force',
  CONNECT_FAILED:
    'is a name server running there? `comet dev` starts one; --nameserver or COMETMQ_NAMESERVER names another',
  UNAVAILABLE: 'the connection broke; `comet cluster health` shows who answers',
  TIMEOUT: '--timeout gives it longer; `comet cluster health` shows who answers',
  NOT_READY: 'it has just started; try again in a few seconds, or `comet cluster health --wait`',
  STORE_LOCKED: 'stop the broker that uses the folder first',
  STORE_CORRUPT: '`comet store verify DIR` shows where',
  STORE_BUSY: 'the broker has more waiting than it takes; try again',
  OVERLOADED: 'the broker has more waiting than it takes; try again',
  DISK_FULL: 'free space on the disk of the broker; it goes on by itself',
  PARTIAL_FAILURE: 'what was done stays done; repeat the command when the others are back',
}
