/** What reaches an open port: nonsense, lies, and clients that take and never give. */
import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { text } from '@cometmq/client'
import {
  type ErrorCode,
  encodeBatch,
  errorCodeOfId,
  errorTable,
  layout,
  limits,
  loadServices,
  type Method,
  NO_PRODUCER_ID,
  publishMethod,
  readMethod,
  subscribeMethod,
} from '@cometmq/protocol'
import { SeededRandom } from '@cometmq/simulation'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { backlogOf } from '../cluster/backlog.ts'
import { LocalCluster } from '../cluster/local-cluster.ts'
import { run } from './cli/comet-process.ts'
import { batchOf, forged } from './forged-batch.ts'
import { RawClient } from './raw-client.ts'
import { Witness } from './witness.ts'

type AnyMethod = Method<unknown, unknown>

const BROKER = 'broker-a'
const { admin, routes, cluster: registering } = loadServices()
const brokerMethods = [publishMethod, subscribeMethod, readMethod, ...Object.values(admin)]
const nameServerMethods = [...Object.values(routes), ...Object.values(registering)]

let cluster: LocalCluster
let witness: Witness
let addresses: { readonly broker: string; readonly nameServer: string }

beforeAll(async () => {
  cluster = await LocalCluster.start({ nameServers: 1, brokers: [BROKER] })
  witness = await Witness.start(cluster.endpoints)
  await witness.comet.admin.topics.create('target', { queueCount: 1 })
  addresses = { broker: cluster.broker(BROKER).address, nameServer: cluster.endpoints[0] ?? '' }
})
afterAll(async () => {
  await witness?.[Symbol.asyncDispose]()
  await cluster?.[Symbol.asyncDispose]()
})

describe('requests', () => {
  // Random bytes are sometimes a message all the same: of fields that nobody knows. What they must
  // not do is to end in an INTERNAL error, which stands for a bug, or in none of ours.
  test('of random bytes are refused with a code, on every rpc', async () => {
    const random = new SeededRandom(1)
    for (const [address, methods] of everyRpc()) {
      using client = new RawClient(address)
      for (const method of methods) {
        const requests = Array.from({ length: 12 }, (_, index) =>
          randomBytes(random, 1 + index * 9),
        )
        const outcomes = await Promise.all(requests.map((bytes) => client.call(method, bytes)))
        for (const { code, message } of outcomes) expect(code, message).toSatisfy(isTyped)
      }
    }

    expect(await witness.isServed()).toBe(true)
  })

  test('that are cut off are refused with a code, wherever they are cut', async () => {
    const open = {
      kind: 'open',
      group: 'cut',
      sessionId: 's',
      clientId: 'c',
      topics: [{ topic: 'target', filter: 'a||b' }],
      invisibleMs: 5_000,
      creditBytes: 1,
      held: [{ topic: 'target', queueId: 0, retry: false, from: 1, to: 2 }],
    } as const
    const requests: readonly (readonly [AnyMethod, Buffer])[] = [
      [subscribeMethod, subscribeMethod.encodeRequest(open)],
      [readMethod, readMethod.encodeRequest(assignOf('target', 1))],
      [
        admin.ResetGroup,
        admin.ResetGroup.encodeRequest({ group: 'cut', topic: 'target' } as never),
      ],
    ]
    using client = new RawClient(addresses.broker)

    for (const [method, whole] of requests) {
      const cuts = Array.from({ length: whole.length }, (_, at) => whole.subarray(0, at))
      const outcomes = await Promise.all(cuts.map((bytes) => client.call(method, bytes)))
      for (const { code, message } of outcomes) expect(code, message).toSatisfy(isTyped)
    }

    expect(await witness.isServed()).toBe(true)
  })

  test('to publish that are cut off store nothing', async () => {
    const whole = publishMethod.encodeRequest({ batches: [batchOf('target', ['cut'])] })
    const cuts = Array.from({ length: whole.length - 1 }, (_, at) => whole.subarray(0, at + 1))
    using client = new RawClient(addresses.broker)

    const outcomes = await Promise.all(cuts.map((bytes) => client.call(publishMethod, bytes)))

    expect(new Set(outcomes.map(({ code }) => code))).toEqual(new Set(['MALFORMED_REQUEST']))
    expect(await endOf('target')).toBe(0)
  })

  test('larger than any may be are refused', async () => {
    using client = new RawClient(addresses.broker)
    const huge = Buffer.alloc(limits.rpcMessageMaxBytes + 1)

    const outcomes = [
      await client.call(publishMethod, huge),
      await client.call(admin.ListTopics, huge),
    ]

    for (const { code } of outcomes) expect(code).toMatch(/^status (8|13|14)$/)
    expect(await witness.isServed()).toBe(true)
  })

  test('to rpcs that there are not are UNSUPPORTED', async () => {
    using client = new RawClient(addresses.broker)

    const outcome = await client.call({ ...admin.ListTopics, path: '/cometmq.v1.Admin/Nothing' })

    expect(outcome.code).toMatch(/^(UNSUPPORTED|status 12)$/)
  })
})

