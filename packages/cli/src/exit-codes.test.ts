import { type ErrorCode, errorTable } from '@cometmq/protocol'
import { describe, expect, test } from 'vitest'
import { exitCodeOf, exitCodes } from './exit-codes.ts'

describe('exit codes', () => {
  // Scripts branch on them: moving a code to another number breaks those.
  test('are fixed for every error code', () => {
    const codes = Object.keys(errorTable) as ErrorCode[]
    const byExitCode = Object.entries(exitCodes).map(([name, exitCode]) => [
      name,
      codes.filter((code) => exitCodeOf(code) === exitCode),
    ])

    expect(Object.fromEntries(byExitCode)).toMatchInlineSnapshot(`
      {
        "cannotConnect": [
          "NOT_MASTER",
          "NOT_READY",
          "DRAINING",
          "UNAVAILABLE",
          "CONNECT_FAILED",
          "NOT_CONFIRMED",
          "READ_ONLY",
        ],
        "failed": [
          "MALFORMED_BATCH",
          "CHECKSUM_MISMATCH",
          "MALFORMED_REQUEST",
          "SEQUENCE_GAP",
          "SEQUENCE_TOO_OLD",
          "STORE_BUSY",
          "DISK_FULL",
          "RECORD_CORRUPT",
          "STORE_CORRUPT",
          "CANCELLED",
          "OVERLOADED",
          "STALE_EPOCH",
          "UNSUPPORTED",
          "INTERNAL",
          "CLOSED",
          "PARTIAL_FAILURE",
          "TOO_MANY",
          "GROUP_STATE_CORRUPT",
          "LOG_DIVERGED",
          "IN_SYNC_SET_TOO_SMALL",
        ],
        "notAllowed": [
          "NOT_ALLOWED",
        ],
        "notFound": [
          "TOPIC_NOT_FOUND",
          "GROUP_NOT_FOUND",
          "QUEUE_NOT_FOUND",
          "MESSAGE_NOT_FOUND",
          "BROKER_NOT_FOUND",
        ],
        "ok": [],
        "precondition": [
          "TOPIC_EXISTS",
          "GROUP_EXISTS",
          "PRODUCER_FENCED",
          "STORE_LOCKED",
          "STORE_UNUSABLE",
          "LEASE_LOST",
          "SUBSCRIPTION_CONFLICT",
          "GROUP_PAUSED",
          "GROUP_ACTIVE",
          "OFFSET_OUT_OF_RANGE",
          "WRONG_CLUSTER",
          "NAME_TAKEN",
          "BROKER_ACTIVE",
          "MEMBER_UNFIT",
        ],
        "timeout": [
          "TIMEOUT",
          "REPLICATION_TIMEOUT",
        ],
        "usage": [
          "ILLEGAL_NAME",
          "ILLEGAL_ARGUMENT",
          "ILLEGAL_FILTER",
          "MESSAGE_TOO_LARGE",
          "BATCH_TOO_LARGE",
          "PROPERTIES_TOO_LARGE",
          "CONFIG_INVALID",
          "SCHEMA_MISMATCH",
        ],
      }
    `)
  })
})
