import assert from 'node:assert/strict'
import type { Standing } from './message-group-order.ts'
import type { ProgressRow } from './progress-row.ts'
import { RangeMap, type Span } from './range-map.ts'

/** Whoever messages are leased to. Only lease tables write `held`. */
export interface Holder {
  /** Messages leased to it, over all tables. */
  held: number
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

/** Messages on their way to the retry or dead letter topic: nobody's, and not to be leased. */
export interface Move {
  readonly kind: 'moving'
  /** Deliveries that have ended without an acknowledgement, the last one included. */
  readonly attempts: number
  /** The lease that ended in this move, or what was parked. */
  readonly before: Lease | Parked | undefined
  /** Its append is under way: rows written from now on count the messages as done. */
  isCommitting: boolean
}

/** Ready again in place, but not before its time. */
interface Delayed {
  readonly kind: 'delayed'
  readonly attempts: number
  /** By the elapsed clock. */
  readonly deadlineMs: number
  readonly last: Holder
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

interface Returned {
  readonly kind: 'returned'
  readonly attempts: number
  readonly last: Holder | undefined
}

interface Done {
  readonly kind: 'done'
}

type State = Delayed | Done | Lease | Move | Parked | Returned

/** The state of one message, for whoever has a receipt of it. */
export type ReceiptState = State | { readonly kind: 'ready'; readonly attempts: 0 }

/** A run of messages that may be leased, all with the same number of attempts. */
export interface ReadyRun {
  readonly from: number
  readonly to: number
  readonly attempts: number
}

/** A run of ready messages that are leased, or that the group does not want. */
export interface GrantedPart {
  readonly from: number
  readonly to: number
  readonly isSkipped: boolean
}

/** `ready + inFlight + delayed = backlog`, always. What is parked counts as delayed. */
export interface TableCounts {
  readonly ready: number
  readonly inFlight: number
  readonly delayed: number
  readonly backlog: number
}

/** Hears how messages stand after each change. */
export interface TableListener {
  changed(from: number, to: number, standing: Standing): void
  /** Everything below is done, everything from it on ready. */
  reset(offset: number): void
}

const DONE: Done = { kind: 'done' }
const READY = { kind: 'ready', attempts: 0 } as const

/**
 * What one group has done of one queue. Pure: no time, no effects.
 *
 * Each message of `[doneBelow, maxOffset)` has one state: done, leased to one holder, moving, delayed,
 * parked, or ready (again, if it was returned). Everything below `doneBelow` is done for good.
 */
export class LeaseTable {
  readonly #spans = new RangeMap<State>()
  #doneBelow: number
  #maxOffset: number
  /** No message of `[doneBelow, scanFrom)` is ready. */
  #scanFrom: number
  #heldBelow = 0
  /** Messages at or above `doneBelow` by state; the rest up to `maxOffset` is ready. */
  readonly #counts = { done: 0, leased: 0, moving: 0, delayed: 0, parked: 0 }
  /** No lease ends before it, and no delay. */
  #nextDeadlineMs = Number.POSITIVE_INFINITY
  readonly #listener: TableListener | undefined

  /** The listener hears of changes after the row. */
  constructor(row: ProgressRow, maxOffset: number, listener?: TableListener) {
    this.#doneBelow = row.doneBelow
    this.#scanFrom = row.doneBelow
    this.#maxOffset = Math.max(row.doneBelow, maxOffset)
    for (const { from, to, attempts } of row.attempted) {
      this.#set(from, to, { kind: 'returned', attempts, last: undefined })
    }
    for (const { from, to, attempts, reason } of row.parked ?? []) {
      this.#set(from, to, { kind: 'parked', attempts, reason })
    }
    for (const { from, to } of row.done) this.#set(from, to, DONE)
    this.#listener = listener
  }

  get doneBelow(): number {
    return this.#doneBelow
  }

  get maxOffset(): number {
    return this.#maxOffset
  }

  get spanCount(): number {
    return this.#spans.spanCount
  }

