import type { EpochDescription, ReplicasDescription } from '@cometmq/protocol'
import { askMember, membersOf } from '../broker-group.ts'
import { type WatchedOptions, withCluster } from '../operator.ts'
import type { View } from '../output.ts'
import { tableLines } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import { formatTime } from '../units.ts'
import { showOrWatch } from '../watch.ts'

/** Shows who wrote which part of a group's log, and why it was him. */
export async function brokerEpochs(
  terminal: Terminal,
  brokerName: string,
  options: WatchedOptions,
): Promise<void> {
  await withCluster(terminal, options, async (_cluster, connected) => {
    const call = { timeoutMs: options.timeout, signal: terminal.stop }
    await showOrWatch(terminal, options, async () => {
      const members = await membersOf(connected, brokerName)
      return epochsView(await askMember(connected, members, 'DescribeReplicas', {}, call))
    })
  })
}

export function epochsView({ brokerName, answeredBy, epochs }: ReplicasDescription): View {
  return {
    document: { brokerName, answeredBy, epochs: epochs.map(documentOf) },
    lines: (style) =>
      epochs.length === 0
        ? [`nothing was ever written to ${brokerName}`]
        : tableLines(columns, epochs.toReversed(), style),
  }
}

function documentOf({ epoch, start, master, reason, atMs }: EpochDescription): object {
  return {
    epoch,
    start,
    ...(master === 0 ? {} : { master }),
    ...(reason === '' ? {} : { reason }),
    ...(atMs === 0 ? {} : { atMs }),
  }
}

const columns = [
  { title: 'EPOCH', value: ({ epoch }: EpochDescription) => epoch },
  {
    title: 'MASTER',
    value: ({ master }: EpochDescription) => (master === 0 ? '-' : master),
    align: 'right',
  },
  { title: 'START', value: ({ start }: EpochDescription) => start },
  { title: 'REASON', value: ({ reason }: EpochDescription) => reason || '-' },
  {
    title: 'BEGAN',
    value: ({ atMs }: EpochDescription) => (atMs === 0 ? '-' : formatTime(atMs)),
  },
] as const
