import { CometError, encodeChanges } from '@cometmq/protocol'
import type { GivenOverlay } from '@cometmq/replication'
import { silentLogger } from '@cometmq/runtime'
import { Simulation } from '@cometmq/simulation'
import { MessageStore, storeConfig } from '@cometmq/store'
import { describe, expect, onTestFinished, test } from 'vitest'
import { newGroup, plainGroup } from '../group-definition.ts'
import { PROGRESS_TABLE, progressKey, putProgress } from '../deliver/queue-progress.ts'
import { GroupRegistry, putGroup } from '../group-registry.ts'
import { putPosition, readPosition } from '../read/positions.ts'
import { newTopic } from '../topic-definition.ts'
import { putTopic, TopicRegistry } from '../topic-registry.ts'
import { mergedNumber } from './merge-overlays.ts'
import { POSITIONS_BEFORE_TABLE } from './merge-rows.ts'
import { type OverlayPeer, takeOverlays } from './take-overlays.ts'

const GROUP = 'billing'
const QUEUE = { topic: 'orders', queueId: 0 }
const POSITION = { name: 'reader', ...QUEUE }

describe('a master that begins', () => {
  test('merges what all of its slaves were told, in whatever order they answer', async () => {
    for (const order of [
      [0, 1],
      [1, 0],
    ]) {
      const { take, position, store } = await start()
      const overlays = [
        overlay('a', 1, putPosition(POSITION, 5), before(2)),
        overlay('b', 3, putPosition(POSITION, 9), before(2)),
      ]

      await take(order.map((at) => peer(overlays[at])))

      expect(position()).toBe(9)
      expect([mergedNumber(store, 'a'), mergedNumber(store, 'b')]).toEqual([1, 3])
    }
  })

  // A rewind that a consumer asked for while its master was away is what it wants.
  test('goes back where a reader went back, unless a master has heard of it since', async () => {
    const { take, position } = await start()

    await take([peer(overlay('a', 1, putPosition(POSITION, 1), before(2)))])
    expect(position()).toBe(1)
    await take([peer(overlay('a', 2, putPosition(POSITION, 0), before(7)))])

    expect(position()).toBe(1)
  })

  // A dead host would keep every consumer of the group waiting.
  test('waits six seconds for those that do not answer, and goes on without them', async () => {
    const { simulation, take, position } = await start()
    const silent: OverlayPeer = {
      name: 'silent',
      take: (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(new CometError('CANCELLED', 'too late')))
        }),
    }
    const gone: OverlayPeer = {
      name: 'gone',
      take: () => Promise.reject(new CometError('CONNECT_FAILED', 'nobody is there')),
    }

    const given = peer(overlay('a', 1, putPosition(POSITION, 5), before(2)))
    const owed = await take([silent, gone, given, peer(undefined)])

    expect(simulation.clock.elapsedMs()).toBeGreaterThanOrEqual(6_000)
    expect(position()).toBe(5)
    expect(owed).toEqual([silent, gone])
  })

  // Nobody is master any more, and whoever is next waits for this one to end.
  test('asks no longer than its reign lasts', async () => {
    const { take, simulation } = await start()
    const reign = new AbortController()
    const silent = { name: 'silent', take: () => Promise.reject(new Error('it is not asked')) }

    reign.abort()
    await take([silent], reign.signal)

    expect(simulation.clock.elapsedMs()).toBeLessThan(1_000)
  })

  test('owes what it could not merge', async () => {
    const { take, store } = await start()
    const given = peer(overlay('a', 1, putPosition(POSITION, 5), before(2)))
    store.append = () => Promise.reject(new CometError('DISK_FULL', 'the disk is full'))

    expect(await take([given, peer(undefined)])).toEqual([given])
  })

  // A slave that was upgraded first must not take its master down.
  test('leaves alone what it cannot read', async () => {
    const { take, store } = await start()
    const row = putProgress(GROUP, QUEUE, { doneBelow: 0, done: [], attempted: [] })
    const later = { ...row, value: Buffer.from([99]) }

    await take([peer(overlay('a', 1, later as Change))])

    expect(mergedNumber(store, 'a')).toBe(0)
  })

  test('merges no overlay twice', async () => {
    const { take, store } = await start()
    const given = peer(overlay('a', 1, putPosition(POSITION, 5), before(2)))
    await take([given])
    const end = store.status.maxOffset

    await take([given])

    expect(store.status.maxOffset).toBe(end)
  })

  // Rows beyond the end of a queue are of another topic of that name.
  test('leaves out rows of what is not there', async () => {
    const { take, store } = await start()
    const row = { doneBelow: 1_000, done: [], attempted: [] }

    await take([
      peer(
        overlay(
          'a',
          1,
          putProgress(GROUP, QUEUE, row),
          putProgress('unknown', QUEUE, { ...row, doneBelow: 0 }),
          putProgress(GROUP, { topic: 'unknown', queueId: 0 }, { ...row, doneBelow: 0 }),
          putPosition({ ...POSITION, topic: 'unknown' }, 5),
        ),
      ),
    ])

    const rows = store.table(PROGRESS_TABLE)
    const unknown = { topic: 'unknown', queueId: 0 }
    expect(rows.get(progressKey(GROUP, QUEUE))).toBeUndefined()
    expect(rows.get(progressKey('unknown', QUEUE))).toBeUndefined()
    expect(rows.get(progressKey(GROUP, unknown))).toBeUndefined()
    expect(readPosition(store, { ...POSITION, topic: 'unknown' })).toBeUndefined()
    expect(mergedNumber(store, 'a')).toBe(1)
  })

  // More than one append takes: the number comes last, or a crash would leave the rest out.
  test('merges more rows than fit into one append', async () => {
    const { take, store } = await start()
    const many = Array.from({ length: 30_000 }, (_, at) =>
      putPosition({ ...POSITION, name: `${at}`.padEnd(64, 'x') }, at),
    )

    await take([peer(overlay('a', 1, ...many))])

    for (const at of [0, 29_999]) {
      expect(readPosition(store, { ...POSITION, name: `${at}`.padEnd(64, 'x') })).toBe(at)
    }
    expect(mergedNumber(store, 'a')).toBe(1)
  })
})

