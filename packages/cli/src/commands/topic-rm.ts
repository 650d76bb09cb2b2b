import { confirm } from '../confirm.ts'
import { type RiskyOptions, withCluster } from '../operator.ts'
import { showOutcome } from '../outcome-view.ts'
import { sum } from '../spec-of.ts'
import type { Terminal } from '../terminal.ts'

export async function topicRm(
  terminal: Terminal,
  topic: string,
  options: RiskyOptions,
): Promise<void> {
  await withCluster(terminal, options, async (cluster) => {
    if (options.yes !== true) {
      const answers = await cluster.askAll('DescribeTopic', { topic }, 'TOPIC_NOT_FOUND')
      const queues = answers.flatMap(({ answer }) => answer.queues)
      const messages = sum(queues.map(({ minOffset, maxOffset }) => maxOffset - minOffset))
      await confirm(terminal, options, `delete topic ${topic} and the ${messages} messages in it`)
    }
    const { brokers } = await cluster.change('DeleteTopic', { topic, everywhere: true })
    showOutcome(terminal, options, brokers, {
      done: `deleted topic ${topic}`,
      document: { topic },
    })
  })
}
