import type { Admin, AdminCall, AdminRequest, AdminResponse } from '@cometmq/client'
import {
  type BrokerOutcome,
  type ClusterDescription,
  CometError,
  type ErrorCode,
  errorCodeOfId,
} from '@cometmq/protocol'
import { CommandError } from './command-error.ts'
import { exitCodes } from './exit-codes.ts'

/** What one broker answered. */
export interface BrokerAnswer<T> {
  readonly brokerName: string
  readonly answer: T
}

/** Calls whose answer tells what became of them on each broker. */
type ChangeCall =
  | `${'Create' | 'Edit' | 'Delete'}${'Topic' | 'Group'}`
  | 'ResetGroup'
  | `${'Redrive' | 'Purge'}DeadLetters`

/** The client's admin calls as commands make them: each for at most `--timeout`, and told our way. */
export class Cluster {
  readonly #admin: Admin
  readonly #call: { readonly timeoutMs: number; readonly signal: AbortSignal }

  constructor(admin: Admin, call: { readonly timeoutMs: number; readonly signal: AbortSignal }) {
    this.#admin = admin
    this.#call = call
  }

  /** What a name server says. */
  describe(): Promise<ClusterDescription> {
    return this.#admin.describeCluster()
  }

  /**
   * Asks every broker. Those that answer `missing` are left out, unless all do: a topic need not be
   * on every broker.
   */
  async askAll<Name extends AdminCall>(
    name: Name,
    request: AdminRequest<Name>,
    missing?: ErrorCode,
  ): Promise<readonly BrokerAnswer<AdminResponse<Name>>[]> {
    this.#checkBrokers()
    const { answers, failures } = await this.#admin.callEvery(name, request, this.#call)
    const failure = failures.find(({ error }) => error.code !== missing)
    if (failure !== undefined) {
      const { brokerName, error } = failure
      throw new CometError(error.code, `${brokerName}: ${error.message}`, { cause: error })
    }
    const [absence] = failures
    if (answers.length === 0 && absence !== undefined) throw absence.error
    return answers
  }

  /** Asks every broker; those that fail are among the answers, as the error. */
  async tryAll<Name extends AdminCall>(
    name: Name,
    request: AdminRequest<Name>,
  ): Promise<readonly BrokerAnswer<AdminResponse<Name> | CometError>[]> {
    const { answers, failures } = await this.#admin.callEvery(name, request, this.#call)
    const failed = failures.map(({ brokerName, error }) => ({ brokerName, answer: error }))
    return [...answers, ...failed].toSorted((a, b) => (a.brokerName < b.brokerName ? -1 : 1))
  }

  /** Asks one broker by its name. */
  ask<Name extends AdminCall>(
    brokerName: string,
    name: Name,
    request: AdminRequest<Name>,
  ): Promise<AdminResponse<Name>> {
    this.#checkBrokers()
    return this.#admin.call(brokerName, name, request, this.#call)
  }

  /**
   * Asks one broker, whichever can be reached, for something that it does on all of them. Throws
   * unless all of them did.
   */
  async change<Name extends ChangeCall>(
    name: Name,
    request: AdminRequest<Name>,
  ): Promise<AdminResponse<Name>> {
    this.#checkBrokers()
    const response = await this.#admin.callAny(name, request, this.#call)
    checkOutcomes((response as { readonly brokers: readonly BrokerOutcome[] }).brokers)
    return response
  }

  addressOf(brokerName: string): string {
    return this.#admin.brokers.find((broker) => broker.brokerName === brokerName)?.address ?? ''
  }

  #checkBrokers(): void {
    if (this.#admin.brokers.length > 0) return
    const hint = 'start one, or wait for it with `comet cluster health --wait`'
    throw new CommandError(exitCodes.cannotConnect, 'no broker is registered', hint)
  }
}

/** Throws unless the change was made on every broker. */
function checkOutcomes(outcomes: readonly BrokerOutcome[]): void {
  const failed = outcomes.filter(({ error }) => error !== 0)
  const [first] = failed
  if (first === undefined) return
  if (failed.length === outcomes.length && failed.every(({ error }) => error === first.error)) {
    throw new CometError(errorCodeOfId(first.error), first.message)
  }
  const each = failed.map(
    ({ brokerName, error, message }) => `${brokerName}: ${message} [${errorCodeOfId(error)}]`,
  )
  throw new CometError(
    'PARTIAL_FAILURE',
    `done on ${outcomes.length - failed.length} of ${outcomes.length} brokers; ${each.join('; ')}`,
  )
}
