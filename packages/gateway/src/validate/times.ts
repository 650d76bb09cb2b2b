import type { Duration } from '@cometmq/protocol/rocketmq'
import type { ClientCall } from '../client-call.ts'
import { times } from '../config.ts'
import { msOf } from '../durations.ts'
import type { ClientSession } from '../sessions.ts'
import { RefusedCall } from '../status.ts'

/** How long a lease is to last. Throws `ILLEGAL_INVISIBLE_TIME`. */
export function invisibleMsOf(duration: Duration | null | undefined): number {
  const ms = msOf(duration)
  if (ms !== undefined && ms >= times.invisibleMinMs && ms <= times.invisibleMaxMs) return ms
  throw new RefusedCall(
    'ILLEGAL_INVISIBLE_TIME',
    `an invisible time of ${ms ?? 'no'} ms; give ${times.invisibleMinMs} to ${times.invisibleMaxMs}`,
  )
}

/** How long from now; nothing, or less, is now. Throws `ILLEGAL_INVISIBLE_TIME`. */
export function changedInvisibleMsOf(duration: Duration | null | undefined): number {
  const ms = msOf(duration) ?? 0
  if (ms <= times.invisibleMaxMs) return Math.max(0, ms)
  throw new RefusedCall(
    'ILLEGAL_INVISIBLE_TIME',
    `an invisible time of ${ms} ms; give ${times.invisibleMaxMs} at most`,
  )
}

/**
 * How long a receive waits: what the client asks for, within bounds, and not so long that it gives
 * up before the answer. Throws `ILLEGAL_POLLING_TIME`.
 */
export function pollMsOf(
  { longPollingTimeout }: { readonly longPollingTimeout?: Duration | null },
  call: ClientCall,
  session: ClientSession,
): number {
  const { remainingMs } = call
  const requestTimeoutMs = msOf(session.settings?.requestTimeout) ?? times.requestTimeoutMs
  const askedMs = msOf(longPollingTimeout) ?? remainingMs - requestTimeoutMs / 2
  const pollMs = Math.min(Math.max(askedMs, times.pollMinMs), times.pollMaxMs)
  // What is forwarded has lost a little on its way.
  if (pollMs > remainingMs && remainingMs < times.pollMinMs - (call.isForwarded ? 500 : 0)) {
    throw new RefusedCall(
      versionIsOld(call.version) ? 'BAD_REQUEST' : 'ILLEGAL_POLLING_TIME',
      `the caller waits ${Math.round(remainingMs)} ms; a poll takes ${times.pollMinMs} at least`,
    )
  }
  return Math.max(0, Math.min(pollMs, remainingMs - times.pollMarginMs))
}

/** Before 5.0.3 clients do not know the code. */
function versionIsOld(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map((part) => Number.parseInt(part))
  return major < 5 || (major === 5 && minor === 0 && patch < 3)
}
