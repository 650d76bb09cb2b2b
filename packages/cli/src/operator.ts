import type { CometClient } from '@cometmq/client'
import type { Transport } from '@cometmq/runtime'
import type { Cluster } from './cluster.ts'
import { CommandError } from './command-error.ts'
import { parseAddress } from './config/address.ts'
import { exitCodes } from './exit-codes.ts'
import type { OutputOptions } from './output.ts'
import type { Terminal } from './terminal.ts'
import type { WatchOptions } from './watch.ts'

/** Options of every command that talks to a cluster. */
export interface OperatorOptions extends OutputOptions {
  readonly nameserver?: string
  /** Milliseconds. */
  readonly timeout: number
}

export interface WatchedOptions extends OperatorOptions, WatchOptions {}

export interface RiskyOptions extends OperatorOptions {
  readonly yes?: boolean
}

/** What commands that talk to a cluster are given. */
export interface Connected {
  readonly cluster: Cluster
  readonly comet: CometClient
  /** For calls to one certain member of a broker group. */
  readonly transport: Transport
}

/** Runs `use` with a connection to the cluster that is closed afterwards. */
export async function withCluster<T>(
  terminal: Terminal,
  options: OperatorOptions,
  use: (cluster: Cluster, connected: Connected) => Promise<T>,
): Promise<T> {
  const endpoints = endpointsOf(terminal, options)
  const [{ connect }, { openNodeRuntime }, { Cluster }] = await Promise.all([
    import('@cometmq/client'),
    import('@cometmq/runtime/node'),
    import('./cluster.ts'),
  ])
  // What goes wrong is told as the failure of the command, and not also in a log.
  await using runtime = openNodeRuntime({ name: 'comet', logLevel: 'silent' })
  const { stop: signal } = terminal
  await using comet = await connect({ endpoints, runtime, signal, timeout: options.timeout })
  const cluster = new Cluster(comet.admin, { timeoutMs: options.timeout, signal })
  return await use(cluster, { cluster, comet, transport: runtime.transport })
}

/** The name servers: as the flag says, or the environment, or this machine. */
export function endpointsOf(
  terminal: Terminal,
  options: { readonly nameserver?: string },
): readonly string[] {
  const [given, source] =
    options.nameserver === undefined
      ? [terminal.env['COMETMQ_NAMESERVER'] || 'localhost:9876', 'COMETMQ_NAMESERVER']
      : [options.nameserver, '--nameserver']
  const endpoints = given.split(',').map((endpoint) => endpoint.trim())
  const wrong = endpoints.find((endpoint) => !((parseAddress(endpoint)?.port ?? 0) > 0))
  if (wrong !== undefined) {
    const hint = 'give host:port, such as localhost:9876'
    throw new CommandError(exitCodes.usage, `${source} names "${wrong}", no address`, hint)
  }
  return endpoints
}
