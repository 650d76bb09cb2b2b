import type { CometError } from '@cometmq/protocol'
import type { CallContext, CallMetadata, Clock } from '@cometmq/runtime'

/** What travels ahead of a call's messages. */
export interface CallHead {
  readonly path: string
  readonly timeoutMs: number | undefined
  readonly metadata: CallMetadata
}

/** What a handler on a simulated network knows of its caller. */
export class ServerContext implements CallContext {
  readonly peer: string
  readonly listener: string
  readonly authority: string
  readonly metadata: CallMetadata
  readonly #clock: Clock
  readonly #deadlineMs: number
  readonly #controller = new AbortController()

  constructor(
    way: { readonly peer: string; readonly listener: string; readonly authority: string },
    clock: Clock,
    call: CallHead,
  ) {
    this.peer = way.peer
    this.listener = way.listener
    this.authority = way.authority
    this.metadata = call.metadata
    this.#clock = clock
    this.#deadlineMs = clock.elapsedMs() + (call.timeoutMs ?? Number.POSITIVE_INFINITY)
  }

  get remainingMs(): number {
    return Math.max(0, this.#deadlineMs - this.#clock.elapsedMs())
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  abort(error: CometError): void {
    this.#controller.abort(error)
  }
}
