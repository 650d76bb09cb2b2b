import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DONE, type Lease, type MessageState, type Move, type Parked } from './message-state.ts'
import { rowOf, statesOf } from './row-of-states.ts'
import { StateMap } from './state-map.ts'

const MAX = 20
const holder = { held: 0 }
const lease: Lease = { kind: 'leased', holder, attempts: 1, deadlineMs: 10 }
const parked: Parked = { kind: 'parked', attempts: 2, reason: 'bad' }

const state: fc.Arbitrary<MessageState> = fc.constantFrom<MessageState[]>(
  DONE,
  lease,
  { ...lease, attempts: 0 },
  parked,
  { kind: 'delayed', attempts: 3, deadlineMs: 5, last: holder },
  { kind: 'returned', attempts: 1, last: holder },
  { kind: 'returned', attempts: 0, last: holder },
  { kind: 'moving', attempts: 1, before: lease, isCommitting: false },
  { kind: 'moving', attempts: 1, before: lease, isCommitting: true },
  { kind: 'moving', attempts: 3, before: parked, isCommitting: false },
)
const spans = fc.array(
  fc.record({ from: fc.nat(MAX - 1), length: fc.integer({ min: 1 }), state }),
  {
    maxLength: 12,
  },
)

/** What a broker that starts from the row says of the message. */
function survivor(before: MessageState): MessageState {
  switch (before.kind) {
    case 'ready':
    case 'done':
    case 'parked':
      return before
    case 'moving':
      if (before.isCommitting) return DONE
      if (before.before?.kind === 'parked') return before.before
      break
    case 'leased':
    case 'delayed':
    case 'returned':
  }
  const { attempts } = before
  return attempts === 0
    ? { kind: 'ready', attempts }
    : { kind: 'returned', attempts, last: undefined }
}

describe('a row of states', () => {
  // A restart may end leases, but neither forget an acknowledgement nor count an attempt anew.
  test('brings each message back as done, parked, or ready with its attempts', () => {
    fc.assert(
      fc.property(spans, (all) => {
        const states = new StateMap({ doneBelow: 0, maxOffset: MAX })
        for (const span of all) {
          const to = Math.min(span.from + span.length, MAX)
          states.set(Math.max(span.from, states.doneBelow), to, span.state)
        }

        const row = rowOf(states)
        const read = statesOf(row, MAX)

        for (let offset = 0; offset < MAX; offset++) {
          expect(read.at(offset)).toEqual(survivor(states.at(offset)))
        }
        // Otherwise each restart would write another row than the last one.
        expect(rowOf(read)).toEqual(row)
      }),
    )
  })

  // A crash between the append of a retry and its answer must not redeliver the original as well.
  test('has a move under way as done, and one that is not as attempted', () => {
    const states = new StateMap({ doneBelow: 0, maxOffset: 10 })
    const move: Move = { kind: 'moving', attempts: 1, before: lease, isCommitting: false }
    states.set(0, 4, move)

    expect(rowOf(states)).toEqual({
      doneBelow: 0,
      done: [],
      attempted: [{ from: 0, to: 4, attempts: 1 }],
    })
    move.isCommitting = true
    expect(rowOf(states)).toEqual({ doneBelow: 4, done: [], attempted: [] })
  })

  // On its way to the dead letters it is parked until it is there: a crash would deliver it again.
  test('has what is parked until it has moved', () => {
    const states = new StateMap({ doneBelow: 0, maxOffset: 10 })
    const move: Move = { kind: 'moving', attempts: 2, before: parked, isCommitting: false }
    states.set(2, 4, parked)
    const before = rowOf(states)
    expect(before.parked).toEqual([{ from: 2, to: 4, attempts: 2, reason: 'bad' }])

    states.set(2, 4, move)

    expect(rowOf(states)).toEqual(before)
    move.isCommitting = true
    expect(rowOf(states)).toEqual({ doneBelow: 0, done: [{ from: 2, to: 4 }], attempted: [] })
  })
})
