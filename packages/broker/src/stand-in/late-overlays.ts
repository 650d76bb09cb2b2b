import {
  askForOverlays,
  isOwed,
  isToMerge,
  mergeTaken,
  type OverlayPeer,
  type TakePorts,
} from './take-overlays.ts'

/** A slave that has just started waits no longer for its acknowledgements to be known. */
const PAUSE_MS = 5_000

/** Each merge interrupts delivery, and a full disk lasts. */
const PAUSE_MAX_MS = 60_000

export interface LateOptions {
  /** Those that have not given theirs in time. */
  readonly peers: readonly OverlayPeer[]
  /** Aborted with the reign. */
  readonly signal: AbortSignal
  /** Runs it while nothing is delivered and no row changes. */
  readonly aside: (merge: () => Promise<void>) => Promise<void>
}

/**
 * Goes on asking for overlays that a master has not had in time, and merges each when it comes, until
 * it has all or its reign is over.
 *
 * Late or not, the merge is the same: between two delivery engines, from rows that nobody changes. One
 * at work has leases and moves in memory that a merged row knows nothing of.
 */
export async function mergeLateOverlays(ports: TakePorts, options: LateOptions): Promise<void> {
  const { clock, log } = ports
  const { signal, aside } = options
  let owed = options.peers
  let failures = 0
  while (owed.length > 0) {
    const pauseMs = Math.min(PAUSE_MS * 2 ** failures, PAUSE_MAX_MS)
    await clock.sleep(pauseMs, signal).catch(() => {})
    if (signal.aborted) return
    const asked = await askForOverlays(ports, owed, signal)
    if (signal.aborted) return
    let isMerged = true
    if (isToMerge(ports, asked)) {
      const peers = asked.filter(({ kind }) => kind === 'given').map(({ peer }) => peer.name)
      log.info({ peers }, 'overlays have come late; delivery stops while they are merged')
      isMerged = false
      await aside(async () => {
        isMerged = await mergeTaken(ports, asked)
      })
    }
    failures = isMerged ? 0 : failures + 1
    owed = asked.filter(({ kind }) => isOwed(kind, isMerged)).map(({ peer }) => peer)
  }
}
