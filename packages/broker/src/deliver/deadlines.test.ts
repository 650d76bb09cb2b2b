import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Deadlines } from './deadlines.ts'
import { DONE, type MessageState } from './message-state.ts'
import { StateMap } from './state-map.ts'

const MAX = 16
const holder = { held: 0 }

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom('leased', 'delayed'),
      offset: fc.nat(MAX - 1),
      forMs: fc.integer({ min: 1, max: 20 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('done'), offset: fc.nat(MAX - 1) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait'), forMs: fc.nat(15) }) },
)
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

class Scene {
  readonly states = new StateMap({ doneBelow: 0, maxOffset: MAX })
  readonly deadlines = new Deadlines(this.states)
  nowMs = 0

  run(next: Step): void {
    if (next.kind === 'wait') this.nowMs += next.forMs
    else if (next.offset >= this.states.doneBelow) {
      this.states.set(next.offset, next.offset + 1, this.#stateOf(next))
    }
  }

  /** Of that kind, with a deadline in that range. */
  ends(kind: 'leased' | 'delayed', range: { readonly fromMs: number; readonly toMs: number }) {
    return this.states.spansOf(kind).filter(({ value: { deadlineMs } }) => {
      return deadlineMs >= range.fromMs && deadlineMs < range.toMs
    })
  }

  #stateOf(next: Exclude<Step, { kind: 'wait' }>): MessageState {
    switch (next.kind) {
      case 'leased':
        return { kind: 'leased', holder, attempts: 0, deadlineMs: this.nowMs + next.forMs }
      case 'delayed':
        return { kind: 'delayed', last: holder, attempts: 1, deadlineMs: this.nowMs + next.forMs }
      case 'done':
        return DONE
    }
  }
}

const FOREVER = Number.POSITIVE_INFINITY

describe('Deadlines', () => {
  // The bound says when to wake: too late, and a message of a dead consumer stays with it for ever;
  // not exact after looking, and a broker wakes again and again for leases that ended long ago.
  test('find all that is over, and wake for the next', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const scene = new Scene()
        for (const next of steps) {
          scene.run(next)
          const { deadlines, nowMs } = scene
          const all = [...scene.states.spansOf('leased'), ...scene.states.spansOf('delayed')]
          for (const { value } of all) {
            expect(value.deadlineMs).toBeGreaterThanOrEqual(deadlines.nextMs)
          }
          if (next.kind !== 'wait') continue

          const over = { fromMs: 0, toMs: nowMs + 1 }
          const delays = deadlines.delaysOver(nowMs)
          expect(delays).toEqual(scene.ends('delayed', over))
          for (const { from, to } of delays) scene.states.set(from, to, DONE)
          const hasLooked = nowMs >= deadlines.nextMs
          const leases = deadlines.leasesOver(nowMs)
          expect(leases).toEqual(scene.ends('leased', over))
          for (const { from, to } of leases) scene.states.set(from, to, DONE)
          if (!hasLooked) continue
          const later = { fromMs: nowMs + 1, toMs: FOREVER }
          const left = [...scene.ends('leased', later), ...scene.ends('delayed', later)]
          expect(deadlines.nextMs).toBe(Math.min(...left.map(({ value }) => value.deadlineMs)))
        }
      }),
    )
  })

  // After a reset nothing is leased, so nothing has to be looked at.
  test('are none after a reset', () => {
    const states = new StateMap({ doneBelow: 0, maxOffset: MAX })
    const deadlines = new Deadlines(states)
    states.set(0, 4, { kind: 'leased', holder, attempts: 0, deadlineMs: 10 })

    states.reset(0)

    expect(deadlines.nextMs).toBe(FOREVER)
    expect(deadlines.leasesOver(10)).toEqual([])
  })
})
