import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CreditWindow } from './credit-window.ts'

const MIB = 1024 * 1024

describe('CreditWindow', () => {
  // Memory is bounded by it: what is held and what may still come.
  test('never promises more than its bound', () => {
    const step = fc.record({ deliver: fc.nat(300_000), elapsedMs: fc.nat(300) })
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 1, max: 8 * MIB }),
        (steps, max) => {
          const credit = new CreditWindow(max, 0)
          let granted = credit.open()
          let nowMs = 0
          for (const { deliver, elapsedMs } of steps) {
            const bytes = Math.min(deliver, granted)
            credit.delivered(bytes)
            granted -= bytes
            nowMs += elapsedMs
            if (deliver % 2 === 0) credit.finished(credit.heldBytes, nowMs)
            granted += credit.grant()
            expect(credit.heldBytes + granted).toBeLessThanOrEqual(max)
          }
        },
      ),
    )
  })

  // A broker sends a batch larger than the credit to whoever holds nothing. Were that forgotten here,
  // each of them would cost credit for good, until the broker sends nothing more.
  test('knows what the broker may still send, also after batches larger than the credit', () => {
    const step = fc.record({ deliver: fc.nat(300_000), elapsedMs: fc.nat(300) })
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 20, maxLength: 60 }),
        fc.integer({ min: 1, max: MIB }),
        (steps, max) => {
          const credit = new CreditWindow(max, 0)
          let atBroker = credit.open()
          let nowMs = 0
          for (const { deliver, elapsedMs } of steps) {
            if (atBroker > 0) {
              credit.delivered(deliver)
              atBroker -= deliver
            }
            nowMs += elapsedMs
            credit.finished(credit.heldBytes, nowMs)
            atBroker += credit.grant()
            expect(atBroker).toBeGreaterThan(0)
          }
        },
      ),
    )
  })

  test('grows with what gets done, up to its bound', () => {
    const credit = new CreditWindow(8 * MIB, 0)
    const before = credit.windowBytes

    for (let nowMs = 0; nowMs < 1_000; nowMs += 10) {
      credit.delivered(MIB)
      credit.finished(MIB, nowMs)
    }

    expect(before).toBe(256 * 1024)
    expect(credit.windowBytes).toBe(8 * MIB)
  })

  // One slow instance that hoards half a minute of work leaves nothing to those beside it.
  test('shrinks to half a second of work', () => {
    const credit = new CreditWindow(8 * MIB, 0)
    credit.open()

    for (let nowMs = 0; nowMs < 5_000; nowMs += 50) {
      credit.delivered(10_000)
      credit.finished(10_000, nowMs)
    }

    // 200 000 bytes a second.
    expect(credit.windowBytes).toBeCloseTo(100_000, -4)
  })

  test('does not send every little return as a message', () => {
    const credit = new CreditWindow(MIB, 0)
    credit.open()
    credit.delivered(200_000)

    credit.finished(1_000, 1)

    expect(credit.grant()).toBe(0)
  })

  test('gives credit when nothing is left to wait for', () => {
    const credit = new CreditWindow(MIB, 0)
    credit.open()
    credit.delivered(MIB)

    credit.finished(MIB, 1)

    expect(credit.grant()).toBeGreaterThan(0)
  })

  // Credit given on a stream that broke will never be used.
  test('starts anew with each stream, counting what is still held', () => {
    const credit = new CreditWindow(MIB, 0)
    const first = credit.open()
    credit.delivered(100_000)

    expect(credit.open()).toBe(first - 100_000)
  })
})
