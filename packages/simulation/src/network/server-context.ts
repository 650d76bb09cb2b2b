import type { CometError } from '@cometmq/protocol'
import type { CallContext } from '@cometmq/runtime'

/** What a handler on a simulated network knows of its caller. */
export class ServerContext implements CallContext {
  readonly peer: string
  readonly #controller = new AbortController()

  constructor(peer: string) {
    this.peer = peer
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  abort(error: CometError): void {
    this.#controller.abort(error)
  }
}
