import type { Standing } from './message-group-order.ts'

/** What has become of one message, for one group. */
export type MessageState = Ready | Returned | Delayed | Lease | Move | Parked | Done

/** Whoever messages are leased to. Only state maps write `held`. */
export interface Holder {
  /** Messages leased to it, over all queues. */
  held: number
}

/** Never delivered. */
interface Ready {
  readonly kind: 'ready'
  readonly attempts: 0
}

/** Ready again in place. */
interface Returned {
  readonly kind: 'returned'
  readonly attempts: number
  readonly last: Holder | undefined
}

/** Ready again in place, but not before its time. */
export interface Delayed {
  readonly kind: 'delayed'
  readonly attempts: number
  /** By the elapsed clock. */
  readonly deadlineMs: number
  readonly last: Holder
}

export interface Lease {
  readonly kind: 'leased'
  readonly holder: Holder
  /** Earlier deliveries that have ended without an acknowledgement. */
  readonly attempts: number
  /** By the elapsed clock. */
  readonly deadlineMs: number
  /** Of a lease whose messages are settled by receipts. */
  readonly pop?: PopLease
}

/**
 * What makes a lease known to those who have its receipt. At its end its messages are ready in place,
 * and not sent back: so the receipt stays good until they are delivered anew.
 */
export interface PopLease {
  readonly generation: string
  /** The one before the lease was changed last: its owner may not have heard of the change. */
  readonly previous?: string
  /** Ends with its holder. */
  readonly isRenewed: boolean
  /** Its end does not count as an attempt. */
  readonly isSuspended: boolean
}

/** On its way to the retry or dead letter topic: nobody's, and not to be leased. */
export interface Move {
  readonly kind: 'moving'
  /** Deliveries that have ended without an acknowledgement, the last one included. */
  readonly attempts: number
  /** The lease that ended in this move, or what was parked. */
  readonly before: Lease | Parked | undefined
  /** Its append is under way: rows written from now on count the messages as done. */
  isCommitting: boolean
}

/**
 * Its group has given up on it, where nothing can be moved to the dead letters. Nobody gets it; those
 * that follow it in its message group do.
 */
export interface Parked {
  readonly kind: 'parked'
  readonly attempts: number
  readonly reason: string
}

export interface Done {
  readonly kind: 'done'
}

export const DONE: Done = { kind: 'done' }
export const READY: Ready = { kind: 'ready', attempts: 0 }

/** It may be leased. */
export function isReady(state: MessageState): state is Ready | Returned {
  return state.kind === 'ready' || state.kind === 'returned'
}

/** Nobody's, and not done: only time may be missing until it is leased again. */
export function isWaiting(state: MessageState): state is Ready | Returned | Delayed {
  return isReady(state) || state.kind === 'delayed'
}

export function isLeasedTo(holder: Holder, state: MessageState): state is Lease {
  return state.kind === 'leased' && state.holder === holder
}

/** For those that follow it in its message group. */
export function standingOf({ kind }: MessageState): Standing {
  switch (kind) {
    case 'done':
    case 'parked':
      return 'done'
    case 'delayed':
    case 'leased':
    case 'moving':
      return 'out'
    case 'returned':
    case 'ready':
      return 'ready'
  }
}
