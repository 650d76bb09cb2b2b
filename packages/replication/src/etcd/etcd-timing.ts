import { CometError } from '@cometmq/protocol'

/** How long what may take. */
export interface EtcdTiming {
  /** Of a request to one endpoint; after it the next one is asked. */
  readonly deadlineMs: number
  /** Of the request for a lease, which etcd writes to its disks. */
  readonly grantDeadlineMs: number
  /** What is asked for; etcd grants at least one and a half times its election timeout. */
  readonly leaseTtlSec: number
  readonly keepAliveMs: number
  /** By how much earlier than etcd we count the lease as ended. */
  readonly leaseMarginMs: number
  /** How often a watch is asked for a sign of life. */
  readonly watchProgressMs: number
  /** A watch that says nothing for so long is opened elsewhere. */
  readonly watchSilenceMs: number
}

export const defaultEtcdTiming: EtcdTiming = {
  deadlineMs: 400,
  grantDeadlineMs: 800,
  leaseTtlSec: 2,
  keepAliveMs: 500,
  leaseMarginMs: 200,
  watchProgressMs: 1_000,
  watchSilenceMs: 1_500,
}

/** Between tries when every endpoint has failed. */
export const RETRY = { baseMs: 50, maxMs: 500 } as const

/**
 * Throws `CONFIG_INVALID` unless a keep-alive can miss two endpoints and still come in time by the
 * third: a frozen member of etcd must cost nobody the lease.
 */
export function checkTiming(timing: EtcdTiming): void {
  const neededMs = 2 * timing.deadlineMs + timing.keepAliveMs
  const leaseMs = 1_000 * timing.leaseTtlSec - timing.leaseMarginMs
  if (neededMs > leaseMs) {
    throw new CometError(
      'CONFIG_INVALID',
      `a lease of ${timing.leaseTtlSec} s is too short: two missed deadlines and a keep-alive ` +
        `take ${neededMs} ms, and ${leaseMs} ms are left after the margin`,
    )
  }
  if (timing.watchProgressMs >= timing.watchSilenceMs) {
    throw new CometError(
      'CONFIG_INVALID',
      'a watch must be asked for progress before it is given up',
    )
  }
}
