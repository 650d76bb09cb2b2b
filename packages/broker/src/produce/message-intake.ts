import type { PublishRequest, PublishResponse } from '@cometmq/protocol'
import type { MessageStream } from '@cometmq/runtime'
import { type IntakeLimits, PublishBudget } from './publish-budget.ts'
import { type IntakePorts, PublishStream } from './publish-stream.ts'

/** Takes in what producers send, over any number of streams. */
export class MessageIntake {
  readonly #ports: IntakePorts
  readonly #budget: PublishBudget
  readonly #streams = new Set<PublishStream>()

  constructor(ports: IntakePorts, limits: IntakeLimits) {
    this.#ports = ports
    this.#budget = new PublishBudget(limits)
  }

  /** Bytes taken and not answered. */
  get pendingBytes(): number {
    return this.#budget.pendingBytes
  }

  /** Serves one `Publish` stream until it ends. */
  accept(stream: MessageStream<PublishResponse, PublishRequest>): void {
    const { counters } = this.#ports
    const publishing = new PublishStream(this.#ports, this.#budget, stream)
    this.#streams.add(publishing)
    counters.publishStreams++
    publishing.start(() => {
      this.#streams.delete(publishing)
      counters.publishStreams--
    })
  }

  /**
   * Refuses batches that come from now on with `DRAINING`, and resolves when those taken before are
   * answered.
   */
  drain(): Promise<void> {
    return this.#budget.drain()
  }

  /** Ends every stream properly, after `drain`. */
  end(): void {
    for (const stream of this.#streams) stream.end()
  }
}
