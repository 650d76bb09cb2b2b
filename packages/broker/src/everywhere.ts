import { type BrokerAddress, CometError, toCometError } from '@cometmq/protocol'
import type { Connection, Transport } from '@cometmq/runtime'

/** What became of an operation on one broker group. */
export type Outcome<Response> =
  | { readonly kind: 'done'; readonly brokerName: string; readonly response: Response }
  | { readonly kind: 'failed'; readonly brokerName: string; readonly error: CometError }

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
   * Runs `here` on this broker, and `there` with a connection to each other master. Who fails does
   * not keep the others from it. If all of them fail, the error of this broker is thrown.
   *
   * Throws `NOT_READY`, and does nothing, while the other brokers are not known.
   */
  async run<Response>(
    here: () => Promise<Response>,
    there: (connection: Connection, timeoutMs: number) => Promise<Response>,
  ): Promise<readonly Outcome<Response>[]> {
    const others = this.#others()
    const first = await outcomeOf(this.#brokerName, here)
    const rest = await Promise.all(
      others.map(({ brokerName, address }) =>
        outcomeOf(brokerName, async () => {
          const connection = this.#transport.connect(address)
          try {
            return await there(connection, CALL_TIMEOUT_MS)
          } finally {
            connection.close()
          }
        }),
      ),
    )
    const outcomes = [first, ...rest]
    if (first.kind === 'failed' && outcomes.every(({ kind }) => kind === 'failed')) {
      throw first.error
    }
    return outcomes
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
  brokerName: string,
  run: () => Promise<Response>,
): Promise<Outcome<Response>> {
  try {
    return { kind: 'done', brokerName, response: await run() }
  } catch (thrown) {
    return { kind: 'failed', brokerName, error: toCometError(thrown) }
  }
}
