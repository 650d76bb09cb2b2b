import {
  type BrokerOutcome,
  type ChangeOutcome,
  type ErrorCode,
  errorTable,
} from '@cometmq/protocol'
import type { Connection } from '@cometmq/runtime'
import type { Everywhere, Operation, Outcome } from '../everywhere.ts'

/** Carries operators' changes out: here, or on every broker group. */
export class AdminEdge {
  readonly brokerName: string
  readonly #everywhere: Everywhere

  constructor(brokerName: string, everywhere: Everywhere) {
    this.brokerName = brokerName
    this.#everywhere = everywhere
  }

  /** `here` tells whether it changed anything. */
  async change(
    everywhere: boolean,
    operation: {
      here(): Promise<boolean>
      there(connection: Connection, timeoutMs: number): Promise<ChangeOutcome>
      readonly sparedBy: ErrorCode
    },
  ): Promise<ChangeOutcome> {
    const { brokerName } = this
    const outcomes = await this.run<ChangeOutcome>(everywhere, {
      ...operation,
      here: async () => {
        const changed = await operation.here()
        return { brokers: [{ brokerName, error: 0, message: '', changed }] }
      },
    })
    const brokers = outcomes.flatMap((outcome) =>
      outcome.kind === 'done' ? outcome.response.brokers : [notDone(outcome)],
    )
    return { brokers }
  }

  /** Without `everywhere`, what `here` throws is thrown. */
  async run<Response>(
    everywhere: boolean,
    operation: Operation<Response>,
  ): Promise<readonly Outcome<Response>[]> {
    if (everywhere) return this.#everywhere.run(operation)
    return [{ kind: 'done', brokerName: this.brokerName, response: await operation.here() }]
  }
}

/** Whether each broker did it, for answers that carry more than that. */
export function brokerOutcomesOf(outcomes: readonly Outcome<unknown>[]): BrokerOutcome[] {
  return outcomes.map((outcome) =>
    outcome.kind === 'done'
      ? { brokerName: outcome.brokerName, error: 0, message: '', changed: true }
      : notDone(outcome),
  )
}

function notDone(outcome: Exclude<Outcome<unknown>, { kind: 'done' }>): BrokerOutcome {
  const { brokerName, error } = outcome
  const failed = outcome.kind === 'failed'
  return {
    brokerName,
    error: failed ? errorTable[error.code].id : 0,
    message: failed ? error.message : '',
    changed: false,
  }
}
