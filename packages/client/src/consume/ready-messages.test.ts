import { RecordBatch } from '@cometmq/protocol'
import { describe, expect, test } from 'vitest'
import { storedBatch } from '../scripted/scripted-streams.ts'
import { LeasedRun } from './leased-run.ts'
import { type HeldMessage, OrderedMessages } from './ready-messages.ts'

describe('OrderedMessages', () => {
  test('gives one message of each message group, then others as they are settled', () => {
    const ready = orderedMessages()
    const run = runOf(['a', 'a', 'b'])
    ready.add(run)

    expect(takeAll(ready)).toEqual([0, 2])
    run.settle(0)
    expect(takeAll(ready)).toEqual([1])
    run.settle(2)
    expect(takeAll(ready)).toEqual([])
  })

  test('keeps the order over deliveries', () => {
    const ready = orderedMessages()
    const [first, second] = [runOf(['a']), runOf(['a', 'b'], { from: 1 })]
    ready.add(first)
    ready.add(second)

    expect(takeAll(ready)).toEqual([0, 2])
    first.settle(0)
    expect(takeAll(ready)).toEqual([1])
  })

  test('lets messages of no message group, and retries, wait for nobody', () => {
    const ready = orderedMessages()
    ready.add(runOf([undefined, undefined]))
    ready.add(runOf(['a', 'a'], { from: 2, retry: true }))

    expect(takeAll(ready)).toEqual([0, 1, 2, 3])
  })

  test('tells queues apart, where one message group may have been moved to', () => {
    const ready = orderedMessages()
    ready.add(runOf(['a']))
    ready.add(runOf(['a'], { from: 1, queueId: 1 }))

    expect(takeAll(ready)).toEqual([0, 1])
  })

  test('names what waits behind the message at work, and nothing behind others', () => {
    const ready = orderedMessages()
    const run = runOf(['a', 'b', 'a', 'a'])
    ready.add(run)
    takeAll(ready)

    expect(ready.behind(run, 0).map(offsetOf)).toEqual([2, 3])
    expect(ready.behind(run, 1)).toEqual([])
    expect(ready.behind(run, 2)).toEqual([])
  })

  // The lost one comes again, here or elsewhere: handled now, those behind it would overtake it.
  test('gives back what waits behind a message that is lost', () => {
    const ready = orderedMessages()
    const run = runOf(['a', 'a', 'b'])
    ready.add(run)
    takeAll(ready)

    run.lose(0, 1)

    expect(takeAll(ready)).toEqual([])
    expect(run.isSettled(1)).toBe(true)
    expect(run.isLost(1)).toBe(false)
    expect(run.isSettled(2)).toBe(false)
  })

  // Another member was given it while both were away, and keeps it: simulation seed 1424133.
  test('gives back what waits behind one that is lost before it was taken', () => {
    const ready = orderedMessages()
    const run = runOf(['a', 'a', 'a', 'a', 'b'])
    ready.add(run)
    expect(takeAll(ready)).toEqual([0, 4])

    run.lose(2, 3)
    run.settle(0)

    expect(takeAll(ready)).toEqual([1])
    run.settle(1)
    expect(takeAll(ready)).toEqual([])
    expect(run.isSettled(3)).toBe(true)
  })

  test('gives back what was delivered after a message whose lease is over', () => {
    const ready = orderedMessages()
    const [first, second] = [runOf(['a']), runOf(['a', 'b'], { from: 1 })]
    ready.add(first)
    ready.add(second)

    const taken = takeAll(ready, (run) => {
      if (run === first) run.loseWaiting()
    })

    expect(taken).toEqual([2])
    expect(second.isSettled(1)).toBe(true)
  })

  test('passes over what was given back before it was taken', () => {
    const ready = orderedMessages()
    const run = runOf(['a', 'a', 'a'])
    ready.add(run)
    takeAll(ready)

    run.settle(1)
    run.settle(0)

    expect(takeAll(ready)).toEqual([2])
  })

  test('forgets a message group that is done, and knows it again', () => {
    const ready = orderedMessages()
    const first = runOf(['a'])
    ready.add(first)
    takeAll(ready)
    first.settle(0)

    ready.add(runOf(['a'], { from: 1 }))

    expect(takeAll(ready)).toEqual([1])
  })
})

function runOf(
  messageGroups: readonly (string | undefined)[],
  { from = 0, queueId = 0, retry = false } = {},
): LeasedRun {
  const messages = messageGroups.map((messageGroup) => ({ body: Buffer.from('{}'), messageGroup }))
  const batch = RecordBatch.parse(storedBatch('orders', from, [], { messages }))
  return new LeasedRun({
    queue: { topic: 'orders', queueId, retry },
    batch,
    from,
    to: from + messages.length,
    attempt: 1,
    delivered: { bytes: 1, openRuns: 1 },
    leaseEndsMs: 60_000,
  })
}

/** What goes back is settled, as the lane does it. */
function orderedMessages(): OrderedMessages {
  return new OrderedMessages((held) => {
    for (const { run, offset } of held) run.settle(offset)
  })
}

function takeAll(ready: OrderedMessages, isOver: (run: LeasedRun) => void = () => {}): number[] {
  const offsets: number[] = []
  for (let held = ready.take(isOver); held !== undefined; held = ready.take(isOver)) {
    offsets.push(held.offset)
  }
  return offsets
}

function offsetOf({ offset }: HeldMessage): number {
  return offset
}
