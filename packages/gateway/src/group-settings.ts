import type { GroupDefinition } from '@cometmq/protocol'
import type { Settings } from '@cometmq/protocol/rocketmq'
import type { ClientCall } from './client-call.ts'
import type { GatewayContext } from './context.ts'

/** Clients begin to consume when they have their settings. */
const TIMEOUT_MS = 1_000

/** What a consumer has to know of its group. */
export interface KnownGroup {
  readonly group: GroupDefinition | undefined
  /** As a broker has answered it. */
  readonly answered: Settings | undefined
}

/**
 * The group as this broker has it. A name server has none: it asks a broker what the client would be
 * told there. Where nobody knows, the answer is that of a group with the defaults.
 */
export async function knownGroup(
  context: GatewayContext,
  call: ClientCall,
  settings: Settings,
): Promise<KnownGroup> {
  const name = settings.subscription?.group?.name
  if (name === undefined) return { group: undefined, answered: undefined }
  if (context.broker !== undefined) {
    return { group: context.broker.group(name), answered: undefined }
  }
  for (const brokerName of context.cluster.brokerNames()) {
    const answered = await askBroker(context, { call, brokerName, settings })
    if (answered?.subscription) return { group: undefined, answered }
  }
  return { group: undefined, answered: undefined }
}

function askBroker(
  { forwarding, methods, clock, log }: GatewayContext,
  asked: { readonly call: ClientCall; readonly brokerName: string; readonly settings: Settings },
): Promise<Settings | undefined> {
  const { call, brokerName, settings } = asked
  return new Promise((resolve) => {
    const stream = forwarding.open(methods.Telemetry, { call, brokerName })
    const done = (answered: Settings | undefined): void => {
      timer.cancel()
      stream.end()
      resolve(answered)
    }
    const timer = clock.schedule(TIMEOUT_MS, () => done(undefined))
    stream.receive({
      message: (command) => {
        if (command.settings) done(command.settings as Settings)
      },
      ended: () => done(undefined),
      failed: (error) => {
        log.debug({ brokerName, error }, 'a broker could not be asked for a group')
        done(undefined)
      },
    })
    stream.send({ command: 'settings', settings } as never)
  })
}
