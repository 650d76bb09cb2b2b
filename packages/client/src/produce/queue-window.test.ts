import { CometError, type ErrorCode } from '@cometmq/protocol'
import { describe, expect, test } from 'vitest'
import { QueueWindow } from './queue-window.ts'
import { SendBatch } from './send-batch.ts'

describe('QueueWindow', () => {
  test('numbers the batches of a queue without a gap', () => {
    const window = new QueueWindow('broker-a', 0)

    const batches = [1, 2, 3].map(() => sent(window))

    expect(batches.map(({ number }) => number)).toEqual([
      { producerEpoch: 0, sequence: 0 },
      { producerEpoch: 0, sequence: 1 },
      { producerEpoch: 0, sequence: 2 },
    ])
  })

  // A broker remembers as many results as the window is wide; one batch more, and a repeated one
  // could be taken for new.
  test('takes no more batches than a broker remembers', () => {
    const window = new QueueWindow('broker-a', 0)

    for (let i = 0; i < 8; i++) sent(window)

    expect(window.canTake).toBe(false)
  })

  // Sent again before the others have been answered, a batch would overtake its own successors.
  test('waits for all answers, then repeats what is left in order and under the same numbers', () => {
    const window = new QueueWindow('broker-a', 0)
    const [first, second, third] = [sent(window), sent(window), sent(window)]

    window.failed(first, error('STORE_BUSY'))
    expect(window.rewind()).toBeUndefined()
    expect(window.nextToRepeat).toBeUndefined()
    window.failed(second, error('SEQUENCE_GAP'))
    window.failed(third, error('SEQUENCE_GAP'))
    const rewound = window.rewind()

    expect(rewound?.moved).toEqual([])
    expect(repeatAll(window)).toEqual([first, second, third])
    expect([first, second, third].map(({ number }) => number?.sequence)).toEqual([0, 1, 2])
  })

  test('keeps what may be stored with its queue, whatever the broker refuses later', () => {
    const window = new QueueWindow('broker-a', 0)
    const batch = sent(window)
    window.failed(batch, error('UNAVAILABLE'))
    window.rewind()
    repeatAll(window)

    window.failed(batch, error('DRAINING'))

    expect(window.rewind()?.moved).toEqual([])
    expect(window.nextToRepeat).toBe(batch)
  })

  test('lets go of what was surely not stored when the broker cannot take it', () => {
    const window = new QueueWindow('broker-a', 0)
    const [first, second] = [sent(window), sent(window)]
    window.failed(first, error('DRAINING'))
    window.failed(second, error('DRAINING'))

    expect(window.rewind()?.moved).toEqual([first, second])
    expect(window.isEmpty).toBe(true)
    expect(sent(window).number).toEqual({ producerEpoch: 0, sequence: 2 })
  })

  test('keeps messages of a message group, whose order would be lost elsewhere', () => {
    const window = new QueueWindow('broker-a', 0)
    const batch = sent(window, { isKeyed: true })
    window.failed(batch, error('DRAINING'))

    expect(window.rewind()?.moved).toEqual([])
    expect(window.nextToRepeat).toBe(batch)
  })

  // A broker that has forgotten an idle producer refuses its next number. Without a new epoch, that
  // queue would be closed to this producer for ever.
  test('starts a new epoch when a gap is at the front', () => {
    const window = new QueueWindow('broker-a', 0)
    window.stored(sent(window))
    const [first, second] = [sent(window), sent(window)]
    window.failed(first, error('SEQUENCE_GAP'))
    window.failed(second, error('SEQUENCE_GAP'))

    expect(window.rewind()?.pause).toBeUndefined()
    expect([first.number, second.number]).toEqual([
      { producerEpoch: 1, sequence: 0 },
      { producerEpoch: 1, sequence: 1 },
    ])
    expect(repeatAll(window)).toEqual([first, second])
  })

  // If the first one was stored after all, the broker would answer "stored" to something it has not
  // seen, and that would be lost.
  test('never gives a number twice', () => {
    const window = new QueueWindow('broker-a', 0)
    const [first, second, third] = [sent(window), sent(window), sent(window)]
    window.failed(first, error('UNAVAILABLE'))
    window.failed(second, error('DRAINING'))
    window.failed(third, error('NOT_ALLOWED'))
    window.rewind()
    window.abandon(first)

    expect(window.isEmpty).toBe(true)
    expect(sent(window).number).toEqual({ producerEpoch: 0, sequence: 3 })
  })

  test('pauses when even the first number of an epoch is called a gap', () => {
    const window = new QueueWindow('broker-a', 0)
    window.failed(sent(window), error('SEQUENCE_GAP'))

    expect(window.rewind()?.pause).toBeDefined()
  })

  test('drops a batch that no attempt will help', () => {
    const window = new QueueWindow('broker-a', 0)
    const [first, second] = [sent(window), sent(window)]
    window.failed(first, error('NOT_ALLOWED'))
    window.failed(second, error('SEQUENCE_GAP'))
    window.rewind()

    expect(repeatAll(window)).toEqual([second])
    expect(second.number).toEqual({ producerEpoch: 1, sequence: 0 })
  })
})

function sent(window: QueueWindow, options: { readonly isKeyed?: boolean } = {}): SendBatch {
  const batch = new SendBatch({
    topic: 'orders',
    compression: 'none',
    timeoutMs: 1_000,
    deadlineMs: 1_000,
    bornTimeMs: 0,
    isKeyed: options.isKeyed ?? false,
  })
  window.take(batch)
  window.sent(batch)
  return batch
}

function repeatAll(window: QueueWindow): SendBatch[] {
  const repeated: SendBatch[] = []
  for (let next = window.nextToRepeat; next !== undefined; next = window.nextToRepeat) {
    window.sent(next)
    repeated.push(next)
  }
  return repeated
}

function error(code: ErrorCode): CometError {
  return new CometError(code, `the test says ${code}`)
}
