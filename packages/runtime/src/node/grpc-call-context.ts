import { CometError } from '@cometmq/protocol'
import type { CallContext } from '../transport.ts'

/** What grpc-js servers have in common of all kinds of calls. */
export interface ServerCall {
  getPeer(): string
  getDeadline(): Date | number
  on(event: 'cancelled', gone: () => void): unknown
}

/** Makes the signal only if somebody asks for it: most handlers do not, and it costs. */
export class GrpcCallContext implements CallContext {
  readonly peer: string
  readonly #call: ServerCall
  readonly #connected: (peer: string) => boolean
  #controller: AbortController | undefined
  #failure: CometError | undefined

  constructor(call: ServerCall, connected: (peer: string) => boolean) {
    // At once: grpc-js forgets it with the connection.
    this.peer = call.getPeer()
    this.#call = call
    this.#connected = connected
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#failure !== undefined) this.#controller.abort(this.#failure)
    }
    return this.#controller.signal
  }

  /** The call has ended before it was answered; says why. */
  abort(): CometError {
    this.#failure = this.#whyOver()
    this.#controller?.abort(this.#failure)
    return this.#failure
  }

  #whyOver(): CometError {
    if (Number(this.#call.getDeadline()) <= Date.now()) {
      return new CometError('TIMEOUT', `the deadline that ${this.peer} had set has passed`)
    }
    if (!this.#connected(this.peer)) {
      return new CometError('UNAVAILABLE', `the connection from ${this.peer} broke`)
    }
    return new CometError('CANCELLED', `${this.peer} has cancelled the call`)
  }
}
