import { CometError } from '@cometmq/protocol'
import type { Timer } from '@cometmq/runtime'
import type { ProcessLife } from '../process-life.ts'
import type { SeededRandom } from '../seeded-random.ts'
import type { VirtualClock } from '../virtual-clock.ts'
import type { Links } from './links.ts'

/** Keep-alive notices a silent peer after one to two of these, as in the Node adapter. */
const KEEPALIVE_MS = 4_000

/** What a session needs of its network. */
export interface SessionSurroundings {
  readonly clock: VirtualClock
  readonly random: SeededRandom
  readonly links: Links
  readonly sessions: Set<Session>
  isPowered(host: string): boolean
}

/** A call that runs over a session, as one end has it. */
export interface RunningCall {
  broken(error: CometError): void
}

/** One of the two processes that a session connects. */
export class SessionEnd {
  /** `host:port` as the other end sees it. */
  readonly address: string
  readonly host: string
  readonly life: ProcessLife
  readonly calls = new Set<RunningCall>()
  /** Until this end has closed the session, or learnt that it broke, or died. */
  isOpen = true
  /** Called once when the session breaks, after its calls were told. */
  onBreak: () => void = () => {}
  silence: Timer | undefined

  constructor(options: {
    readonly host: string
    readonly port: number
    readonly life: ProcessLife
  }) {
    this.host = options.host
    this.address = `${options.host}:${options.port}`
    this.life = options.life
  }
}

/**
 * One connection between two processes, as an HTTP/2 session over TCP is: what is sent arrives in
 * its order or the session breaks, and what a blocked way holds up arrives when the way is free.
 *
 * Each end breaks on its own, when it learns of it.
 */
export class Session {
  readonly client: SessionEnd
  readonly server: SessionEnd
  readonly #network: SessionSurroundings
  readonly #toServer: Pipe
  readonly #toClient: Pipe

  constructor(network: SessionSurroundings, client: SessionEnd, server: SessionEnd) {
    this.client = client
    this.server = server
    this.#network = network
    this.#toServer = { from: client, to: server, lastArrivalMs: 0, held: [], isReleasing: false }
    this.#toClient = { from: server, to: client, lastArrivalMs: 0, held: [], isReleasing: false }
    network.sessions.add(this)
    // The way may have been blocked while the connection was made.
    this.reconsider()
  }

  /** Lets something happen at the server when the message has got there. */
  sendToServer(deliver: () => void): void {
    this.#send(this.#toServer, deliver)
  }

  sendToClient(deliver: () => void): void {
    this.#send(this.#toClient, deliver)
  }

  /** One end closes the connection: properly, after all that it has sent, or by breaking it. */
  closeFrom(end: SessionEnd, manner: 'properly' | 'by force'): void {
    if (!end.isOpen) return
    this.breakEnd(end, 'the connection was closed')
    this.#tellOther(end, manner)
  }

