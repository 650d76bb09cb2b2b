import type { BrokerAddress, CometError, RouteUpdate } from '@cometmq/protocol'
import type { Clock, Connection, Timer } from '@cometmq/runtime'

export interface InquiryPorts {
  /** Hears of all brokers from a name server until it is stopped. */
  watch(
    nameServer: Connection,
    events: { update(update: RouteUpdate): void; failed(error: CometError): void },
  ): { stop(): void }
  /** What another name server says. Returns whether a reign is among it that was not known. */
  learn(brokers: readonly BrokerAddress[]): boolean
}

/** A name server that lives tells of a hand-over by then, and of most elections: nobody else need be asked. */
const PATIENCE_MS = 300

/** An election takes two seconds at most, the loss of a host included. */
const LISTEN_MS = 5_000

/** The time between two inquiries that bring nothing: doubled each time. */
const PAUSE = { baseMs: 1_000, maxMs: 30_000 } as const

/**
 * Asks the name servers that are not in use whether there is another master, while a broker fails.
 *
 * When a host is lost that has both a master and the name server in use, nobody tells: connections
 * to it stand until keep-alive gives them up. Of the others, only new reigns count; whatever else
 * they know, or do not, the routes are those of the one in use.
 */
export class MasterInquiry {
  readonly #clock: Clock
  readonly #ports: InquiryPorts
  readonly #watches = new Set<{ stop(): void }>()
  #timer: Timer | undefined
  /** `clock.elapsedMs()` before which none begins. */
  #notBeforeMs = Number.NEGATIVE_INFINITY
  /** Inquiries in a row that brought nothing. */
  #inVain = 0

  constructor(clock: Clock, ports: InquiryPorts) {
    this.#clock = clock
    this.#ports = ports
  }

  /**
   * Listens to them for a while, unless the one in use tells before that begins. Does nothing if it
   * listens already, or did a moment ago.
   */
  begin(others: () => readonly Connection[]): void {
    if (this.#timer !== undefined || this.#clock.elapsedMs() < this.#notBeforeMs) return
    this.#timer = this.#clock.schedule(PATIENCE_MS, () => this.#ask(others()))
  }

  /** There is another reign, whoever has told of it: nobody need be asked any more. */
  answered(): void {
    this.close()
    this.#inVain = 0
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    for (const watch of this.#watches) watch.stop()
    this.#watches.clear()
  }

  #ask(nameServers: readonly Connection[]): void {
    this.#timer = this.#clock.schedule(LISTEN_MS, () => this.#endedInVain())
    for (const nameServer of nameServers) {
      const watch = this.#ports.watch(nameServer, {
        update: ({ brokers }) => {
          if (this.#watches.has(watch) && this.#ports.learn(brokers)) this.answered()
        },
        failed: () => this.#watches.delete(watch),
      })
      this.#watches.add(watch)
    }
  }

  #endedInVain(): void {
    this.close()
    const pauseMs = Math.min(PAUSE.maxMs, PAUSE.baseMs * 2 ** this.#inVain)
    this.#inVain += 1
    this.#notBeforeMs = this.#clock.elapsedMs() + pauseMs
  }
}
