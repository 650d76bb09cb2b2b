import type { CometError } from '@cometmq/protocol'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import type { PlacedRecord } from '../placed-record.ts'
import type { RecordReader } from '../record-reader.ts'
import type { TailView } from '../tail-view.ts'
import type { Admission } from './admission.ts'
import type { CommitLog } from './commit-log.ts'
import { answer, endOf, type WaitingGroup } from './waiting-group.ts'

export interface ConfirmGateParts {
  readonly log: CommitLog
  readonly dispatcher: Dispatcher
  readonly reader: RecordReader
  readonly tail: TailView
  readonly admission: Admission
}

/**
 * Who says what is confirmed: the store `self`, as soon as it is flushed here, or somebody `external`,
 * who knows what the other members of the group have.
 */
export type ConfirmedBy = 'self' | 'external'

/**
 * Holds back everything written until it is confirmed, and flushed here: only then is it dispatched,
 * seen by readers, and answered to those who wait for that. Groups pass as a whole.
 *
 * What is held back is in memory. The bound is that of appends that wait, which master and slaves
 * share: a slave has nothing that its master has not.
 */
export class ConfirmGate {
  readonly #parts: ConfirmGateParts
  /** Records in log order; those before `#head` have passed. No fillers. */
  #records: PlacedRecord[] = []
  #head = 0
  /** Placed groups in the order of their appends; those before `#waitingHead` are answered. */
  #waiting: WaitingGroup[] = []
  #waitingHead = 0
  #toldOffset: number
  #stopped: CometError | undefined
  #emptied: (() => void)[] = []

  constructor(parts: ConfirmGateParts, confirmedBy: ConfirmedBy) {
    this.#parts = parts
    this.#toldOffset = confirmedBy === 'self' ? Number.POSITIVE_INFINITY : 0
  }

  /** What is in the log and has not passed, in log order. */
  get held(): readonly PlacedRecord[] {
    return this.#records.slice(this.#head)
  }

  get isEmpty(): boolean {
    return this.#head === this.#records.length
  }

  /** Whether an append group, or what follows one, begins there; of what is held back, and its end. */
  isBoundary(offset: number): boolean {
    if (offset === this.#parts.dispatcher.appliedOffset) return true
    let isBegin = true
    for (let at = this.#head; at < this.#records.length; at++) {
      const { at: begin, end, record } = this.#records[at] as PlacedRecord
      if (isBegin && begin === offset) return true
      isBegin = !record.continues
      if (isBegin && end === offset) return true
      if (end > offset) return false
    }
    return false
  }

  /** Resolves when nothing is held back. */
  whenEmpty(): Promise<void> {
    if (this.isEmpty) return Promise.resolve()
    return new Promise((resolve) => {
      this.#emptied.push(resolve)
    })
  }

  /** These records are being written, behind all others. */
  hold(records: readonly PlacedRecord[]): void {
    for (const record of records) this.#records.push(record)
  }

  /** The groups have been written, and wait. */
  wait(groups: readonly WaitingGroup[]): void {
    for (const group of groups) {
      if (group.receipt === undefined) continue
      if (this.#stopped === undefined) this.#waiting.push(group)
      else this.#reject(group, this.#stopped)
    }
  }

  /** Everything below `offset` is confirmed, whatever of it is here. A lower one tells nothing new. */
  confirm(offset: number): void {
    this.#toldOffset = Math.max(this.#toldOffset, offset)
    this.flushed()
  }

  /** More may be flushed now: lets pass what is confirmed as well. */
  flushed(): void {
    const { log } = this.#parts
    const to = Math.min(this.#toldOffset, log.flushedOffset)
    if (to > log.confirmOffset) {
      log.confirm(to)
      this.#dispatchTo(to)
    }
    this.#answerTo(log.confirmOffset)
  }

  /** The log was cut there. Who waits for more is told why that will not come. */
  cut(to: number, why: CometError): void {
    this.drop(to)
    const waiting = this.#waiting.slice(this.#waitingHead)
    const isCut = (group: WaitingGroup): boolean => groupEnd(group) > to
    this.#waiting = waiting.filter((group) => !isCut(group))
    this.#waitingHead = 0
    for (const group of waiting) if (isCut(group)) this.#reject(group, why)
  }

  /** The log does not have what was held from there on. */
  drop(to: number): void {
    while (!this.isEmpty && (this.#records.at(-1)?.end ?? 0) > to) this.#records.pop()
    this.#noticeEmpty()
  }

  /** Nobody is answered any more for what was written so far. */
  abandon(why: CometError): void {
    const waiting = this.#waiting.slice(this.#waitingHead)
    this.#waiting = []
    this.#waitingHead = 0
    for (const group of waiting) this.#reject(group, why)
  }

  /** Nor for what is written from here on: that may be under way while something else fails. */
  stop(why: CometError): void {
    this.#stopped ??= why
    this.abandon(why)
  }

  #reject(group: WaitingGroup, why: CometError): void {
    this.#parts.admission.give(group.bytes)
    group.reject(why)
  }

  #dispatchTo(to: number): void {
    const { dispatcher, reader, tail } = this.#parts
    const begin = this.#head
    for (let at = begin; at < this.#records.length; at++) {
      const { end, record } = this.#records[at] as PlacedRecord
      if (end > to) break
      if (record.continues) continue
      for (; this.#head <= at; this.#head++) {
        const placed = this.#records[this.#head] as PlacedRecord
        if (placed.kind === 'messages') reader.remember(placed.at, placed.record)
        dispatcher.dispatch(placed)
      }
    }
    dispatcher.advance(Math.min(to, this.#records[this.#head]?.at ?? to))
    if (this.isEmpty) tail.clear()
    else for (let at = begin; at < this.#head; at++) tail.passed(this.#records[at] as PlacedRecord)
    this.#dropPassed()
    this.#noticeEmpty()
  }

  #dropPassed(): void {
    if (this.#head < this.#records.length / 2) return
    this.#records = this.#records.slice(this.#head)
    this.#head = 0
  }

  #answerTo(to: number): void {
    for (; this.#waitingHead < this.#waiting.length; this.#waitingHead++) {
      const group = this.#waiting[this.#waitingHead] as WaitingGroup
      if (groupEnd(group) > to) break
      this.#parts.admission.give(group.bytes)
      answer(group)
    }
    if (this.#waitingHead < this.#waiting.length / 2) return
    this.#waiting = this.#waiting.slice(this.#waitingHead)
    this.#waitingHead = 0
  }

  #noticeEmpty(): void {
    if (this.#emptied.length === 0 || !this.isEmpty) return
    const resolves = this.#emptied
    this.#emptied = []
    for (const resolve of resolves) resolve()
  }
}

function groupEnd(group: WaitingGroup): number {
  return group.receipt === undefined ? 0 : endOf(group.receipt)
}
