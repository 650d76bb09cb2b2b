import type { Command } from 'commander'
import { count } from '../arguments.ts'
import type { ClusterHealthOptions } from '../commands/cluster-health.ts'
import type { RiskyOptions, WatchedOptions } from '../operator.ts'
import type { Terminal } from '../terminal.ts'
import { noun, operator, risky, watched } from './command-kinds.ts'

export function addClusterCommands(program: Command, terminal: Terminal): void {
  const cluster = noun(program.command('cluster'), 'the cluster: its brokers, its health')
  watched(cluster.command('info'), 'every broker: role, address, disk, load').action(
    async (options: WatchedOptions) => {
      await (await import('../commands/cluster-info.ts')).clusterInfo(terminal, options)
    },
  )
  operator(cluster.command('health'), 'whether every broker takes messages')
    .option('--wait', 'until it does, for at most --timeout')
    .option('--brokers <n>', 'expect at least so many', count(1))
    .action(async (options: ClusterHealthOptions) => {
      await (await import('../commands/cluster-health.ts')).clusterHealth(terminal, options)
    })
  risky(cluster.command('forget'), 'a broker that has left will not come back')
    .argument('<broker>')
    .action(async (brokerName: string, options: RiskyOptions) => {
      const { clusterForget } = await import('../commands/cluster-forget.ts')
      await clusterForget(terminal, brokerName, options)
    })
}
