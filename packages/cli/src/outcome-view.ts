import type { BrokerOutcome } from '@cometmq/protocol'
import { type OutputOptions, show } from './output.ts'
import type { Terminal } from './terminal.ts'

/**
 * Says what a change did, and on which brokers. `done` begins the sentence: `created topic orders`.
 */
export function showOutcome(
  terminal: Terminal,
  options: OutputOptions,
  outcomes: readonly BrokerOutcome[],
  words: { readonly done: string; readonly document: Readonly<Record<string, unknown>> },
): void {
  const brokers = outcomes.map(({ brokerName, changed }) => ({ brokerName, changed }))
  const changed = brokers.filter((broker) => broker.changed).map(({ brokerName }) => brokerName)
  const sentence =
    changed.length === 0 ? 'nothing to change' : `${words.done} on ${changed.join(', ')}`
  show(terminal, options, {
    document: { ...words.document, brokers },
    lines: () => [sentence],
  })
}
