import { type BrokerOutcome, type ChangeOutcome, errorTable } from '@cometmq/protocol'
import type { Connection } from '@cometmq/runtime'
import type { Everywhere, Outcome } from '../everywhere.ts'

/** Carries operators' changes out: here, or on every broker group. */
export class AdminEdge {
  readonly brokerName: string
  readonly #everywhere: Everywhere

  constructor(brokerName: string, everywhere: Everywhere) {
    this.brokerName = brokerName
    this.#everywhere = everywhere
  }

  /** `here` tells whether it changed anything; `there` is the same call to another broker. */
  async change(
    everywhere: boolean,
    here: () => Promise<boolean>,
    there: (connection: Connection, timeoutMs: number) => Promise<ChangeOutcome>,
  ): Promise<ChangeOutcome> {
    const outcomes = await this.run(everywhere, async () => this.#changed(await here()), there)
    const brokers = outcomes.flatMap((outcome) =>
      outcome.kind === 'done' ? outcome.response.brokers : [failureOf(outcome)],
    )
    return { brokers }
  }

  /** Without `everywhere`, what `here` throws is thrown. */
  async run<Response>(
    everywhere: boolean,
    here: () => Promise<Response>,
    there: (connection: Connection, timeoutMs: number) => Promise<Response>,
  ): Promise<readonly Outcome<Response>[]> {
    if (everywhere) return this.#everywhere.run(here, there)
    return [{ kind: 'done', brokerName: this.brokerName, response: await here() }]
  }

  #changed(changed: boolean): ChangeOutcome {
    return { brokers: [{ brokerName: this.brokerName, error: 0, message: '', changed }] }
  }
}

/** Whether each broker did it, for answers that carry more than that. */
export function brokerOutcomesOf(outcomes: readonly Outcome<unknown>[]): BrokerOutcome[] {
  return outcomes.map((outcome) =>
    outcome.kind === 'done'
      ? { brokerName: outcome.brokerName, error: 0, message: '', changed: true }
      : failureOf(outcome),
  )
}

function failureOf(outcome: Extract<Outcome<unknown>, { kind: 'failed' }>): BrokerOutcome {
  const { code, message } = outcome.error
  const { brokerName } = outcome
  return { brokerName, error: errorTable[code].id, message, changed: false }
}
