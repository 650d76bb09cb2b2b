import type { StartPosition } from '@cometmq/protocol'
import type { QueueKey } from '@cometmq/store'
import type { DeliveryStore } from './ports.ts'

/** The offset at which that position lies in the queue by now; 0 in a queue without messages. */
export async function startOffset(
  store: DeliveryStore,
  queue: QueueKey,
  position: StartPosition,
): Promise<number> {
  const bounds = store.bounds(queue)
  if (bounds === undefined) return 0
  switch (position.kind) {
    case 'earliest':
      return bounds.minOffset
    case 'latest':
      return bounds.maxOffset
    case 'timestamp':
      return store.offsetAtTime(queue, position.timestampMs)
  }
}
