import { deadLetterTopicOf, encodeChanges } from '@cometmq/protocol'
import { silentLogger } from '@cometmq/runtime'
import { Simulation } from '@cometmq/simulation'
import { describe, expect, onTestFinished, test } from 'vitest'
import { DeliveryEngine } from '../deliver/delivery.ts'
import { RedeliveryInPlace } from '../deliver/redelivery-in-place.ts'
import {
  ACKNOWLEDGE,
  GROUP,
  REJECT,
  RETRY,
  TOPIC,
  World,
  type WorldOptions,
} from '../deliver/testing/delivery-world.ts'
import { GroupRegistry } from '../group-registry.ts'
import { positionsInLog } from '../read/positions.ts'
import { mergedNumber } from './merge-overlays.ts'
import { Overlay } from './overlay.ts'
import { OverlayStore } from './overlay-store.ts'
import { takeOverlays } from './take-overlays.ts'

const POSITION = { name: 'reader', topic: TOPIC, queueId: 0 }

describe('a slave that stands in', () => {
  test('delivers where its master was, and appends nothing', async () => {
    const { world, standIn, bytes } = await start()
    const member = await world.join()
    await world.publish(['a', 'b', 'c'])
    await member.settle(member.received[0], ACKNOWLEDGE)
    await standIn()

    const before = bytes()
    const here = await world.join()
    await world.simulation.advance(600)
    expect(here.bodies).toEqual(['b', 'c'])
    await here.acknowledgeAll()

    expect(await world.backlog()).toMatchObject({ backlog: 0 })
    expect(bytes()).toBe(before)
  })

  // A process that dies has answered for what it had in memory.
  test('still knows what was acknowledged when it starts again', async () => {
    for (const how of ['clean', 'kill', 'power'] as const) {
      const { world, standIn } = await start()
      await world.createGroup({})
      await world.join()
      await world.publish(['a', 'b', 'c'])
      await standIn()
      const here = await world.join()
      await world.simulation.advance(600)
      await here.settle(here.received[0], ACKNOWLEDGE)
      await here.settle(here.received[2], ACKNOWLEDGE)

      await world.restart(how)
      await standIn({ number: 2 })
      const again = await world.join({ sessionId: 'other' })
      await world.simulation.advance(600)

      expect(again.bodies).toEqual(['b'])
    }
  })

  test('delivers what failed again, in its place and after its delay', async () => {
    const { world, standIn, bytes } = await start()
    await world.createGroup({ retryDelaysMs: [5_000] })
    await world.join()
    await world.publish(['a', 'b'])
    await standIn()
    const before = bytes()
    const here = await world.join({ sessionId: 'other' })
    await world.simulation.advance(600)

    await here.settle(here.received[0], RETRY)
    expect(await world.backlog()).toEqual({ ready: 0, inFlight: 1, delayed: 1, backlog: 2 })
    await world.simulation.advance(4_900)
    expect(here.bodies).toEqual(['a', 'b'])
    await world.simulation.advance(200)

    expect(here.received[2]).toMatchObject({ body: 'a', attempt: 2, retry: false, offset: 0 })
    expect(bytes()).toBe(before)
  })

  test('counts an expired lease as an attempt, and still takes a late acknowledgement', async () => {
    const { world, standIn } = await start()
    await world.createGroup({ invisibleMs: 1_000, retryDelaysMs: [5_000] })
    await world.join()
    await world.publish(['a', 'b'])
    await standIn()
    const here = await world.join({ sessionId: 'other' })
    await world.simulation.advance(1_700)

    expect(await world.backlog()).toMatchObject({ delayed: 2, backlog: 2 })
    expect(await here.settle(here.received[0], ACKNOWLEDGE)).toEqual([])
    await world.simulation.advance(5_500)

    expect(here.received[2]).toMatchObject({ body: 'b', attempt: 2 })
    expect(here.received.length).toBe(3)
  })

  // Nobody would see it as a dead letter, nor as anything else.
  test('parks what has no attempts left, and counts it', async () => {
    const { world, standIn } = await start()
    await world.createGroup({ maxAttempts: 2, retryDelaysMs: [1_000] })
    await world.join()
    await world.publish(['a', 'b'])
    await standIn()
    const here = await world.join({ sessionId: 'other' })
    await world.simulation.advance(600)

    await here.settle(here.received[1], REJECT)
    await here.settle(here.received[0], RETRY)
    await world.simulation.advance(1_100)
    await here.settle(here.received[2], RETRY)
    await world.simulation.advance(60_000)

    expect(here.bodies).toEqual(['a', 'b', 'a'])
    expect(await world.backlog()).toEqual({ ready: 0, inFlight: 0, delayed: 2, backlog: 2 })
    await world.restart('kill')
    await standIn({ number: 2 })
    const again = await world.join({ sessionId: 'third' })
    await world.simulation.advance(60_000)
    expect(again.bodies).toEqual([])
    expect(await world.backlog()).toMatchObject({ delayed: 2, backlog: 2 })
  })

  // Its message group would stand still until the master is back.
  test('goes on in a message group behind what is parked', async () => {
    const { world, standIn } = await start()
    await world.createGroup({ fifo: true })
    await world.join()
    await world.publish(['a1', 'a2'], { messageGroups: ['a', 'a'] })
    await standIn()
    const here = await world.join({ sessionId: 'other' })
    await world.simulation.advance(600)
    expect(here.bodies).toEqual(['a1', 'a2'])

    await here.settle(here.received[0], REJECT)
    await here.settle(here.received[1], { kind: 'release' })
    await world.simulation.advance(100)

    expect(here.bodies).toEqual(['a1', 'a2', 'a2'])
  })

  test('delivers retries that its master has left, and parks them in their place', async () => {
    const { world, standIn, handBack } = await start()
    await world.createGroup({ maxAttempts: 3, retryDelaysMs: [2_000] })
    const member = await world.join()
    await world.publish(['a', 'b', 'c'])
    for (const at of [0, 1, 2]) await member.settle(member.received[at], RETRY)
    await standIn()
    const here = await world.join({ sessionId: 'other' })
    await world.simulation.advance(2_100)
    expect(here.received.map(({ body, retry, attempt }) => ({ body, retry, attempt }))).toEqual(
      ['a', 'b', 'c'].map((body) => ({ body, retry: true, attempt: 2 })),
    )

    await here.settle(here.received[0], ACKNOWLEDGE)
    await here.settle(here.received[1], RETRY)
    await here.settle(here.received[2], REJECT)
    expect(await world.backlog()).toMatchObject({ delayed: 2, backlog: 2 })
    await world.simulation.advance(2_100)
    expect(here.received[3]).toMatchObject({ body: 'b', retry: true, attempt: 3 })
    await handBack()
    const last = await world.join({ sessionId: 'third' })
    await world.simulation.advance(3_000)

    expect(last.bodies).toEqual(['b'])
    expect(deadLetters(world)).toBe(1)
  })

  test('makes no groups, and says why', async () => {
    const { world, standIn } = await start()
    await world.publish(['a'])
    await standIn()

    await expect(world.join({ group: 'unknown' })).rejects.toMatchObject({ code: 'READ_ONLY' })
  })

  // What others have acknowledged in that moment must not fail with it.
  test('refuses a topic that is new to the group, and holds nothing else up', async () => {
    const { world, standIn } = await start()
    await world.defineTopic('other', 1)
    await world.join()
    await world.publish(['a'])
    await standIn()
    const here = await world.join()
    await world.simulation.advance(600)

    const acknowledged = here.settleNow(here.received[0], ACKNOWLEDGE)
    const other = world.engine.openMember(
      {
        ...OPEN,
        topics: [
          { topic: TOPIC, filter: '' },
          { topic: 'other', filter: '' },
        ],
      },
      here,
    )
    other.catch(() => {})

    expect(await world.run(acknowledged)).toEqual([])
    await expect(world.run(other)).rejects.toMatchObject({ code: 'READ_ONLY' })
    expect(await world.backlog()).toMatchObject({ backlog: 0 })
  })
})

