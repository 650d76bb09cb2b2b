import { CommandError } from '../command-error.ts'
import { exitCodes } from '../exit-codes.ts'
import { type OperatorOptions, withCluster } from '../operator.ts'
import { showOutcome } from '../outcome-view.ts'
import type { Terminal } from '../terminal.ts'

export interface TopicEditOptions extends OperatorOptions {
  readonly queues?: number
  readonly flush?: string
  readonly replicas?: string
  readonly readable?: 'true' | 'false'
  readonly writable?: 'true' | 'false'
}

export async function topicEdit(
  terminal: Terminal,
  topic: string,
  options: TopicEditOptions,
): Promise<void> {
  const { queues, flush, replicas, readable, writable } = options
  if ([queues, flush, replicas, readable, writable].every((given) => given === undefined)) {
    const hint = 'give --queues, --flush, --replicas, --readable or --writable'
    throw new CommandError(exitCodes.usage, 'nothing to change was given', hint)
  }
  await withCluster(terminal, options, async (cluster) => {
    const { brokers } = await cluster.change('EditTopic', {
      topic,
      queueCount: queues ?? 0,
      flush: flush ?? '',
      replicas: replicas ?? '',
      readable: readable ?? '',
      writable: writable ?? '',
      everywhere: true,
    })
    showOutcome(terminal, options, brokers, {
      done: `changed topic ${topic}`,
      document: { topic },
    })
  })
}
