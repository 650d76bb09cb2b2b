import { commitLogOffset, EpochHistory } from '@cometmq/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeEpochs, encodeTruncating, parseEpochs, parseTruncating } from './lineage-text.ts'

const histories = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 2 ** 40 })), {
    maxLength: 6,
  })
  .map((steps) => {
    let [epoch, start] = [0, -1]
    return EpochHistory.of(
      steps.map(([epochStep, startStep]) => {
        epoch += epochStep
        start += startStep
        return { epoch, start: commitLogOffset(start) }
      }),
    )
  })

describe('the files of lineage', () => {
  test('are read as they were written', () => {
    fc.assert(
      fc.property(histories, fc.nat(), (epochs, to) => {
        expect(parseEpochs(encodeEpochs(epochs))?.entries).toEqual(epochs.entries)
        const truncating = parseTruncating(encodeTruncating({ to, epochs }))
        expect(truncating?.to).toBe(to)
        expect(truncating?.epochs.entries).toEqual(epochs.entries)
      }),
    )
  })

  // A history that lost a line would let two different logs pass for one.
  test('are damaged once a byte is gone or a bit has flipped', () => {
    fc.assert(
      fc.property(histories, fc.nat(), fc.nat(), (epochs, place, bit) => {
        for (const [bytes, parse] of [
          [encodeEpochs(epochs), parseEpochs],
          [encodeTruncating({ to: 12, epochs }), parseTruncating],
        ] as const) {
          const at = place % bytes.length
          expect(parse(bytes.subarray(0, at))).toBeUndefined()
          bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit % 8))
          expect(parse(bytes)).toBeUndefined()
        }
      }),
    )
  })

  test('are not taken for each other', () => {
    const epochs = EpochHistory.of([{ epoch: 1, start: commitLogOffset(0) }])

    expect(parseEpochs(encodeTruncating({ to: 1, epochs }))).toBeUndefined()
    expect(parseTruncating(encodeEpochs(epochs))).toBeUndefined()
  })
})
