import { describe, expect, test } from 'vitest'
import { History } from './history.ts'

const at = (queueOffset: number) => ({ brokerName: 'a', topic: 't', queueId: 0, queueOffset })
const message = (messageId: string, queueOffset: number, attempt = 1, body = messageId) => ({
  ...at(queueOffset),
  messageId,
  body,
  attempt,
})

/** A history in which two messages were sent, stored, read and acknowledged as they should be. */
function healthy(): History {
  const history = new History()
  for (const [index, id] of ['x', 'y'].entries()) {
    history.sent(id, id)
    history.acknowledged(id, at(index))
    history.delivered('g', message(id, index))
    history.settled('g', id)
  }
  return history
}

const kindsOf = (history: History, finalReads = false) =>
  history.violations({ groups: ['g'], finalReads }).map(({ kind }) => kind)

describe('History', () => {
  // A checker that finds nothing where nothing is wrong says something only if each wrong is found, too.
  test('finds nothing in a healthy run', () => {
    const history = healthy()
    history.finalQueue([message('x', 0), message('y', 1)])

    expect(kindsOf(history, true)).toEqual([])
  })

  test('finds an acknowledged message that was never delivered', () => {
    const history = healthy()
    history.sent('z', 'z')
    history.acknowledged('z', at(2))

    expect(kindsOf(history)).toEqual(['lost'])
  })

  test.each([
    ['nobody sent', message('q', 2)],
    ['has another body', message('x', 0, 2, 'other')],
  ])('finds a delivered message that %s', (_, delivered) => {
    const history = healthy()
    history.delivered('h', delivered)

    expect(kindsOf(history)).toContain('phantom')
  })

  // Nothing is visible before it is certain to stay.
  test.each(['delivered to a group', 'read outside of groups'])(
    'finds a message that was %s and is not in its queue any more',
    (how) => {
      const history = healthy()
      history.sent('z', 'z')
      if (how.startsWith('read')) history.read(message('z', 2))
      else history.delivered('g', message('z', 2))
      history.finalQueue([message('x', 0), message('y', 1)])

      expect(kindsOf(history, true)).toEqual(['withdrawn'])
    },
  )

  test('finds a place that held two messages', () => {
    const history = healthy()
    history.sent('z', 'z')
    history.delivered('h', message('z', 1))

    expect(kindsOf(history)).toContain('replaced')
  })

  test('finds a message that comes back after its acknowledgement was answered', () => {
    const history = healthy()
    history.delivered('g', message('x', 9, 2))
    history.settled('g', 'x')

    expect(kindsOf(history)).toEqual(['returned'])
  })

  test.each([
    ['stored-twice', [message('x', 0), message('y', 1), message('x', 2)]],
    ['gap', [message('x', 0), message('y', 2)]],
    ['moved', [message('x', 0)]],
  ])('finds %s in the final queues', (kind, messages) => {
    const history = healthy()
    history.finalQueue(messages)

    expect(kindsOf(history, true)).toContain(kind)
  })
})
