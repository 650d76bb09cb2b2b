import type { SeededRandom } from '../seeded-random.ts'
import type { VirtualClock } from '../virtual-clock.ts'
import type { Links } from './links.ts'
import type { Session } from './session.ts'
import type { SimulatedListener } from './simulated-listener.ts'

/** One machine as the network sees it. */
export interface Host {
  isPowered: boolean
  readonly listeners: Map<number, SimulatedListener>
}

export interface NetworkCoreOptions {
  readonly clock: VirtualClock
  readonly random: SeededRandom
  readonly links: Links
  /** What a stream takes before its sender is told to wait. */
  readonly windowBytes: number
}

/** Ports that systems give out by themselves. */
const FIRST_FREE_PORT = 30_000

/** What all parts of one simulated network share. */
export class NetworkCore {
  readonly clock: VirtualClock
  readonly random: SeededRandom
  readonly links: Links
  readonly windowBytes: number
  readonly hosts = new Map<string, Host>()
  readonly sessions = new Set<Session>()
  #clientPort = FIRST_FREE_PORT

  constructor(options: NetworkCoreOptions) {
    this.clock = options.clock
    this.random = options.random
    this.links = options.links
    this.windowBytes = options.windowBytes
  }

  isPowered(host: string): boolean {
    return this.hosts.get(host)?.isPowered === true
  }

  nextClientPort(): number {
    this.#clientPort += 1
    return this.#clientPort
  }

  freePort(host: Host): number {
    let port = FIRST_FREE_PORT
    while (host.listeners.has(port)) port += 1
    return port
  }
}
