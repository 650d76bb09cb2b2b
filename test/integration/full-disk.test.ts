/** A broker process on a file system that fills up: a small one of memory, which takes the right to mount. */
import { once } from 'node:events'
import { type CometClient, connect, type Topic, text } from '@cometmq/client'
import { errorCodeOfId, publishMethod } from '@cometmq/protocol'
import { silentLogger } from '@cometmq/runtime'
import { describe, expect, test, vi } from 'vitest'
import { backlogOf } from '../cluster/backlog.ts'
import { LocalCluster } from '../cluster/local-cluster.ts'
import { run } from './cli/comet-process.ts'
import { batchOf } from './forged-batch.ts'
import { RawClient } from './raw-client.ts'
import { SmallDisk } from './small-disk.ts'

const BROKER = 'broker-a'
const TOPIC = 'filling'
const SIZE_MIB = 64
const BALLAST_MIB = 32
const BODY_BYTES = 256 * 1024

const canMount = SmallDisk.canBeMade()
const WAIT = { timeout: 20_000, interval: 20 }

describe.skipIf(!canMount)('a disk that fills up (takes the right to mount)', () => {
  // With some space kept free, the broker has room for its own records: what was consumed stays so.
  test('refuses producers while there is still some space, and consumers go on', async () => {
    await using world = await World.start({ minFree: '16MiB', hardFree: '4MiB' })
    const acknowledged = await publishUntilRefused(world)
    await leave(world, 10)
    await using newcomers = new Consuming(world.topic, 'newcomers')

    expect(await read(world)).toEqual(acknowledged)
    await expectGiven(newcomers, acknowledged)
    await expect.poll(() => backlogOf(world.comet, 'newcomers'), WAIT).toBe(0)
    const late = world.topic.send('too late', { timeout: '300ms' })
    await expect(late).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: expect.stringContaining('it was not stored'),
    })

    const patient = world.topic.send('patient', { timeout: '60s' })
    await world.disk.freeSpace()
    await patient

    await expectGiven(newcomers, [...acknowledged, 'patient'])
    await expectKept(world, [...acknowledged, 'patient'])
  })

  // The broker learns it from a write that fails. There is no room for its own records either, which
  // joining a topic for the first time takes one of, and each acknowledgement.
  test('to the last byte refuses producers, serves readers, and goes on when it has space', async () => {
    await using world = await World.start({ minFree: '0', hardFree: '0' })
    await using members = new Consuming(world.topic, 'members')
    await world.topic.send('first')
    await expectGiven(members, ['first'])
    const acknowledged = ['first', ...(await publishUntilRefused(world))]
    await leave(world, 0)
    await using newcomers = new Consuming(world.topic, 'newcomers')

    expect(await read(world)).toEqual(acknowledged)

    const patient = world.topic.send('patient', { timeout: '60s' })
    await world.disk.freeSpace()
    await patient

    for (const consuming of [members, newcomers]) {
      await expectGiven(consuming, [...acknowledged, 'patient'])
      await expect.poll(() => backlogOf(world.comet, consuming.group), WAIT).toBe(0)
    }
    await expectKept(world, [...acknowledged, 'patient'])
  })

  // What is there must not be taken for damaged and thrown away.
  test('keeps a broker from starting, with a typed error, and costs it nothing', async () => {
    await using world = await World.start({ minFree: '0', hardFree: '0' })
    // Something is there after that.
    await world.topic.send('first')
    await world.cluster.broker(BROKER).stop('SIGTERM')
    await world.cluster.startBroker(BROKER)
    const acknowledged = ['first', ...(await publishUntilRefused(world))]
    await leave(world, 0)
    await world.cluster.broker(BROKER).stop('SIGKILL')

    await expect(world.cluster.startBroker(BROKER)).rejects.toThrow('[DISK_FULL]')
    await world.disk.freeSpace()
    const broker = await world.cluster.startBroker(BROKER)

    expect(await broker.said('store opened')).not.toHaveProperty('rebuilt')
    expect(await read(world)).toEqual(acknowledged)
  })
})

class World implements AsyncDisposable {
  readonly cluster: LocalCluster
  readonly disk: SmallDisk
  readonly comet: CometClient
  readonly topic: Topic<string>

  private constructor(cluster: LocalCluster, disk: SmallDisk, comet: CometClient) {
    this.cluster = cluster
    this.disk = disk
    this.comet = comet
    this.topic = comet.topic(TOPIC, { codec: text() })
  }