describe('the next master', () => {
  // The whole point of the overlay.
  test('delivers nothing that was acknowledged meanwhile', async () => {
    const { world, standIn, handBack } = await start()
    const member = await world.join()
    await world.publish(['a', 'b', 'c', 'd'])
    await member.settle(member.received[0], ACKNOWLEDGE)
    await standIn()
    const here = await world.join()
    await world.simulation.advance(600)
    await here.settle(here.received[1], ACKNOWLEDGE)
    await here.settle(here.received[0], RETRY)

    await handBack()
    const last = await world.join()
    await world.simulation.advance(600)

    expect(last.received.map(({ body, attempt }) => [body, attempt])).toEqual([
      ['b', 2],
      ['d', 1],
    ])
  })

  test('makes dead letters of what was parked, also without members', async () => {
    const { world, standIn, handBack } = await start()
    await world.createGroup({})
    await world.join()
    await world.publish(['a', 'b'])
    await standIn()
    const here = await world.join({ sessionId: 'other' })
    await world.simulation.advance(600)
    await here.settle(here.received[0], { kind: 'reject', reason: 'no such customer' })

    await handBack()
    await world.simulation.advance(3_000)

    const letters = await world.run(world.engine.deadLetters.peek(GROUP, ALL))
    expect(letters.map(({ message }) => Buffer.from(message.body).toString())).toEqual(['a'])
    expect(letters[0]?.batch.sections.origin).toMatchObject({
      topic: TOPIC,
      queueOffset: 0,
      attempts: 1,
      reason: 'no such customer',
    })
    expect(await world.backlog()).toMatchObject({ backlog: 1 })
  })

  // Taken twice, an overlay must not bring back what was done since.
  test('merges each overlay once', async () => {
    const { world, standIn, handBack, overlay } = await start()
    await world.join()
    await world.publish(['a', 'b'])
    await standIn()
    const here = await world.join({ sessionId: 'other' })
    await world.simulation.advance(600)
    await here.settle(here.received[0], RETRY)
    await handBack()
    const last = await world.join({ sessionId: 'third' })
    await world.simulation.advance(15_000)
    await last.acknowledgeAll()

    await handBack()

    expect(mergedNumber(world.store, world.store.storeId)).toBe(overlay().id?.number)
    expect(await world.backlog()).toMatchObject({ backlog: 0 })
  })

  test('finds readers where they are, forward or back', async () => {
    const { world, standIn, handBack, positions } = await start()
    await world.publish(['a', 'b', 'c', 'd'])
    await world.run(positions().keep([{ ...POSITION, offset: 3 }]))
    await standIn()

    await world.run(positions().keep([{ ...POSITION, offset: 4 }]))
    await world.run(positions().keep([{ ...POSITION, offset: 1 }]))
    expect(positions().read(POSITION)).toBe(1)
    await handBack()

    expect(positions().read(POSITION)).toBe(1)
  })

  // A slave that was away for a whole reign has positions of before it.
  test('does not send readers back because of an overlay that comes late', async () => {
    const { world, standIn, handBack, positions, master } = await start()
    await world.publish(['a', 'b', 'c', 'd'])
    await standIn()
    await world.run(positions().keep([{ ...POSITION, offset: 2 }]))
    await master()
    await world.run(positions().keep([{ ...POSITION, offset: 4 }]))

    await handBack()

    expect(positions().read(POSITION)).toBe(4)
  })

  // Whoever reset the group wants to have it again, and would miss what a slave was told long ago.
  test('does not undo a reset because of an overlay that comes late', async () => {
    const { world, standIn, handBack, master } = await start()
    await world.join()
    await world.publish(['a', 'b'])
    await standIn()
    const here = await world.join({ sessionId: 'other' })
    await world.simulation.advance(600)
    await here.acknowledgeAll()
    await master()
    await world.reset({ to: 'earliest' })

    await handBack()
    const last = await world.join({ sessionId: 'third' })
    await world.simulation.advance(600)

    expect(last.bodies).toEqual(['a', 'b'])
  })

  test('merges what came after a reset', async () => {
    const { world, standIn, handBack } = await start()
    await world.join()
    await world.publish(['a', 'b'])
    await world.reset({ to: 'earliest' })
    await standIn()
    const here = await world.join({ sessionId: 'other' })
    await world.simulation.advance(600)
    await here.settle(here.received[0], ACKNOWLEDGE)

    await handBack()
    const last = await world.join({ sessionId: 'third' })
    await world.simulation.advance(600)

    expect(last.bodies).toEqual(['b'])
  })

  // Both have given up on it, and there must be one dead letter.
  test('makes no second dead letter of what it gave up on before an overlay came', async () => {
    const { world, standIn, handBack, master } = await start()
    await world.createGroup({})
    await world.join()
    await world.publish(['a', 'b', 'c', 'd'])
    await standIn()
    const here = await world.join({ sessionId: 'other' })
    await world.simulation.advance(600)
    for (const at of [0, 1, 2]) await here.settle(here.received[at], REJECT)
    await master()
    const there = await world.join({ sessionId: 'third' })
    await world.simulation.advance(600)
    await there.settle(there.received[0], REJECT)
    await there.settle(there.received[1], ACKNOWLEDGE)

    await handBack()
    await world.simulation.advance(3_000)
    const last = await world.join({ sessionId: 'fourth' })
    await world.simulation.advance(600)

    // The third one was given up on by the slave alone.
    expect(deadLetters(world)).toBe(2)
    expect(last.bodies).toEqual(['d'])
  })

  // A failed delivery at the master is newer than what the slave had seen of it.
  test('does not set back what it has done itself before an overlay came', async () => {
    const { world, standIn, handBack, master } = await start()
    await world.createGroup({ retryDelaysMs: [1_000] })
    await world.join()
    await world.publish(['a', 'b', 'c'])
    await standIn()
    const here = await world.join({ sessionId: 'other' })
    await world.simulation.advance(600)
    await here.settle(here.received[0], RETRY)
    await here.settle(here.received[1], ACKNOWLEDGE)
    await master()
    const there = await world.join({ sessionId: 'third' })
    await world.simulation.advance(600)
    await there.settle(there.received[0], ACKNOWLEDGE)
    await there.settle(there.received[2], RETRY)
    await world.simulation.advance(1_100)
    expect(there.received[3]).toMatchObject({ body: 'c', retry: true, attempt: 2 })

    await handBack()
    const last = await world.join({ sessionId: 'fourth' })
    await world.simulation.advance(60_000)

    expect(last.received.map(({ body, attempt }) => [body, attempt])).toEqual([['c', 2]])
    expect(await world.backlog()).toMatchObject({ backlog: 1 })
  })

  // Rows of a topic that is gone would stay for ever, or hide the messages of the next one.
  test('leaves out what is of a topic that was deleted meanwhile', async () => {
    const { world, standIn, handBack, master } = await start()
    await world.join()
    await world.publish(['a'])
    await standIn()
    const here = await world.join({ sessionId: 'other' })
    await world.simulation.advance(600)
    await here.acknowledgeAll()
    await master()
    await world.deleteTopic(TOPIC)
    await world.defineTopic(TOPIC, 1)

    await handBack()
    await world.publish(['new'])
    const last = await world.join({ sessionId: 'third' })
    await world.simulation.advance(600)

    expect(last.bodies).toEqual(['new'])
  })

  // By its numbers alone the new message is the one that was acknowledged.
  test.each(['topic', 'group'] as const)(
    'leaves out what is of a %s that was made anew, however many messages there are',
    async (what) => {
      const { world, standIn, handBack, master } = await start()
      await world.createGroup({})
      await world.join()
      await world.publish(['a', 'b'])
      await standIn()
      const here = await world.join({ sessionId: 'other' })
      await world.simulation.advance(600)
      await here.acknowledgeAll()
      await master()
      if (what === 'topic') {
        await world.deleteTopic(TOPIC)
        await world.defineTopic(TOPIC, 1, { createdAtMs: 1 })
        await world.publish(['c', 'd'])
      } else {
        await world.run(world.engine.deleteGroup(GROUP, { force: true }))
        await world.createGroup({ start: 'earliest' })
        await world.join({ sessionId: 'there' })
      }

      await handBack()
      const last = await world.join({ sessionId: 'third' })
      await world.simulation.advance(600)

      expect(last.bodies).toEqual(what === 'topic' ? ['c', 'd'] : ['a', 'b'])
    },
  )
})

