import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DONE, type Holder, type Lease, type MessageState, READY } from './message-state.ts'
import type { Range } from './range-map.ts'
import { StateMap } from './state-map.ts'

const MAX = 32

/** Few of them, so that runs of one state meet. */
function palette(holders: readonly Holder[]): readonly MessageState[] {
  const [ada, bob] = holders as [Holder, Holder]
  const lease: Lease = { kind: 'leased', holder: ada, attempts: 0, deadlineMs: 5 }
  return [
    READY,
    DONE,
    lease,
    { kind: 'leased', holder: bob, attempts: 1, deadlineMs: 7 },
    { kind: 'moving', attempts: 1, before: lease, isCommitting: false },
    { kind: 'delayed', attempts: 1, deadlineMs: 9, last: bob },
    { kind: 'parked', attempts: 2, reason: 'bad' },
    { kind: 'returned', attempts: 0, last: ada },
    { kind: 'returned', attempts: 3, last: undefined },
  ]
}

const state = fc.nat(8)
const range = { from: fc.nat(MAX), length: fc.integer({ min: 1, max: MAX }) }
const change = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('set'), ...range, state }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('replace'), ...range, state, old: state }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('take'), at: fc.nat(MAX), isDone: fc.nat(255) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('append'), count: fc.nat(8) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reset'), offset: fc.nat(MAX) }) },
)
type Change = typeof change extends fc.Arbitrary<infer Value> ? Value : never

/** The map, beside an array with the state of each message, and one that a listener writes. */
class Comparison {
  readonly map = new StateMap({ doneBelow: 0, maxOffset: 0 })
  readonly model: MessageState[] = []
  readonly heard: MessageState[] = []
  readonly holders: readonly Holder[] = [{ held: 0 }, { held: 0 }]
  readonly #palette = palette(this.holders)

  constructor() {
    this.map.listen({
      changed: (from, to, next) => this.heard.fill(next, from, to),
      reset: (offset) => this.heard.fill(READY, offset).fill(DONE, 0, offset),
    })
  }

  run(next: Change): void {
    switch (next.kind) {
      case 'append': {
        const maxOffset = Math.min(MAX, this.model.length + next.count)
        this.map.raiseMax(maxOffset)
        while (this.model.length < maxOffset) {
          this.model.push(READY)
          this.heard.push(READY)
        }
        return
      }
      case 'set': {
        const { from, to } = this.#clip(next)
        this.map.set(from, to, this.#state(next.state))
        this.model.fill(this.#state(next.state), from, to)
        return
      }
      case 'replace': {
        const { from, to } = this.#clip(next)
        const old = this.#state(next.old)
        this.map.replace({ from, to, value: old }, this.#state(next.state))
        // What is ready was not delivered, and so nobody has a part of it.
        if (old.kind === 'ready') return
        for (let offset = from; offset < to; offset++) {
          if (this.model[offset] === old) this.model[offset] = this.#state(next.state)
        }
        return
      }
      case 'take': {
        const lease = this.#state(2) as Lease
        const spans = []
        let from = Math.max(next.at, this.map.doneBelow)
        for (; from < this.model.length && this.#isReady(from); from++) {
          const isDone = ((next.isDone >> (from % 8)) & 1) === 1
          spans.push({ from, to: from + 1, value: isDone ? DONE : lease })
        }
        this.map.take(spans)
        for (const span of spans) this.model[span.from] = span.value
        return
      }
      case 'reset': {
        const offset = Math.min(next.offset, this.model.length)
        this.map.reset(offset)
        this.model.fill(READY, offset).fill(DONE, 0, offset)
        return
      }
    }
  }

  #state(index: number): MessageState {
    return this.#palette[index] as MessageState
  }

  #isReady(offset: number): boolean {
    return ['ready', 'returned'].includes(this.model[offset]?.kind ?? 'done')
  }

  /** Nobody changes what is done for good. */
  #clip({ from, length }: { readonly from: number; readonly length: number }): Range {
    const to = Math.min(from + length, this.model.length)
    return { from: Math.max(from, this.map.doneBelow), to }
  }
}

const changes = fc.array(change, { maxLength: 50 })

/** Changes and checks, one after the other. */
function afterEachChange(check: (comparison: Comparison) => void): void {
  fc.assert(
    fc.property(changes, (all) => {
      const comparison = new Comparison()
      for (const next of all) {
        comparison.run(next)
        check(comparison)
      }
    }),
  )
}

describe('StateMap', () => {
  // A message in a wrong state is delivered twice, or never.
  test('holds what an array of single states holds', () => {
    afterEachChange(({ map, model }) => {
      expect(model.map((_, offset) => map.at(offset))).toEqual(model)
    })
  })

  // Whoever settles a range goes by its parts: a gap would be neither settled nor refused.
  test('has parts that lie next to each other and are all there is', () => {
    afterEachChange(({ map, model }) => {
      for (const from of [0, Math.floor(model.length / 2)]) {
        if (from >= model.length) continue
        const parts = map.parts(from, model.length)
        const states = parts.flatMap(({ from: start, to, value }) =>
          Array.from({ length: to - start }, () => value),
        )
        expect(parts[0]?.from).toBe(from)
        expect(states).toEqual(model.slice(from))
      }
    })
  })

  // They stop a member, and a queue, that have too much in flight; one that is wrong stays wrong.
  test('counts what an array of single states counts, and what each holder has', () => {
    afterEachChange(({ map, model, holders }) => {
      const count = (...kinds: MessageState['kind'][]): number =>
        model.filter(({ kind }) => kinds.includes(kind)).length
      expect(map.counts).toEqual({
        ready: count('ready', 'returned'),
        inFlight: count('leased', 'moving'),
        delayed: count('delayed', 'parked'),
        backlog: model.length - count('done'),
      })
      for (const holder of holders) {
        const held = model.filter((one) => one.kind === 'leased' && one.holder === holder)
        expect(holder.held).toBe(held.length)
      }
    })
  })

  // The order of a FIFO group, what is ready and what is over are known from what is heard alone.
  test('tells its listeners of every change', () => {
    afterEachChange(({ heard, model }) => {
      expect(heard).toEqual(model)
    })
  })

  // A group that acknowledges in order would grow by a span for each message, for ever.
  test('keeps nothing of what is done at the front', () => {
    afterEachChange(({ map, model }) => {
      const firstUndone = model.findIndex(({ kind }) => kind !== 'done')
      expect(map.doneBelow).toBe(firstUndone < 0 ? model.length : firstUndone)
      for (const { from } of map.spans()) expect(from).toBeGreaterThanOrEqual(map.doneBelow)
      for (const kind of ['done', 'leased', 'delayed'] as const) {
        const all = [...map.spans()].filter(({ value }) => value.kind === kind)
        expect(map.spansOf(kind)).toEqual(all)
      }
    })
  })

  // Leased twice at once, a message would be handled by two members.
  test('takes nothing that is not ready', () => {
    const map = new StateMap({ doneBelow: 2, maxOffset: 6 })
    map.set(4, 5, { kind: 'parked', attempts: 1, reason: 'bad' })

    expect(() => map.take([{ from: 1, to: 3, value: DONE }])).toThrow('a message below is done')
    expect(() => map.take([{ from: 3, to: 5, value: DONE }])).toThrow('a message is ready')
    expect(() => map.take([{ from: 5, to: 7, value: DONE }])).toThrow('does not exist')
    expect(() => map.parts(5, 7)).toThrow('ends after the queue')
    expect(() => map.parts(5, 5)).toThrow('is empty')
  })
})
