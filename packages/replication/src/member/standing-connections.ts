import { toCometError } from '@cometmq/protocol'
import type { Connection, Timer } from '@cometmq/runtime'
import { inspectMember } from './asking.ts'
import type { MemberPorts } from './ports.ts'

export type StandingConnectionsPorts = Pick<MemberPorts, 'clock' | 'transport' | 'log' | 'methods'>

const EVERY_MS = 1_000

/**
 * An open connection to every other member, before it is needed: who follows another master, or asks
 * around in an election, shares it and does not wait until there is one.
 *
 * Each is tried once a second and let go when its member does not answer. What is said after a
 * partition must not stand in line behind what was lost in it.
 */
export class StandingConnections {
  readonly #ports: StandingConnectionsPorts
  readonly #options: { readonly brokerName: string; readonly timeoutMs: number }
  readonly #others: () => readonly string[]
  readonly #held = new Map<string, Connection>()
  #timer: Timer | undefined
  #isClosed = false

  /** `others`: the addresses at which other members are reached now. */
  constructor(
    ports: StandingConnectionsPorts,
    options: { readonly brokerName: string; readonly timeoutMs: number },
    others: () => readonly string[],
  ) {
    this.#ports = ports
    this.#options = options
    this.#others = others
  }

  start(): void {
    const addresses = new Set(this.#others())
    for (const address of this.#held.keys()) if (!addresses.has(address)) this.#letGo(address)
    for (const address of addresses) void this.#hold(address)
    this.#timer = this.#ports.clock.schedule(EVERY_MS, () => this.start())
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    for (const address of this.#held.keys()) this.#letGo(address)
  }

  async #hold(address: string): Promise<void> {
    const { transport, methods, log } = this.#ports
    const { brokerName, timeoutMs } = this.#options
    // Nobody is told of an epoch by this, and nothing follows from the answer.
    const question = { address, brokerName, from: 0, epoch: 0, timeoutMs }
    try {
      if (!this.#held.has(address)) this.#held.set(address, transport.connect(address))
      await inspectMember(transport, methods.Inspect, question)
    } catch (thrown) {
      if (this.#isClosed) return
      log.debug({ address, error: toCometError(thrown) }, 'no connection stands to a member')
      this.#letGo(address)
    }
  }

  #letGo(address: string): void {
    this.#held.get(address)?.close()
    this.#held.delete(address)
  }
}
