import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { quietPorts } from '../../cluster/quiet-ports.ts'
import type { LocalEtcd } from '../../etcd/local-etcd.ts'
import { SmallDisk } from '../../integration/small-disk.ts'
import type { Observation } from '../../../packages/cli/src/drill/timeline.ts'
import { DrillProcess } from './drill-process.ts'
import type { DrillNetwork } from './drill-network.ts'
import type { MemberWays } from './member-ways.ts'
import { RelayWays } from './relay-ways.ts'
import { SlowDisk } from './slow-disk.ts'

export interface ClusterShape {
  readonly groups: number
  /** Of each broker group; with one there is no etcd, and nobody to take over. */
  readonly members: number
}

/** What the members of the first group are given so that something of theirs can be broken. */
export type Fitting = 'ways' | 'small-disks' | 'slow-disks'

export interface BrokerGroup {
  readonly name: string
  readonly members: readonly DrillProcess[]
}

export interface Layout {
  readonly nameServers: readonly DrillProcess[]
  readonly groups: readonly BrokerGroup[]
  /** The data folder of each broker. */
  readonly folders: ReadonlyMap<DrillProcess, string>
  readonly ways: ReadonlyMap<DrillProcess, MemberWays>
  readonly disks: ReadonlyMap<DrillProcess, SmallDisk>
  readonly slowDisks: ReadonlyMap<DrillProcess, SlowDisk>
}

export const CLUSTER = 'drill'

const NAME_SERVERS = 2
/** Ports of a member: clients, replication, and its relays to both, to etcd and to name servers. */
const PORTS_PER_MEMBER = 9
const DISK = { size: 320, ballast: 16 }

/** Every process of a cluster, with its ports and folders, and not started yet. */
export async function layOut(options: {
  readonly shape: ClusterShape
  readonly fittings: readonly Fitting[]
  readonly directory: string
  readonly etcd: LocalEtcd | undefined
  /** In which members of the first group are, where they are to be cut off without relays. */
  readonly network: DrillNetwork | undefined
  readonly onObservation: (observation: Observation) => void
  /** Is given what has to be closed in the end. */
  readonly undone: AsyncDisposableStack
}): Promise<Layout> {
  const { shape, fittings, directory, etcd, network, onObservation, undone } = options
  const logDirectory = path.join(directory, 'logs')
  await mkdir(logDirectory, { recursive: true })
  const ports = await quietPorts(NAME_SERVERS + PORTS_PER_MEMBER * shape.groups * shape.members)
  const host = network?.host ?? '127.0.0.1'
  const nextAddress = (at = host): string => {
    const port = ports.pop()
    assert(port !== undefined, 'every process has its ports')
    return `${at}:${port}`
  }
  const folders = new Map<DrillProcess, string>()
  const ways = new Map<DrillProcess, MemberWays>()
  const disks = new Map<DrillProcess, SmallDisk>()
  const slowDisks = new Map<DrillProcess, SlowDisk>()
  const nameServers = Array.from({ length: NAME_SERVERS }, (_, index) => {
    const address = nextAddress()
    const args = ['nameserver', `--cluster=${CLUSTER}`, `--listen=${address}`]
    const name = `name-server-${index}`
    return new DrillProcess({ name, address, args, logDirectory, onObservation })
  })
  const groups: BrokerGroup[] = []
  for (let number = 0; number < shape.groups; number++) {
    const name = `broker-${String.fromCharCode('a'.charCodeAt(0) + number)}`
    const isFitted = (fitting: Fitting): boolean => number === 0 && fittings.includes(fitting)
    const members: DrillProcess[] = []
    for (let index = 0; index < shape.members; index++) {
      const memberName = `${name}-${index}`
      const data = path.join(directory, memberName)
      const etcdPorts = (etcd?.endpoints ?? []).map((endpoint) => Number(endpoint.split(':')[1]))
      const own = isFitted('ways') ? network?.addMember({ etcdPorts }) : undefined
      const isRelayed = isFitted('ways') && own === undefined
      const next = (): string => nextAddress(own?.host)
      const plan = planOf(next, { etcd, nameServers, isRelayed })
      const opened = isRelayed ? undone.use(await RelayWays.open(plan)) : own
      const slowDisk = isFitted('slow-disks') ? new SlowDisk(`${data}.slow`) : undefined
      const place = {
        name: memberName,
        address: plan.clients.from,
        logDirectory,
        onObservation,
        ...(opened === undefined ? {} : { ways: opened }),
        ...(slowDisk === undefined ? {} : { env: slowDisk.env }),
      }
      const isSmall = isFitted('small-disks')
      const args = [
        'broker',
        `--cluster=${CLUSTER}`,
        `--name=${name}`,
        `--listen=${plan.clients.to}`,
        `--advertise=${plan.clients.from}`,
        `--data=${data}`,
        `--nameserver=${plan.nameServers.map(({ from }) => from).join(',')}`,
        ...replicationArgs(plan, shape.members),
        ...(isSmall ? smallDiskArgs : []),
      ]
      const member = new DrillProcess({ ...place, args })
      folders.set(member, data)
      if (opened !== undefined) ways.set(member, opened)
      if (isSmall) disks.set(member, undone.use(await SmallDisk.make(data, DISK)))
      if (slowDisk !== undefined) slowDisks.set(member, slowDisk)
      members.push(member)
    }
    groups.push({ name, members })
  }
  return { nameServers, groups, folders, ways, disks, slowDisks }
}

const smallDiskArgs = [
  '--set=store.segmentMaxBytes=8MiB',
  '--set=store.minFreeBytes=16MiB',
  '--set=store.hardFreeBytes=4MiB',
]

/** Without relays each way begins where it ends. */
function planOf(
  nextAddress: () => string,
  around: {
    readonly etcd: LocalEtcd | undefined
    readonly nameServers: readonly DrillProcess[]
    readonly isRelayed: boolean
  },
) {
  const wayTo = (to: string) => ({ from: around.isRelayed ? nextAddress() : to, to })
  return {
    clients: wayTo(nextAddress()),
    replication: around.etcd === undefined ? undefined : wayTo(nextAddress()),
    etcd: (around.etcd?.endpoints ?? []).map(wayTo),
    nameServers: around.nameServers.map(({ address }) => wayTo(address)),
  }
}

function replicationArgs(plan: ReturnType<typeof planOf>, members: number): readonly string[] {
  if (plan.replication === undefined) return []
  return [
    `--set=replication.etcd.endpoints=${plan.etcd.map(({ from }) => from).join(',')}`,
    `--set=replication.listen=${plan.replication.to}`,
    `--set=replication.advertise=${plan.replication.from}`,
    `--set=replication.members=${members}`,
    // With two members either one must be allowed to fail.
    `--set=replication.minInSync=${members === 2 ? 1 : 2}`,
  ]
}
