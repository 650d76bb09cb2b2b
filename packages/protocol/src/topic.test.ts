import { describe, expect, test } from 'vitest'
import { limits } from './limits.ts'
import {
  checkBrokerName,
  checkGroupName,
  checkTopicName,
  deadLetterTopicOf,
  isDeadLetterTopic,
  isInternalTopic,
  isRetryTopic,
  retryTopicOf,
} from './topic.ts'

const checks = { checkTopicName, checkGroupName, checkBrokerName }
const illegal = expect.objectContaining({ name: 'CometError', code: 'ILLEGAL_NAME' }) as object

describe.each(Object.entries(checks))('%s', (_, check) => {
  test.each(['orders', 'Orders_2-eu', '%tenant%orders', 'a|b', '7'])('accepts "%s"', (name) => {
    expect(() => check(name)).not.toThrow()
  })

  // Names are parts of keys, of URLs and of file names of tools: what splits or hides there is out.
  test.each(['', ' ', 'a b', 'a.b', 'a/b', '../a', 'ä', 'a\0b', 'a\n', '主题', 'a\ud800'])(
    'refuses %j',
    (name) => {
      expect(() => check(name)).toThrow(illegal)
    },
  )
})

describe('the length of a name', () => {
  test.each([
    ['topic', checkTopicName, limits.topicNameMaxChars],
    ['group', checkGroupName, limits.groupNameMaxChars],
    ['broker', checkBrokerName, limits.brokerNameMaxChars],
  ])('of a %s is bounded', (_, check, maxChars) => {
    expect(() => check('x'.repeat(maxChars))).not.toThrow()
    expect(() => check('x'.repeat(maxChars + 1))).toThrow(illegal)
  })

  // A group with the longest name gives up on messages like any other.
  test('of a group leaves room for the names of its own topics', () => {
    const group = 'x'.repeat(limits.groupNameMaxChars)

    expect(retryTopicOf(group).length).toBeLessThanOrEqual(limits.topicNameMaxChars)
    expect(deadLetterTopicOf(group).length).toBeLessThanOrEqual(limits.topicNameMaxChars)
  })
})

describe('internal topics', () => {
  // A user's message in a group's retry topic would be delivered without ever having been sent.
  test('cannot be made by users', () => {
    for (const topic of [retryTopicOf('g'), deadLetterTopicOf('g'), 'rmq_sys_x', 'TBW102']) {
      expect(() => checkTopicName(topic)).toThrow(illegal)
    }
    for (const group of [retryTopicOf('g'), 'CID_RMQ_SYS_X', 'TOOLS_CONSUMER']) {
      expect(() => checkGroupName(group)).toThrow(illegal)
    }
  })

  test('are told apart by their names', () => {
    const names = [retryTopicOf('g'), deadLetterTopicOf('g'), 'g']

    expect(names).toEqual(['%RETRY%g', '%DLQ%g', 'g'])
    expect(names.map((name) => isRetryTopic(name))).toEqual([true, false, false])
    expect(names.map((name) => isDeadLetterTopic(name))).toEqual([false, true, false])
    expect(names.map((name) => isInternalTopic(name))).toEqual([true, true, false])
  })
})
