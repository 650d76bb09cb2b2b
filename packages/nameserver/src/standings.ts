import type { RegisteredTopic } from '@cometmq/protocol'

/** What the routes say of a topic's queues in one broker group. */
export interface Standing {
  readonly registered: RegisteredTopic
  readonly readable: boolean
  readonly writable: boolean
}

/** Of topics of one broker group, by name. */
export type Standings = ReadonlyMap<string, Standing>

/** The topics of which routes say something else now. */
export function* differences(before: Standings, after: Standings): Generator<string> {
  for (const [topic, now] of after) if (!isSame(before.get(topic), now)) yield topic
  for (const topic of before.keys()) if (!after.has(topic)) yield topic
}

function isSame(before: Standing | undefined, now: Standing): boolean {
  return (
    before !== undefined &&
    before.registered.type === now.registered.type &&
    before.registered.queueCount === now.registered.queueCount &&
    before.readable === now.readable &&
    before.writable === now.writable
  )
}