describe('batches', () => {
  const honest = batchOf('target', ['honest'])
  const lies: readonly (readonly [string, ErrorCode, Buffer])[] = [
    ['claim more bytes than they have', 'MALFORMED_BATCH', header(layout.totalBytes, 500)],
    ['claim fewer bytes than they have', 'MALFORMED_BATCH', header(layout.totalBytes, 120)],
    ['claim no bytes', 'MALFORMED_BATCH', header(layout.totalBytes, 0)],
    ['claim more sections than bytes', 'MALFORMED_BATCH', header(layout.sectionBytes, 2 ** 32 - 1)],
    ['claim another body', 'MALFORMED_BATCH', header(layout.bodyBytes, 3)],
    ['claim a huge body', 'BATCH_TOO_LARGE', header(layout.bodyBytes, 2 ** 32 - 1)],
    ['claim no messages', 'MALFORMED_BATCH', header(layout.messageCount, 0)],
    ['claim countless messages', 'MALFORMED_BATCH', header(layout.messageCount, 2 ** 32 - 1)],
    ['have no such queue', 'QUEUE_NOT_FOUND', header(layout.queueId, 7)],
    ['are changes of state', 'MALFORMED_BATCH', edited((bytes) => (bytes[layout.kind] = 2))],
    ['open an epoch', 'MALFORMED_BATCH', edited((bytes) => (bytes[layout.kind] = 3))],
    ['are filler', 'MALFORMED_BATCH', edited((bytes) => (bytes[layout.kind] = 4))],
    ['are of an unknown kind', 'MALFORMED_BATCH', edited((bytes) => (bytes[layout.kind] = 99))],
    ['are of a later version', 'MALFORMED_BATCH', edited((bytes) => (bytes[layout.version] = 2))],
    ['say that a broker made them', 'MALFORMED_BATCH', attribute(1 << 3)],
    ['are compressed as nobody can', 'MALFORMED_BATCH', attribute(3)],
    ['have bits without a meaning', 'MALFORMED_BATCH', attribute(1 << 9)],
    ['have a wrong header checksum', 'MALFORMED_BATCH', flipped(layout.headerChecksum)],
    ['have a wrong body checksum', 'CHECKSUM_MISMATCH', header(layout.bodyChecksum, 7, 'header')],
    ['have a flipped bit in the body', 'CHECKSUM_MISMATCH', flipped(honest.length - 1)],
    ['are no batches', 'MALFORMED_BATCH', Buffer.from('GET / HTTP/1.1')],
    ['are empty', 'MALFORMED_BATCH', Buffer.alloc(0)],
    ['are two in one', 'MALFORMED_BATCH', Buffer.concat([honest, honest])],
    ['are for a topic that is not there', 'TOPIC_NOT_FOUND', batchOf('nowhere', ['lost'])],
  ]

  // Their neighbours in the same request are somebody's messages.
  test('that lie are refused one by one, and the honest one between them is stored', async () => {
    const before = await endOf('target')
    const batches = lies.flatMap(([, , bytes]) => [bytes, honest])

    const results = await publish(batches)

    expect(results.filter((_, index) => index % 2 === 0)).toEqual(lies.map(([, code]) => code))
    const places = lies.map((_, index) => `at ${before + index}`)
    expect(results.filter((_, index) => index % 2 === 1)).toEqual(places)
    expect(await endOf('target')).toBe(before + lies.length)
  })

  // Brokers do not open bodies: what is wrong in there is found by consumers, who can do nothing
  // with it, and must not be stopped by it.
  test('whose body is not what they say end as dead letters, and stop nobody', async () => {
    await witness.comet.admin.topics.create('lies', { queueCount: 1 })
    const results = await publish([
      edited((bytes) => bytes.writeUInt32LE(3, layout.messageCount), batchOf('lies', ['one'])),
      edited((bytes) => bytes.writeUInt32LE(1, layout.messageCount), batchOf('lies', ['1', '2'])),
      edited((bytes) => bytes.fill(0xff, bytes.length - 6), batchOf('lies', ['text'])),
      edited((bytes) => bytes.writeUInt32LE(10, layout.bodyBytes), compressedBomb('lies')),
      batchOf('lies', ['honest']),
    ])
    expect(results).toEqual(['at 0', 'at 3', 'at 4', 'at 5', 'at 6'])
    const topic = witness.comet.topic('lies', { codec: text() })

    const handled: string[] = []
    const { promise, resolve } = Promise.withResolvers<void>()
    await using consumer = topic.consume({ group: 'deceived', from: 'earliest' }, (body) => {
      handled.push(body)
      resolve()
    })
    await Promise.race([promise, consumer.done])
    await until(async () => (await backlogOf(witness.comet, 'deceived')) === 0)
    const read: string[] = []
    await using reader = topic.reader({ from: 'earliest', untilEnd: true })
    for await (const { body } of reader) read.push(body)

    expect(handled).toEqual(['honest'])
    expect(read).toEqual(['honest'])
    const letters = await witness.comet.admin.deadLetters.list('deceived')
    expect(letters.map(({ originOffset }) => originOffset)).toEqual([0, 1, 2, 3, 4, 5])
    for (const { reason } of letters) expect(reason).toMatch(/^cannot be opened: /)
    expect(await publish([batchOf('%DLQ%deceived', ['forged'])])).toEqual(['NOT_ALLOWED'])
  })

  function edited(change: (bytes: Buffer) => void, batch = honest): Buffer {
    return forged(batch, change)
  }

  function header(at: number, value: number, checksums: 'both' | 'header' = 'both'): Buffer {
    const bytes = edited((copy) => copy.writeUInt32LE(value, at))
    // Made anew, the checksum is right again; a wrong one needs the header's to match it.
    if (checksums === 'header') {
      const { length } = bytes
      bytes.writeUInt8(bytes.readUInt8(length - 1) ^ 1, length - 1)
    }
    return bytes
  }

  function attribute(bits: number): Buffer {
    return edited((bytes) => bytes.writeUInt16LE(bits, layout.attributes))
  }

  function flipped(at: number): Buffer {
    const bytes = Buffer.from(honest)
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
    return bytes
  }
})

