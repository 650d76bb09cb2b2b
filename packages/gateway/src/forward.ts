import { CometError, type Method } from '@cometmq/protocol'
import type { Connection, MessageStream, Transport } from '@cometmq/runtime'
import { type ClientCall, forwardedMetadata } from './client-call.ts'
import { times } from './config.ts'
import type { ClusterView } from './ports.ts'
import { noMaster } from './master-waits.ts'
import { RefusedCall } from './status.ts'

/** Makes the client's own call to the broker that owns it. */
export class Forwarding {
  readonly #transport: Transport
  readonly #cluster: ClusterView
  readonly #by: string
  readonly #connections = new Map<string, Connection>()
  readonly #stopListening: () => void
  #isClosed = false

  constructor(transport: Transport, cluster: ClusterView, by: string) {
    this.#transport = transport
    this.#cluster = cluster
    this.#by = by
    this.#stopListening = cluster.onChange(() => this.#leaveOldMasters())
  }

  async call<Request, Response>(
    method: Method<Request, Response>,
    request: Partial<Request>,
    to: {
      readonly call: ClientCall
      readonly brokerName: string
      readonly queueId?: number
      readonly timeoutMs?: number
      /** It is made for the client, and not awaited by it. */
      readonly outlivesCall?: boolean
    },
  ): Promise<Response> {
    const { call, brokerName } = to
    return this.#connectionTo(brokerName).call(method, request, {
      ...(to.outlivesCall === true ? {} : { signal: call.signal }),
      timeoutMs: to.timeoutMs ?? forwardTimeoutMs(call),
      metadata: this.#metadata(to),
    })
  }

  /**
   * A stream that ends with the caller's: its cancellation reaches the owner. Unless it is given a
   * signal and a time of its own.
   */
  open<Request, Response>(
    method: Method<Request, Response>,
    to: {
      readonly call: ClientCall
      readonly brokerName: string
      readonly signal?: AbortSignal
      readonly timeoutMs?: number
    },
  ): MessageStream<Request, Response> {
    const { call, brokerName } = to
    const timeoutMs = to.timeoutMs ?? call.remainingMs - times.forwardMarginMs
    return this.#connectionTo(brokerName).open(method, {
      signal: to.signal ?? call.signal,
      metadata: this.#metadata(to),
      ...(Number.isFinite(timeoutMs) ? { timeoutMs: Math.max(1, timeoutMs) } : {}),
    })
  }

  close(): void {
    this.#isClosed = true
    this.#stopListening()
    for (const connection of this.#connections.values()) connection.close()
    this.#connections.clear()
  }

  #metadata({ call, queueId }: { readonly call: ClientCall; readonly queueId?: number }) {
    return forwardedMetadata(call, {
      by: this.#by,
      ...(queueId === undefined ? {} : { queueId }),
    })
  }

  /** What is still under way there breaks with `CLOSED`: an old master may be one that never answers. */
  #leaveOldMasters(): void {
    for (const [brokerName, connection] of this.#connections) {
      const address = this.#cluster.addressOf(brokerName)
      if (address === undefined || address === connection.address) continue
      this.#connections.delete(brokerName)
      connection.close()
    }
  }

  /** Throws `BAD_REQUEST` for a broker that nobody has heard of, `NOT_MASTER`, or `CLOSED`. */
  #connectionTo(brokerName: string): Connection {
    if (this.#isClosed) throw new CometError('CLOSED', 'this process shuts down')
    const address = this.#cluster.addressOf(brokerName)
    if (address === undefined) {
      if (this.#cluster.placeOfMaster(brokerName) === 'nowhere') throw noMaster(brokerName)
      throw new RefusedCall('BAD_REQUEST', `no broker "${brokerName}" is known here`)
    }
    const known = this.#connections.get(brokerName)
    if (known?.address === address) return known
    known?.close()
    const connection = this.#transport.connect(address)
    this.#connections.set(brokerName, connection)
    return connection
  }
}

function forwardTimeoutMs({ remainingMs }: ClientCall): number {
  if (!Number.isFinite(remainingMs)) return times.forwardTimeoutMs
  return Math.max(1, remainingMs - times.forwardMarginMs)
}
