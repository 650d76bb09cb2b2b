import { CometError, type Replica, type ReplicasDescription } from '@cometmq/protocol'
import { askMember, brokerGroups, membersOf } from '../broker-group.ts'
import { type Connected, type WatchedOptions, withCluster } from '../operator.ts'
import type { View } from '../output.ts'
import { tableLines } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import { formatBytes, formatDuration } from '../units.ts'
import { showOrWatch } from '../watch.ts'

/** Shows the members of one broker group, or of all that have several. */
export async function brokerReplicas(
  terminal: Terminal,
  brokerName: string | undefined,
  options: WatchedOptions,
): Promise<void> {
  await withCluster(terminal, options, async (_cluster, connected) => {
    await showOrWatch(terminal, options, async () => {
      const call = { timeoutMs: options.timeout, signal: terminal.stop }
      if (brokerName !== undefined) {
        const members = await membersOf(connected, brokerName)
        return replicasView([await askMember(connected, members, 'DescribeReplicas', {}, call)])
      }
      return replicasView(await describeAll(connected, call))
    })
  })
}

async function describeAll(
  connected: Connected,
  call: Parameters<typeof askMember>[4],
): Promise<ReplicasDescription[]> {
  const groups = await brokerGroups(connected)
  const described: ReplicasDescription[] = []
  for (const [, members] of [...groups].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    try {
      described.push(await askMember(connected, members, 'DescribeReplicas', {}, call))
    } catch (error) {
      // A broker that is alone in its group has no replicas to show.
      if (!(error instanceof CometError) || error.code !== 'MEMBER_UNFIT') throw error
    }
  }
  return described
}

export function replicasView(groups: readonly ReplicasDescription[]): View {
  return {
    document: { groups: groups.map(documentOf) },
    lines: (style) =>
      groups.length === 0
        ? ['no broker group has several members']
        : groups.flatMap((group, index) => [
            ...(index === 0 ? [] : ['']),
            ...headOf(group),
            '',
            ...tableLines(columns, group.replicas, style),
          ]),
  }
}

function documentOf(group: ReplicasDescription): object {
  const { brokerName, answeredBy, epoch, master, reason, minInSync, groupMembers } = group
  const { possibleLoss, pendingCommand } = group
  return {
    brokerName,
    answeredBy,
    epoch,
    master,
    reason,
    minInSync,
    groupMembers,
    possibleLoss,
    pendingCommand,
    replicas: group.replicas.map(
      ({ hasLag, lagBytes, hasHeard, heardAgoMs, error, ...replica }) => ({
        ...replica,
        ...(hasLag ? { lagBytes } : {}),
        ...(hasHeard ? { heardAgoMs } : {}),
        ...(error === '' ? {} : { error }),
      }),
    ),
  }
}

function headOf(group: ReplicasDescription): string[] {
  const { brokerName, epoch, reason, master, replicas, minInSync, groupMembers } = group
  const standIns = replicas.filter(({ standsIn }) => standsIn)
  const inSync = replicas.filter((replica) => replica.inSync).length
  const masterText = replicas.some(isPresentMaster(master)) ? `member ${master}` : 'nobody'
  return [
    `${brokerName}: epoch ${epoch} (${reason}), master is ${masterText}, in sync ${inSync} of ${groupMembers}, at least ${minInSync}`,
    ...standIns.map(({ memberId }) => `member ${memberId} stands in: it serves consumers`),
    ...(group.possibleLoss === '' ? [] : [`possible loss: ${group.possibleLoss}`]),
    ...(group.pendingCommand === '' ? [] : [`asked for: ${group.pendingCommand}`]),
  ]
}

function isPresentMaster(master: number): (replica: Replica) => boolean {
  return ({ memberId, role }) => memberId === master && masterRoles.includes(role)
}

const masterRoles = ['master', 'draining', 'fenced']

const columns = [
  { title: 'MEMBER', value: ({ memberId }: Replica) => memberId },
  { title: 'ROLE', value: (replica: Replica) => roleOf(replica) },
  { title: 'ADDRESS', value: ({ address }: Replica) => address },
  { title: 'EPOCH', value: answered(({ epoch }) => epoch), align: 'right' },
  { title: 'MAX', value: answered(({ maxOffset }) => maxOffset), align: 'right' },
  { title: 'CONFIRM', value: answered(({ confirmOffset }) => confirmOffset), align: 'right' },
  {
    title: 'LAG',
    value: ({ hasLag, lagBytes }: Replica) => (hasLag ? formatBytes(lagBytes) : '-'),
    align: 'right',
  },
  { title: 'IN SYNC', value: ({ inSync }: Replica) => (inSync ? 'yes' : 'no') },
  {
    title: 'LAST HEARD',
    value: ({ hasHeard, heardAgoMs }: Replica) =>
      hasHeard ? `${formatDuration(heardAgoMs)} ago` : '-',
  },
  { title: 'TRUSTED', value: answered(({ trusted }) => (trusted ? 'yes' : 'no')) },
] as const

function answered(
  value: (replica: Replica) => string | number,
): (replica: Replica) => string | number {
  return (replica) => (replica.error === '' ? value(replica) : '-')
}

/** Of one that does not answer: whether its process may be there all the same. */
function roleOf({ role, error, alive, observer, standsIn }: Replica): string {
  if (error !== '') return alive ? 'silent' : 'away'
  if (standsIn) return 'stand-in'
  return role === 'following' ? (observer ? 'observer' : 'slave') : role
}
