import { CometError } from '@cometmq/protocol'

/**
 * Where a reader goes on: for each queue, the offset of the next message. Plain data, to keep
 * wherever the caller likes: `{ 'broker-a/0': 17, 'broker-a/1': 0 }`.
 */
export type Positions = Readonly<Record<string, number>>

/** Where a reader begins. Queues that `Positions` do not name begin at their earliest message. */
export type ReadFrom = 'earliest' | 'latest' | Date | Positions

export function positionKey(brokerName: string, queueId: number): string {
  return `${brokerName}/${queueId}`
}

/** Throws `ILLEGAL_ARGUMENT` unless these are positions. */
export function checkPositions(positions: Positions): void {
  for (const [key, offset] of Object.entries(positions)) {
    if (!/^.+\/\d+$/.test(key) || !Number.isSafeInteger(offset) || offset < 0) {
      throw new CometError(
        'ILLEGAL_ARGUMENT',
        `${JSON.stringify({ [key]: offset })} is no position; one reads {"broker/queue": offset}`,
      )
    }
  }
}
