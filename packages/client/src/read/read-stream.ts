import { CometError, readMethod, type ReadRequest, type ReadResponse } from '@cometmq/protocol'
import type { Connection, MessageStream } from '@cometmq/runtime'

export interface ReadStreamEvents {
  take(response: ReadResponse, stream: ReadStream): void
  /** Called once, unless it was left. */
  failed(error: CometError, stream: ReadStream): void
}

/** One `Read` stream to one broker, from its opening to its end. */
export class ReadStream {
  readonly address: string
  readonly #stream: MessageStream<ReadRequest, ReadResponse>
  #over = false

  constructor(connection: Connection, events: ReadStreamEvents) {
    const { address } = connection
    this.address = address
    this.#stream = connection.open(readMethod)
    const failed = (error: CometError): void => {
      if (this.#over) return
      this.#over = true
      events.failed(error, this)
    }
    this.#stream.receive({
      message: (response) => {
        if (!this.#over) events.take(response, this)
      },
      ended: () => {
        this.#stream.end()
        failed(new CometError('UNAVAILABLE', `${address} has ended the stream`))
      },
      failed,
    })
  }

  send(request: ReadRequest): void {
    this.#stream.send(request)
  }

  /** Asks for nothing more; what was asked is still answered. */
  end(): void {
    this.#stream.end()
  }

  /** Breaks it off as if it had failed. */
  break(error: CometError): void {
    this.#stream.cancel(error)
  }

  /** Nothing of it counts any more. */
  leave(error?: CometError): void {
    this.#over = true
    this.#stream.cancel(error)
  }
}
