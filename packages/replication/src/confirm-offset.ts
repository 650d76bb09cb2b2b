import type { CommitLogOffset } from '@cometmq/protocol'

export interface Confirmation {
  /** The confirm offset so far. */
  readonly confirmed: CommitLogOffset
  readonly minInSync: number
  /**
   * How far each member of the maximal in-sync set, the master included, holds the log for good;
   * undefined for one without a current stream.
   */
  readonly durable: readonly (CommitLogOffset | undefined)[]
}

/**
 * Up to where every member that may be elected holds the log.
 *
 * Stands still below the floor and while one of them is away, for it may come back as master; that
 * it has acknowledged nothing yet is no exception. Never falls: what was confirmed has been seen.
 */
export function nextConfirmOffset({
  confirmed,
  minInSync,
  durable,
}: Confirmation): CommitLogOffset {
  if (durable.length < minInSync) return confirmed
  let least: CommitLogOffset | undefined
  for (const offset of durable) {
    if (offset === undefined) return confirmed
    if (least === undefined || offset < least) least = offset
  }
  return least === undefined || least < confirmed ? confirmed : least
}
