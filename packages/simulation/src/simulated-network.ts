import type { Logger, Transport } from '@cometmq/runtime'
import { DEFAULT_LINK_LATENCY, type LinkLatency, Links } from './network/links.ts'
import { NetworkCore } from './network/network-core.ts'
import type { Session } from './network/session.ts'
import { SimulatedTransport } from './network/simulated-transport.ts'
import type { ProcessLife } from './process-life.ts'
import type { SeededRandom } from './seeded-random.ts'
import type { VirtualClock } from './virtual-clock.ts'

export interface SimulatedNetworkOptions {
  readonly clock: VirtualClock
  readonly random: SeededRandom
  readonly latency?: LinkLatency
  /** What a stream takes before its sender is told to wait. */
  readonly windowBytes?: number
}

const DEFAULT_WINDOW_BYTES = 256 * 1024

/**
 * The network between simulated machines. What is sent on a connection arrives in order after a
 * while; what a block stops arrives after it, unless keep-alive has given the connection up before.
 */
export class SimulatedNetwork {
  readonly #core: NetworkCore

  constructor(options: SimulatedNetworkOptions) {
    this.#core = new NetworkCore({
      clock: options.clock,
      random: options.random,
      links: new Links(options.latency ?? DEFAULT_LINK_LATENCY, options.random.fork('links')),
      windowBytes: options.windowBytes ?? DEFAULT_WINDOW_BYTES,
    })
  }

  /** Lets nothing pass between the two, in either direction. */
  partition(a: string, b: string): void {
    this.#core.links.block(a, b)
    this.block(b, a)
  }

  /** Lets nothing pass in that direction. */
  block(from: string, to: string): void {
    this.#core.links.block(from, to)
    this.#reconsider()
  }

  /** Undoes `partition` and `block` between the two. */
  heal(a: string, b: string): void {
    this.#core.links.unblock(a, b)
    this.#core.links.unblock(b, a)
    this.#reconsider()
  }

  /** Parts a machine from all others. */
  isolate(host: string): void {
    this.#core.links.isolate(host)
    this.#reconsider()
  }

  /** Undoes `isolate`. */
  rejoin(host: string): void {
    this.#core.links.rejoin(host)
    this.#reconsider()
  }

  /** Lets everything pass again everywhere. */
  healAll(): void {
    this.#core.links.unblockAll()
    this.#reconsider()
  }

  /** Makes each message between the two take so much longer, one way; 0 is the usual. */
  slowDown(a: string, b: string, addedMs: number): void {
    this.#core.links.setAddedDelay(a, b, addedMs)
    this.#core.links.setAddedDelay(b, a, addedMs)
  }

  /** Loses so many of the packets between the two, from 0 to 1: they arrive when they are sent again. */
  lose(a: string, b: string, chance: number): void {
    this.#core.links.setLoss(a, b, chance)
    this.#core.links.setLoss(b, a, chance)
  }

  /** Breaks the connections between the two that there are; new ones can be made. */
  cutConnections(a: string, b: string): void {
    for (const session of this.#sessionsOf(a)) {
      if (session.client.host !== b && session.server.host !== b) continue
      for (const end of [session.client, session.server]) {
        end.life.run(() => session.breakEnd(end, 'the connection was cut'))
      }
    }
  }

  /** The transport of a process on that machine. The machine is switched on by it. */
  openProcess(host: string, life: ProcessLife, log: Logger): Transport {
    const known = this.#core.hosts.get(host)
    if (known === undefined) this.#core.hosts.set(host, { isPowered: true, listeners: new Map() })
    else known.isPowered = true
    this.#forgetOldSessions(host)
    return new SimulatedTransport({ network: this.#core, host, life, log })
  }

  /** The process has ended; its system closes what it had open. */
  processEnded(host: string): void {
    this.#core.hosts.get(host)?.listeners.clear()
    for (const session of this.#sessionsOf(host)) {
      for (const end of [session.client, session.server]) {
        if (end.host === host && end.life.hasEnded && end.isOpen) session.endDied(end)
      }
    }
  }

  /** The machine is off: from now on it is silent. Its process must have ended. */
  powerLost(host: string): void {
    const known = this.#core.hosts.get(host)
    if (known !== undefined) known.isPowered = false
    this.processEnded(host)
    this.#reconsider()
  }

  /** To be called when a process was paused or resumed. */
  processPausedOrResumed(): void {
    this.#reconsider()
  }

  #forgetOldSessions(host: string): void {
    for (const session of this.#sessionsOf(host)) {
      for (const end of [session.client, session.server]) {
        if (end.host === host && end.life.hasEnded) session.endForgotten(end)
      }
    }
  }

  #reconsider(): void {
    for (const session of this.#core.sessions) session.reconsider()
  }

  #sessionsOf(host: string): Session[] {
    return [...this.#core.sessions].filter(
      (session) => session.client.host === host || session.server.host === host,
    )
  }
}
