import {
  CometError,
  type ErrorCode,
  errorTable,
  type RegisterRequest,
  type RegisterResponse,
  type Registration,
  type Services,
  toCometError,
} from '@cometmq/protocol'
import { accept, type Handler, type Logger, type MessageStream } from '@cometmq/runtime'
import type { ConnectionNumber } from '../broker-entry.ts'
import type { RouteChange, RouteTable } from '../route-table.ts'

/** Refusals that are remembered, so that a broker that tries again for hours is one line of the log. */
const MAX_REFUSALS = 1_000

type RegisterStream = MessageStream<RegisterResponse, RegisterRequest>

/** The calls of brokers: one `Register` stream each. */
export class ClusterService {
  readonly #table: RouteTable
  readonly #log: Logger
  readonly #announceToWatchers: (change: RouteChange) => void
  readonly #streams = new Map<ConnectionNumber, RegisterStream>()
  /** Those whose peer does not read what it is answered. */
  readonly #unread = new Set<RegisterStream>()
  /** By data folder: why its broker was refused last. */
  readonly #refusals = new Map<string, string>()
  #nextConnection = 0
  #isTelling = false

  constructor(table: RouteTable, log: Logger, announce: (change: RouteChange) => void) {
    this.#table = table
    this.#log = log
    this.#announceToWatchers = announce
  }

  handlers(services: Services): Handler[] {
    return [accept(services.cluster.Register, (stream, { peer }) => this.#serve(stream, peer))]
  }

  /** Tells clients and brokers what has changed for them. */
  announce(change: RouteChange): void {
    this.#announceToWatchers(change)
    if (!change.brokers || this.#isTelling) return
    this.#isTelling = true
    // Once for all that come or go in this turn.
    queueMicrotask(() => {
      this.#isTelling = false
      this.#tellBrokers()
    })
  }

  /** Ends a stream whose broker is no longer registered on it, so that it registers anew. */
  breakOff(connection: ConnectionNumber, code: ErrorCode, message: string): void {
    const stream = this.#streams.get(connection)
    this.#streams.delete(connection)
    stream?.cancel(new CometError(code, message))
  }

  #serve(stream: RegisterStream, peer: string): void {
    const connection = this.#nextConnection++
    this.#streams.set(connection, stream)
    const lost = (): void => {
      this.#streams.delete(connection)
      this.#table.lost(connection)
    }
    stream.receive({
      message: (request) => {
        // What was sent before this end broke the stream off may still arrive.
        if (!this.#streams.has(connection)) return
        try {
          this.#take(request, connection, stream)
        } catch (thrown) {
          const error = toCometError(thrown)
          const { code, message } = error
          this.#log.warn({ peer, code, why: message }, 'registration stream ended')
          lost()
          stream.cancel(error)
        }
      },
      ended: () => {
        lost()
        stream.end()
      },
      failed: lost,
    })
  }

  #take(request: RegisterRequest, connection: ConnectionNumber, stream: RegisterStream): void {
    switch (request.kind) {
      case 'registration':
        return this.#register(request, connection, stream)
      case 'changes': {
        if (request.changes === null || request.changes === undefined) break
        const change = this.#table.change(connection, request.changes)
        if (change === undefined) throw notRegistered()
        return this.announce(change)
      }
      case 'beat': {
        if (!this.#table.beat(connection)) throw notRegistered()
        const number = request.beat?.number ?? 0
        const brokers = this.#table.brokers()
        return this.#answer(stream, {
          beat: { number, brokers, ...this.#table.groupOf(connection) },
        })
      }
      case 'goodbye':
        this.#log.info(this.#table.brokerOf(connection), 'broker said goodbye')
        return this.announce(this.#table.goodbye(connection))
      case undefined:
        break
    }
    throw new CometError('MALFORMED_REQUEST', 'a registration message says nothing')
  }

  #register(
    { registration }: RegisterRequest,
    connection: ConnectionNumber,
    stream: RegisterStream,
  ): void {
    if (registration === null || registration === undefined) {
      throw new CometError('MALFORMED_REQUEST', 'a registration is empty')
    }
    const { brokerName, brokerId, epoch } = registration
    const answer = this.#table.register(registration, connection)
    if (answer.kind === 'refused') {
      const { code, message } = answer.error
      this.#logRefusal(registration, code, answer.alarm)
      stream.send({ refused: { error: errorTable[code].id, message } })
      stream.end()
      return
    }
    for (const replaced of answer.replaced) {
      this.breakOff(replaced, 'CANCELLED', 'another stream has taken the place of this one')
    }
    this.#refusals.delete(registration.storeId)
    const topics = registration.topics.length
    this.#log.info({ brokerName, brokerId, epoch, topics }, 'broker registered')
    this.#answer(stream, { registered: { brokers: this.#table.brokers() } })
    this.announce(answer.change)
  }

  /** A topic is made on every broker at once: each has to know the others before their next beat. */
  #tellBrokers(): void {
    const brokers = this.#table.brokers()
    for (const [connection, stream] of this.#streams) {
      const isRegistered = this.#table.brokerOf(connection).brokerName !== undefined
      if (isRegistered) this.#answer(stream, { registered: { brokers } })
    }
  }

  /** A peer that does not read is not answered until it does: to it this end has fallen silent. */
  #answer(stream: RegisterStream, response: RegisterResponse): void {
    if (this.#unread.has(stream) || stream.send(response)) return
    this.#unread.add(stream)
    void stream.writable().then(() => this.#unread.delete(stream))
  }

  #logRefusal(
    { brokerName, brokerId, epoch, storeId, listeners }: Registration,
    code: string,
    alarm: string | undefined,
  ): void {
    if (this.#refusals.get(storeId) === code) return
    if (this.#refusals.size >= MAX_REFUSALS) this.#refusals.clear()
    this.#refusals.set(storeId, code)
    this.#log.warn({ brokerName, brokerId, epoch, code }, 'broker refused')
    if (alarm === undefined) return
    const address = listeners[0]?.address
    this.#log.error({ alarm, brokerName, epoch, address }, 'two brokers claim the same reign')
  }
}

function notRegistered(): CometError {
  return new CometError('NOT_READY', 'nobody is registered on this stream; register first')
}
