import { type BrokerAddress, CometError, type ErrorCode, toCometError } from '@cometmq/protocol'
import type { Connection, Transport } from '@cometmq/runtime'

/** What became of an operation on one broker group. */
export type Outcome<Response> =
  | { readonly kind: 'done'; readonly brokerName: string; readonly response: Response }
  /** There was nothing to do, which is no failure as long as another broker did it. */
  | { readonly kind: 'spared'; readonly brokerName: string; readonly error: CometError }
  | { readonly kind: 'failed'; readonly brokerName: string; readonly error: CometError }

export interface Operation<Response> {
  /** On this broker. */
  here(): Promise<Response>
  /** The same call to another one. */
  there(connection: Connection, timeoutMs: number): Promise<Response>
  /** The code of a broker that had nothing to do: the topic exists, the group is not there. */
  readonly sparedBy: ErrorCode
}

/** An operator's call to a broker that does not answer fails after it, with unknown outcome there. */
const CALL_TIMEOUT_MS = 10_000

/** Carries an operation out on every broker group of the cluster. */
export class Everywhere {
  readonly #transport: Transport
  readonly #brokerName: string
  readonly #brokers: () => readonly BrokerAddress[] | undefined

  /** `brokers`: all of the cluster; `undefined` while no name server has told. */
  constructor(
    transport: Transport,
    options: {
      readonly brokerName: string
      readonly brokers: () => readonly BrokerAddress[] | undefined
    },
  ) {
    this.#transport = transport
    this.#brokerName = options.brokerName
    this.#brokers = options.brokers
  }

  /**
   * Runs the operation on this broker, then on all others at once. Who fails does not keep the
   * others from it. If nobody has done it, the first failure is thrown.
   *
   * Throws `NOT_READY`, and does nothing, while the other brokers are not known.
   */
  async run<Response>(operation: Operation<Response>): Promise<readonly Outcome<Response>[]> {
    const { sparedBy } = operation
    const others = this.#others()
    const here = { brokerName: this.#brokerName, sparedBy }
    const first = await outcomeOf(here, () => operation.here())
    const rest = await Promise.all(
      others.map(({ brokerName, address }) =>
        outcomeOf({ brokerName, sparedBy }, async () => {
          const connection = this.#transport.connect(address)
          try {
            return await operation.there(connection, CALL_TIMEOUT_MS)
          } finally {
            connection.close()
          }
        }),
      ),
    )
    const outcomes = [first, ...rest]
    let failure: CometError | undefined
    for (const outcome of outcomes) {
      if (outcome.kind === 'done') return outcomes
      if (failure === undefined || (failure.code === sparedBy && outcome.kind === 'failed')) {
        failure = outcome.error
      }
    }
    throw failure
  }

  #others(): BrokerAddress[] {
    const brokers = this.#brokers()
    if (brokers === undefined) {
      throw new CometError(
        'NOT_READY',
        'this broker has not heard from any name server, so it does not know the other brokers; try again later, or on each broker',
        { retryAfterMs: 1_000 },
      )
    }
    return brokers.filter(
      ({ brokerName, brokerId }) => brokerId === 0 && brokerName !== this.#brokerName,
    )
  }
}

async function outcomeOf<Response>(
  broker: { readonly brokerName: string; readonly sparedBy: ErrorCode },
  run: () => Promise<Response>,
): Promise<Outcome<Response>> {
  const { brokerName } = broker
  try {
    return { kind: 'done', brokerName, response: await run() }
  } catch (thrown) {
    const error = toCometError(thrown)
    return { kind: error.code === broker.sparedBy ? 'spared' : 'failed', brokerName, error }
  }
}
