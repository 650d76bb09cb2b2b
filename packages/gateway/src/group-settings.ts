import { CometError, type GroupDefinition } from '@cometmq/protocol'
import type { MessagingMethods, Settings } from '@cometmq/protocol/rocketmq'
import type { ClientCall } from './client-call.ts'
import type { GatewayContext } from './context.ts'

/** Clients begin to consume when they have their settings, and wait 3 s for them. */
const TIMEOUT_MS = 1_000

/** What a consumer has to know of its group. */
export interface KnownGroup {
  readonly group: GroupDefinition | undefined
  /** As a broker has answered it. */
  readonly answered: Settings | undefined
}

/** Who asks, by which settings, and until when the answer is of use. */
interface Asking {
  readonly call: ClientCall
  readonly settings: Settings
  readonly signal: AbortSignal
}

/**
 * The group as this broker has it. A name server has none: it asks the brokers what the client would
 * be told there. Where nobody knows, the answer is that of a group with the defaults.
 */
export async function knownGroup(context: GatewayContext, asking: Asking): Promise<KnownGroup> {
  const name = asking.settings.subscription?.group?.name
  if (name === undefined) return { group: undefined, answered: undefined }
  if (context.broker !== undefined) {
    return { group: context.broker.group(name), answered: undefined }
  }
  return { group: undefined, answered: await askBrokers(context, asking) }
}

/** All at once, since any of them may be frozen; the first answer counts. */
async function askBrokers(context: GatewayContext, asking: Asking): Promise<Settings | undefined> {
  const answered = new AbortController()
  const signal = AbortSignal.any([asking.signal, answered.signal])
  const brokerNames = context.cluster.brokerNames()
  const asked = brokerNames.map((brokerName) =>
    askBroker(context, { ...asking, brokerName, signal }),
  )
  try {
    return await Promise.any(asked)
  } catch (error) {
    context.log.debug({ error, brokerNames }, 'no broker could be asked for a group')
    return undefined
  } finally {
    answered.abort()
  }
}

async function askBroker(
  { forwarding, methods }: GatewayContext,
  { settings, ...to }: Asking & { readonly brokerName: string },
): Promise<Settings> {
  const method: MessagingMethods['Telemetry'] = methods.Telemetry
  const answer = Promise.withResolvers<Settings>()
  const stream = forwarding.open(method, { ...to, timeoutMs: TIMEOUT_MS })
  stream.receive({
    message: (command) => {
      if (command.settings?.subscription) answer.resolve(command.settings as Settings)
    },
    ended: () => {
      answer.reject(new CometError('UNAVAILABLE', `${to.brokerName} has ended before its answer`))
    },
    failed: answer.reject,
  })
  stream.send({ command: 'settings', settings })
  return answer.promise
}
