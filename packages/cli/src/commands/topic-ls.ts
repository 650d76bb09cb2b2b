import type { TopicSpec } from '@cometmq/protocol'
import type { BrokerAnswer } from '../cluster.ts'
import { type WatchedOptions, withCluster } from '../operator.ts'
import type { View } from '../output.ts'
import { oneOrAll, sum } from '../spec-of.ts'
import { tableLines } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import { showOrWatch } from '../watch.ts'

export interface TopicLsOptions extends WatchedOptions {
  readonly internal?: boolean
}

export async function topicLs(terminal: Terminal, options: TopicLsOptions): Promise<void> {
  await withCluster(terminal, options, async (cluster) => {
    await showOrWatch(terminal, options, async () => {
      const answers = await cluster.askAll('ListTopics', {
        internal: options.internal === true,
      })
      return topicsView(
        answers.map(({ brokerName, answer }) => ({ brokerName, answer: answer.topics })),
      )
    })
  })
}

/** Topics by name, each with what every broker says of it. */
export function topicsView(answers: readonly BrokerAnswer<readonly TopicSpec[]>[]): View {
  const specs = answers.flatMap(({ brokerName, answer }) =>
    answer.map((spec) => ({ brokerName, ...spec })),
  )
  const topics = [...Map.groupBy(specs, ({ topic }) => topic)]
    .map(([topic, brokers]) => ({ topic, brokers }))
    .toSorted((a, b) => (a.topic < b.topic ? -1 : 1))
  return {
    document: { topics },
    lines: (style) =>
      topics.length === 0
        ? ['no topics; `comet topic create TOPIC` makes one']
        : tableLines(
            [
              { title: 'TOPIC', value: ({ topic }) => topic, flexible: true },
              { title: 'TYPE', value: ({ brokers }) => oneOrAll(brokers.map(({ type }) => type)) },
              { title: 'QUEUES', value: ({ brokers }) => sum(brokers.map((b) => b.queueCount)) },
              { title: 'BROKERS', value: ({ brokers }) => brokers.length },
              {
                title: 'FLUSH',
                value: ({ brokers }) => oneOrAll(brokers.map(({ flush }) => flush)),
              },
              {
                title: 'REPLICAS',
                value: ({ brokers }) => oneOrAll(brokers.map(({ replicas }) => replicas)),
              },
              { title: 'ACCESS', value: ({ brokers }) => oneOrAll(brokers.map(accessOf)) },
            ],
            topics,
            style,
          ),
  }
}

/** What is allowed with the topic. */
export function accessOf(spec: Pick<TopicSpec, 'readable' | 'writable'>): string {
  if (spec.readable) return spec.writable ? 'read-write' : 'read'
  return spec.writable ? 'write' : 'none'
}
