import { type ErrorCode, errorTable } from '@cometmq/protocol'
import { Simulation } from '@cometmq/simulation'
import { describe, expect, onTestFinished, test } from 'vitest'
import { GROUP, TOPIC, topic, World, type WorldOptions } from './testing/delivery-world.ts'

describe('a member that lies', () => {
  test.each([
    ['a range it never had', { from: 1, to: 2 }, 'LEASE_LOST'],
    ['all there is', { from: 0, to: 3 }, 'LEASE_LOST'],
    ['more than there is', { from: 0, to: 2 ** 50 }, 'OFFSET_OUT_OF_RANGE'],
    ['a negative range', { from: -5, to: 1 }, 'ILLEGAL_ARGUMENT'],
    ['an empty range', { from: 2, to: 2 }, 'ILLEGAL_ARGUMENT'],
    ['a range that is none', { from: Number.NaN, to: 1 }, 'ILLEGAL_ARGUMENT'],
    ['another topic', { topic: 'other' }, 'TOPIC_NOT_FOUND'],
    ['another queue', { queueId: 77 }, 'QUEUE_NOT_FOUND'],
    ['a retry that it never had', { retry: true }, 'LEASE_LOST'],
    ['a huge range of retries', { retry: true, to: 2 ** 50 }, 'LEASE_LOST'],
  ])('about %s fails, and harms nobody', async (_, change, code) => {
    for (const kind of ['acknowledge', 'retry', 'reject', 'extend', 'release'] as const) {
      const world = await start()
      const honest = await world.join({ sessionId: 'honest' })
      await world.publish(['a', 'b', 'c'])
      const liar = await world.join({ sessionId: 'liar' })
      const range = { topic: TOPIC, queueId: 0, retry: false, from: 0, to: 1, ...change }

      const failures = await world.run(
        liar.handle.settle([{ range, action: { kind, delayMs: 1_000, reason: 'x' } }]),
      )

      expect(failures).toMatchObject([{ index: 0, error: idOf(code) }])
      expect(await honest.acknowledgeAll()).toEqual([])
      expect(await world.backlog()).toMatchObject({ backlog: 0 })
      expect(world.engine.deadLetters.count(GROUP)).toBe(0)
      await world.stop()
    }
  })

  test('about what it holds gets a bounded part of what nobody has', async () => {
    const world = await start()
    const honest = await world.join({ sessionId: 'honest' })
    await world.publish(['a', 'b'])
    const range = { topic: TOPIC, queueId: 0, retry: false, from: 0, to: 2 }

    const liar = await world.join({ sessionId: 'liar', held: [range, { ...range, to: 2 ** 50 }] })

    expect(liar.handle.lost.length).toBeGreaterThanOrEqual(2)
    expect(await honest.acknowledgeAll()).toEqual([])
  })

  test.each([
    ['no topic', { topics: [] }, 'ILLEGAL_ARGUMENT'],
    ['a topic twice', { topics: [topic(''), topic('')] }, 'ILLEGAL_ARGUMENT'],
    ['a topic that is missing', { topics: [{ topic: 'nope', filter: '' }] }, 'TOPIC_NOT_FOUND'],
    ['an illegal filter', { topics: [topic('a||*')] }, 'ILLEGAL_FILTER'],
    ['an illegal group', { group: 'a b' }, 'ILLEGAL_NAME'],
    ['no session', { sessionId: '' }, 'ILLEGAL_ARGUMENT'],
    ['a lease for ever', { invisibleMs: 2 ** 50 }, 'ILLEGAL_ARGUMENT'],
  ])('about itself (%s) is not admitted', async (_, change, code) => {
    const world = await start()

    await expect(world.join(change)).rejects.toThrow(expect.objectContaining({ code }))
  })
})

async function start(options: WorldOptions & { readonly seed?: number } = {}): Promise<World> {
  const world = await World.start(new Simulation(options.seed ?? 1), options)
  onTestFinished(() => world.stop())
  return world
}

function idOf(code: string): number {
  return errorTable[code as ErrorCode].id
}
