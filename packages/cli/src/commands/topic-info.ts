import type { TopicDescription } from '@cometmq/protocol'
import { type WatchedOptions, withCluster } from '../operator.ts'
import type { View } from '../output.ts'
import { oneOrAll, specOf, sum } from '../spec-of.ts'
import { fieldLines, tableLines } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import { formatTime } from '../units.ts'
import { showOrWatch } from '../watch.ts'
import { accessOf } from './topic-ls.ts'

export async function topicInfo(
  terminal: Terminal,
  topic: string,
  options: WatchedOptions,
): Promise<void> {
  await withCluster(terminal, options, async (cluster) => {
    await showOrWatch(terminal, options, async () => {
      const answers = await cluster.askAll('DescribeTopic', { topic }, 'TOPIC_NOT_FOUND')
      return topicView(
        topic,
        answers.map(({ answer }) => answer),
      )
    })
  })
}

export function topicView(topic: string, brokers: readonly TopicDescription[]): View {
  const specs = brokers.map(specOf)
  const queues = brokers.flatMap(({ brokerName, queues: ofBroker }) =>
    ofBroker.map((queue) => ({
      brokerName,
      ...queue,
      messages: queue.maxOffset - queue.minOffset,
    })),
  )
  const groups = [...new Set(brokers.flatMap((broker) => broker.groups))].toSorted()
  const messages = sum(queues.map((queue) => queue.messages))
  return {
    document: {
      topic,
      messages,
      groups,
      brokers: brokers.map(({ brokerName, spec }) => ({ brokerName, ...spec })),
      queues,
    },
    lines: (style) => [
      ...fieldLines([
        ['topic', topic],
        ['type', oneOrAll(specs.map(({ type }) => type))],
        ['flush', oneOrAll(specs.map(({ flush }) => flush))],
        ['replicas', oneOrAll(specs.map(({ replicas }) => replicas))],
        ['access', oneOrAll(specs.map(accessOf))],
        ['created', formatTime(Math.min(...specs.map(({ createdAtMs }) => createdAtMs)))],
        ['messages', messages],
        ['groups', groups.length === 0 ? 'none' : groups.join(', ')],
      ]),
      '',
      ...tableLines(
        [
          { title: 'BROKER', value: ({ brokerName }) => brokerName },
          { title: 'QUEUE', value: ({ queueId }) => queueId },
          { title: 'FIRST', value: ({ minOffset }) => minOffset },
          { title: 'NEXT', value: ({ maxOffset }) => maxOffset },
          { title: 'MESSAGES', value: (queue) => queue.messages },
          {
            title: 'LAST STORED',
            value: ({ lastStoreTimeMs }) =>
              lastStoreTimeMs === 0 ? '-' : formatTime(lastStoreTimeMs),
          },
        ],
        queues,
        style,
      ),
    ],
  }
}
