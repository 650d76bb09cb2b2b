import type { BrokerAddress } from '@cometmq/protocol'
import type { Clock } from '@cometmq/runtime'

/** The members of a broker group, as routes tell of them. */
export interface GroupPlaces {
  /** The master, if a name server hears one. */
  readonly master: BrokerAddress | undefined
  /** The last master that was heard; it may be reached all the same. */
  readonly lastMaster: BrokerAddress | undefined
  /** Slaves that are heard; the smallest member id first. */
  readonly slaves: readonly BrokerAddress[]
  /** The slave that does a master's work for consumers. */
  readonly standIn: BrokerAddress | undefined
}

/**
 * Where a reader reads: at the master; at a slave while there is no master or that one fails, or where
 * the master has sent it. `present`: where it reads now, for slaves are not changed without need.
 */
export function placeToRead(
  { master, lastMaster, slaves }: GroupPlaces,
  reader: {
    readonly present: string | undefined
    readonly suggested: string | undefined
    readonly isAvoided: (address: string) => boolean
  },
): string | undefined {
  const { present, suggested, isAvoided } = reader
  const served = slaves.map(({ address }) => address)
  const known = (address: string | undefined): string[] =>
    address !== undefined && served.includes(address) ? [address] : []
  const candidates = [
    ...(master === undefined ? [] : [...known(suggested), master.address]),
    ...known(present),
    ...served,
  ]
  const fit = candidates.find((address) => !isAvoided(address))
  // Where nobody is fit, the master is tried again.
  return fit ?? (master ?? lastMaster)?.address ?? served[0]
}

/** Where positions are kept. */
export function placeToCommit({ master, lastMaster, standIn }: GroupPlaces): string | undefined {
  return (master ?? standIn ?? lastMaster)?.address
}

/** Brokers that have failed, each for a while. */
export class Avoided {
  readonly #clock: Clock
  readonly #untilMs = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(address: string, ms: number): void {
    this.#untilMs.set(address, this.#clock.elapsedMs() + ms)
  }

  has(address: string): boolean {
    const untilMs = this.#untilMs.get(address)
    if (untilMs === undefined) return false
    if (this.#clock.elapsedMs() < untilMs) return true
    this.#untilMs.delete(address)
    return false
  }

  forgive(address: string): void {
    this.#untilMs.delete(address)
  }
}
