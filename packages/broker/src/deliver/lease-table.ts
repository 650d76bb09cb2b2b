import { Deadlines } from './deadlines.ts'
import type { MessageGroupOrder } from './message-group-order.ts'
import {
  DONE,
  type Holder,
  isLeasedTo,
  isWaiting,
  type Lease,
  type MessageState,
  type Move,
  type Parked,
  standingOf,
} from './message-state.ts'
import type { ProgressRow } from './progress-row.ts'
import type { Range, Span } from './range-map.ts'
import { type ReadyRun, ReadyRuns } from './ready-runs.ts'
import { rowOf, statesOf } from './row-of-states.ts'
import type { BacklogCounts, StateMap } from './state-map.ts'

/** A run of ready messages that are leased, or that the group does not want. */
export interface GrantedPart extends Range {
  readonly isSkipped: boolean
}

/**
 * What one group has done of one queue: who may do what to which message, and what becomes of it.
 * Pure: no time, no effects.
 */
export class LeaseTable {
  readonly #states: StateMap
  readonly #ready: ReadyRuns
  readonly #deadlines: Deadlines

  /** The order hears of changes after the row. */
  constructor(row: ProgressRow, maxOffset: number, order?: MessageGroupOrder) {
    this.#states = statesOf(row, maxOffset)
    this.#ready = new ReadyRuns(this.#states)
    this.#deadlines = new Deadlines(this.#states)
    if (order === undefined) return
    this.#states.listen({
      changed: (from, to, state) => order.changed(from, to, standingOf(state)),
      reset: (offset) => order.reset(offset),
    })
  }

  get doneBelow(): number {
    return this.#states.doneBelow
  }

  get maxOffset(): number {
    return this.#states.maxOffset
  }

  get spanCount(): number {
    return this.#states.spanCount
  }

  get counts(): BacklogCounts {
    return this.#states.counts
  }

  /** No lease or delay ends before this moment; some may end long after. */
  get nextDeadlineMs(): number {
    return this.#deadlines.nextMs
  }

  raiseMax(maxOffset: number): void {
    this.#states.raiseMax(maxOffset)
  }

  /** Messages below `minOffset` have been deleted: they count as done. Returns how many were not. */
  raiseMin(minOffset: number): number {
    if (minOffset <= this.doneBelow) return 0
    this.raiseMax(minOffset)
    const before = this.counts.backlog
    this.#states.set(this.doneBelow, minOffset, DONE)
    return before - this.counts.backlog
  }

  /** Ready messages below wait, whoever asks for them, until another offset is given. */
  holdBelow(offset: number): void {
    this.#ready.holdBelow(offset)
  }

  /** Whether a ready message is held back. */
  get holdsReady(): boolean {
    return this.#ready.holdsAny
  }

  /** The first run of ready messages that are not held back. */
  nextReady(): ReadyRun | undefined {
    return this.#ready.first()
  }

  /** The ready messages of `[from, to)` that have that many attempts and are not held back. */
  readyWithin(from: number, to: number, attempts: number): ReadyRun[] {
    return this.#ready.within(from, to, attempts)
  }

  /** What has become of one message. */
  stateAt(offset: number): MessageState {
    return this.#states.at(offset)
  }

  /**
   * Leases ready messages; those that the group does not want are done. The parts lie next to each
   * other, in order.
   */
  lease(parts: readonly GrantedPart[], lease: Lease): void {
    this.#states.take(
      parts.map(({ from, to, isSkipped }) => ({ from, to, value: isSkipped ? DONE : lease })),
    )
  }

  /**
   * Leases again what a holder says it still has from before, where nobody else has it. Returns the
   * parts it has lost. Only ready messages up to `budget` are given.
   */
  restore(from: number, to: number, lease: Lease, budget: number): Range[] {
    const lost: Range[] = []
    let left = budget
    for (const { from: start, to: end, value: state } of this.#states.parts(from, to)) {
      if (isLeasedTo(lease.holder, state)) continue
      const messages = end - start
      if (!isWaiting(state) || messages > left) {
        lost.push({ from: start, to: end })
        continue
      }
      left -= messages
      this.#states.set(start, end, { ...lease, attempts: state.attempts })
    }
    return lost
  }

  /**
   * Ends with the messages done. Returns how many were not the holder's to acknowledge.
   *
   * What is done already is none of them: it may have been sent back when its lease ended, and then
   * another delivery of it is on its way.
   */
  acknowledge(holder: Holder, from: number, to: number): number {
    let refused = 0
    for (const part of this.#states.parts(from, to)) {
      if (isOf(holder, part.value)) this.#states.set(part.from, part.to, DONE)
      else refused += part.to - part.from
    }
    return refused
  }

  /**
   * The parts of the range that the holder may send back, one for each lease, and how many of its
   * messages were neither the holder's nor done or moving already.
   */
  ownedBy(
    holder: Holder,
    range: Range,
  ): { readonly owned: Span<Lease>[]; readonly refused: number } {
    const owned: Span<Lease>[] = []
    let refused = 0
    for (const { from, to, value } of this.#states.parts(range.from, range.to)) {
      if (isLeasedTo(holder, value)) owned.push({ from, to, value })
      else if (value.kind !== 'done' && value.kind !== 'moving') refused += to - from
    }
    return { owned, refused }
  }

  /** Moves the end of the holder's leases. Returns how many messages were not leased to it. */
  extend(holder: Holder, range: Range, deadlineMs: number): number {
    let refused = 0
    for (const { from, to, value } of this.#states.parts(range.from, range.to)) {
      if (isLeasedTo(holder, value)) this.#states.set(from, to, { ...value, deadlineMs })
      else refused += to - from
    }
    return refused
  }

  /** The lease of one message is replaced. */
  change(offset: number, lease: Lease): void {
    this.#states.set(offset, offset + 1, lease)
  }

  /** Ready at once, as if they had not been delivered. Returns how many were not the holder's. */
  release(holder: Holder, from: number, to: number): number {
    const { owned, refused } = this.ownedBy(holder, { from, to })
    for (const part of owned) this.giveBack(part, part.value.attempts)
    return refused
  }

  /** A leased part becomes ready in place, with that many attempts. */
  giveBack(part: Span<Lease>, attempts: number): void {
    this.#states.replace(part, { kind: 'returned', attempts, last: part.value.holder })
  }

  /** As if it had never been leased: its holder has no say in it any more. */
  takeBack(part: Span<Lease>): void {
    const { attempts } = part.value
    this.#states.replace(part, { kind: 'returned', attempts, last: undefined })
  }

  /** A leased part becomes ready in place at that moment, with that many attempts. */
  delay(part: Span<Lease>, attempts: number, deadlineMs: number): void {
    const { holder } = part.value
    this.#states.replace(part, { kind: 'delayed', attempts, deadlineMs, last: holder })
  }

  /** Delayed messages whose time has come are ready. Returns whether there were any. */
  promote(elapsedMs: number): boolean {
    const due = this.#deadlines.delaysOver(elapsedMs)
    for (const part of due) {
      const { attempts, last } = part.value
      this.#states.replace(part, { kind: 'returned', attempts, last })
    }
    return due.length > 0
  }

  /** A leased part is given up on, and stays. */
  park(part: Span<Lease>, attempts: number, reason: string): void {
    this.#states.replace(part, { kind: 'parked', attempts, reason })
  }

  parked(): Span<Parked>[] {
    return this.#states.spansOf('parked')
  }

  /** All that the holder has. */
  leasesOf(holder: Holder): Span<Lease>[] {
    return this.#states.spansOf('leased').filter(({ value }) => value.holder === holder)
  }

  /** Leases whose time is over; afterwards `nextDeadlineMs` is exact for all that is not over. */
  expired(elapsedMs: number): Span<Lease>[] {
    return this.#deadlines.leasesOver(elapsedMs)
  }

  /** A part starts to move; or, of one that does, it goes on as a move of its own. */
  move(part: Span<Lease | Parked | Move>, move: Move): void {
    this.#states.replace(part, move)
  }

  /** Whether all of the part still moves: no reset, and no retention, came between. */
  isMoving({ from, to, value }: Span<Move>): boolean {
    const [first, ...others] = this.#states.parts(from, to)
    return first?.value === value && others.length === 0
  }

  /** What has moved is done here. Does nothing where a reset came between. */
  finishMove(part: Span<Move>): void {
    this.#states.replace(part, DONE)
  }

  /** What could not be moved is as before, or ready with the attempts it has had. */
  undoMove(part: Span<Move>, before: Lease | Parked | undefined): void {
    const { attempts } = part.value
    this.#states.replace(part, before ?? { kind: 'returned', attempts, last: undefined })
  }

  /** Everything below `offset` is done, everything from it on ready; leases and moves end. */
  reset(offset: number): void {
    this.#states.reset(offset)
  }

  /** What has to survive a restart. */
  row(): ProgressRow {
    return rowOf(this.#states)
  }
}

/** Leased to it, or to nobody since. */
function isOf(holder: Holder, state: MessageState): boolean {
  if (state.kind === 'returned' || state.kind === 'delayed') return state.last === holder
  return isLeasedTo(holder, state)
}
