import { CometError, type TopicDescription } from '@cometmq/protocol'
import type { Cluster } from '../cluster.ts'
import { type WatchedOptions, withCluster } from '../operator.ts'
import type { View } from '../output.ts'
import { sum } from '../spec-of.ts'
import { tableLines } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import { formatTime } from '../units.ts'
import { showOrWatch } from '../watch.ts'

/** Topics that are described without being named. More is a flood on screen and on the brokers. */
const MAX_TOPICS = 1_000

export async function topicStats(
  terminal: Terminal,
  topic: string | undefined,
  options: WatchedOptions,
): Promise<void> {
  await withCluster(terminal, options, async (cluster) => {
    let previous: Counts | undefined
    await showOrWatch(terminal, options, async () => {
      const current = await countMessages(cluster, topic)
      const view = statsView(current, previous)
      previous = current
      return view
    })
  })
}

/** How many messages each topic ever had and still has, at one moment. */
export interface Counts {
  readonly atMs: number
  readonly topics: ReadonlyMap<string, TopicCount>
}

interface TopicCount {
  /** Messages ever stored: the sum of where its queues end. */
  readonly stored: number
  readonly kept: number
  readonly lastStoreTimeMs: number
}

async function countMessages(cluster: Cluster, topic: string | undefined): Promise<Counts> {
  const topics = new Map<string, TopicCount>()
  for (const name of topic === undefined ? await listTopics(cluster) : [topic]) {
    try {
      const answers = await cluster.askAll('DescribeTopic', { topic: name }, 'TOPIC_NOT_FOUND')
      topics.set(name, countOf(answers.map(({ answer }) => answer)))
    } catch (error) {
      // Deleted since it was listed.
      if (topic === undefined && isGone(error)) continue
      throw error
    }
  }
  return { atMs: performance.now(), topics }
}

function isGone(error: unknown): boolean {
  return error instanceof CometError && error.code === 'TOPIC_NOT_FOUND'
}

async function listTopics(cluster: Cluster): Promise<readonly string[]> {
  const answers = await cluster.askAll('ListTopics', { internal: false })
  const names = new Set(answers.flatMap(({ answer }) => answer.topics.map(({ topic }) => topic)))
  return [...names].toSorted().slice(0, MAX_TOPICS)
}

function countOf(brokers: readonly TopicDescription[]): TopicCount {
  const queues = brokers.flatMap((broker) => broker.queues)
  return {
    stored: sum(queues.map(({ maxOffset }) => maxOffset)),
    kept: sum(queues.map(({ minOffset, maxOffset }) => maxOffset - minOffset)),
    lastStoreTimeMs: Math.max(0, ...queues.map(({ lastStoreTimeMs }) => lastStoreTimeMs)),
  }
}

/** With an earlier count, also messages per second since then. */
export function statsView(current: Counts, previous: Counts | undefined): View {
  const topics = [...current.topics].map(([topic, count]) => {
    const before = previous?.topics.get(topic)
    const seconds = previous === undefined ? 0 : (current.atMs - previous.atMs) / 1_000
    // A topic that was deleted and made again counts anew.
    const perSecond =
      before === undefined || seconds <= 0 || count.stored < before.stored
        ? undefined
        : (count.stored - before.stored) / seconds
    return { topic, ...count, ...(perSecond === undefined ? {} : { perSecond }) }
  })
  return {
    document: { topics },
    lines: (style) =>
      topics.length === 0
        ? ['no topics; `comet topic create TOPIC` makes one']
        : tableLines(
            [
              { title: 'TOPIC', value: ({ topic }) => topic, flexible: true },
              { title: 'KEPT', value: ({ kept }) => kept },
              { title: 'STORED EVER', value: ({ stored }) => stored },
              {
                title: 'PER SECOND',
                value: ({ perSecond }) => (perSecond === undefined ? '-' : perSecond.toFixed(1)),
                align: 'right',
              },
              {
                title: 'LAST STORED',
                value: ({ lastStoreTimeMs }) =>
                  lastStoreTimeMs === 0 ? '-' : formatTime(lastStoreTimeMs),
              },
            ],
            topics,
            style,
          ),
  }
}
