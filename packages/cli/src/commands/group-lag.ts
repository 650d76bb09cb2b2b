import { type GroupDescription, isRetryTopic } from '@cometmq/protocol'
import { type WatchedOptions, withCluster } from '../operator.ts'
import type { View } from '../output.ts'
import { sum } from '../spec-of.ts'
import { tableLines } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import { formatDuration } from '../units.ts'
import { showOrWatch } from '../watch.ts'

export async function groupLag(
  terminal: Terminal,
  group: string,
  options: WatchedOptions,
): Promise<void> {
  await withCluster(terminal, options, async (cluster) => {
    await showOrWatch(terminal, options, async () => {
      const answers = await cluster.askAll('DescribeGroup', { group }, 'GROUP_NOT_FOUND')
      return lagView(
        group,
        answers.map(({ answer }) => answer),
      )
    })
  })
}

const COUNTS = ['ready', 'inFlight', 'delayed', 'backlog'] as const

/** One line per queue and one for all of them: ready + in flight + delayed = backlog in each. */
export function lagView(group: string, brokers: readonly GroupDescription[]): View {
  const queues = brokers.flatMap(({ brokerName, queues: ofBroker }) =>
    ofBroker.map((queue) => ({ brokerName, ...queue })),
  )
  const totals = Object.fromEntries(
    COUNTS.map((name) => [name, sum(queues.map((queue) => queue[name]))]),
  ) as Record<(typeof COUNTS)[number], number>
  const oldestAgeMs = Math.max(0, ...queues.map((queue) => queue.oldestAgeMs))
  const rows = [
    ...queues.map((queue) => ({
      ...queue,
      name: isRetryTopic(queue.topic) ? '(retry)' : queue.topic,
      place: `${queue.brokerName}/${queue.queueId}`,
      doneBelow: String(queue.doneBelow),
    })),
    { ...totals, oldestAgeMs, name: 'total', place: '', doneBelow: '' },
  ]
  return {
    document: { group, ...totals, oldestAgeMs, queues },
    lines: (style) =>
      tableLines(
        [
          { title: 'TOPIC', value: ({ name }) => name, flexible: true },
          { title: 'QUEUE', value: ({ place }) => place },
          { title: 'READY', value: ({ ready }) => ready },
          { title: 'IN FLIGHT', value: ({ inFlight }) => inFlight },
          { title: 'DELAYED', value: ({ delayed }) => delayed },
          { title: 'BACKLOG', value: ({ backlog }) => backlog },
          { title: 'DONE BELOW', value: ({ doneBelow }) => doneBelow, align: 'right' },
          {
            title: 'OLDEST',
            value: (row) => (row.oldestAgeMs === 0 ? '-' : formatDuration(row.oldestAgeMs)),
            align: 'right',
          },
        ],
        rows,
        style,
      ),
  }
}