  static async start(free: { readonly minFree: string; readonly hardFree: string }) {
    await using undone = new AsyncDisposableStack()
    const cluster = await LocalCluster.start({
      nameServers: 1,
      brokers: [],
      brokerArgs: [
        '--set=store.segmentMaxBytes=8MiB',
        `--set=store.minFreeBytes=${free.minFree}`,
        `--set=store.hardFreeBytes=${free.hardFree}`,
      ],
    })
    undone.use(cluster)
    const size = { size: SIZE_MIB, ballast: BALLAST_MIB }
    const disk = undone.use(await SmallDisk.make(cluster.dataDirectoryOf(BROKER), size))
    await cluster.startBroker(BROKER)
    const comet = undone.use(await connect({ endpoints: cluster.endpoints, log: silentLogger }))
    await vi.waitUntil(() => comet.admin.brokers.length === 1, WAIT)
    await comet.admin.topics.create(TOPIC, { queueCount: 1 })
    const world = new World(cluster, disk, comet)
    undone.move()
    return world
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.comet.close()
    await this.disk[Symbol.asyncDispose]()
    await this.cluster[Symbol.asyncDispose]()
  }
}

/** Until the broker answers `DISK_FULL` and nothing else; the names of what it has stored. */
async function publishUntilRefused(world: World): Promise<string[]> {
  using client = new RawClient(world.cluster.broker(BROKER).address)
  const stream = client.open(publishMethod)
  const acknowledged: string[] = []
  let error = 0
  while (error === 0) {
    const name = `${acknowledged.length}`
    const batches = [batchOf(TOPIC, [name.padEnd(BODY_BYTES, '.')])]
    stream.write(publishMethod.encodeRequest({ batches }))
    const [bytes] = (await once(stream, 'data')) as [Buffer]
    error = publishMethod.decodeResponse(bytes).results[0]?.error ?? 0
    if (error === 0) acknowledged.push(name)
  }
  expect(errorCodeOfId(error)).toBe('DISK_FULL')
  // Several segments; so it was not refused for anything else.
  expect(acknowledged.length * BODY_BYTES).toBeGreaterThan(8 * 2 ** 20)
  return acknowledged
}

/** Others leave so little of the disk; waits until the broker knows. */
async function leave(world: World, mebibytes: number): Promise<void> {
  await world.disk.leaveFree(mebibytes)
  const look = async () => {
    const { diskFreeBytes, writable } = await world.comet.admin.call(BROKER, 'DescribeBroker', {})
    return { isKnown: diskFreeBytes <= mebibytes * 2 ** 20, writable }
  }
  await expect.poll(look, WAIT).toEqual({ isKnown: true, writable: false })
}

/** What the topic holds, in its order. */
async function read(world: World): Promise<string[]> {
  const names: string[] = []
  await using reader = world.topic.reader({ from: 'earliest', untilEnd: true })
  for await (const { body } of reader) names.push(nameOf(body))
  return names
}

/** Checks what it has stored: now, in the files, and after a restart. */
async function expectKept(world: World, names: readonly string[]): Promise<void> {
  expect(await read(world)).toEqual(names)
  await world.cluster.broker(BROKER).stop('SIGKILL')
  const verified = await run(['store', 'verify', world.disk.directory])
  expect(verified).toMatchObject({ exitCode: 0, stderr: '' })
  await world.cluster.startBroker(BROKER)
  expect(await read(world)).toEqual(names)
}

/** Waits until it was given so many; they have to be these. */
async function expectGiven(consuming: Consuming, names: readonly string[]): Promise<void> {
  await expect.poll(() => consuming.names.size, WAIT).toBeGreaterThanOrEqual(names.length)
  expect([...consuming.names].toSorted()).toEqual(names.toSorted())
}

/** A member of a group, and what it was given. */
class Consuming implements AsyncDisposable {
  readonly group: string
  readonly names = new Set<string>()
  readonly #consumer: AsyncDisposable

  constructor(topic: Topic<string>, group: string) {
    this.group = group
    this.#consumer = topic.consume({ group, from: 'earliest' }, (body) => {
      this.names.add(nameOf(body))
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#consumer[Symbol.asyncDispose]()
  }
}

function nameOf(body: string): string {
  return body.replace(/\.+$/, '')
}
