import { deadLetterTopicOf } from '@cometmq/protocol'
import { SeededRandom, Simulation } from '@cometmq/simulation'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { GroupWish } from '../group-definition.ts'
import {
  ACKNOWLEDGE,
  GROUP,
  type Received,
  REJECT,
  RETRY,
  type TestMember,
  TOPIC,
  topic,
  World,
  type WorldOptions,
} from './testing/delivery-world.ts'

describe('a FIFO group', () => {
  test('gives the messages of a message group to one member, in their order', async () => {
    const world = await start()
    const [left, right] = [await join(world, 'left'), await join(world, 'right')]

    await publish(world, ['a1', 'b1', 'a2'])
    await publish(world, ['a3', 'b2', 'c1'])

    const held = [...left.bodies, ...right.bodies]
    expect(held.toSorted()).toEqual(['a1', 'a2', 'b1', 'c1'])
    for (const member of [left, right, left, right]) await member.acknowledgeAll()
    expect([...left.bodies, ...right.bodies].toSorted()).toEqual([
      'a1',
      'a2',
      'a3',
      'b1',
      'b2',
      'c1',
    ])
    expect(await world.backlog()).toMatchObject({ backlog: 0 })
  })

  test('holds messages back whose message group is at work, and only those', async () => {
    const world = await start()
    const member = await join(world)
    await publish(world, ['a1'])

    await publish(world, ['a2', 'b1'])
    expect(member.bodies).toEqual(['a1', 'b1'])
    expect(await world.backlog()).toEqual({ ready: 1, inFlight: 2, delayed: 0, backlog: 3 })
    await member.settle(member.received[0], ACKNOWLEDGE)

    expect(member.bodies).toEqual(['a1', 'b1', 'a2'])
  })

  test('delivers messages of no message group like any other group does', async () => {
    const world = await start()
    const member = await join(world)

    await publish(world, ['-1', '-2'])
    await publish(world, ['-3'])

    expect(member.bodies).toEqual(['-1', '-2', '-3'])
  })

  test('lets a failed message wait in its place, and what follows it behind it', async () => {
    const world = await start({}, { retryDelaysMs: [5_000] })
    const member = await join(world)
    await publish(world, ['a1', 'a2', 'b1'])
    await publish(world, ['a3', 'b2'])

    await member.settle(member.received[0], RETRY)
    await member.settle(member.received[2], ACKNOWLEDGE)
    expect(await world.backlog()).toEqual({ ready: 2, inFlight: 1, delayed: 1, backlog: 4 })
    await world.simulation.advance(4_900)
    expect(member.bodies).toEqual(['a1', 'a2', 'b1', 'b2'])
    await world.simulation.advance(200)

    expect(member.received.at(-1)).toMatchObject({ body: 'a1', attempt: 2, retry: false })
    await member.settle(member.received.at(-1), ACKNOWLEDGE)
    await world.simulation.advance(0)
    expect(member.received.slice(5).map(({ body, attempt }) => [body, attempt])).toEqual([
      ['a2', 1],
      ['a3', 1],
    ])
  })

  // The member has them, and must not be able to say that they are done before the one that failed.
  test('takes back what follows a failed message', async () => {
    const world = await start({}, { retryDelaysMs: [5_000] })
    const member = await join(world)
    await publish(world, ['a1', 'a2'])
    const [first, second] = member.received

    await member.settle(first, RETRY)
    const failures = await member.settle(second, ACKNOWLEDGE)

    expect(failures).toMatchObject([{ message: expect.stringContaining('not leased') }])
  })

  test('goes on behind a message that has become a dead letter', async () => {
    const world = await start({}, { maxAttempts: 2, retryDelaysMs: [100] })
    const member = await join(world)
    await publish(world, ['a1', 'a2', 'a3'])

    await member.settle(member.received[0], RETRY)
    await world.simulation.advance(200)
    expect(member.received.at(-1)).toMatchObject({ body: 'a1', attempt: 2 })
    await member.settle(member.received.at(-1), RETRY)
    await world.simulation.advance(200)

    expect(member.bodies.slice(-2)).toEqual(['a2', 'a3'])
    await member.settle(member.received.at(-2), REJECT)
    await member.acknowledgeAll()
    expect(world.store.bounds({ topic: deadLetterTopicOf(GROUP), queueId: 0 })?.maxOffset).toBe(2)
    expect(await world.backlog()).toMatchObject({ backlog: 0 })
  })

  test('delivers again in order what a lost member had', async () => {
    const world = await start()
    const lost = await join(world, 'lost')
    await publish(world, ['a1', 'a2'])
    await publish(world, ['a3'])
    const heir = await join(world, 'heir')

    lost.handle.end()
    await world.simulation.advance(10)

    expect(heir.bodies).toEqual(['a1', 'a2'])
    await heir.acknowledgeAll()
    expect(heir.bodies).toEqual(['a1', 'a2', 'a3'])
  })

  test('delivers again after its lease has ended, before what follows', async () => {
    const world = await start({}, { invisibleMs: 10_000, retryDelaysMs: [1_000] })
    const member = await join(world)
    await publish(world, ['a1', 'a2', 'a3'])

    await world.simulation.advance(10_900)
    expect(member.received.length).toBe(3)
    await world.simulation.advance(200)

    expect(member.received.slice(3).map(({ body, attempt }) => [body, attempt])).toEqual([
      ['a1', 2],
      ['a2', 2],
      ['a3', 2],
    ])
  })

  test('counts as done what the filter leaves out', async () => {
    const world = await start()
    const member = await world.join({ topics: [topic('red')] })

    await world.publish(['a1', 'a2', 'a3'], {
      messageGroups: ['a', 'a', 'a'],
      tags: ['red', 'blue', 'red'],
    })

    expect(member.bodies).toEqual(['a1', 'a3'])
    await member.acknowledgeAll()
    expect(await world.backlog()).toMatchObject({ backlog: 0 })
  })

  test('looks past as much as it may behind a message group that is held up', async () => {
    const world = await start({ delivery: { fifoLookAheadMax: 4 } })
    const member = await join(world)
    await publish(world, ['a1'])
    await publish(world, ['a2', 'a3', 'a4', 'b1', 'b2'])

    expect(member.bodies).toEqual(['a1'])
    await member.settle(member.received[0], ACKNOWLEDGE)

    expect(member.bodies).toEqual(['a1', 'a2', 'a3', 'a4', 'b1'])
    await member.acknowledgeAll()
    expect(member.bodies.slice(5)).toEqual(['b2'])
  })

  test.each(['clean', 'kill', 'power'] as const)(
    'keeps its order over a restart (%s)',
    async (how) => {
      const world = await start({}, { retryDelaysMs: [3_600_000] })
      const member = await join(world)
      await publish(world, ['a1', 'b1', 'a2', 'b2'])
      await member.settle(member.received[0], RETRY)
      await member.settle(member.received[1], ACKNOWLEDGE)

      await world.restart(how)
      const again = await join(world)
      await world.simulation.advance(1_000)

      // Whatever it waited for, a restart has taken longer.
      expect(again.received.map(({ body, attempt }) => [body, attempt])).toEqual([
        ['a1', 2],
        ['b2', 1],
      ])
    },
  )

  test('leaves a member what it held before a restart, and holds back what follows', async () => {
    const world = await start()
    const member = await join(world)
    await publish(world, ['b1', 'a1', 'a2'])
    await publish(world, ['a3', 'b2'])
    const held = member.received.slice(1).map((message) => rangeAt(message))

    await world.restart('kill')
    const other = await join(world, 'other')
    const back = await world.join({ sessionId: 'session', held })
    await world.simulation.advance(1_000)

    expect([...back.bodies, ...other.bodies]).toEqual(['b1', 'b2'])
    const acknowledged = back.handle.settle(held.map((range) => ({ range, action: ACKNOWLEDGE })))
    expect(await world.run(acknowledged)).toEqual([])
    expect([...back.bodies, ...other.bodies]).toEqual(['a3', 'b1', 'b2'])
  })

  // b2 would overtake b1, which somebody may have and which is on nobody's list yet.
  test('gets nothing new of a queue in which something waits for members of before', async () => {
    const world = await start({ queueCount: 2 })
    const member = await join(world)
    await publish(world, ['a1', 'b1'])
    await publish(world, ['x1'], 1)
    await member.settle(member.received[2], ACKNOWLEDGE)
    const held = member.received.slice(0, 1).map((message) => rangeAt(message))

    await world.restart('kill')
    const back = await world.join({ sessionId: 'session', held })
    await publish(world, ['b2', 'a2'])
    await publish(world, ['x2'], 1)
    await world.simulation.advance(100)

    expect(back.bodies).toEqual(['x2'])
    await world.simulation.advance(500)
    expect(back.bodies).toEqual(['x2', 'b1', 'b2'])
  })

  test('gets new messages at once when all of before is with its members again', async () => {
    const world = await start()
    const member = await join(world)
    await publish(world, ['a1', 'b1'])
    const held = member.received.map((message) => rangeAt(message))

    await world.restart('kill')
    const back = await world.join({ sessionId: 'session', held })
    await publish(world, ['a2', 'c1'])
    await world.simulation.advance(0)

    expect(back.bodies).toEqual(['c1'])
    await world.run(back.handle.settle(held.map((range) => ({ range, action: ACKNOWLEDGE }))))
    expect(back.bodies).toEqual(['c1', 'a2'])
  })

  // The rows are read while the hold ends; what they say of it must not be what was true before.
  test.each([1_000, 2_000, 4_000])(
    'gets what waited also when its progress is read %i times slower',
    async (factor) => {
      const world = await start()
      const member = await join(world)
      await publish(world, ['a1', 'b1'])
      await member.settle(member.received[0], ACKNOWLEDGE)

      await world.restart('kill')
      const { disk } = world.simulation.machine('a')
      disk.slowDown(factor)
      const back = await join(world, 'back')
      disk.slowDown(1)
      await world.simulation.advance(5_000)

      expect(back.bodies).toEqual(['b1'])
    },
  )

  test('starts anew in order where it is reset to', async () => {
    const world = await start()
    const member = await join(world)
    await publish(world, ['a1', 'a2', 'a3'])
    await member.settle(member.received[0], ACKNOWLEDGE)

    await world.reset({ to: 'offset', offset: 1 })
    await world.simulation.advance(10)

    expect(member.bodies.slice(3)).toEqual(['a2', 'a3'])
  })
})

