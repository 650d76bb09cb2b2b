import { CometError, type RouteUpdate, type Services } from '@cometmq/protocol'
import type { Connection, MessageStream, Runtime, Timer } from '@cometmq/runtime'

/** A name server that has not answered by then may be hanging; the next one is tried. */
const FIRST_UPDATE_TIMEOUT_MS = 2_000

type RouteStream = MessageStream<
  Parameters<Services['routes']['Watch']['encodeRequest']>[0],
  RouteUpdate
>

export interface WatchEvents {
  update(update: RouteUpdate): void
  failed(error: CometError): void
}

/** One stream of route updates from one name server. Says `failed` at most once, and not after `stop`. */
export class Watch {
  readonly address: string
  readonly #events: WatchEvents
  readonly #timer: Timer
  #stream: RouteStream | undefined
  #over = false

  constructor(
    runtime: Pick<Runtime, 'clock'>,
    services: Services,
    nameServer: Connection,
    topics: string[],
    events: WatchEvents,
  ) {
    this.address = nameServer.address
    this.#events = events
    this.#timer = runtime.clock.schedule(FIRST_UPDATE_TIMEOUT_MS, () => this.#fail(this.#silence()))
    const stream = nameServer.open(services.routes.Watch)
    this.#stream = stream
    stream.receive({
      message: (update) => {
        if (this.#over) return
        this.#timer.cancel()
        events.update(update)
      },
      ended: () => this.#fail(new CometError('UNAVAILABLE', `${this.address} ended the watch`)),
      failed: (error) => this.#fail(error),
    })
    stream.send({ topics, allTopics: false })
    stream.end()
  }

  stop(): void {
    if (this.#over) return
    this.#over = true
    this.#timer.cancel()
    this.#stream?.cancel()
  }

  #fail(error: CometError): void {
    if (this.#over) return
    this.stop()
    const { code, message, retryAfterMs } = error
    // Most errors of a connection say where it should have led.
    const isNamed = message.includes(this.address)
    this.#events.failed(
      new CometError(code, isNamed ? message : `${this.address}: ${message}`, {
        cause: error,
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      }),
    )
  }

  #silence(): CometError {
    return new CometError('TIMEOUT', `no answer within ${FIRST_UPDATE_TIMEOUT_MS} ms`)
  }
}
