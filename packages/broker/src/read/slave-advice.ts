import type { BrokerAddress } from '@cometmq/protocol'
import type { Clock } from '@cometmq/runtime'
import type { Standing } from './standing.ts'

/** When a master sends readers to its slaves. */
export interface ReadersConfig {
  /** Those that read so many bytes or more before the end of the log; 0: none. */
  readonly toSlaveBeyondBytes: number
  /** To the slave in sync with the smallest member id, or to all of them in turn. */
  readonly slave: 'first' | 'any'
}

/** What a reader is told with what it has read. */
export interface ReadAdvice {
  /** Where it had better read on; empty: here. */
  readonly suggested: string
  readonly nearEnd: boolean
}

export interface SlaveAdviceParts {
  readonly clock: Clock
  readonly brokerName: string
  /** The end of what can be read of the log. */
  readonly logEnd: () => number
  /** Member ids of slaves that are in sync and connected, in rising order; none unless this is a master. */
  readonly inSync: () => readonly number[]
  /** All brokers that are heard. */
  readonly brokers: () => readonly BrokerAddress[]
}

/** Who is in sync changes within a second or more. */
const FRESH_MS = 1_000

/**
 * Tells readers that are far behind to read from a slave: what they want has left all caches, and the
 * disk of the master is needed for producers. A slave tells them when they are near again: at half of
 * the distance, so that nobody is sent to and fro.
 */
export class SlaveAdvice {
  readonly #config: ReadersConfig
  readonly #parts: SlaveAdviceParts
  #slaves: readonly BrokerAddress[] = []
  #freshUntilMs = Number.NEGATIVE_INFINITY
  #turn = 0

  constructor(config: ReadersConfig, parts: SlaveAdviceParts) {
    this.#config = config
    this.#parts = parts
  }

  /** `logOffset`: where what was read last lies; `listener`: by which the reader has come in. */
  at(logOffset: number, standing: Standing, listener: string): ReadAdvice {
    const { toSlaveBeyondBytes } = this.#config
    const behindBytes = this.#parts.logEnd() - logOffset
    const nearEnd = standing === 'slave' && behindBytes <= toSlaveBeyondBytes / 2
    const isFar = toSlaveBeyondBytes > 0 && behindBytes >= toSlaveBeyondBytes
    const suggested = isFar && standing === 'master' ? this.#suggestion(listener) : ''
    return { suggested, nearEnd }
  }

  #suggestion(listener: string): string {
    const slaves = this.#freshSlaves()
    const turn = this.#config.slave === 'any' ? this.#turn++ : 0
    const slave = slaves[turn % Math.max(1, slaves.length)]
    const named = slave?.listeners.find((each) => each.listener === listener)
    return named?.address ?? slave?.address ?? ''
  }

  #freshSlaves(): readonly BrokerAddress[] {
    const { clock, brokerName, inSync, brokers } = this.#parts
    const nowMs = clock.elapsedMs()
    if (nowMs < this.#freshUntilMs) return this.#slaves
    this.#freshUntilMs = nowMs + FRESH_MS
    const own = new Map(
      brokers().flatMap((broker) =>
        broker.brokerName === brokerName ? [[broker.brokerId, broker] as const] : [],
      ),
    )
    this.#slaves = inSync().flatMap((memberId) => own.get(memberId) ?? [])
    return this.#slaves
  }
}
