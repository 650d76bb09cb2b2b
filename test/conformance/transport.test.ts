import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { frameOf, PlainHttp2 } from './plain-http2.ts'
import { RawClient, signed } from './raw-client.ts'
import { SmallCluster } from './small-cluster.ts'

let cluster: SmallCluster
let guarded: SmallCluster

beforeAll(async () => {
  cluster = await SmallCluster.start()
  guarded = await SmallCluster.start({ users: { ak: 'secret' } })
  await cluster.createTopic('orders')
  await guarded.createTopic('orders')
})
afterAll(async () => {
  await cluster[Symbol.asyncDispose]()
  await guarded[Symbol.asyncDispose]()
})

const route = { topic: { name: 'orders' } }

async function codeWith(metadata: Readonly<Record<string, string>>): Promise<unknown> {
  const client = new RawClient(guarded.runtime.transport, { metadata })
  return (await client.call(guarded.nameServer, 'QueryRoute', route)).status?.code
}

describe('transport and metadata', () => {
  // Java's, C#'s in three spellings, and none as Node.js and Rust.
  test.each(['31535999M', '87600H', '315359999S', '31536000S', undefined])(
    '2. a telemetry stream with the deadline %s stays open in every process',
    async (timeout) => {
      for (const address of cluster.addresses) {
        using http2 = new PlainHttp2(address, new RawClient(cluster.runtime.transport))
        const settings = { settings: { publishing: { topics: [{ name: 'orders' }] } } }
        const headers = timeout === undefined ? {} : { 'grpc-timeout': timeout }
        const stream = http2.open('Telemetry', settings, headers)
        let bytes = 0
        stream.on('data', (data: Buffer) => (bytes += data.length))
        await expect.poll(() => bytes).toBeGreaterThan(0)
        const before = bytes
        await cluster.runtime.clock.sleep(50)

        stream.write(frameOf('Telemetry', settings))

        await expect.poll(() => bytes).toBe(2 * before)
        expect(stream.closed).toBe(false)
      }
    },
  )

  // C++ pings each minute and Java every five. Servers of other libraries send away who pings thrice.
  test('3. keep-alive pings without calls are answered, and nobody is sent away for them', async () => {
    for (const address of cluster.addresses) {
      using http2 = new PlainHttp2(address, new RawClient(cluster.runtime.transport))
      await once(http2.session, 'connect')

      for (let i = 0; i < 100; i++) await http2.ping()

      expect(http2.isSentAway).toBe(false)
      const stream = http2.open('QueryRoute', route)
      stream.end()
      const [data] = (await once(stream, 'data')) as [Buffer]
      expect(data.length).toBeGreaterThan(5)
      expect(http2.isSentAway).toBe(false)
    }
  })

  test('4. the largest body is accepted, one byte more is refused in the answer', async () => {
    const client = new RawClient(cluster.runtime.transport)
    const address = cluster.broker('broker-a').address
    const size = 4 * 1024 * 1024

    const largest = await client.send(address, { topic: 'orders', body: Buffer.alloc(size, 1) })
    const tooLarge = await client.send(address, {
      topic: 'orders',
      body: Buffer.alloc(size + 1, 1),
    })

    expect(largest.status?.code).toBe('OK')
    expect(tooLarge.status?.code).toBe('MESSAGE_BODY_TOO_LARGE')
  })

  test('5. a call without a client id gets CLIENT_ID_REQUIRED', async () => {
    for (const clientId of ['', '   ']) {
      const client = new RawClient(cluster.runtime.transport, { clientId })
      for (const address of cluster.addresses) {
        expect((await client.call(address, 'QueryRoute', route)).status?.code).toBe(
          'CLIENT_ID_REQUIRED',
        )
        expect((await client.call(address, 'Heartbeat', {})).status?.code).toBe(
          'CLIENT_ID_REQUIRED',
        )
      }
    }
  })

  test('6. signatures are checked as the contract says', async () => {
    expect(await codeWith(signed('ak', 'secret'))).toBe('OK')
    expect(await codeWith(signed('ak', 'secret', { upper: true }))).toBe('OK')
    expect(await codeWith(signed('ak', 'secret', { suffix: '/region/RocketMQ' }))).toBe('OK')
    for (const dateTime of ['2026-01-01T00:00:00+08:00', 'whenever', '20260101T000000Z']) {
      expect(await codeWith(signed('ak', 'secret', { dateTime }))).toBe('OK')
    }
    expect(await codeWith(signed('ak', 'wrong'))).toBe('UNAUTHORIZED')
    expect(await codeWith(signed('nobody', 'secret'))).toBe('UNAUTHORIZED')
    expect(await codeWith({ ...signed('ak', 'secret'), 'x-mq-date-time': 'other' })).toBe(
      'UNAUTHORIZED',
    )
    expect(await codeWith({})).toBe('UNAUTHORIZED')
    expect(await codeWith({ authorization: 'Basic abc' })).toBe('UNAUTHORIZED')
  })

  test('7. without authentication the authorization header is ignored', async () => {
    for (const authorization of ['garbage', 'MQv2-HMAC-SHA1 Credential=', '  ']) {
      const client = new RawClient(cluster.runtime.transport, { metadata: { authorization } })
      expect((await client.call(cluster.nameServer, 'QueryRoute', route)).status?.code).toBe('OK')
    }
  })

  test('8. unknown languages and protocols are accepted', async () => {
    const client = new RawClient(cluster.runtime.transport, {
      language: 'COBOL',
      metadata: { 'x-mq-protocol': 'GRPC_V2' },
    })

    expect((await client.call(cluster.nameServer, 'QueryRoute', route)).status?.code).toBe('OK')
  })

  test('9. a failure of a unary call is told in its answer', async () => {
    const client = new RawClient(cluster.runtime.transport)
    for (const address of cluster.addresses) {
      const answers = [
        await client.call(address, 'QueryRoute', {}),
        await client.call(address, 'QueryAssignment', {}),
        await client.call(address, 'SendMessage', {}),
        await client.call(address, 'AckMessage', {}),
        await client.call(address, 'ChangeInvisibleDuration', {}),
        await client.call(address, 'ForwardMessageToDeadLetterQueue', {}),
        await client.call(address, 'UpdateOffset', {}),
        await client.call(address, 'GetOffset', {}),
        await client.call(address, 'QueryOffset', {}),
        await client.call(address, 'EndTransaction', {}),
        await client.call(address, 'RecallMessage', {}),
        await client.call(address, 'SyncLiteSubscription', {}),
      ]
      for (const { status } of answers) {
        expect(status?.code).not.toBe('OK')
        expect(status?.message).not.toBe('')
      }
    }
  })
})
