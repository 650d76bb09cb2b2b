import {
  type CometError,
  subscribeMethod,
  type SubscribeRequest,
  type SubscribeResponse,
} from '@cometmq/protocol'
import { accept, type Handler, type MessageStream } from '@cometmq/runtime'
import { type SubscribePorts, SubscribeStream } from '../deliver/subscribe-stream.ts'

/** `service`: of the present reign; throws `NOT_MASTER` where there is none. */
export function subscribeHandlers(service: () => SubscribeService): Handler[] {
  return [accept(subscribeMethod, (stream, { peer }) => service().accept(stream, peer))]
}

/** Members of consumer groups over native streams. */
export class SubscribeService {
  readonly #ports: SubscribePorts
  readonly #streams = new Set<SubscribeStream>()
  readonly #whenNone: (() => void)[] = []

  constructor(ports: SubscribePorts) {
    this.#ports = ports
  }

  /** Serves a stream until it ends. */
  accept(stream: MessageStream<SubscribeResponse, SubscribeRequest>, peer: string): void {
    const { counters } = this.#ports
    const member = new SubscribeStream(this.#ports, { stream, peer })
    this.#streams.add(member)
    counters.subscribeStreams++
    member.start(() => {
      this.#streams.delete(member)
      counters.subscribeStreams--
      if (this.#streams.size === 0) for (const resolve of this.#whenNone.splice(0)) resolve()
    })
  }

  /** Breaks what is left. */
  end(why: CometError): void {
    for (const member of this.#streams) member.ended(why)
  }

  /**
   * Delivers nothing more and tells every member; resolves when the last stream has ended, or when
   * the signal is aborted.
   */
  async drain(signal: AbortSignal): Promise<void> {
    await this.#ports.delivery.drain(signal)
    if (this.#streams.size === 0 || signal.aborted) return
    await new Promise<void>((resolve) => {
      this.#whenNone.push(resolve)
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }
}
