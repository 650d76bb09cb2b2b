import type { CometError } from '@cometmq/protocol'
import { backoffMs, type Random } from '@cometmq/runtime'

/** A broker that cannot be reached may be gone, or start again, or have a successor within moments. */
const RECONNECT = { baseMs: 100, maxMs: 1_000 } as const

/** A broker that is no master, or not ready, answers at once; a reign changes within tens of milliseconds. */
const OTHER_REIGN = { baseMs: 40, maxMs: 400 } as const

/**
 * How long to wait before a broker is tried again that failed with `error`, when nothing else tells
 * that it is worth it. `failures`: how often it has failed in a row before.
 */
export function waitMsAfter(error: CometError, failures: number, random: Random): number {
  const options = isOfReign(error) ? OTHER_REIGN : RECONNECT
  return (error.retryAfterMs ?? 0) + backoffMs(failures, options, random)
}

/** Whether it passes when the broker group has a master that is ready, whoever that is. */
export function isOfReign({ code }: CometError): boolean {
  return code === 'NOT_MASTER' || code === 'NOT_READY' || code === 'NOT_CONFIRMED'
}
