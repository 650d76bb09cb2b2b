import { describe, expect, test } from 'vitest'
import { limits } from '../limits.ts'
import { publishMethod } from './publish-codec.ts'

const EMPTY_BATCH = [0x0a, 0x00]
const GARBAGE = [0xff, 0xff, 0xff]

describe('a publish request', () => {
  // 16 MiB of empty batches are eight million objects; the garbage tells how far it was read.
  test('of more batches than allowed is refused where the bound is passed', () => {
    const few = batches(limits.batchesPerRequestMax)
    const many = batches(limits.batchesPerRequestMax + 1)

    expect(publishMethod.decodeRequest(few).batches.length).toBe(limits.batchesPerRequestMax)
    expect(() => publishMethod.decodeRequest(Buffer.concat([many, Buffer.from(GARBAGE)]))).toThrow(
      expect.objectContaining({ code: 'TOO_MANY' }),
    )
    expect(() => publishMethod.decodeRequest(Buffer.concat([few, Buffer.from(GARBAGE)]))).toThrow(
      expect.objectContaining({ code: 'MALFORMED_REQUEST' }),
    )
  })
})

function batches(count: number): Buffer {
  return Buffer.from(Array.from({ length: count }, () => EMPTY_BATCH).flat())
}
