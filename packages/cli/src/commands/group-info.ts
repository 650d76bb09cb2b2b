import type { GroupDescription, GroupSpec, TopicFilterSpec } from '@cometmq/protocol'
import { type WatchedOptions, withCluster } from '../operator.ts'
import type { View } from '../output.ts'
import { oneOrAll, specOf, sum } from '../spec-of.ts'
import { fieldLines, tableLines } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import { formatBytes, formatDuration, formatTime } from '../units.ts'
import { showOrWatch } from '../watch.ts'
import { stateOf } from './group-ls.ts'

export async function groupInfo(
  terminal: Terminal,
  group: string,
  options: WatchedOptions,
): Promise<void> {
  await withCluster(terminal, options, async (cluster) => {
    await showOrWatch(terminal, options, async () => {
      const answers = await cluster.askAll('DescribeGroup', { group }, 'GROUP_NOT_FOUND')
      return groupView(
        group,
        answers.map(({ answer }) => answer),
      )
    })
  })
}

export function groupView(group: string, brokers: readonly GroupDescription[]): View {
  const specs = brokers.map(specOf)
  const members = brokers.flatMap(({ brokerName, members: ofBroker }) =>
    ofBroker.map((member) => ({ brokerName, ...member })),
  )
  const backlog = sum(brokers.flatMap(({ queues }) => queues.map((queue) => queue.backlog)))
  const deadLetters = sum(brokers.map((broker) => broker.deadLetters))
  return {
    document: {
      group,
      backlog,
      deadLetters,
      brokers: brokers.map(({ brokerName, spec, epoch }) => ({ brokerName, epoch, ...spec })),
      members,
    },
    lines: (style) => [
      ...fieldLines([
        ['group', group],
        ['state', oneOrAll(specs.map(stateOf))],
        ['order', oneOrAll(specs.map(({ fifo }) => (fifo ? 'by message group' : 'none')))],
        ['max attempts', oneOrAll(specs.map(({ maxAttempts }) => maxAttempts))],
        ['invisible', oneOrAll(specs.map(({ invisibleMs }) => formatDuration(invisibleMs)))],
        ['retry delays', oneOrAll(specs.map(delaysOf))],
        ['start', oneOrAll(specs.map(startOf))],
        ['backlog', backlog],
        ['dead letters', deadLetters],
      ]),
      '',
      ...(members.length === 0
        ? ['no members are connected']
        : tableLines(
            [
              { title: 'BROKER', value: ({ brokerName }) => brokerName },
              { title: 'MEMBER', value: ({ clientId }) => clientId, flexible: true },
              { title: 'PEER', value: ({ peer }) => peer },
              { title: 'CONNECTED', value: ({ connectedMs }) => formatDuration(connectedMs) },
              { title: 'HELD', value: ({ heldMessages }) => heldMessages },
              {
                title: 'CREDIT',
                value: ({ creditBytes }) => formatBytes(creditBytes),
                align: 'right',
              },
              {
                title: 'TOPICS',
                value: ({ topics }) => topics.map(filterOf).join(', '),
                flexible: true,
              },
            ],
            members,
            style,
          )),
    ],
  }
}

function delaysOf({ retryDelaysMs }: GroupSpec): string {
  return retryDelaysMs.map(formatDuration).join(',').replaceAll(' ', '')
}

function startOf({ start, startTimestampMs }: GroupSpec): string {
  return start === 'timestamp' ? formatTime(startTimestampMs) : start
}

function filterOf({ topic, filter, sql }: TopicFilterSpec): string {
  if (sql !== '') return `${topic}: ${sql}`
  return filter === '' || filter === '*' ? topic : `${topic}:${filter}`
}
