import { Simulation } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import { numbers, settledOffsets } from '../scripted/fates.ts'
import { storedBatch } from '../scripted/scripted-streams.ts'
import { calmNetwork, ScriptedWorld } from '../scripted/scripted-world.ts'

describe('receive', () => {
  test('gives each message to the loop, which settles it', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const received = world.comet.topic<number>('orders').receive({ group: 'billing' })
    const member = await world.member()
    member.deliver({
      topic: 'orders',
      batches: [storedBatch('orders', 0, numbers(3))],
      ranges: [0, 3],
    })
    const loop = (async () => {
      for await (const message of received) {
        if (message.body === 0) await message.ack()
        if (message.body === 1) await message.retry('10s', 'later')
        if (message.body === 2) await message.reject('bad')
        if (message.body === 2) break
      }
    })()

    await world.run(loop)
    await world.sim.advance(10)

    expect(member.settlements.map(({ action }) => action)).toEqual([
      { kind: 'acknowledge' },
      { kind: 'retry', delayMs: 10_000, reason: 'later' },
      { kind: 'reject', reason: 'bad' },
    ])
    expect(member.hasLeft).toBe(true)
  })

  test('tells that an acknowledgement came too late', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const received = world.comet.topic<number>('orders').receive({ group: 'billing' })
    const member = await world.member()
    member.answers = false
    member.deliver({ topic: 'orders', batches: [storedBatch('orders', 0, ['1'])], ranges: [0, 1] })
    const { value: message } = await world.run(received.next())
    const acknowledging = message?.ack()
    acknowledging?.catch(() => {})
    await world.sim.advance(50)

    member.answer(1, [{ index: 0, code: 'LEASE_LOST' }])

    await expect(world.run(acknowledging as Promise<void>)).rejects.toMatchObject({
      code: 'LEASE_LOST',
    })
  })

  // A loop that hangs, or forgets to settle, must not keep a message from everybody else for ever.
  test('lets the lease of a message in hand end, and keeps those that wait', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const received = world.comet.topic<number>('orders').receive({ group: 'billing' })
    const member = await world.member(2_000)
    member.deliver({
      topic: 'orders',
      batches: [storedBatch('orders', 0, ['0', '1'])],
      ranges: [0, 2],
      invisibleMs: 2_000,
    })
    const { value: message } = await world.run(received.next())

    await world.sim.advance(2_500)

    expect(settledOffsets(member, 'extend')).toEqual([1])
    await expect(world.run(message?.ack() as Promise<void>)).rejects.toMatchObject({
      code: 'LEASE_LOST',
    })
  })

  test('extends the lease of a message in hand when told to', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const received = world.comet.topic<number>('orders').receive({ group: 'billing' })
    const member = await world.member(2_000)
    member.deliver({
      topic: 'orders',
      batches: [storedBatch('orders', 0, ['0'])],
      ranges: [0, 1],
      invisibleMs: 2_000,
    })
    const { value: message } = await world.run(received.next())

    await world.run(message?.extend('1m') as Promise<void>)
    await world.sim.advance(30_000)
    await world.run(message?.ack() as Promise<void>)

    expect(member.settlements.map(({ action }) => action)).toEqual([
      { kind: 'extend', delayMs: 60_000 },
      { kind: 'acknowledge' },
    ])
  })

  test('ends when its signal is aborted, and gives back what nobody has seen', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const stop = new AbortController()
    const received = world.comet
      .topic<number>('orders')
      .receive({ group: 'billing', signal: stop.signal })
    const member = await world.member()
    member.deliver({
      topic: 'orders',
      batches: [storedBatch('orders', 0, numbers(3))],
      ranges: [0, 3],
    })
    const seen: number[] = []
    const loop = (async () => {
      for await (const message of received) {
        seen.push(message.body)
        void message.ack()
        stop.abort()
      }
    })()

    await world.run(loop)

    expect(seen).toEqual([0])
    expect(settledOffsets(member, 'release')).toEqual([1, 2])
  })
})