describe('connections', () => {
  const greetings: readonly (readonly [string, (socket: Socket) => void])[] = [
    ['speak HTTP/1.1', (socket) => socket.write('GET / HTTP/1.1\r\nhost: comet\r\n\r\n')],
    ['send random bytes', (socket) => socket.write(randomBytes(new SeededRandom(2), 5_000))],
    [
      'begin as HTTP/2 and go on with random bytes',
      (socket) => {
        socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
        socket.write(randomBytes(new SeededRandom(3), 5_000))
      },
    ],
    ['are reset', (socket) => socket.resetAndDestroy()],
  ]

  test.each(greetings)('that %s are closed, and others go on', async (_, greet) => {
    const closed = [addresses.broker, addresses.nameServer].flatMap((address) =>
      Array.from({ length: 20 }, async () => {
        const socket = await dial(address)
        greet(socket)
        socket.resume()
        if (!socket.closed) await once(socket, 'close')
      }),
    )

    await Promise.all(closed)
    expect(await witness.isServed()).toBe(true)
  })

  test('that begin TLS are served, those that only pretend to are closed', async () => {
    for (const address of [addresses.broker, addresses.nameServer]) {
      const [host, port] = hostAndPort(address)
      const options = { host, port, rejectUnauthorized: false, ALPNProtocols: ['h2'] }
      const honest = connectTls(options)
      await once(honest, 'secureConnect')
      honest.destroy()
      const liar = await dial(address)
      const closed = once(liar, 'close')
      liar.write(Buffer.from([0x16, ...Array.from({ length: 64 }, () => 0xff)]))
      liar.resume()
      await closed
    }

    expect(await witness.isServed()).toBe(true)
  })

  test('that say nothing keep nobody from being served, and may be two thousand', async () => {
    const sockets: Socket[] = []
    for (const address of [addresses.broker, addresses.nameServer]) {
      for (let dialled = 0; dialled < 1_000; dialled += 100) {
        sockets.push(...(await Promise.all(Array.from({ length: 100 }, () => dial(address)))))
      }
    }

    expect(await witness.isServed()).toBe(true)
    expect(sockets.filter((socket) => socket.closed).length).toBe(0)
    for (const socket of sockets) socket.destroy()
    expect(await witness.isServed()).toBe(true)
  })
})

