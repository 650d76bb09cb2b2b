import { CometError, type TopicDefinition, toCometError } from '@cometmq/protocol'
import { describe, expect, test } from 'vitest'
import { newTopic } from '../topic-definition.ts'
import { appendLevelOf } from './ack-level.ts'

const ALONE = undefined
const LAST = { members: 1, minMembers: 1 }
const ENOUGH = { members: 2, minMembers: 2 }
const TOO_FEW = { members: 1, minMembers: 2 }

describe('a batch is answered when it is', () => {
  // Answered earlier, it could be lost by what its topic says it survives.
  test.each([
    ['sync', 'in-sync', ALONE, 'confirmed'],
    ['sync', 'in-sync', ENOUGH, 'confirmed'],
    ['sync', 'master', ALONE, 'flushed'],
    ['sync', 'master', ENOUGH, 'flushed'],
    ['async', 'in-sync', ALONE, 'written'],
    ['async', 'in-sync', LAST, 'written'],
    ['async', 'in-sync', ENOUGH, 'confirmed'],
    ['async', 'master', ALONE, 'written'],
    ['async', 'master', ENOUGH, 'written'],
  ] as const)('of a topic with flush %s and replicas %s', (flush, replicas, copies, level) => {
    expect(appendLevelOf(topic(flush, replicas), copies)).toBe(level)
  })
})

describe('with fewer members in sync than there have to be', () => {
  // Appended, it would wait for a member that may never come, and no other group would get it.
  test.each(['sync', 'async'])('a batch for all of them is refused (flush %s)', (flush) => {
    expect(codeOf(() => appendLevelOf(topic(flush, 'in-sync'), TOO_FEW))).toBe(
      'IN_SYNC_SET_TOO_SMALL',
    )
  })

  test.each(['sync', 'async'])('one for the master alone is not (flush %s)', (flush) => {
    expect(codeOf(() => appendLevelOf(topic(flush, 'master'), TOO_FEW))).toBeUndefined()
  })
})

function topic(flush: string, replicas: string): TopicDefinition {
  return newTopic(
    { topic: 'orders', type: '', queueCount: 1, flush, replicas },
    { queueCount: 1 },
    0,
  )
}

function codeOf(attempt: () => unknown): string | undefined {
  try {
    attempt()
    return undefined
  } catch (thrown) {
    return thrown instanceof CometError ? thrown.code : toCometError(thrown).code
  }
}