  get counts(): TableCounts {
    const { done, leased, moving, parked } = this.#counts
    const delayed = this.#counts.delayed + parked
    const backlog = this.#maxOffset - this.#doneBelow - done
    const inFlight = leased + moving
    return { ready: backlog - inFlight - delayed, inFlight, delayed, backlog }
  }

  /** No lease or delay ends before this moment; some may end long after. */
  get nextDeadlineMs(): number {
    return this.#nextDeadlineMs
  }

  raiseMax(maxOffset: number): void {
    this.#maxOffset = Math.max(this.#maxOffset, maxOffset)
  }

  /** Messages below `minOffset` have been deleted: they count as done. Returns how many were not. */
  raiseMin(minOffset: number): number {
    if (minOffset <= this.#doneBelow) return 0
    this.raiseMax(minOffset)
    const before = this.counts.backlog
    this.#set(this.#doneBelow, minOffset, DONE)
    return before - this.counts.backlog
  }

  /** Ready messages below wait, whoever asks for them, until another offset is given. */
  holdBelow(offset: number): void {
    this.#heldBelow = offset
  }

  /** Whether a ready message is held back. */
  get holdsReady(): boolean {
    if (this.#heldBelow <= this.#scanFrom) return false
    const first = this.#firstReady()
    return first !== undefined && first.from < this.#heldBelow
  }

  /** The first run of ready messages that are not held back. */
  nextReady(): ReadyRun | undefined {
    const first = this.#firstReady()
    if (first === undefined || first.from >= this.#heldBelow) return first
    return this.#readyFrom(this.#heldBelow)
  }

  #firstReady(): ReadyRun | undefined {
    const first = this.#readyFrom(this.#scanFrom)
    this.#scanFrom = first?.from ?? Math.max(this.#scanFrom, this.#maxOffset)
    return first
  }

  #readyFrom(from: number): ReadyRun | undefined {
    let position = from
    while (position < this.#maxOffset) {
      const span = this.#spans.firstAfter(position)
      if (span === undefined || span.from > position) {
        const to = Math.min(span?.from ?? this.#maxOffset, this.#maxOffset)
        return { from: position, to, attempts: 0 }
      }
      if (span.value.kind === 'returned') {
        return { from: position, to: span.to, attempts: span.value.attempts }
      }
      position = span.to
    }
    return undefined
  }

  /** The ready messages of `[from, to)` that have that many attempts and are not held back. */
  readyWithin(from: number, to: number, attempts: number): ReadyRun[] {
    const runs: ReadyRun[] = []
    let position = Math.max(from, this.#doneBelow, this.#heldBelow)
    const end = Math.min(to, this.#maxOffset)
    if (position >= end) return []
    const add = (runTo: number): void => {
      const last = runs.at(-1)
      if (last?.to === position) runs[runs.length - 1] = { ...last, to: runTo }
      else runs.push({ from: position, to: runTo, attempts })
    }
    for (const span of this.#spans.within(position, end)) {
      if (attempts === 0 && span.from > position) add(span.from)
      position = span.from
      if (span.value.kind === 'returned' && span.value.attempts === attempts) add(span.to)
      position = span.to
    }
    if (attempts === 0 && position < end) add(end)
    return runs
  }

  /**
   * Leases ready messages; those that the group does not want are done. The parts lie next to each
   * other, in order.
   */
  lease(parts: readonly GrantedPart[], lease: Lease): void {
    const [first] = parts
    const last = parts.at(-1)
    if (first === undefined || last === undefined) return
    this.#assertReady(first.from, last.to)
    const spans = parts.map(({ from, to, isSkipped }) => ({
      from,
      to,
      value: isSkipped ? DONE : lease,
    }))
    this.#spans.setAll(spans)
    for (const span of spans) {
      this.#count(span, 1)
      this.#listener?.changed(span.from, span.to, standingOf(span.value))
    }
    this.#nextDeadlineMs = Math.min(this.#nextDeadlineMs, lease.deadlineMs)
    this.#absorbDone()
  }

  /**
   * Leases again what a holder says it still has from before, where nobody else has it. Returns the
   * parts it has lost. Only ready messages up to `budget` are given.
   */
  restore(from: number, to: number, lease: Lease, budget: number): Span<undefined>[] {
    const lost: Span<undefined>[] = []
    let left = budget
    this.#eachPart(from, to, (part) => {
      const state = part.value
      if (state?.kind === 'leased' && state.holder === lease.holder) return
      const messages = part.to - part.from
      const isFree = state === undefined || isWaiting(state)
      if (!isFree || messages > left) {
        lost.push({ from: part.from, to: part.to, value: undefined })
        return
      }
      left -= messages
      this.#set(part.from, part.to, { ...lease, attempts: state?.attempts ?? 0 })
    })
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
    this.#eachPart(from, to, (part) => {
      const state = part.value
      if (isOf(holder, state)) this.#set(part.from, part.to, DONE)
      else refused += part.to - part.from
    })
    return refused
  }

