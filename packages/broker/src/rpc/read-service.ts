import { readMethod } from '@cometmq/protocol'
import { accept, type Handler } from '@cometmq/runtime'
import { ReaderSession, type ReaderPorts } from '../read/reader-session.ts'

/** Readers by offset. */
export class ReadService {
  readonly #ports: ReaderPorts
  readonly #sessions = new Set<ReaderSession>()

  constructor(ports: ReaderPorts) {
    this.#ports = ports
  }

  handlers(): Handler[] {
    return [
      accept(readMethod, (stream) => {
        const session = new ReaderSession(this.#ports, stream)
        this.#sessions.add(session)
        this.#ports.counters.readStreams++
        session.start(() => {
          this.#sessions.delete(session)
          this.#ports.counters.readStreams--
        })
      }),
    ]
  }

  /** Tells every reader that this broker shuts down. */
  drain(): void {
    for (const session of this.#sessions) session.drain()
  }
}
