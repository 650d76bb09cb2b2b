/** Clients that take and never read: what they do not read must not pile up in the broker. */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { type ClientHttp2Stream, connect as connectHttp2 } from 'node:http2'
import process from 'node:process'
import { bytes } from '@cometmq/client'
import { publishMethod, readMethod, subscribeMethod } from '@cometmq/protocol'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { LocalCluster } from '../cluster/local-cluster.ts'
import { Witness } from './witness.ts'

const BROKER = 'broker-a'
const MIB = 2 ** 20
/** Of messages that lie in the topic. Whoever piled them up for each client would have it many times. */
const BACKLOG_BYTES = 64 * MIB
const CLIENTS = 16
/** What a broker may grow by while it serves them all; it is not what it grows by. */
const GROWTH_MAX_BYTES = 128 * MIB

let cluster: LocalCluster
let witness: Witness

beforeAll(async () => {
  cluster = await LocalCluster.start({ nameServers: 1, brokers: [BROKER] })
  witness = await Witness.start(cluster.endpoints)
  await witness.comet.admin.topics.create('large', { queueCount: 1, flush: 'async' })
  const messages = Array.from({ length: BACKLOG_BYTES / MIB }, () => Buffer.alloc(MIB, 7))
  await witness.comet.topic('large', { codec: bytes() }).sendMany(messages)
})
afterAll(async () => {
  await witness?.[Symbol.asyncDispose]()
  await cluster?.[Symbol.asyncDispose]()
})

// The memory of another process can be looked up on Linux only.
describe.runIf(process.platform === 'linux')('a broker keeps its memory and serves others', () => {
  test('while members of groups never read what is delivered to them', async () => {
    const before = await memory()

    for (let index = 0; index < CLIENTS; index++) {
      await witness.comet.admin.groups.create(`group-${index}`, { start: 'earliest' })
      const stream = open(subscribeMethod)
      const request = subscribeMethod.encodeRequest({
        kind: 'open',
        group: `group-${index}`,
        sessionId: 'session',
        clientId: 'never reads',
        topics: [{ topic: 'large', filter: '' }],
        invisibleMs: 60_000,
        creditBytes: 1024 * MIB,
        held: [],
      })
      stream.write(framed(request))
    }
    await witnessesFor(50)

    expect((await memory()) - before).toBeLessThan(GROWTH_MAX_BYTES)
  })

  test('while readers never read what they have asked for', async () => {
    const before = await memory()

    for (let index = 0; index < CLIENTS; index++) {
      const stream = open(readMethod)
      stream.write(framed(readMethod.encodeRequest(assignOf('large', 1))))
      stream.write(framed(readMethod.encodeRequest({ kind: 'credit', bytes: 1024 * MIB })))
    }
    await witnessesFor(50)

    expect((await memory()) - before).toBeLessThan(GROWTH_MAX_BYTES)
  })

  // Each answer costs more than the question.
  test('while a reader asks on and on, and never reads the answers', async () => {
    const before = await memory()
    const request = readMethod.encodeRequest(assignOf('x'.repeat(10_000), 1))

    const stream = open(readMethod)
    await flood(stream, request, 30_000)
    await witnessesFor(20)

    expect((await memory()) - before).toBeLessThan(GROWTH_MAX_BYTES)
  })

  test('while a producer sends on and on, and never reads its results', async () => {
    const before = await memory()
    const batches = Array.from({ length: 100 }, () => Buffer.from('no batch at all'))
    const request = publishMethod.encodeRequest({ batches })

    const stream = open(publishMethod)
    await flood(stream, request, 3_000)
    await witnessesFor(20)

    expect((await memory()) - before).toBeLessThan(GROWTH_MAX_BYTES)
  })
})

/**
 * A call whose answers nobody reads. With HTTP/2 at hand, for grpc-js reads ahead: HTTP/2 then takes
 * 64 KiB, and tells the broker that there is no room for more.
 */
function open({ path }: { readonly path: string }): ClientHttp2Stream {
  const session = connectHttp2(`http://${cluster.broker(BROKER).address}`)
  onTestFinished(() => session.destroy())
  session.on('error', () => {})
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  stream.on('error', () => {})
  return stream
}

/** A message as gRPC frames it. */
function framed(message: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

/** Sends a request so many times, or until the broker takes no more while it serves others. */
async function flood(stream: ClientHttp2Stream, request: Buffer, times: number): Promise<void> {
  const bytes = framed(request)
  for (let sent = 0; sent < times; sent++) {
    if (stream.write(bytes)) continue
    const isStuck = witnessesFor(20).then(() => true)
    if (await Promise.race([isStuck, once(stream, 'drain').then(() => false)])) return
    await isStuck
  }
}

async function witnessesFor(times: number): Promise<void> {
  for (let time = 0; time < times; time++) await witness.isServed()
}

function assignOf(topic: string, assignmentId: number) {
  const start = { kind: 'earliest' } as const
  return { kind: 'assign', assignmentId, topic, queueId: 0, start, filter: '' } as const
}

async function memory(): Promise<number> {
  const status = await readFile(`/proc/${cluster.broker(BROKER).pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1_024
}
