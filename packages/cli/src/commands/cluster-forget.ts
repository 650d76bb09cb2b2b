import { CometError, loadServices, toCometError } from '@cometmq/protocol'
import { confirm } from '../confirm.ts'
import { endpointsOf, type RiskyOptions } from '../operator.ts'
import { show } from '../output.ts'
import type { Terminal } from '../terminal.ts'

/** Tells every name server: they do not know each other. One may know nothing of the broker. */
export async function clusterForget(
  terminal: Terminal,
  brokerName: string,
  options: RiskyOptions,
): Promise<void> {
  const endpoints = endpointsOf(terminal, options)
  await confirm(
    terminal,
    options,
    `forget broker ${brokerName}: new messages of its message groups go to other queues`,
  )
  const { openNodeRuntime } = await import('@cometmq/runtime/node')
  await using runtime = openNodeRuntime({ name: 'comet', logLevel: 'silent' })
  const { ForgetBroker } = loadServices().routes
  const call = { timeoutMs: options.timeout, signal: terminal.stop }
  const failed: { readonly endpoint: string; readonly error: CometError }[] = []
  const forgotten: { readonly endpoint: string; readonly wasKnown: boolean }[] = []
  await Promise.all(
    endpoints.map(async (endpoint) => {
      const connection = runtime.transport.connect(endpoint)
      try {
        const { wasKnown } = await connection.call(ForgetBroker, { brokerName }, call)
        forgotten.push({ endpoint, wasKnown })
      } catch (thrown) {
        failed.push({ endpoint, error: toCometError(thrown) })
      } finally {
        connection.close()
      }
    }),
  )
  const [first] = failed
  if (first !== undefined) {
    if (forgotten.length === 0) throw first.error
    const each = failed.map(({ endpoint, error }) => `${endpoint}: ${error.message}`).toSorted()
    throw new CometError(
      'PARTIAL_FAILURE',
      `done on ${forgotten.length} of ${endpoints.length} name servers; ${each.join('; ')}`,
    )
  }
  if (!forgotten.some(({ wasKnown }) => wasKnown)) {
    throw new CometError(
      'BROKER_NOT_FOUND',
      `no name server knows a broker "${brokerName}" that has left; clients that do were told to forget it`,
    )
  }
  const nameServers = forgotten.map(({ endpoint }) => endpoint).toSorted()
  show(terminal, options, {
    document: { brokerName, nameServers },
    lines: () => [`forgot ${brokerName} on ${nameServers.join(', ')}`],
  })
}
