import { Simulation } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import { fates } from '../scripted/fates.ts'
import { type ScriptedMember, storedBatch } from '../scripted/scripted-streams.ts'
import { calmNetwork, ScriptedWorld } from '../scripted/scripted-world.ts'
import { Reject, RetryLater } from './outcomes.ts'

describe('consume of a FIFO group', () => {
  test('handles the messages of one key one after the other, and those of others meanwhile', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const begun: string[] = []
    const finish = new Map<string, () => void>()
    world.comet.topic<string>('orders').consume({ group: 'billing', fifo: true }, (order) => {
      begun.push(order)
      return new Promise<void>((resolve) => finish.set(order, resolve))
    })
    const member = await world.member(60_000, 0, true)

    member.deliver(ordered(['a1', 'a2', 'b1']))
    await world.sim.advance(50)
    expect(begun).toEqual(['a1', 'b1'])
    finish.get('a1')?.()
    await world.sim.advance(50)

    expect(begun).toEqual(['a1', 'b1', 'a2'])
    expect(fates(member)).toEqual(['acknowledge 0-1'])
  })

  test('makes a group that keeps the order', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))

    world.comet.topic('orders').consume({ group: 'billing', fifo: true }, () => {})
    await world.member(60_000, 0, true)

    expect(world.a.groups).toMatchObject([{ group: 'billing', fifo: true }])
  })

  // It would handle messages in an order that it was told to keep, and nobody would notice.
  test('refuses a group that keeps none', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const consumer = world.comet.topic('orders').consume({ group: 'billing', fifo: true }, () => {})
    await world.member()

    await expect(world.run(consumer.done)).rejects.toMatchObject({
      code: 'ILLEGAL_ARGUMENT',
      message: expect.stringContaining('keeps no order'),
    })
  })

  test('gives back with a failed message what follows it', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const begun: string[] = []
    world.comet.topic<string>('orders').consume({ group: 'billing', fifo: true }, (order) => {
      begun.push(order)
      if (order === 'a1') throw new RetryLater('5s')
    })
    const member = await world.member(60_000, 0, true)

    member.deliver(ordered(['a1', 'a2', 'b1', 'a3']))
    await world.sim.advance(50)

    expect(begun).toEqual(['a1', 'b1'])
    expect(fates(member).toSorted()).toEqual([
      'acknowledge 2-3',
      'release 1-2',
      'release 3-4',
      'retry 0-1',
    ])
  })

  test('goes on with what follows a message that is rejected', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const begun: string[] = []
    world.comet.topic<string>('orders').consume({ group: 'billing', fifo: true }, (order) => {
      begun.push(order)
      if (order === 'a1') throw new Reject('no such order')
    })
    const member = await world.member(60_000, 0, true)

    member.deliver(ordered(['a1', 'a2']))
    await world.sim.advance(50)

    expect(begun).toEqual(['a1', 'a2'])
  })

  // Whoever has it meanwhile may not be done with it yet.
  test('gives back what follows a message that somebody else was given meanwhile', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const seen: string[] = []
    const released = Promise.withResolvers<void>()
    world.comet.topic<string>('orders').consume({ group: 'billing', fifo: true }, async (order) => {
      seen.push(order)
      if (order === 'a1') await released.promise
    })
    const first = await world.member(60_000, 0, true)
    first.deliver(ordered(['a1', 'a2', 'a3', 'a4', 'b1']))
    await world.sim.advance(50)

    first.break()
    await world.until(() => world.a.members.length === 2)
    const second = world.a.members[1] as ScriptedMember
    second.welcome(60_000, [{ topic: 'orders', queueId: 0, retry: false, from: 2, to: 3 }], true)
    await world.sim.advance(50)
    released.resolve()
    await world.sim.advance(50)

    expect(seen).toEqual(['a1', 'b1', 'a2'])
    expect(fates(second).toSorted()).toEqual(['acknowledge 0-1', 'acknowledge 1-2', 'release 3-4'])
  })

  // What is lost then is lost as a whole, and nobody is there to be told.
  test('leaves a broker that is away without waiting for it', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const stop = new AbortController()
    const receiver = world.comet
      .topic<string>('orders')
      .receive({ group: 'billing', fifo: true, signal: stop.signal })
    const member = await world.member(60_000, 0, true)
    member.deliver(ordered(['a1', 'a2', 'a3']))
    await world.sim.advance(50)

    member.break()
    await world.sim.advance(10)
    stop.abort()

    expect((await world.run(receiver.next())).done).toBe(true)
    await world.sim.advance(5_000)
    expect(world.a.members).toHaveLength(1)
  })

  test('takes at most one message of a key into a batch', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const batches: string[][] = []
    world.comet
      .topic<string>('orders')
      .consumeBatches({ group: 'billing', fifo: true }, (messages) => {
        batches.push(messages.map(({ body }) => body))
      })
    const member = await world.member(60_000, 0, true)

    member.deliver(ordered(['a1', 'a2', 'b1', 'a3']))
    await world.sim.advance(50)

    expect(batches).toEqual([['a1', 'b1'], ['a2'], ['a3']])
  })

  // The loop may settle in any order; the next message of a key comes when it has settled the first.
  test('hands a loop the next message of a key when the one before is settled', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const receiver = world.comet.topic<string>('orders').receive({ group: 'billing', fifo: true })
    const member = await world.member(60_000, 0, true)
    member.deliver(ordered(['a1', 'a2', 'b1']))
    const first = await world.run(receiver.next())
    const second = await world.run(receiver.next())
    expect([first, second].map(({ value }) => value?.body)).toEqual(['a1', 'b1'])

    const third = receiver.next()
    void first.value?.ack()

    expect((await world.run(third)).value?.body).toBe('a2')
  })
})

/** Their first characters are their message groups. */
function ordered(bodies: readonly string[]) {
  const messages = bodies.map((body) => ({
    body: Buffer.from(JSON.stringify(body)),
    messageGroup: body.slice(0, 1),
  }))
  return {
    topic: 'orders',
    batches: [storedBatch('orders', 0, [], { messages })],
    ranges: [0, bodies.length],
  }
}