type Change = ReturnType<typeof putPosition>

function overlay(storeId: string, number: number, ...changes: Change[]): GivenOverlay {
  return { storeId, number, changes: [encodeChanges(changes)] }
}

function peer(given: GivenOverlay | undefined): OverlayPeer {
  return { name: 'slave', take: () => Promise.resolve(given) }
}

function before(offset: number): Change {
  return { ...putPosition(POSITION, offset), table: POSITIONS_BEFORE_TABLE }
}

/** A master with a topic, a group, and a reader at 2. */
async function start() {
  const simulation = new Simulation(1)
  const run = <T>(work: Promise<T>): Promise<T> => simulation.runUntil(work, { limitMs: 60_000 })
  const runtime = simulation.machine('a').runtime()
  const store = await run(MessageStore.open(runtime, storeConfig('/data')))
  onTestFinished(() => run(store.close()))
  const { clock } = runtime
  const topics = await run(TopicRegistry.open(store, clock))
  const groups = await run(GroupRegistry.open(store))
  const append = async (...changes: Change[]): Promise<void> => {
    await run(store.append({ records: [{ kind: 'change', changes }] }))
  }
  const wish = { topic: 'orders', type: '', queueCount: 1, flush: '', replicas: '' }
  await append(
    putTopic(newTopic(wish, { queueCount: 1 }, 0)),
    putGroup(newGroup(plainGroup(GROUP), 0)),
    putPosition(POSITION, 2),
  )
  const reign = new AbortController().signal
  const take = (peers: readonly OverlayPeer[], signal = reign): Promise<OverlayPeer[]> =>
    run(takeOverlays({ clock, log: silentLogger, store, topics, groups }, peers, signal))
  return { simulation, store, take, position: () => readPosition(store, POSITION) }
}
