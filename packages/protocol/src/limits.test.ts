import { expect, test } from 'vitest'
import { limits } from './limits.ts'

// The tag section keeps a message's index, and "no tag", in 16 bits.
test('the messages of a batch can be counted in 16 bits', () => {
  expect(limits.batchMaxMessages).toBeLessThan(0xffff)
})

// One batch has to fit into one gRPC message, with what stands around it.
test('a largest batch fits into one gRPC message', () => {
  expect(limits.batchMaxBytes + 64 * 1024).toBeLessThanOrEqual(limits.rpcMessageMaxBytes)
})

test('every limit is a positive integer', () => {
  for (const [name, value] of Object.entries(limits)) {
    expect({ name, isPositive: Number.isSafeInteger(value) && value > 0 }).toEqual({
      name,
      isPositive: true,
    })
  }
})