const ALL = { from: 0, maxMessages: 100 }

const OPEN = {
  group: GROUP,
  sessionId: 'another',
  clientId: 'client',
  peer: 'peer:1',
  invisibleMs: 0,
  creditBytes: 1_000_000,
  held: [],
}

async function start(options: WorldOptions = {}) {
  const simulation = new Simulation(1)
  const world = await World.start(simulation, options)
  onTestFinished(() => world.stop())
  let overlay: Overlay | undefined
  let overlayStore: OverlayStore | undefined
  const runtime = () => simulation.machine('a').runtime()

  /** The broker ends what it does and opens its engine as a slave that stands in. */
  const standIn = async ({ number = 1 } = {}): Promise<void> => {
    await world.run(world.engine.close())
    const { clock, files } = runtime()
    const { store, topics } = world
    const ports = { files, log: silentLogger, failed: fail }
    const home = { folder: '/data/replication', storeId: store.storeId }
    overlay = await world.run(Overlay.open(ports, home))
    await world.run(overlay.begin(number))
    overlayStore = new OverlayStore(store, overlay)
    world.engine = await world.run(
      DeliveryEngine.open({
        clock,
        log: silentLogger,
        store: overlayStore,
        topics,
        redelivery: ({ loop }) => new RedeliveryInPlace(clock, loop),
      }),
    )
  }

  /** It is master, and knows nothing of the overlay. */
  const master = async (): Promise<void> => {
    await world.run(world.engine.close())
    overlayStore = undefined
    const { clock } = runtime()
    const { store, topics } = world
    const ports = { clock, log: silentLogger, store, topics }
    world.engine = await world.run(DeliveryEngine.open(ports))
  }

  /** It is master, and merges the overlay. */
  const handBack = async (): Promise<void> => {
    await world.run(world.engine.close())
    const { clock } = runtime()
    const { store, topics } = world
    const groups = await world.run(GroupRegistry.open(store))
    const given = overlay?.id === undefined ? undefined : { ...overlay.id, changes: changesOf() }
    const peers = [{ name: 'slave', take: () => Promise.resolve(given) }]
    const reign = new AbortController().signal
    const ports = { clock, log: silentLogger, store, topics, groups }
    await world.run(takeOverlays(ports, peers, reign))
    await master()
  }

  const changesOf = (): Buffer[] =>
    overlay === undefined ? [] : [encodeChanges([...overlay.rows.changes()])]

  const positions = () => positionsInLog(overlayStore ?? world.store, () => undefined)

  return {
    world,
    standIn,
    master,
    handBack,
    positions,
    overlay: (): Overlay => overlay as Overlay,
    bytes: (): number => world.store.status.maxOffset,
  }
}

function deadLetters(world: World): number {
  return world.store.bounds({ topic: deadLetterTopicOf(GROUP), queueId: 0 })?.maxOffset ?? 0
}

function fail(error: unknown): never {
  throw error
}
