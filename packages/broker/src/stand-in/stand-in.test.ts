import { decodeChanges, type StateChange } from '@cometmq/protocol'
import type { GivenOverlay } from '@cometmq/replication'
import { Simulation } from '@cometmq/simulation'
import { MessageStore, storeConfig } from '@cometmq/store'
import { describe, expect, onTestFinished, test } from 'vitest'
import { putProgress } from '../deliver/queue-progress.ts'
import { putMerged } from './merge-overlays.ts'
import { AS_OF_TABLE } from './merge-rows.ts'
import type { OverlayStore } from './overlay-store.ts'
import { StandIn } from './stand-in.ts'
import type { StandInDuties } from './stand-in-duties.ts'

const FOLDER = '/data/replication'
const ROW = putProgress('billing', { topic: 'orders', queueId: 0 }, done(3))

describe('a slave that may stand in', () => {
  test('does so as long as it is called for', async () => {
    const scene = await start()

    scene.call(true)
    await scene.advance(1_000)
    scene.call(false)
    await scene.advance(1_000)
    scene.call(true)
    await scene.advance(1_000)

    expect(scene.story).toEqual(['begins', 'ends', 'begins'])
    expect(scene.standIn.present).toBeDefined()
  })

  // Both begun would deliver everything twice; both ended, nothing.
  test('does what is wanted last, however fast that changes', async () => {
    const scene = await start()

    for (const isCalledFor of [true, false, true, false, true]) {
      scene.call(isCalledFor)
      scene.standIn.look()
    }
    await scene.advance(1_000)

    expect(scene.standIn.present).toBeDefined()
    expect(scene.story).toEqual(['begins'])
  })

  // A master that takes an overlay and finds that the slave has gone on merges half of it.
  test('gives its overlay away when it has ended, and rests', async () => {
    const scene = await start()
    scene.call(true)
    await scene.advance(1_000)
    await scene.append()

    const given = await scene.run(scene.standIn.giveOverlay())
    expect(scene.story).toEqual(['begins', 'ends'])
    expect(given).toMatchObject({ storeId: scene.store.storeId, number: 1 })
    expect(toldBy(given)).toEqual([ROW])
    await scene.advance(9_000)
    expect(scene.standIn.present).toBeUndefined()
    await scene.advance(2_000)

    expect(scene.standIn.present).toBeDefined()
    // What comes now is of the next one, and what was given is in it as well.
    const next = await scene.run(scene.standIn.giveOverlay())
    expect(next).toMatchObject({ number: 2 })
    expect(toldBy(next)).toEqual([ROW])
  })

  test('has nothing to give when it was told nothing', async () => {
    const scene = await start()
    expect(await scene.run(scene.standIn.giveOverlay())).toBeUndefined()

    scene.call(true)
    await scene.advance(11_000)

    expect(scene.standIn.present).toBeDefined()
    expect(await scene.run(scene.standIn.giveOverlay())).toBeUndefined()
  })

  test('forgets what its log shows to be merged, and nothing before', async () => {
    const scene = await start()
    const { storeId } = scene.store
    scene.call(true)
    await scene.advance(1_000)
    await scene.append()
    scene.call(false)
    await scene.advance(1_000)

    await scene.merged({ storeId: 'another', number: 9 })
    expect(await scene.file()).toBeDefined()
    await scene.merged({ storeId, number: 1 })

    expect(await scene.file()).toBeUndefined()
  })

  // The number of the one that was dropped is in the log: a master would not merge it again.
  test('never uses a number again', async () => {
    const scene = await start()
    const { storeId } = scene.store
    await scene.merged({ storeId, number: 4 })
    scene.call(true)
    await scene.advance(1_000)
    await scene.append()

    expect(await scene.run(scene.standIn.giveOverlay())).toMatchObject({ number: 5 })
  })

  test('still has what it was told after a crash', async () => {
    for (const how of ['kill', 'powerCut'] as const) {
      const scene = await start()
      scene.call(true)
      await scene.advance(1_000)
      await scene.append()
      scene.call(false)

      await scene.crash(how)

      const given = await scene.run(scene.standIn.giveOverlay())
      expect(toldBy(given)).toEqual([ROW])
    }
  })

  // A slave without space for an overlay is of use as a slave all the same.
  test('tries again later when it cannot make a file', async () => {
    const scene = await start()
    scene.simulation.machine('a').disk.failNextWrite(`${FOLDER}/overlay.new`)
    scene.simulation.machine('a').disk.failNextWrite(`${FOLDER}/overlay`)

    scene.call(true)
    await scene.advance(15_000)

    expect(scene.failures).toEqual([])
    expect(scene.standIn.present).toBeDefined()
  })
})

async function start() {
  const scene = new Scene()
  await scene.open()
  onTestFinished(() => scene.close())
  return scene
}

/** One slave with duties that only tell of themselves. */
class Scene {
  readonly simulation = new Simulation(1)
  readonly story: string[] = []
  readonly failures: unknown[] = []
  store!: MessageStore
  standIn!: StandIn
  #overlayStore: OverlayStore | undefined
  #isCalledFor = false

  async open(): Promise<void> {
    const runtime = this.simulation.machine('a').runtime()
    this.store = await this.run(MessageStore.open(runtime, storeConfig('/data')))
    this.standIn = await this.run(
      StandIn.open(
        { ...runtime, store: this.store },
        {
          folder: FOLDER,
          isCalledFor: () => this.#isCalledFor,
          begin: (store) => this.#begin(store),
          changed: () => {},
          failed: (error) => this.failures.push(error),
        },
      ),
    )
    this.standIn.start()
  }

  async close(): Promise<void> {
    await this.run(this.standIn.close())
    await this.run(this.store.close())
  }

  async crash(how: 'kill' | 'powerCut'): Promise<void> {
    this.simulation.machine('a')[how]()
    await this.open()
  }

  call(isCalledFor: boolean): void {
    this.#isCalledFor = isCalledFor
  }

  async append(): Promise<void> {
    const records = [{ kind: 'change' as const, changes: [ROW] }]
    if (this.#overlayStore === undefined) throw new Error('it does not stand in')
    await this.run(this.#overlayStore.append({ records }))
  }

  async merged(id: { readonly storeId: string; readonly number: number }): Promise<void> {
    await this.run(this.store.append({ records: [{ kind: 'change', changes: [putMerged(id)] }] }))
    await this.advance(100)
  }

  file(): Promise<Buffer | undefined> {
    return this.run(this.simulation.machine('a').disk.files.readFile(`${FOLDER}/overlay`))
  }

  run<T>(work: Promise<T>): Promise<T> {
    return this.simulation.runUntil(work, { limitMs: 60_000 })
  }

  advance(ms: number): Promise<void> {
    return this.simulation.advance(ms)
  }

  async #begin(store: OverlayStore): Promise<StandInDuties> {
    this.#overlayStore = store
    this.story.push('begins')
    const end = async (): Promise<void> => void this.story.push('ends')
    return { store, end } as unknown as StandInDuties
  }
}

function toldBy(given: GivenOverlay | undefined): StateChange[] {
  const changes = given?.changes.flatMap((part) => decodeChanges(part)) ?? []
  return changes.filter(({ table }) => table !== AS_OF_TABLE)
}

function done(below: number) {
  return { doneBelow: below, done: [], attempted: [] }
}
