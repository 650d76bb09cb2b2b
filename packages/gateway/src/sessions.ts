import type {
  ClientType,
  Settings,
  Status__Input,
  TelemetryCommand__Input,
} from '@cometmq/protocol/rocketmq'
import type { Clock } from '@cometmq/runtime'
import type { ClientCall } from './client-call.ts'
import { bounds } from './config.ts'
import { RefusedCall, status } from './status.ts'

/** One end of a `Telemetry` stream: how the client is told something. */
export interface TelemetryLine {
  tell(command: TelemetryCommand__Input): void
  /** Tells why first, unless it is the client's own wish or silence. */
  end(why?: Status__Input): void
}

/** One client, as far as it has talked to this process. */
export interface ClientSession {
  readonly clientId: string
  language: string
  version: string
  clientType: ClientType
  /** Empty: a producer, or not told yet. */
  group: string
  settings: Settings | undefined
  /** The newest last. */
  readonly lines: TelemetryLine[]
  /** Broker groups that calls of this client were forwarded to: they want to know that it lives. */
  readonly ownersAsked: Set<string>
  /** Receives that wait: as long as one does, the client is there. */
  waiting: number
  /** By the elapsed clock. */
  lastSeenMs: number
}

/**
 * The clients of this process. The first call that names a client makes its session; a broken
 * stream does not end it, for half of the clients never open another.
 */
export class Sessions {
  readonly #clock: Clock
  readonly #limits: { readonly clientExpiryMs: number; readonly clientsMax: number }
  /** The one that was seen last comes last. */
  readonly #sessions = new Map<string, ClientSession>()

  constructor(
    clock: Clock,
    limits: { readonly clientExpiryMs: number; readonly clientsMax: number },
  ) {
    this.#clock = clock
    this.#limits = limits
  }

  get count(): number {
    return this.#sessions.size
  }

  get lineCount(): number {
    let count = 0
    for (const { lines } of this.#sessions.values()) count += lines.length
    return count
  }

  get(clientId: string): ClientSession | undefined {
    return this.#sessions.get(clientId)
  }

  /** The client lives. Throws `TOO_MANY_REQUESTS` when there are too many. */
  touch({ clientId, language, version }: ClientCall): ClientSession {
    const known = this.#sessions.get(clientId)
    if (known !== undefined) {
      known.lastSeenMs = this.#clock.elapsedMs()
      this.#sessions.delete(clientId)
      this.#sessions.set(clientId, known)
      return known
    }
    const { clientsMax } = this.#limits
    if (this.#sessions.size >= clientsMax) {
      throw new RefusedCall('TOO_MANY_REQUESTS', `${clientsMax} clients are connected here`)
    }
    const session: ClientSession = {
      clientId,
      language,
      version,
      clientType: 'CLIENT_TYPE_UNSPECIFIED',
      group: '',
      settings: undefined,
      lines: [],
      ownersAsked: new Set(),
      waiting: 0,
      lastSeenMs: this.#clock.elapsedMs(),
    }
    this.#sessions.set(clientId, session)
    return session
  }

  addLine(session: ClientSession, line: TelemetryLine): void {
    session.lines.push(line)
    const { streamsPerClient } = bounds
    if (session.lines.length <= streamsPerClient) return
    // A client that opens streams without end keeps the newest.
    const why = `this client has opened ${streamsPerClient} more telemetry streams since`
    session.lines.shift()?.end(status('TOO_MANY_REQUESTS', why))
  }

  removeLine(session: ClientSession, line: TelemetryLine): void {
    const index = session.lines.indexOf(line)
    if (index >= 0) session.lines.splice(index, 1)
  }

  /** Fine if it is not there. */
  remove(clientId: string): void {
    this.#sessions.delete(clientId)
  }

  /** Takes out those that were not seen for too long. */
  expire(): ClientSession[] {
    const beforeMs = this.#clock.elapsedMs() - this.#limits.clientExpiryMs
    const expired: ClientSession[] = []
    for (const session of this.#sessions.values()) {
      if (session.lastSeenMs > beforeMs) break
      if (session.waiting === 0) expired.push(session)
    }
    for (const { clientId } of expired) this.#sessions.delete(clientId)
    return expired
  }
}
