import { CometError, loadServices, toCometError } from '@cometmq/protocol'
import { confirm } from '../confirm.ts'
import { endpointsOf, type RiskyOptions } from '../operator.ts'
import { show } from '../output.ts'
import type { Terminal } from '../terminal.ts'

/** Tells every name server: they do not know each other. One that knows nothing of the broker is content. */
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
  const outcomes = await Promise.all(
    endpoints.map(async (endpoint) => {
      const connection = runtime.transport.connect(endpoint)
      try {
        await connection.call(ForgetBroker, { brokerName }, call)
        return { endpoint, error: undefined }
      } catch (thrown) {
        return { endpoint, error: toCometError(thrown) }
      } finally {
        connection.close()
      }
    }),
  )
  const failure = outcomes.find(({ error }) => error && error.code !== 'BROKER_NOT_FOUND')
  if (failure?.error !== undefined) {
    const { endpoint, error } = failure
    throw new CometError(error.code, `${endpoint}: ${error.message}`, { cause: error })
  }
  const [absence] = outcomes
  const forgotten = outcomes.filter(({ error }) => error === undefined)
  if (forgotten.length === 0 && absence?.error !== undefined) throw absence.error
  show(terminal, options, {
    document: { brokerName, nameServers: forgotten.map(({ endpoint }) => endpoint) },
    lines: () => [`forgot ${brokerName} on ${forgotten.length} of ${outcomes.length} name servers`],
  })
}
