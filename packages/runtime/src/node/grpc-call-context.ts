import { CometError } from '@cometmq/protocol'
import type { Metadata } from '@grpc/grpc-js'
import type { CallContext, CallMetadata } from '../transport.ts'

/** What grpc-js servers have in common of all kinds of calls. */
export interface ServerCall {
  readonly metadata: Metadata
  getPeer(): string
  getHost(): string
  getDeadline(): Date | number
  on(event: 'cancelled', gone: () => void): unknown
}

/** Makes the signal only if somebody asks for it: most handlers do not, and it costs. */
export class GrpcCallContext implements CallContext {
  readonly peer: string
  readonly listener: string
  readonly #call: ServerCall
  readonly #connected: (peer: string) => boolean
  #controller: AbortController | undefined
  #failure: CometError | undefined
  #metadata: CallMetadata | undefined

  constructor(
    call: ServerCall,
    {
      connected,
      listener,
    }: {
      readonly connected: (peer: string) => boolean
      readonly listener: string
    },
  ) {
    // At once: grpc-js forgets it with the connection.
    this.peer = call.getPeer()
    this.listener = listener
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

  get authority(): string {
    return this.#call.getHost()
  }

  get metadata(): CallMetadata {
    this.#metadata ??= textsOf(this.#call.metadata)
    return this.#metadata
  }

  get remainingMs(): number {
    return Math.max(0, Number(this.#call.getDeadline()) - Date.now())
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

/** Binary values are not for handlers. */
function textsOf(metadata: Metadata): CallMetadata {
  const texts: Record<string, string> = {}
  for (const [name, value] of Object.entries(metadata.getMap())) {
    if (typeof value === 'string') texts[name] = value
  }
  return texts
}
