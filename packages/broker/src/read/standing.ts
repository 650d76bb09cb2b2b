import { CometError } from '@cometmq/protocol'
import type { QueueKey } from '@cometmq/store'

/** What a member of a broker group may say of where its queues end. */
export type Standing =
  /** They end where they end here. */
  | 'master'
  /** It leads, and has not applied all that earlier masters left. */
  | 'settling'
  /** There may be more than it has heard of. */
  | 'slave'

export interface Extent {
  readonly minOffset: number
  readonly maxOffset: number
}

/**
 * Throws `NOT_READY` from a master that does not know yet where queues end: it would name an end
 * below one that was named before. A slave says what it has; its end may be old.
 */
export function checkSettled(standing: Standing): void {
  if (standing !== 'settling') return
  throw new CometError('NOT_READY', 'this broker has just become master; try again at once', {
    retryAfterMs: 20,
  })
}

/**
 * Throws `OFFSET_OUT_OF_RANGE` if the place has been deleted, or is not there yet; and `NOT_READY` if
 * it may be there, at another member. Who was told that it is out of range would go back.
 */
export function checkOffset(
  standing: Standing,
  queue: QueueKey,
  place: { readonly offset: number } & Extent,
): number {
  const { offset, minOffset, maxOffset } = place
  if (offset > maxOffset && standing !== 'master') {
    const name = `queue ${queue.queueId} of "${queue.topic}"`
    throw new CometError(
      'NOT_READY',
      `this member of the broker group has ${name} up to ${maxOffset}, and not ${offset} yet`,
      { retryAfterMs: 20 },
    )
  }
  if (offset < minOffset || offset > maxOffset) throw outOfRange(queue, offset, place)
  return offset
}

export function outOfRange(
  { topic, queueId }: QueueKey,
  offset: number,
  { minOffset, maxOffset }: Extent,
): CometError {
  return new CometError(
    'OFFSET_OUT_OF_RANGE',
    `queue ${queueId} of "${topic}" holds ${minOffset} to ${maxOffset}; there is no ${offset}`,
  )
}
