import type { CometClient } from '@cometmq/client'

/** What the group has not done yet, over all brokers and queues. */
export async function backlogOf(comet: CometClient, group: string): Promise<number> {
  const descriptions = await comet.admin.groups.describe(group)
  return descriptions.flatMap(({ queues }) => queues).reduce((sum, queue) => sum + queue.backlog, 0)
}
