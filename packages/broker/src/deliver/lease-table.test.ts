import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LeaseTable } from './lease-table.ts'
import type { Holder, Lease, Move } from './message-state.ts'
import { decodeProgressRow, encodeProgressRow } from './progress-row.ts'
import type { Span } from './range-map.ts'

const NOTHING_DONE = { doneBelow: 0, done: [], attempted: [] }
const MAX = 24

interface MessageModel {
  state: 'ready' | 'done' | 'leased' | 'moving' | 'delayed'
  attempts: number
  holder: Holder | undefined
  last: Holder | undefined
  deadlineMs: number
}

/** The same table, one object for each message, everything by a loop. */
class Model {
  readonly messages: MessageModel[] = []

  ready(count: number): void {
    while (this.messages.length < count) {
      const fresh = { attempts: 0, holder: undefined, last: undefined, deadlineMs: 0 }
      this.messages.push({ state: 'ready', ...fresh })
    }
  }

  count(...states: MessageModel['state'][]): number {
    return this.messages.filter((message) => states.includes(message.state)).length
  }
}

type Command =
  | { kind: 'append'; count: number }
  | { kind: 'grant'; who: number; limit: number; forMs: number; filter: number }
  | { kind: 'acknowledge' | 'release' | 'send-back'; who: number; from: number; length: number }
  | { kind: 'extend' | 'delay'; who: number; from: number; length: number; forMs: number }
  | { kind: 'restore'; who: number; from: number; length: number }
  | { kind: 'wait'; forMs: number }
  | { kind: 'lose'; who: number }
  | { kind: 'moved'; success: boolean }
  | { kind: 'trim'; below: number }
  | { kind: 'reset'; offset: number }
  | { kind: 'hold'; below: number }
  | { kind: 'restart' }

const who = fc.nat(2)
const from = fc.nat(MAX)
const length = fc.integer({ min: 1, max: MAX })
const forMs = fc.integer({ min: 1, max: 20 })
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('append'), count: fc.nat(6) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('grant'),
      who,
      limit: fc.nat(8),
      forMs,
      filter: fc.nat(255),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom('acknowledge', 'release', 'send-back'),
      who,
      from,
      length,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('extend', 'delay'),
      who,
      from,
      length,
      forMs,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('restore'), who, from, length }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait'), forMs }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('lose'), who }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('moved'), success: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('trim'), below: fc.nat(MAX) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reset'), offset: fc.nat(MAX) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('hold'), below: fc.nat(MAX) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart') }) },
)

/** Runs commands on the table and on the model, and compares what they answer and become. */
class Comparison {
  table = new LeaseTable(NOTHING_DONE, 0)
  readonly model = new Model()
  holders: Holder[] = [{ held: 0 }, { held: 0 }, { held: 0 }]
  moves: Span<Move>[] = []
  nowMs = 0
  #heldBelow = 0

