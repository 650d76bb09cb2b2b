import { readMethod } from '@cometmq/protocol'
import { accept, type Handler } from '@cometmq/runtime'
import { type ReaderPorts, ReaderSession } from '../read/reader-session.ts'

/** Readers by offset. */
export class ReadService {
  readonly #ports: ReaderPorts
  readonly #sessions = new Set<ReaderSession>()
  readonly #whenNone: (() => void)[] = []

  constructor(ports: ReaderPorts) {
    this.#ports = ports
  }

  handlers(): Handler[] {
    return [
      accept(readMethod, (stream, { listener }) => {
        const session = new ReaderSession(this.#ports, stream, listener)
        this.#sessions.add(session)
        this.#ports.counters.readStreams++
        session.start(() => {
          this.#sessions.delete(session)
          this.#ports.counters.readStreams--
          if (this.#sessions.size === 0) for (const resolve of this.#whenNone.splice(0)) resolve()
        })
      }),
    ]
  }

  /** Tells every reader that this broker shuts down; resolves when the last one has ended. */
  async drain(): Promise<void> {
    for (const session of this.#sessions) session.drain()
    if (this.#sessions.size > 0) {
      await new Promise<void>((resolve) => this.#whenNone.push(resolve))
    }
  }
}
