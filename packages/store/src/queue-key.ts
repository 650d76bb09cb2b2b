import type { QueueOffset } from '@cometmq/protocol'

/** Which queue. */
export interface QueueKey {
  readonly topic: string
  readonly queueId: number
}

/** Offsets of the messages that can be read: `[minOffset, maxOffset)`. */
export interface QueueBounds {
  readonly minOffset: QueueOffset
  readonly maxOffset: QueueOffset
}