  /** The process at one end, or its machine, has died. */
  endDied(end: SessionEnd): void {
    end.isOpen = false
    end.calls.clear()
    // A machine that lost its power says nothing; a system whose process died closes its sockets.
    if (this.#network.isPowered(end.host)) this.#tellOther(end, 'by force')
    this.#forgetIfOver()
  }

  /** A machine is back that knows nothing of the session; the next ping of the other end shows it. */
  endForgotten(end: SessionEnd): void {
    const other = this.#other(end)
    const delayMs = this.#network.random.between(0, KEEPALIVE_MS)
    other.life.clock.schedule(delayMs, () => {
      if (!this.#isBlocked()) this.breakEnd(other, 'the connection was reset')
    })
  }

  /** That end learns that the connection is broken. */
  breakEnd(end: SessionEnd, why: string): void {
    if (!end.isOpen) return
    end.isOpen = false
    end.silence?.cancel()
    const calls = [...end.calls]
    end.calls.clear()
    // First, so that a call which is opened again at once does not end up on the broken connection.
    end.onBreak()
    for (const call of calls) call.broken(new CometError('UNAVAILABLE', why))
    this.#forgetIfOver()
  }

  /** To be called when something has changed that may silence the session, or wake it. */
  reconsider(): void {
    const isSilent = this.#isBlocked() || !this.#answers(this.client) || !this.#answers(this.server)
    for (const end of [this.client, this.server]) {
      if (isSilent) {
        this.#watchSilence(end)
      } else {
        end.silence?.cancel()
        end.silence = undefined
      }
    }
    this.#release(this.#toServer)
    this.#release(this.#toClient)
  }

  #tellOther(end: SessionEnd, manner: 'properly' | 'by force'): void {
    const pipe = end === this.client ? this.#toServer : this.#toClient
    const why = `${end.address} has closed the connection`
    const deliver = (): void => this.breakEnd(pipe.to, why)
    // A reset may overtake what was sent before it.
    if (manner === 'by force' && this.#network.random.chance(0.5)) pipe.lastArrivalMs = 0
    this.#transmit(pipe, deliver)
  }

  #send(pipe: Pipe, deliver: () => void): void {
    if (pipe.from.isOpen) this.#transmit(pipe, deliver)
  }

  #transmit(pipe: Pipe, deliver: () => void): void {
    const { clock, links } = this.#network
    const delayMs = links.delayMs(pipe.from.host, pipe.to.host)
    pipe.lastArrivalMs = Math.max(pipe.lastArrivalMs, clock.elapsedMs() + delayMs)
    clock.scheduleAt(pipe.lastArrivalMs, () => this.#arrive(pipe, deliver))
  }

  #arrive(pipe: Pipe, deliver: () => void): void {
    const { links } = this.#network
    if (pipe.held.length > 0 || links.isBlocked(pipe.from.host, pipe.to.host)) {
      pipe.held.push(deliver)
      return
    }
    // Whoever has no such connection any more says so, if it is there to say anything.
    const isRefused = pipe.to.life.hasEnded && this.#network.isPowered(pipe.to.host)
    if (isRefused && pipe.from.isOpen) this.#tellOther(pipe.to, 'by force')
    pipe.to.life.run(() => {
      if (pipe.to.isOpen) deliver()
    })
  }

  /**
   * What was held goes on after a while. It stays where it is until then, so that what arrives in
   * between queues behind it.
   */
  #release(pipe: Pipe): void {
    const { clock, links } = this.#network
    if (pipe.held.length === 0 || pipe.isReleasing) return
    if (links.isBlocked(pipe.from.host, pipe.to.host)) return
    pipe.isReleasing = true
    clock.schedule(links.delayMs(pipe.from.host, pipe.to.host), () => {
      pipe.isReleasing = false
      if (links.isBlocked(pipe.from.host, pipe.to.host)) return
      for (const deliver of pipe.held.splice(0)) this.#arrive(pipe, deliver)
    })
  }

  #isBlocked(): boolean {
    const { links } = this.#network
    return (
      links.isBlocked(this.client.host, this.server.host) ||
      links.isBlocked(this.server.host, this.client.host)
    )
  }

  #answers(end: SessionEnd): boolean {
    return end.isOpen && end.life.isRunning && this.#network.isPowered(end.host)
  }

  #watchSilence(end: SessionEnd): void {
    if (!end.isOpen || end.silence !== undefined) return
    const delayMs = this.#network.random.between(KEEPALIVE_MS, 2 * KEEPALIVE_MS)
    end.silence = end.life.clock.schedule(delayMs, () => {
      this.breakEnd(end, `${this.#other(end).address} has fallen silent`)
    })
  }

  #forgetIfOver(): void {
    if (!this.client.isOpen && !this.server.isOpen) this.#network.sessions.delete(this)
  }

  #other(end: SessionEnd): SessionEnd {
    return end === this.client ? this.server : this.client
  }
}

interface Pipe {
  readonly from: SessionEnd
  readonly to: SessionEnd
  /** When the last message gets there; the next cannot be earlier. */
  lastArrivalMs: number
  /** What has come as far as a block. */
  readonly held: (() => void)[]
  /** The block has gone, and what was held is about to arrive. */
  isReleasing: boolean
}
