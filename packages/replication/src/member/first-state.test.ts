import { commitLogOffset, EpochHistory } from '@cometmq/protocol'
import type { MessageStore } from '@cometmq/store'
import { describe, expect, test } from 'vitest'
import type { MemberFile } from '../actions.ts'
import { incarnate } from './first-state.ts'

const found: MemberFile = {
  brokerId: 2,
  storeId: 'b7c0',
  incarnation: 17,
  trustedSince: 15,
  lastSeenEpoch: 5,
  electorId: 'e',
}

describe('a process that starts as a member', () => {
  test('is the next incarnation, and knows the epochs of its log', () => {
    const member = incarnate(found, storeOf({ max: 100, epoch: 6 }))

    expect(member).toEqual({ ...found, incarnation: 18, lastSeenEpoch: 6 })
  })

  // It may have acknowledged what is not there any more.
  test.each([
    ['flushed', { flushedOffset: 101, confirmOffset: 90 }],
    ['confirmed', { flushedOffset: 90, confirmOffset: 101 }],
  ])('is not trusted with less than it had noted to be %s', (_, noted) => {
    const member = incarnate(found, storeOf({ max: 100, noted }))

    expect(member.trustedSince).toBe(18)
  })

  test('is not trusted when it has cut a tail in doubt', () => {
    const member = incarnate(found, storeOf({ max: 100, isInDoubt: true }))

    expect(member.trustedSince).toBe(18)
  })

  test('is new in an empty folder', () => {
    const member = incarnate(undefined, storeOf({ max: 0 }))

    expect(member).toMatchObject({ brokerId: undefined, incarnation: 1, trustedSince: 1 })
  })

  test.each([
    ['a folder that a lone broker has written', undefined, undefined],
    ["another member's folder", found, 3],
  ])('refuses %s', (_, file, configuredId) => {
    const act = (): MemberFile => incarnate(file, storeOf({ max: 100 }), { configuredId })

    expect(act).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })
})

function storeOf(parts: {
  readonly max: number
  readonly epoch?: number
  readonly noted?: { readonly flushedOffset: number; readonly confirmOffset: number }
  readonly isInDoubt?: boolean
}): MessageStore {
  const { max, epoch = 5, noted, isInDoubt = false } = parts
  const history = max === 0 ? [] : [{ epoch, start: commitLogOffset(0) }]
  const log = { offsets: { max: commitLogOffset(max) }, epochs: EpochHistory.of(history) }
  return { storeId: 'b7c0', recovery: { noted, isInDoubt }, log } as unknown as MessageStore
}