  /**
   * The parts of the range that the holder may send back, one for each lease, and how many of its
   * messages were neither the holder's nor done or moving already.
   */
  ownedBy(
    holder: Holder,
    range: { readonly from: number; readonly to: number },
  ): {
    readonly owned: Span<Lease>[]
    readonly refused: number
  } {
    const owned: Span<Lease>[] = []
    let refused = 0
    this.#eachPart(range.from, range.to, (part) => {
      const state = part.value
      if (state?.kind === 'done' || state?.kind === 'moving') return
      if (state?.kind === 'leased' && state.holder === holder) {
        owned.push({ from: part.from, to: part.to, value: state })
      } else refused += part.to - part.from
    })
    return { owned, refused }
  }

  /** Moves the end of the holder's leases. Returns how many messages were not leased to it. */
  extend(
    holder: Holder,
    range: { readonly from: number; readonly to: number },
    deadlineMs: number,
  ): number {
    let refused = 0
    this.#eachPart(range.from, range.to, (part) => {
      const state = part.value
      if (state?.kind === 'leased' && state.holder === holder) {
        this.#set(part.from, part.to, { ...state, deadlineMs })
      } else refused += part.to - part.from
    })
    return refused
  }

  /** What has become of one message; `ready`: it may be leased. */
  stateAt(offset: number): ReceiptState {
    if (offset < this.#doneBelow) return DONE
    const [span] = this.#spans.within(offset, offset + 1)
    return span?.value ?? READY
  }

  /** The lease of one message is replaced. */
  change(offset: number, lease: Lease): void {
    this.#set(offset, offset + 1, lease)
  }

  /** Ready at once, as if they had not been delivered. Returns how many were not the holder's. */
  release(holder: Holder, from: number, to: number): number {
    const { owned, refused } = this.ownedBy(holder, { from, to })
    for (const part of owned) this.giveBack(part, part.value.attempts)
    return refused
  }

  /** A leased part becomes ready in place, with that many attempts. */
  giveBack(part: Span<Lease>, attempts: number): void {
    this.#setWhere(part, { kind: 'returned', attempts, last: part.value.holder })
  }

  /** As if it had never been leased: its holder has no say in it any more. */
  takeBack(part: Span<Lease>): void {
    const { attempts } = part.value
    this.#setWhere(part, { kind: 'returned', attempts, last: undefined })
  }

  /** A leased part becomes ready in place at that moment, with that many attempts. */
  delay(part: Span<Lease>, attempts: number, deadlineMs: number): void {
    this.#setWhere(part, { kind: 'delayed', attempts, deadlineMs, last: part.value.holder })
  }

  /** A leased part is given up on, and stays. */
  park(part: Span<Lease>, attempts: number, reason: string): void {
    this.#setWhere(part, { kind: 'parked', attempts, reason })
  }

  parked(): Span<Parked>[] {
    if (this.#counts.parked === 0) return []
    return [...this.#spans].filter((span): span is Span<Parked> => span.value.kind === 'parked')
  }

  /** Delayed messages whose time has come are ready. Returns whether there were any. */
  promote(elapsedMs: number): boolean {
    if (this.#counts.delayed === 0 || elapsedMs < this.#nextDeadlineMs) return false
    const due: Span<Delayed>[] = []
    for (const { value, ...range } of this.#spans) {
      if (value.kind === 'delayed' && value.deadlineMs <= elapsedMs) due.push({ ...range, value })
    }
    for (const part of due) {
      const { attempts, last } = part.value
      this.#setWhere(part, { kind: 'returned', attempts, last })
    }
    return due.length > 0
  }

  /** All that the holder has. */
  leasesOf(holder: Holder): Span<Lease>[] {
    const spans: Span<Lease>[] = []
    for (const span of this.#spans) {
      if (span.value.kind === 'leased' && span.value.holder === holder) {
        spans.push(span as Span<Lease>)
      }
    }
    return spans
  }

  /** Leases whose time is over; afterwards `nextDeadlineMs` is exact for all that is not over. */
  expired(elapsedMs: number): Span<Lease>[] {
    if (elapsedMs < this.#nextDeadlineMs) return []
    const spans: Span<Lease>[] = []
    let nextMs = Number.POSITIVE_INFINITY
    for (const span of this.#spans) {
      if (span.value.kind !== 'leased' && span.value.kind !== 'delayed') continue
      if (span.value.deadlineMs > elapsedMs) nextMs = Math.min(nextMs, span.value.deadlineMs)
      else if (span.value.kind === 'leased') spans.push(span as Span<Lease>)
    }
    this.#nextDeadlineMs = nextMs
    return spans
  }

  /** A leased or parked part starts to move. */
  startMove(part: Span<Lease | Parked>, move: Move): void {
    this.#setWhere(part, move)
  }

  /** A part of a move goes on as a move of its own. */
  splitMove(part: Span<Move>, move: Move): void {
    this.#setWhere(part, move)
  }

  /** Whether all of the part still moves: no reset, and no retention, came between. */
  isMoving(part: Span<Move>): boolean {
    const [span, ...others] = this.#spans.within(part.from, part.to)
    return (
      others.length === 0 &&
      span?.value === part.value &&
      span.from === part.from &&
      span.to === part.to
    )
  }

  /** What has moved is done here. Does nothing where a reset came between. */
  finishMove(part: Span<Move>): void {
    this.#setWhere(part, DONE)
  }

  /** What could not be moved is as before, or ready with the attempts it has had. */
  undoMove(part: Span<Move>, before: Lease | Parked | undefined): void {
    const { attempts } = part.value
    this.#setWhere(part, before ?? { kind: 'returned', attempts, last: undefined })
  }

  /** Everything below `offset` is done, everything from it on ready; leases and moves end. */
  reset(offset: number): void {
    this.#set(this.#doneBelow, this.#maxOffset, undefined)
    this.#doneBelow = offset
    this.#scanFrom = offset
    this.#maxOffset = Math.max(this.#maxOffset, offset)
    this.#listener?.reset(offset)
  }

  /** What has to survive a restart. */
  row(): ProgressRow {
    let doneBelow = this.#doneBelow
    const done: { from: number; to: number }[] = []
    const attempted: { from: number; to: number; attempts: number }[] = []
    const parked: { from: number; to: number; attempts: number; reason: string }[] = []
    for (const { from, to, value } of this.#spans) {
      const given = givenUp(value)
      if (isDone(value)) {
        const last = done.at(-1)
        if (from === doneBelow) doneBelow = to
        else if (last?.to === from) last.to = to
        else done.push({ from, to })
      } else if (given !== undefined) {
        parked.push({ from, to, attempts: given.attempts, reason: given.reason })
      } else if (value.attempts > 0) {
        const last = attempted.at(-1)
        if (last?.to === from && last.attempts === value.attempts) last.to = to
        else attempted.push({ from, to, attempts: value.attempts })
      }
    }
    return parked.length === 0
      ? { doneBelow, done, attempted }
      : { doneBelow, done, attempted, parked }
  }

  /** Visits `[from, to)` in parts of one state; what is below `doneBelow` is done. */
  #eachPart(from: number, to: number, visit: (part: Span<State | undefined>) => void): void {
    assert.ok(from < to, 'a range of messages is empty')
    assert.ok(to <= this.#maxOffset, 'a range of messages ends after the queue')
    if (from < this.#doneBelow) {
      visit({ from, to: Math.min(to, this.#doneBelow), value: DONE })
    }
    let position = Math.max(from, this.#doneBelow)
    for (const span of this.#spans.within(position, to)) {
      if (span.from > position) visit({ from: position, to: span.from, value: undefined })
      visit(span)
      position = span.to
    }
    if (position < to) visit({ from: position, to, value: undefined })
  }

  #assertReady(from: number, to: number): void {
    assert.ok(from >= this.#doneBelow, 'a message below is done')
    assert.ok(to <= this.#maxOffset, 'a message above does not exist')
    for (const span of this.#spans.within(from, to)) {
      assert.equal(span.value.kind, 'returned', 'a message is ready')
    }
  }

  /** Changes those messages of the part that still are in its state. */
  #setWhere(part: Span<State>, state: State): void {
    for (const span of this.#spans.within(part.from, part.to)) {
      if (span.value === part.value) this.#set(span.from, span.to, state)
    }
  }

  /** The one place where states change, so that the counts hold. */
  #set(from: number, to: number, state: State | undefined): void {
    if (from >= to) return
    for (const span of this.#spans.within(from, to)) this.#count(span, -1)
    if (state === undefined) this.#spans.clear(from, to)
    else {
      this.#spans.set(from, to, state)
      this.#count({ from, to, value: state }, 1)
    }
    if (state === undefined || state.kind === 'returned') {
      this.#scanFrom = Math.min(this.#scanFrom, from)
    } else if (state.kind === 'leased' || state.kind === 'delayed') {
      this.#nextDeadlineMs = Math.min(this.#nextDeadlineMs, state.deadlineMs)
    } else if (state.kind === 'done') this.#absorbDone()
    this.#listener?.changed(from, to, standingOf(state))
  }

  #count({ from, to, value }: Span<State>, sign: 1 | -1): void {
    const messages = sign * (to - from)
    switch (value.kind) {
      case 'done':
        this.#counts.done += messages
        return
      case 'leased':
        this.#counts.leased += messages
        value.holder.held += messages
        return
      case 'moving':
        this.#counts.moving += messages
        return
      case 'delayed':
        this.#counts.delayed += messages
        return
      case 'parked':
        this.#counts.parked += messages
        return
      case 'returned':
        return
    }
  }

  /** What is done at the front needs no span. */
  #absorbDone(): void {
    const { first } = this.#spans
    if (first?.value.kind !== 'done' || first.from !== this.#doneBelow) return
    this.#spans.clear(first.from, first.to)
    this.#counts.done -= first.to - first.from
    this.#doneBelow = first.to
    this.#scanFrom = Math.max(this.#scanFrom, first.to)
  }
}

/** In a row that is written now. */
function isDone(state: State): state is Done {
  return state.kind === 'done' || (state.kind === 'moving' && state.isCommitting)
}

/** In a row that is written now: what is about to move is parked until it has. */
function givenUp(state: State): Parked | undefined {
  if (state.kind === 'moving' && state.before?.kind === 'parked') return state.before
  return state.kind === 'parked' ? state : undefined
}

/** Nobody's, and not done: only time may be missing until it is leased again. */
function isWaiting(state: State): state is Delayed | Returned {
  return state.kind === 'returned' || state.kind === 'delayed'
}

function isOf(holder: Holder, state: State | undefined): boolean {
  if (state?.kind === 'leased') return state.holder === holder
  return state !== undefined && isWaiting(state) && state.last === holder
}

function standingOf(state: State | undefined): Standing {
  switch (state?.kind) {
    case 'done':
    case 'parked':
      return 'done'
    case 'delayed':
    case 'leased':
    case 'moving':
      return 'out'
    case 'returned':
    case undefined:
      return 'ready'
  }
}