describe('a FIFO group under whatever happens', () => {
  // The one promise: when a message is delivered, all before it of its message group are done.
  test.each(Array.from({ length: 20 }, (_, seed) => seed))(
    'keeps its promise (seed %i)',
    async (seed) => {
      const random = new SeededRandom(seed)
      const world = await start(
        { queueCount: 2 },
        { retryDelaysMs: [50], maxAttempts: 1_000, invisibleMs: 2_000 },
      )
      const names = ['x', 'y', 'z']
      const sent = new Map<string, number>()
      const done = new Set<string>()
      const seen = new Map<TestMember, number>()
      let members = new Map<string, TestMember>()
      for (const name of names) members.set(name, await join(world, name))

      for (let step = 0; step < 120; step++) {
        const member = members.get(random.pick(names))
        const unseen = member?.received.slice(seen.get(member) ?? 0) ?? []
        switch (
          random.pick(['send', 'send', 'settle', 'settle', 'settle', 'leave', 'wait', 'restart'])
        ) {
          case 'send': {
            const bodies = Array.from({ length: random.between(1, 6) }, () => {
              const key = random.pick(['a', 'b', 'c', 'd'])
              const number = (sent.get(key) ?? 0) + 1
              sent.set(key, number)
              return `${key}${number}`
            })
            for (const queueId of [0, 1]) {
              const mine = bodies.filter((body) => body.charCodeAt(0) % 2 === queueId)
              if (mine.length > 0) await publish(world, mine, queueId)
            }
            break
          }
          case 'settle':
            if (member !== undefined) await settleSome(member, unseen)
            break
          case 'leave':
            if (member !== undefined && random.chance(0.3)) {
              const [name] = [...members].find(([, each]) => each === member) ?? []
              member.handle.end()
              members.set(name as string, await join(world, name))
            }
            break
          case 'wait':
            await world.simulation.advance(random.between(1, 3_000))
            break
          case 'restart':
            if (!random.chance(0.2)) break
            await world.restart(random.pick(['clean', 'kill', 'power']))
            members = new Map()
            for (const name of names) members.set(name, await join(world, name))
            await world.simulation.advance(1_000)
        }
        checkOrder()
      }
      for (let round = 0; round < 2_000 && (await world.backlog()).backlog > 0; round++) {
        for (const member of members.values()) {
          await settleSome(member, member.received.slice(seen.get(member) ?? 0))
        }
        await world.simulation.advance(100)
        checkOrder()
      }

      const total = [...sent.values()].reduce((sum, count) => sum + count, 0)
      expect(done.size).toBe(total)

      /** In the order in which they came; one that goes back takes the rest of its message group along. */
      async function settleSome(member: TestMember, messages: readonly Received[]): Promise<void> {
        seen.set(member, member.received.length)
        const failed = new Set<string>()
        for (const message of messages) {
          const key = message.body.slice(0, 1)
          if (failed.has(key)) continue
          const isDone = random.chance(0.8)
          if (!isDone) failed.add(key)
          const failures = await member.settle(message, isDone ? ACKNOWLEDGE : RETRY)
          if (isDone && failures.length === 0) done.add(message.body)
        }
      }

      function checkOrder(): void {
        for (const member of members.values()) {
          const fresh = member.received.slice(seen.get(member) ?? 0)
          for (const { body } of fresh) {
            const [key, number] = [body.slice(0, 1), Number(body.slice(1))]
            for (let before = 1; before < number; before++) {
              const name = `${key}${before}`
              const isHere = fresh.some((other) => other.body === name)
              expect(done.has(name) || isHere, `${body} was delivered before ${name}`).toBe(true)
            }
          }
        }
      }
    },
  )
})

async function start(options: WorldOptions = {}, group: Partial<GroupWish> = {}): Promise<World> {
  const world = await World.start(new Simulation(1), options)
  onTestFinished(() => world.stop())
  await world.createGroup({ fifo: true, start: 'earliest', ...group })
  return world
}

function join(world: World, sessionId = 'session'): Promise<TestMember> {
  return world.join({ sessionId, clientId: sessionId })
}

/** The first character of a body is its message group; `-`: none. */
function publish(world: World, bodies: readonly string[], queueId = 0): Promise<void> {
  const messageGroups = bodies.map((body) => (body.startsWith('-') ? undefined : body.slice(0, 1)))
  return world.publish(bodies, { messageGroups, queueId })
}

function rangeAt({ queueId, offset }: Received) {
  return { topic: TOPIC, queueId, retry: false, from: offset, to: offset + 1 }
}
