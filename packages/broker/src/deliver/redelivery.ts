import type { Lease } from './message-state.ts'
import type { Span } from './range-map.ts'
import type { RetryRow } from './retry-entry.ts'
import type { Source } from './source.ts'

/** A delivery that has ended without an acknowledgement, and what is to come of its messages. */
export interface SendBack {
  readonly group: string
  readonly source: Source
  readonly part: Span<Lease>
  /** Deliveries that have ended without an acknowledgement, this one included. */
  readonly attempts: number
  readonly to:
    | { readonly kind: 'retry'; readonly delayMs: number }
    | { readonly kind: 'dead-letters' }
  readonly reason: string
  /** A retry's row is in the table. */
  readonly onRetryStored: (row: RetryRow) => void
  /** They wait where they are, until that moment of the elapsed clock. */
  readonly onDelayed: (untilMs: number) => void
}

/**
 * What becomes of messages whose delivery has failed: who may write to the log moves them
 * (`RedeliveryByMove`), who may not leaves them where they are (`RedeliveryInPlace`).
 */
export interface Redelivery {
  /** Resolves when the messages are in their next place, durably. */
  sendBack(what: SendBack): Promise<void>

  /**
   * Moves what is parked to the dead letters. Resolves to whether nothing is parked any more; where
   * there is no moving, that is as it was.
   */
  bury(group: string, source: Source): Promise<boolean>
}
