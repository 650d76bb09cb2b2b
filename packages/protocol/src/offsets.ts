import assert from 'node:assert/strict'

declare const brand: unique symbol

/** A byte position in a broker group's commit log. Ranges of them are half-open. */
export type CommitLogOffset = number & { readonly [brand]: 'CommitLogOffset' }

/** A message's number in its queue, from 0. */
export type QueueOffset = number & { readonly [brand]: 'QueueOffset' }

export function commitLogOffset(value: number): CommitLogOffset {
  assert.ok(Number.isSafeInteger(value) && value >= 0, `not a commit log offset: ${value}`)
  return value as CommitLogOffset
}

export function queueOffset(value: number): QueueOffset {
  assert.ok(Number.isSafeInteger(value) && value >= 0, `not a queue offset: ${value}`)
  return value as QueueOffset
}
