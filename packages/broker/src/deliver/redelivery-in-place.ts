import type { Clock } from '@cometmq/runtime'
import type { CommitLoop } from './commit-loop.ts'
import type { Redelivery, SendBack } from './redelivery.ts'
import type { Source } from './source.ts'

/**
 * Redelivery where nothing may be appended: a message that has failed waits where it is, and one that
 * its group gives up on is parked there until a master takes it to the dead letters.
 */
export class RedeliveryInPlace implements Redelivery {
  readonly #clock: Clock
  readonly #loop: CommitLoop

  constructor(clock: Clock, loop: CommitLoop) {
    this.#clock = clock
    this.#loop = loop
  }

  /** As an acknowledgement, it has happened in memory at once and is not taken back. */
  sendBack({ source, part, attempts, to, reason, onDelayed }: SendBack): Promise<void> {
    switch (to.kind) {
      case 'retry': {
        const untilMs = this.#clock.elapsedMs() + to.delayMs
        source.table.delay(part, attempts, untilMs)
        onDelayed(untilMs)
        break
      }
      case 'dead-letters':
        source.table.park(part, attempts, reason)
        break
    }
    this.#loop.touch(source)
    source.stirred()
    return this.#loop.durableInTheEnd()
  }

  bury(_group: string, { table }: Source): Promise<boolean> {
    return Promise.resolve(table.parked().length === 0)
  }
}
