import type { bytes, CometClient } from '@cometmq/client'
import { endpointsOf, type OperatorOptions } from './operator.ts'
import type { Terminal } from './terminal.ts'

/** A connected client, and what else the SDK has for commands that carry messages. */
export interface Sdk {
  readonly comet: CometClient
  readonly bytes: typeof bytes
}

/** Runs `use` with a client that is closed afterwards. */
export async function withClient<T>(
  terminal: Terminal,
  options: OperatorOptions,
  use: (sdk: Sdk) => Promise<T>,
): Promise<T> {
  const endpoints = endpointsOf(terminal, options)
  const { bytes, connect } = await import('@cometmq/client')
  await using comet = await connect({ endpoints: [...endpoints] })
  return await use({ comet, bytes })
}
