import { CometError } from '@cometmq/protocol'
import { askMember, membersOf } from '../broker-group.ts'
import { parseAddress } from '../config/address.ts'
import { confirm } from '../confirm.ts'
import { CommandError } from '../command-error.ts'
import { exitCodes } from '../exit-codes.ts'
import { type RiskyOptions, withCluster } from '../operator.ts'
import { show } from '../output.ts'
import type { Terminal } from '../terminal.ts'

export interface AdoptOptions extends RiskyOptions {
  readonly etcd: string
}

/** Tells etcd of a broker group with configured roles, whose members then restart with etcd. */
export async function brokerAdopt(
  terminal: Terminal,
  brokerName: string,
  options: AdoptOptions,
): Promise<void> {
  const { timeout } = options
  const endpoints = options.etcd.split(',').map((endpoint) => endpoint.trim())
  const wrong = endpoints.find((endpoint) => !((parseAddress(endpoint)?.port ?? 0) > 0))
  if (wrong !== undefined) {
    throw new CommandError(exitCodes.usage, `--etcd names "${wrong}", no address`, 'host:2379')
  }
  await confirm(terminal, options, `have etcd elect the master of ${brokerName} from now on`)
  await withCluster(terminal, options, async (_cluster, connected) => {
    const call = { timeoutMs: timeout, signal: terminal.stop }
    const members = await membersOf(connected, brokerName)
    const found = await askMember(connected, members, 'DescribeReplicas', {}, call)
    const { epoch, master, minInSync } = found
    const silent = found.replicas.find(({ error }) => error !== '')
    if (silent !== undefined) {
      throw new CometError(
        'MEMBER_UNFIT',
        `member ${silent.memberId} does not answer (${silent.error}); all of them have to`,
      )
    }
    const [{ adopt }, { EtcdElector }, { openNodeRuntime }, description] = await Promise.all([
      import('@cometmq/replication'),
      import('@cometmq/replication/etcd'),
      import('@cometmq/runtime/node'),
      connected.cluster.describe(),
    ])
    const { cluster } = description
    await using runtime = openNodeRuntime({ name: 'comet', logLevel: 'silent' })
    await using elector = EtcdElector.open(runtime, { cluster, brokerName, endpoints })
    await adopt(
      { elector, clock: runtime.clock },
      {
        epoch,
        master,
        minInSync,
        members: found.replicas.map(({ memberId, storeId, incarnation, address }) => ({
          brokerId: memberId,
          storeId,
          incarnation,
          address,
        })),
      },
    )
    show(terminal, options, {
      document: { brokerName, command: 'adopt', epoch, master },
      lines: () => [
        `etcd knows ${brokerName}: member ${master} is master of epoch ${epoch}. Restart the other members one by one with replication.etcd.endpoints and without replication.static, then member ${master}`,
      ],
    })
  })
}
