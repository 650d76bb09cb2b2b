import { type OperatorOptions, withCluster } from '../operator.ts'
import { showOutcome } from '../outcome-view.ts'
import type { Terminal } from '../terminal.ts'

export interface TopicCreateOptions extends OperatorOptions {
  readonly queues?: number
  readonly type?: string
  readonly flush?: string
  readonly replicas?: string
}

export async function topicCreate(
  terminal: Terminal,
  topic: string,
  options: TopicCreateOptions,
): Promise<void> {
  await withCluster(terminal, options, async (cluster) => {
    const { brokers } = await cluster.change('CreateTopic', {
      topic,
      type: options.type ?? '',
      queueCount: options.queues ?? 0,
      flush: options.flush ?? '',
      replicas: options.replicas ?? '',
      everywhere: true,
      onFirstSend: false,
    })
    showOutcome(terminal, options, brokers, {
      done: `created topic ${topic}`,
      document: { topic },
    })
  })
}
