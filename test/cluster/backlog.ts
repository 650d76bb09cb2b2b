import assert from 'node:assert/strict'
import type { CometClient } from '@cometmq/client'

/**
 * What the group has not done yet, over all brokers and queues. Of each queue it must be ready, in
 * flight, or delayed.
 */
export async function backlogOf(comet: CometClient, group: string): Promise<number> {
  const descriptions = await comet.admin.groups.describe(group)
  const queues = descriptions.flatMap(({ queues }) => queues)
  for (const { ready, inFlight, delayed, backlog } of queues) {
    assert.equal(ready + inFlight + delayed, backlog, `the backlog of ${group} does not add up`)
  }
  return queues.reduce((sum, queue) => sum + queue.backlog, 0)
}
