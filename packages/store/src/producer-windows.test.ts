import { limits } from '@cometmq/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  acceptSequence,
  decodeWindow,
  encodeWindow,
  type Judgement,
  judgeSequence,
  type ProducerWindow,
} from './producer-windows.ts'

/** The window after sequences `[0, count)` of an epoch; sequence n was appended at n * 100. */
function windowAfter(count: number, producerEpoch = 3): ProducerWindow | undefined {
  let window: ProducerWindow | undefined
  for (let sequence = 0; sequence < count; sequence++) {
    window = acceptSequence(window, { producerEpoch, sequence }, resultOf(sequence), 1_000)
  }
  return window
}

function resultOf(sequence: number) {
  return {
    baseQueueOffset: sequence * 10,
    logOffset: sequence * 100,
    endOffset: sequence * 100 + 99,
  }
}

function expectedVerdict(count: number, sequence: number): Judgement {
  if (sequence === count) return { kind: 'accept' }
  if (sequence > count) return { kind: 'gap', expected: count }
  if (sequence < count - limits.producerWindowBatches) return { kind: 'too-old' }
  return { kind: 'duplicate', result: resultOf(sequence) }
}

describe('judgeSequence', () => {
  test('lets a producer begin with 0 only', () => {
    expect(judgeSequence(undefined, { producerEpoch: 7, sequence: 0 })).toEqual({ kind: 'accept' })
    expect(judgeSequence(undefined, { producerEpoch: 7, sequence: 1 })).toEqual({
      kind: 'gap',
      expected: 0,
    })
  })

  // A duplicate that is appended again is a message delivered twice; one that is answered with
  // another's place is a message lost.
  test('judges every sequence by its distance to the next one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.nat({ max: 60 }), (count, sequence) => {
        const verdict = judgeSequence(windowAfter(count), { producerEpoch: 3, sequence })

        expect(verdict).toEqual(expectedVerdict(count, sequence))
      }),
    )
  })

  test('fences an epoch that the producer has left', () => {
    const verdict = judgeSequence(windowAfter(5), { producerEpoch: 2, sequence: 5 })

    expect(verdict).toEqual({ kind: 'fenced', epoch: 3 })
  })

  test('lets a new epoch begin with 0 only', () => {
    const window = windowAfter(5)

    expect(judgeSequence(window, { producerEpoch: 4, sequence: 0 })).toEqual({ kind: 'accept' })
    expect(judgeSequence(window, { producerEpoch: 4, sequence: 5 })).toEqual({
      kind: 'gap',
      expected: 0,
    })
  })
})

test('a window comes back from its bytes as it was', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), (count) => {
      const window = windowAfter(count)
      if (window === undefined) throw new Error('no window')

      expect(decodeWindow(encodeWindow(window))).toEqual(window)
    }),
  )
})