  run(command: Command): void {
    switch (command.kind) {
      case 'append': {
        const count = Math.min(MAX, this.model.messages.length + command.count)
        this.model.ready(count)
        this.table.raiseMax(count)
        return
      }
      case 'grant':
        this.#grant(command)
        return
      case 'acknowledge': {
        const range = this.#clip(command)
        const holder = this.#holder(command.who)
        if (range === undefined) return
        const refused = this.table.acknowledge(holder, range.from, range.to)
        let expected = 0
        for (const message of this.#messages(range)) {
          const own =
            (message.state === 'leased' && message.holder === holder) ||
            (isWaiting(message) && message.last === holder)
          if (own) message.state = 'done'
          else expected++
        }
        assert.equal(refused, expected)
        return
      }
      case 'release': {
        const range = this.#clip(command)
        const holder = this.#holder(command.who)
        if (range === undefined) return
        this.table.release(holder, range.from, range.to)
        for (const message of this.#messages(range)) {
          if (message.state !== 'leased' || message.holder !== holder) continue
          Object.assign(message, { state: 'ready', holder: undefined, last: holder })
        }
        return
      }
      case 'extend': {
        const range = this.#clip(command)
        const holder = this.#holder(command.who)
        if (range === undefined) return
        this.table.extend(holder, range, this.nowMs + command.forMs)
        for (const message of this.#messages(range)) {
          if (message.state === 'leased' && message.holder === holder) {
            message.deadlineMs = this.nowMs + command.forMs
          }
        }
        return
      }
      case 'delay': {
        const range = this.#clip(command)
        if (range === undefined) return
        const holder = this.#holder(command.who)
        const deadlineMs = this.nowMs + command.forMs
        const { owned } = this.table.ownedBy(holder, range)
        for (const part of owned) {
          const attempts = part.value.attempts + 1
          this.table.delay(part, attempts, deadlineMs)
          for (const message of this.#messages(part)) {
            const delayed = { state: 'delayed', holder: undefined, last: holder }
            Object.assign(message, { ...delayed, attempts, deadlineMs })
          }
        }
        return
      }
      case 'send-back': {
        const range = this.#clip(command)
        if (range === undefined) return
        const { owned } = this.table.ownedBy(this.#holder(command.who), range)
        for (const part of owned) this.#startMove(part)
        return
      }
      case 'restore': {
        const range = this.#clip(command)
        const holder = this.#holder(command.who)
        if (range === undefined) return
        const deadlineMs = this.nowMs + 10
        const lease: Lease = { kind: 'leased', holder, attempts: 0, deadlineMs }
        const lost = this.table.restore(range.from, range.to, lease, MAX)
        const lostCount = lost.reduce((sum, span) => sum + span.to - span.from, 0)
        let expected = 0
        for (const message of this.#messages(range)) {
          if (isWaiting(message)) {
            Object.assign(message, { state: 'leased', holder, deadlineMs, last: undefined })
          } else if (message.holder !== holder) expected++
        }
        assert.equal(lostCount, expected)
        return
      }
      case 'wait': {
        this.nowMs += command.forMs
        const due = this.model.messages.filter(
          (message) => message.state === 'delayed' && message.deadlineMs <= this.nowMs,
        )
        assert.equal(this.table.promote(this.nowMs), due.length > 0)
        for (const message of due) message.state = 'ready'
        const spans = this.table.expired(this.nowMs)
        for (const part of spans) this.#startMove(part)
        for (const message of this.model.messages) {
          const hasEnd = message.state === 'leased' || message.state === 'delayed'
          if (hasEnd) assert.ok(message.deadlineMs >= this.table.nextDeadlineMs)
          if (hasEnd) assert.ok(message.deadlineMs > this.nowMs)
        }
        return
      }
      case 'lose': {
        const holder = this.#holder(command.who)
        for (const part of this.table.leasesOf(holder)) {
          this.table.giveBack(part, part.value.attempts + 1)
        }
        for (const message of this.model.messages) {
          if (message.holder !== holder || message.state !== 'leased') continue
          const { attempts } = message
          Object.assign(message, { state: 'ready', attempts: attempts + 1, holder: undefined })
          message.last = holder
        }
        assert.equal(holder.held, 0)
        return
      }
      case 'moved': {
        const part = this.moves.shift()
        if (part === undefined) return
        if (command.success) this.table.finishMove(part)
        else this.table.undoMove(part, undefined)
        for (const message of this.#messages(part)) {
          if (message.state !== 'moving') continue
          message.state = command.success ? 'done' : 'ready'
          message.last = undefined
        }
        return
      }
      case 'trim': {
        const below = Math.min(command.below, this.model.messages.length)
        this.table.raiseMin(below)
        for (const message of this.#messages({ from: 0, to: below })) {
          Object.assign(message, { state: 'done', holder: undefined })
        }
        this.moves = this.moves.filter((part) => part.to > below)
        return
      }
      case 'reset': {
        const offset = Math.min(command.offset, this.model.messages.length)
        this.table.reset(offset)
        this.moves = []
        for (const [index, message] of this.model.messages.entries()) {
          const state = index < offset ? 'done' : 'ready'
          Object.assign(message, { state, attempts: 0, holder: undefined, last: undefined })
        }
        return
      }
      case 'hold':
        this.table.holdBelow(command.below)
        this.#heldBelow = command.below
        return
      case 'restart': {
        this.#heldBelow = 0
        const row = decodeProgressRow(encodeProgressRow(this.table.row()))
        this.table = new LeaseTable(row, this.model.messages.length)
        this.holders = [{ held: 0 }, { held: 0 }, { held: 0 }]
        this.moves = []
        for (const message of this.model.messages) {
          if (message.state !== 'done') message.state = 'ready'
          Object.assign(message, { holder: undefined, last: undefined })
        }
        return
      }
    }
  }

  check(): void {
    const { counts } = this.table
    assert.equal(counts.ready + counts.inFlight + counts.delayed, counts.backlog)
    assert.equal(counts.delayed, this.model.count('delayed'))
    assert.equal(counts.ready, this.model.count('ready'))
    assert.equal(counts.inFlight, this.model.count('leased', 'moving'))
    for (const holder of this.holders) {
      const held = this.model.messages.filter(
        (message) => message.state === 'leased' && message.holder === holder,
      )
      assert.equal(holder.held, held.length)
    }
    const firstUndone = this.model.messages.findIndex(({ state }) => state !== 'done')
    assert.equal(this.table.doneBelow, firstUndone < 0 ? this.model.messages.length : firstUndone)
    const ready = this.model.messages.flatMap(({ state }, index) =>
      state === 'ready' ? [index] : [],
    )
    const first = ready.find((index) => index >= this.#heldBelow)
    assert.equal(this.table.nextReady()?.from, first)
    assert.equal(this.table.holdsReady, (ready[0] ?? this.#heldBelow) < this.#heldBelow)
  }

  /** Delivers and acknowledges whatever is left: nothing may be stuck. */
  finish(): void {
    this.table.holdBelow(0)
    for (const part of this.moves) this.table.finishMove(part)
    const holder = { held: 0 }
    this.table.promote(Number.MAX_SAFE_INTEGER)
    for (let run = this.table.nextReady(); run !== undefined; run = this.table.nextReady()) {
      this.table.lease([{ ...run, isSkipped: false }], {
        kind: 'leased',
        holder,
        attempts: 0,
        deadlineMs: 0,
      })
    }
    for (const part of this.table.expired(Number.MAX_SAFE_INTEGER)) {
      this.table.acknowledge(part.value.holder, part.from, part.to)
    }
    assert.equal(this.table.counts.backlog, 0)
    assert.equal(this.table.spanCount, 0)
  }

  #grant({ who, limit, forMs, filter }: Extract<Command, { kind: 'grant' }>): void {
    const holder = this.#holder(who)
    const deadlineMs = this.nowMs + forMs
    const isSkipped = (offset: number): boolean => ((filter >> (offset % 8)) & 1) === 1
    const next = this.table.nextReady()
    if (next === undefined || limit === 0) return
    const runs = this.table.readyWithin(next.from, next.from + limit, next.attempts)
    assert.equal(runs[0]?.from, next.from)
    const lease: Lease = { kind: 'leased', holder, attempts: next.attempts, deadlineMs }
    const granted = new Set<number>()
    for (const run of runs) {
      const parts = Array.from({ length: run.to - run.from }, (_, index) => {
        const offset = run.from + index
        return { from: offset, to: offset + 1, isSkipped: isSkipped(offset) }
      })
      this.table.lease(parts, lease)
      for (let offset = run.from; offset < run.to; offset++) granted.add(offset)
    }
    for (const [offset, message] of this.model.messages.entries()) {
      const inside: boolean = offset >= next.from && offset < next.from + limit
      const expected: boolean =
        inside && message.state === 'ready' && message.attempts === next.attempts
      assert.equal(granted.has(offset), expected)
      if (!expected) continue
      const leased = { state: 'leased', holder, deadlineMs, last: undefined }
      Object.assign(message, isSkipped(offset) ? { state: 'done' } : leased)
    }
  }

  #startMove(part: Span<Lease>): void {
    const attempts = part.value.attempts + 1
    const move: Move = { kind: 'moving', attempts, before: part.value, isCommitting: false }
    this.table.move(part, move)
    this.moves.push({ from: part.from, to: part.to, value: move })
    for (const message of this.#messages(part)) {
      Object.assign(message, { state: 'moving', attempts, holder: undefined })
    }
  }

  #holder(index: number): Holder {
    return this.holders[index] as Holder
  }

  #clip(range: { from: number; length: number }): { from: number; to: number } | undefined {
    const to = Math.min(range.from + range.length, this.model.messages.length)
    return range.from < to ? { from: range.from, to } : undefined
  }

