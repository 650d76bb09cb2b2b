import { Cluster } from './cluster.ts'
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

/** Runs `use` with a cluster that is closed afterwards. */
export async function withCluster<T>(
  terminal: Terminal,
  options: OperatorOptions,
  use: (cluster: Cluster) => Promise<T>,
): Promise<T> {
  const { openNodeRuntime } = await import('@cometmq/runtime/node')
  await using runtime = openNodeRuntime({ name: 'comet', logLevel: 'silent' })
  using cluster = new Cluster(runtime.transport, {
    endpoints: endpointsOf(terminal, options),
    timeoutMs: options.timeout,
    signal: terminal.stop,
  })
  return await use(cluster)
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