describe('afterwards', () => {
  test('everything that was acknowledged is there, and the files are sound', async () => {
    expect(await witness.isServed()).toBe(true)
    expect(await witness.differences()).toEqual([])

    await cluster.broker(BROKER).stop('SIGTERM')

    const { exitCode, stderr } = await run(['store', 'verify', cluster.dataDirectoryOf(BROKER)])
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  })
})

function everyRpc(): (readonly [string, readonly AnyMethod[]])[] {
  return [
    [addresses.broker, brokerMethods],
    [addresses.nameServer, nameServerMethods],
  ]
}

function isTyped(code: string): boolean {
  return code === 'ended' || (Object.hasOwn(errorTable, code) && code !== 'INTERNAL')
}

async function publish(batches: readonly Buffer[]): Promise<string[]> {
  using client = new RawClient(addresses.broker)
  const request = publishMethod.encodeRequest({ batches })
  const { code, responses } = await client.call(publishMethod, request)
  expect(code).toBe('ended')
  return responses
    .flatMap((bytes) => publishMethod.decodeResponse(bytes).results)
    .map(({ error, baseQueueOffset }) =>
      error === 0 ? `at ${baseQueueOffset}` : errorCodeOfId(error),
    )
}

async function endOf(topic: string): Promise<number> {
  const [description] = await witness.comet.admin.topics.describe(topic)
  return description?.queues[0]?.maxOffset ?? Number.NaN
}

function assignOf(topic: string, assignmentId: number) {
  const start = { kind: 'earliest' } as const
  return { kind: 'assign', assignmentId, topic, queueId: 0, start, filter: '' } as const
}

/** Some bytes that say they are few, and are four million. */
function compressedBomb(topic: string): Buffer {
  return encodeBatch({
    topic,
    queueId: 0,
    compression: 'zstd',
    producer: { producerId: NO_PRODUCER_ID, producerEpoch: 0, sequence: 0, baseMessageNumber: 0 },
    bornTimeMs: 1,
    messages: [{ body: Buffer.alloc(4_000_000) }],
  })
}

function randomBytes(random: SeededRandom, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => Math.floor(random.fraction() * 256)))
}

async function dial(address: string): Promise<Socket> {
  const [host, port] = hostAndPort(address)
  const socket = connectTcp({ host, port })
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

function hostAndPort(address: string): [host: string, port: number] {
  const at = address.lastIndexOf(':')
  return [address.slice(0, at), Number(address.slice(at + 1))]
}

/** For what only the brokers know when it is done. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  await expect.poll(condition, { timeout: 20_000, interval: 20 }).toBe(true)
}