  #messages(range: { readonly from: number; readonly to: number }): MessageModel[] {
    return this.model.messages.slice(range.from, range.to)
  }
}

function isWaiting({ state }: MessageModel): boolean {
  return state === 'ready' || state === 'delayed'
}

describe('LeaseTable', () => {
  // Each message in one state, whatever consumers, time and restarts do: none leased twice at once,
  // none above the queue's end, none forgotten, and numbers that add up.
  test('does what a table of single messages does', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
        const comparison = new Comparison()
        for (const next of commands) {
          comparison.run(next)
          comparison.check()
        }
        comparison.finish()
      }),
      { numRuns: 1_000 },
    )
  })

  // An acknowledgement that was taken back would deliver a finished message again.
  test('keeps what is done, except in a reset', () => {
    const withoutReset = command.filter(({ kind }) => kind !== 'reset')
    fc.assert(
      fc.property(fc.array(withoutReset, { maxLength: 60 }), (commands) => {
        const comparison = new Comparison()
        let doneBefore = 0
        for (const next of commands) {
          comparison.run(next)
          const done = comparison.table.maxOffset - comparison.table.counts.backlog
          expect(done).toBeGreaterThanOrEqual(doneBefore)
          doneBefore = done
        }
      }),
    )
  })

  // A client could make a group skip what it has never seen.
  test('refuses to acknowledge what was never leased', () => {
    const table = new LeaseTable(NOTHING_DONE, 100)
    const [honest, liar] = [{ held: 0 }, { held: 0 }]
    const attempts = { attempts: 0, deadlineMs: 10 }
    table.lease([{ from: 0, to: 50, isSkipped: false }], {
      kind: 'leased',
      holder: honest,
      ...attempts,
    })

    const refused = table.acknowledge(liar, 0, 100)

    expect(refused).toBe(100)
    expect(table.counts).toEqual({ ready: 50, inFlight: 50, delayed: 0, backlog: 100 })
  })

  // A consumer that still has its lease would be told that the message is not its own.
  test('gives a message that could not be moved back to whoever had it', () => {
    const table = new LeaseTable(NOTHING_DONE, 10)
    const holder = { held: 0 }
    const lease: Lease = { kind: 'leased', holder, attempts: 0, deadlineMs: 10 }
    table.lease([{ from: 0, to: 10, isSkipped: false }], lease)
    const move: Move = { kind: 'moving', attempts: 1, before: lease, isCommitting: true }
    const part = { from: 0, to: 4, value: move }
    table.move({ ...part, value: lease }, move)
    expect(table.isMoving(part)).toBe(true)

    table.undoMove(part, lease)

    expect(table.isMoving(part)).toBe(false)
    expect(table.doneBelow).toBe(0)
    expect(holder.held).toBe(10)
  })

  // It would be delivered again and again, which is why its group has given up on it.
  test('keeps what is parked out of every hand until it moves', () => {
    const table = new LeaseTable(NOTHING_DONE, 10)
    const holder = { held: 0 }
    const lease: Lease = { kind: 'leased', holder, attempts: 1, deadlineMs: 10 }
    table.lease([{ from: 0, to: 10, isSkipped: false }], lease)

    table.park({ from: 2, to: 4, value: lease }, 2, 'bad')
    table.release(holder, 0, 2)
    table.release(holder, 4, 10)

    expect(table.acknowledge(holder, 2, 4)).toBe(2)
    expect(table.restore(2, 4, lease, 100)).toEqual([{ from: 2, to: 4 }])
    expect(table.counts).toEqual({ ready: 8, inFlight: 0, delayed: 2, backlog: 10 })
    expect(table.readyWithin(0, 10, 1)).toEqual([
      { from: 0, to: 2, attempts: 1 },
      { from: 4, to: 10, attempts: 1 },
    ])
    const [part] = table.parked()
    assert.ok(part !== undefined)
    const move: Move = { kind: 'moving', attempts: 2, before: part.value, isCommitting: false }
    table.move(part, move)
    expect(table.parked()).toEqual([])
    table.undoMove({ ...part, value: move }, part.value)
    expect(table.parked()).toEqual([part])
  })
})
