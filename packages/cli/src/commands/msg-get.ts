import type { Place } from '../arguments.ts'
import { messageView } from '../message-view.ts'
import { type OperatorOptions, withCluster } from '../operator.ts'
import { show } from '../output.ts'
import type { Terminal } from '../terminal.ts'

export async function msgGet(
  terminal: Terminal,
  which: { readonly topic: string; readonly at: Place },
  options: OperatorOptions,
): Promise<void> {
  const { brokerName, queueId, offset } = which.at
  await withCluster(terminal, options, async (cluster) => {
    const message = await cluster.ask(brokerName, 'GetMessage', {
      topic: which.topic,
      queueId,
      offset,
    })
    show(terminal, options, messageView(message))
  })
}
