import { Simulation } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import { fates, numbers, settledOffsets } from '../scripted/fates.ts'
import { type ScriptedMember, storedBatch } from '../scripted/scripted-streams.ts'
import { calmNetwork, ScriptedWorld } from '../scripted/scripted-world.ts'

describe('what a consumer holds', () => {
  test('keeps the lease of what is at work or waits its turn', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    world.comet
      .topic<number>('orders')
      .consume({ group: 'billing', concurrency: 1 }, () => world.sim.clock.sleep(4_000))
    const member = await world.member(2_000)

    member.deliver({
      topic: 'orders',
      batches: [storedBatch('orders', 0, ['0', '1'])],
      ranges: [0, 2],
      invisibleMs: 2_000,
    })
    await world.sim.advance(3_900)

    const extensions = member.settlements.filter(({ action }) => action.kind === 'extend')
    expect(extensions.length).toBeGreaterThanOrEqual(2)
    for (const { range, action } of extensions) {
      expect(range).toMatchObject({ from: 0, to: 2 })
      expect(action).toEqual({ kind: 'extend', delayMs: 2_000 })
    }
  })

  // Without naming what it holds, every message at work would be handed out a second time.
  test('goes on after a lost connection with what it held', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const seen: number[] = []
    const release = Promise.withResolvers<void>()
    world.comet
      .topic<number>('orders')
      .consume({ group: 'billing', concurrency: 2 }, async (order) => {
        seen.push(order)
        await release.promise
      })
    const first = await world.member()
    first.deliver({
      topic: 'orders',
      batches: [storedBatch('orders', 0, numbers(6))],
      ranges: [0, 6],
    })
    await world.sim.advance(50)

    first.break()
    const second = await world.member(60_000, 1)
    await world.sim.advance(50)
    release.resolve()
    await world.sim.advance(50)

    expect(second.open?.sessionId).toBe(first.open?.sessionId)
    expect(second.open?.held).toEqual([
      { topic: 'orders', queueId: 0, retry: false, from: 0, to: 6 },
    ])
    expect(seen).toEqual([0, 1, 2, 3, 4, 5])
    expect(settledOffsets(second, 'acknowledge')).toEqual([0, 1, 2, 3, 4, 5])
  })

  // While a broker is away it may come to give the messages to somebody else.
  test('begins nothing new while the broker is away', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const seen: number[] = []
    const release = Promise.withResolvers<void>()
    world.comet
      .topic<number>('orders')
      .consume({ group: 'billing', concurrency: 1 }, async (order) => {
        seen.push(order)
        await release.promise
      })
    const first = await world.member()
    first.deliver({
      topic: 'orders',
      batches: [storedBatch('orders', 0, numbers(3))],
      ranges: [0, 3],
    })
    await world.sim.advance(50)
    first.break()
    await world.sim.advance(10)
    release.resolve()
    await world.sim.advance(5)
    const seenWhileAway = [...seen]

    await world.member(60_000, 1)
    await world.sim.advance(50)

    expect(seenWhileAway).toEqual([0])
    expect(seen).toEqual([0, 1, 2])
  })

  // A process that was stopped for a while, or a broker that does not answer.
  test('begins nothing whose lease has ended', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const seen: number[] = []
    world.comet
      .topic<number>('orders')
      .consume({ group: 'billing', concurrency: 1 }, async (order) => {
        seen.push(order)
        await world.sim.clock.sleep(5_000)
      })
    const member = await world.member(2_000)
    member.answers = false
    member.deliver({
      topic: 'orders',
      batches: [storedBatch('orders', 0, numbers(3))],
      ranges: [0, 3],
      invisibleMs: 2_000,
    })

    await world.sim.advance(20_000)

    expect(seen).toEqual([0])
  })

  test('settles again what a broken stream has left unanswered', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    world.comet.topic<number>('orders').consume({ group: 'billing' }, () => {})
    const first = await world.member()
    first.answers = false
    first.deliver({
      topic: 'orders',
      batches: [storedBatch('orders', 0, numbers(3))],
      ranges: [0, 3],
    })
    await world.sim.advance(50)

    first.break()
    const second = await world.member(60_000, 1)
    await world.sim.advance(50)

    expect(second.open?.held).toEqual([
      { topic: 'orders', queueId: 0, retry: false, from: 0, to: 3 },
    ])
    expect(fates(second)).toEqual(['acknowledge 0-3'])
  })

  // A full disk passes; a message that was handled should not be handled again because of it.
  test('settles again what the broker could not settle now', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    world.comet.topic<number>('orders').consume({ group: 'billing' }, () => {})
    const member = await world.member()
    member.answers = false
    member.deliver({
      topic: 'orders',
      batches: [storedBatch('orders', 0, numbers(3))],
      ranges: [0, 3],
    })
    await world.sim.advance(50)

    member.answer(1, [{ index: 0, code: 'DISK_FULL' }])
    await world.sim.advance(2_000)

    expect(fates(member)).toEqual(['acknowledge 0-3', 'acknowledge 0-3'])
  })

  test('forgets what was handed to somebody else meanwhile', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const seen: number[] = []
    const release = Promise.withResolvers<void>()
    world.comet
      .topic<number>('orders')
      .consume({ group: 'billing', concurrency: 1 }, async (order) => {
        seen.push(order)
        if (order === 0) await release.promise
      })
    const first = await world.member()
    first.deliver({
      topic: 'orders',
      batches: [storedBatch('orders', 0, numbers(4))],
      ranges: [0, 4],
    })
    await world.sim.advance(50)

    first.break()
    await world.until(() => world.a.members.length === 2)
    world.a.members[1]?.welcome(60_000, [
      { topic: 'orders', queueId: 0, retry: false, from: 0, to: 3 },
    ])
    await world.sim.advance(50)
    release.resolve()
    await world.sim.advance(50)

    expect(seen).toEqual([0, 3])
    expect(fates(world.a.members[1] as ScriptedMember)).toEqual(['acknowledge 3-4'])
  })
})
