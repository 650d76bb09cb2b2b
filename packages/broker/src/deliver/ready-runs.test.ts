import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DONE, isReady, type MessageState, READY } from './message-state.ts'
import { ReadyRuns } from './ready-runs.ts'
import { StateMap } from './state-map.ts'

const MAX = 24

const STATES: readonly MessageState[] = [
  READY,
  DONE,
  { kind: 'leased', holder: { held: 0 }, attempts: 1, deadlineMs: 0 },
  { kind: 'returned', attempts: 0, last: undefined },
  { kind: 'returned', attempts: 1, last: undefined },
  { kind: 'returned', attempts: 1, last: { held: 0 } },
]

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('set'),
      from: fc.nat(MAX),
      length: fc.integer({ min: 1, max: 8 }),
      state: fc.constantFrom(...STATES),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('append'), count: fc.nat(6) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('hold'), offset: fc.nat(MAX) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reset'), offset: fc.nat(MAX) }) },
)
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

class Scene {
  readonly states = new StateMap({ doneBelow: 0, maxOffset: MAX / 2 })
  readonly ready = new ReadyRuns(this.states)
  heldBelow = 0

  run(next: Step): void {
    switch (next.kind) {
      case 'set': {
        const to = Math.min(next.from + next.length, this.states.maxOffset)
        this.states.set(Math.max(next.from, this.states.doneBelow), to, next.state)
        return
      }
      case 'append':
        this.states.raiseMax(Math.min(MAX, this.states.maxOffset + next.count))
        return
      case 'hold':
        this.heldBelow = next.offset
        this.ready.holdBelow(next.offset)
        return
      case 'reset':
        this.states.reset(Math.min(next.offset, this.states.maxOffset))
        return
    }
  }

  /** One after the other. */
  readyOffsets(): number[] {
    const offsets = Array.from({ length: this.states.maxOffset }, (_, offset) => offset)
    return offsets.filter((offset) => isReady(this.states.at(offset)))
  }

  attemptsAt(offset: number): number {
    const state = this.states.at(offset)
    return state.kind === 'done' ? -1 : state.attempts
  }
}

const steps = fc.array(step, { maxLength: 40 })

describe('ReadyRuns', () => {
  // A ready message that is passed over is delivered when something else stirs its queue, or never.
  test('begin with the first ready message that is not held back', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const scene = new Scene()
        for (const next of all) {
          scene.run(next)

          const offsets = scene.readyOffsets()
          const first = offsets.find((offset) => offset >= scene.heldBelow)
          const run = scene.ready.first()
          expect(run?.from).toBe(first)
          if (run === undefined) continue
          expect(run.attempts).toBe(scene.attemptsAt(run.from))
          for (let offset = run.from; offset < run.to; offset++) expect(offsets).toContain(offset)
        }
      }),
    )
  })

  // While anything is held back a FIFO group reads nothing: it must be known when that ends.
  test('know whether a ready message is held back', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const scene = new Scene()
        for (const next of all) {
          scene.run(next)

          const isHeld = scene.readyOffsets().some((offset) => offset < scene.heldBelow)
          expect(scene.ready.holdsAny).toBe(isHeld)
        }
      }),
    )
  })

  // All of one delivery are on the same attempt, and one run less is one span less in the table.
  test('within a range are all its ready messages of one attempt, in as few runs as can be', () => {
    fc.assert(
      fc.property(steps, fc.nat(MAX), fc.nat(MAX), fc.nat(1), (all, from, to, attempts) => {
        const scene = new Scene()
        for (const next of all) scene.run(next)

        const runs = scene.ready.within(from, to, attempts)

        const offsets = runs.flatMap((run) =>
          Array.from({ length: run.to - run.from }, (_, index) => run.from + index),
        )
        const expected = scene
          .readyOffsets()
          .filter((offset) => offset >= Math.max(from, scene.heldBelow) && offset < to)
          .filter((offset) => scene.attemptsAt(offset) === attempts)
        expect(offsets).toEqual(expected)
        for (const run of runs) expect(run.attempts).toBe(attempts)
        expect(runs.every(({ from: start }) => runs.every((run) => run.to !== start))).toBe(true)
      }),
      { numRuns: 1_000 },
    )
  })
})
