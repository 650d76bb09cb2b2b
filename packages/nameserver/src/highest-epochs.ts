export interface BrokerGroupEpoch {
  readonly brokerName: string
  readonly epoch: number
}

/**
 * The highest epoch that any member of a broker group was ever registered with, by broker name. It
 * never falls while the process lives: a master that missed the end of its reign has to learn of it
 * here.
 *
 * Bounded, for names can be made up: of those of which nobody is heard the one that was registered
 * longest ago is given up.
 */
export class HighestEpochs {
  readonly #max: number
  readonly #isHeard: (brokerName: string) => boolean
  /** The name that was registered last comes last. */
  readonly #epochs = new Map<string, number>()

  /** `max`: more than can be heard at once. */
  constructor(max: number, isHeard: (brokerName: string) => boolean) {
    this.#max = max
    this.#isHeard = isHeard
  }

  /** 0: the name is not known. */
  of(brokerName: string): number {
    return this.#epochs.get(brokerName) ?? 0
  }

  get all(): BrokerGroupEpoch[] {
    return [...this.#epochs].map(([brokerName, epoch]) => ({ brokerName, epoch }))
  }

  /** A member of that name is heard, with that epoch. */
  raise(brokerName: string, epoch: number): void {
    const highest = Math.max(epoch, this.of(brokerName))
    this.#epochs.delete(brokerName)
    this.#epochs.set(brokerName, highest)
    if (this.#epochs.size <= this.#max) return
    for (const name of this.#epochs.keys()) {
      if (this.#isHeard(name)) continue
      this.#epochs.delete(name)
      return
    }
  }
}
