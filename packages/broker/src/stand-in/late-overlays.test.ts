import { CometError, encodeChanges } from '@cometmq/protocol'
import type { GivenOverlay } from '@cometmq/replication'
import { silentLogger } from '@cometmq/runtime'
import { Simulation } from '@cometmq/simulation'
import { MessageStore, storeConfig } from '@cometmq/store'
import { describe, expect, onTestFinished, test } from 'vitest'
import { GroupRegistry } from '../group-registry.ts'
import { putPosition, readPosition } from '../read/positions.ts'
import { newTopic } from '../topic-definition.ts'
import { putTopic, TopicRegistry } from '../topic-registry.ts'
import { mergeLateOverlays } from './late-overlays.ts'
import { putMerged } from './merge-overlays.ts'

const POSITION = { name: 'reader', topic: 'orders', queueId: 0 }
const GIVEN: GivenOverlay = {
  storeId: 'a',
  number: 1,
  changes: [encodeChanges([putPosition(POSITION, 5)])],
}

describe('an overlay that was not had in time', () => {
  // A slave that starts a minute after its master would keep what it was told until another reign.
  test('is asked for until it comes, and merged once', async () => {
    const scene = await start()
    scene.say('silence')
    await scene.advance(60_000)
    expect(scene.position()).toBeUndefined()

    scene.say(GIVEN)
    await scene.advance(6_000)
    const asked = scene.asked()
    await scene.advance(60_000)

    expect(scene.position()).toBe(5)
    expect(scene.story).toEqual(['aside'])
    expect(scene.asked()).toBe(asked)
  })

  // Every consumer of the broker would be cut off for nothing.
  test('disturbs nobody where there is none, or where the log has it', async () => {
    for (const isMerged of [false, true]) {
      const scene = await start()
      if (isMerged) await scene.append(putMerged({ storeId: 'a', number: 1 }))

      scene.say(isMerged ? GIVEN : undefined)
      await scene.advance(60_000)

      expect(scene.story).toEqual([])
      expect(scene.asked()).toBe(1)
    }
  })

  test('is not asked for when the reign is over', async () => {
    const scene = await start()
    scene.say('silence')
    await scene.advance(12_000)

    scene.reign.abort()
    const asked = scene.asked()
    scene.say(GIVEN)
    await scene.advance(60_000)

    expect(scene.asked()).toBe(asked)
    expect(scene.position()).toBeUndefined()
    expect(await scene.isOver()).toBe(true)
  })

  // Each try cuts consumers off for a moment: a disk that is full for an hour must not cost hundreds.
  test('is merged when that is possible again, tried ever more seldom', async () => {
    const scene = await start()
    scene.say(GIVEN)
    scene.isFull = true
    await scene.advance(600_000)
    expect(scene.story.length).toBeLessThan(20)
    expect(scene.position()).toBeUndefined()

    scene.isFull = false
    await scene.advance(61_000)

    expect(scene.position()).toBe(5)
  })
})

async function start() {
  const simulation = new Simulation(1)
  const limit = { limitMs: 1_000_000 }
  const run = <T>(work: Promise<T>): Promise<T> => simulation.runUntil(work, limit)
  const runtime = simulation.machine('a').runtime()
  const store = await run(MessageStore.open(runtime, storeConfig('/data')))
  onTestFinished(() => run(store.close()))
  const { clock } = runtime
  const topics = await run(TopicRegistry.open(store, clock))
  const groups = await run(GroupRegistry.open(store))
  const append = async (change: ReturnType<typeof putTopic>): Promise<void> => {
    await run(store.append({ records: [{ kind: 'change', changes: [change] }] }))
  }
  const wish = { topic: 'orders', type: '', queueCount: 1, flush: '', replicas: '' }
  await append(putTopic(newTopic(wish, { queueCount: 1 }, 0)))

  const story: string[] = []
  const reign = new AbortController()
  let says: GivenOverlay | 'silence' | undefined
  let asked = 0
  const scene = {
    story,
    reign,
    append,
    isFull: false,
    say: (what: typeof says): void => {
      says = what
    },
    asked: (): number => asked,
    advance: (ms: number): Promise<void> => simulation.advance(ms),
    position: () => readPosition(store, POSITION),
    isOver: (): Promise<boolean> => run(over.then(() => true)),
  }
  const take = async (): Promise<GivenOverlay | undefined> => {
    asked++
    if (says === 'silence') throw new CometError('CONNECT_FAILED', 'nobody is there')
    return says
  }
  const full: MessageStore['append'] = (...group) =>
    scene.isFull
      ? Promise.reject(new CometError('DISK_FULL', 'the disk is full'))
      : store.append(...group)
  const rows: Pick<MessageStore, 'append' | 'bounds' | 'table'> = {
    bounds: (queue) => store.bounds(queue),
    table: (name) => store.table(name),
    append: full,
  }
  const ports = { clock, log: silentLogger, store: rows, topics, groups }
  const over = mergeLateOverlays(ports, {
    peers: [{ name: 'slave', take }],
    signal: reign.signal,
    aside: async (merge) => {
      story.push('aside')
      await merge()
    },
  })
  return scene
}
