import { createHash } from 'node:crypto'
import { deflateSync, gunzipSync } from 'node:zlib'
import type { SendMessageResponse__Input } from '@cometmq/protocol/rocketmq'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type MessageToSend, RawClient } from './raw-client.ts'
import { SmallCluster } from './small-cluster.ts'

let cluster: SmallCluster
let client: RawClient
let broker: string

beforeAll(async () => {
  cluster = await SmallCluster.start()
  client = new RawClient(cluster.runtime.transport)
  broker = cluster.broker('broker-a').address
  await cluster.createTopic('orders')
  await cluster.createTopic('ordered', 'fifo')
})
afterAll(() => cluster[Symbol.asyncDispose]())

async function codeOf(message: Partial<MessageToSend>): Promise<unknown> {
  const { status, entries } = await client.send(broker, { topic: 'orders', ...message })
  expect(entries).toHaveLength(1)
  expect(entries?.[0]?.status?.code).toBe(status?.code)
  return status?.code
}

describe('sending', () => {
  test('28. there is an entry for each message, with its id, and the code of a failure on top', async () => {
    const one = await client.send(broker, { topic: 'orders', system: { messageId: 'my-id' } })
    const three = await client.send(
      broker,
      ...['a', 'b', 'c'].map((messageId) => ({ topic: 'orders', system: { messageId } })),
    )
    const bad = await client.send(broker, { topic: 'missing', system: { messageId: 'x' } })

    expect(one).toMatchObject({ status: { code: 'OK' }, entries: [{ messageId: 'my-id' }] })
    expect(three.entries?.map(({ messageId }) => messageId)).toEqual(['a', 'b', 'c'])
    expect(bad).toMatchObject({
      status: { code: 'TOPIC_NOT_FOUND' },
      entries: [{ messageId: 'x', status: { code: 'TOPIC_NOT_FOUND' } }],
    })
  })

  test('29. mixed topics, no messages and blank ids are refused', async () => {
    const mixed = await client.send(broker, { topic: 'orders' }, { topic: 'ordered' })
    const none = await client.call(broker, 'SendMessage', { messages: [] })

    expect(mixed.status?.code).toBe('MESSAGE_CORRUPTED')
    expect(mixed.entries).toHaveLength(2)
    expect(none.status?.code).toBe('MESSAGE_CORRUPTED')
    expect(await codeOf({ system: { messageId: ' ' } })).toBe('ILLEGAL_MESSAGE_ID')
  })

  test('30. each illegal part has its own code', async () => {
    const properties = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']))

    expect(await codeOf({ system: { tag: 'a|b' } })).toBe('ILLEGAL_MESSAGE_TAG')
    expect(await codeOf({ system: { tag: '  ' } })).toBe('ILLEGAL_MESSAGE_TAG')
    expect(await codeOf({ system: { tag: 'a\u0007' } })).toBe('ILLEGAL_MESSAGE_TAG')
    expect(await codeOf({ system: { keys: ['a\nb'] } })).toBe('ILLEGAL_MESSAGE_KEY')
    expect(await codeOf({ system: { keys: [''] } })).toBe('ILLEGAL_MESSAGE_KEY')
    const group = { messageGroup: 'x'.repeat(64), messageType: 'FIFO' as const }
    expect(await codeOf({ topic: 'ordered', system: group })).toBe('ILLEGAL_MESSAGE_GROUP')
    expect(await codeOf({ properties: { KEYS: 'x' } })).toBe('ILLEGAL_MESSAGE_PROPERTY_KEY')
    expect(await codeOf({ properties: { '': 'x' } })).toBe('ILLEGAL_MESSAGE_PROPERTY_KEY')
    expect(await codeOf({ properties: { 'a\u0001': 'x' } })).toBe('ILLEGAL_MESSAGE_PROPERTY_KEY')
    expect(await codeOf({ properties: properties(128) })).toBe('OK')
    expect(await codeOf({ properties: properties(129) })).toBe('MESSAGE_PROPERTIES_TOO_LARGE')
    expect(await codeOf({ properties: { a: 'x'.repeat(16 * 1024) } })).toBe(
      'MESSAGE_PROPERTIES_TOO_LARGE',
    )
    expect(await codeOf({ body: Buffer.alloc(0) })).toBe('MESSAGE_BODY_EMPTY')
    expect(await codeOf({ topic: 'TBW102' })).toBe('ILLEGAL_TOPIC')
  })

  test('31. a message of another type than the topic takes is refused', async () => {
    const fifo = { messageType: 'FIFO' as const, messageGroup: 'g' }
    expect(await codeOf({ system: fifo })).toBe('MESSAGE_PROPERTY_CONFLICT_WITH_TYPE')
    expect(await codeOf({ topic: 'ordered' })).toBe('MESSAGE_PROPERTY_CONFLICT_WITH_TYPE')
    expect(await codeOf({ topic: 'ordered', system: fifo })).toBe('OK')
  })

  // Half of the clients name one. Were it heard, a client that knows an old route would fail.
  test.each([0, 3, 9_999])(
    '32. the queue %s that the client names does not matter',
    async (queueId) => {
      const topic = `spread-${queueId}`
      await cluster.createTopic(topic)

      for (let i = 0; i < 64; i++) {
        const { status } = await client.send(broker, { topic, system: { queueId } })
        expect(status?.code).toBe('OK')
      }

      const described = await cluster.comet.admin.topics.describe(topic)
      const counts = described.flatMap(({ queues }) => queues.map(({ maxOffset }) => maxOffset))
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(64)
      expect(counts.filter((count) => count > 0).length).toBeGreaterThan(1)
    },
  )

  test('33. a message group lands in one queue, from every language and by every process', async () => {
    await cluster.createTopic('placed', 'fifo')
    for (const [index, address] of cluster.addresses.entries()) {
      for (const language of ['JAVA', 'GO', 'HTTP', 'PYTHON', 'RUST', 'DOTNET', 'CPP']) {
        const producer = new RawClient(cluster.runtime.transport, { language })
        const system = {
          messageType: 'FIFO' as const,
          messageGroup: 'customer-1',
          queueId: (index * 3) % 4,
        }
        const { status } = await producer.send(address, { topic: 'placed', system })
        expect(status?.code).toBe('OK')
      }
    }
    await cluster.comet.topic('placed').send({ native: true }, { key: 'customer-1' } as never)

    const described = await cluster.comet.admin.topics.describe('placed')
    const used = described.flatMap(({ brokerName, queues }) =>
      queues.filter(({ maxOffset }) => maxOffset > 0).map((queue) => ({ brokerName, ...queue })),
    )
    expect(used).toHaveLength(1)
    expect(used[0]?.maxOffset).toBe(cluster.addresses.length * 7 + 1)
  })

  // The broker that a client asks may have started, too, while the other one was away.
  test('33. a message group waits for the broker of its queue and does not move', async () => {
    await cluster.createTopic('waiting', 'fifo')
    const send = (address: string, messageGroup: string) =>
      client.send(address, {
        topic: 'waiting',
        system: { messageGroup, messageType: 'FIFO' as const },
      })
    const storedOnB = async (): Promise<number> => {
      const described = await cluster.comet.admin.topics.describe('waiting')
      const onB = described.find(({ brokerName }) => brokerName === 'broker-b')
      return onB?.queues.reduce((sum, { maxOffset }) => sum + maxOffset, 0) ?? 0
    }
    const groups = Array.from({ length: 16 }, (_, index) => `customer-${index}`)
    for (const group of groups) await send(broker, group)
    const before = await storedOnB()

    await cluster.broker('broker-b').close()
    await cluster.untilRegistered(1)
    await cluster.broker('broker-a').close()
    await cluster.startBroker('broker-a')
    await cluster.untilRegistered(1)
    for (const address of [cluster.nameServer, broker]) {
      const codes = await Promise.all(
        groups.map(async (group) => (await send(address, group)).status?.code),
      )
      expect(codes.filter((code) => code === 'HA_NOT_AVAILABLE')).toHaveLength(before)
      expect(codes.filter((code) => code === 'OK')).toHaveLength(groups.length - before)
    }

    await cluster.startBroker('broker-b')
    await cluster.untilRegistered(2)
    for (const group of groups) await send(cluster.nameServer, group)
    expect(before).toBeGreaterThan(0)
    expect(await storedOnB()).toBe(2 * before)
  })

  test('34. 48. what is delivered is complete, and nothing of it is what a publisher made up', async () => {
    await cluster.createTopic('complete')
    const body = Buffer.from('some body')
    await client.send(broker, {
      topic: 'complete',
      body,
      properties: { colour: 'red' },
      system: {
        messageId: 'the-id',
        tag: 'tag',
        keys: ['k1', 'k2'],
        traceContext: 'trace',
        bornHost: 'born-here',
        deliveryAttempt: 77,
        receiptHandle: 'forged',
      },
    })

    const { code, messages, kinds } = await client.receive(broker, {
      group: 'complete',
      topic: 'complete',
      brokerName: 'broker-a',
      invisibleSeconds: 30,
      pollSeconds: 5,
    })

    expect(code).toBe('OK')
    expect(kinds).toEqual(['status', 'message', 'deliveryTimestamp'])
    const [message] = messages
    expect(message).toMatchObject({
      topic: { name: 'complete' },
      userProperties: { colour: 'red' },
      systemProperties: {
        messageId: 'the-id',
        tag: 'tag',
        keys: ['k1', 'k2'],
        traceContext: 'trace',
        bornHost: 'born-here',
        deliveryAttempt: 1,
        bodyEncoding: 'IDENTITY',
        messageType: 'NORMAL',
        bodyDigest: {
          type: 'MD5',
          checksum: createHash('md5').update(body).digest('hex').toUpperCase(),
        },
        storeTimestamp: { seconds: expect.any(Number) },
        bornTimestamp: { seconds: expect.any(Number) },
        invisibleDuration: { seconds: 30 },
      },
    })
    expect(Object.keys(message?.userProperties ?? {})).toEqual(['colour'])
    expect(message?.systemProperties?.receiptHandle).not.toBe('forged')
    expect(message?.body).toEqual(body)
  })

  test('35. a zlib body that is called GZIP is delivered as gzip', async () => {
    await cluster.createTopic('zipped')
    const text = Buffer.from('again and again '.repeat(1_000))
    await client.send(broker, {
      topic: 'zipped',
      body: deflateSync(text),
      system: { bodyEncoding: 'GZIP' },
    })

    const { messages } = await client.receive(broker, {
      group: 'zipped',
      topic: 'zipped',
      invisibleSeconds: 30,
      pollSeconds: 5,
    })

    expect(messages[0]?.systemProperties?.bodyEncoding).toBe('GZIP')
    expect(gunzipSync(messages[0]?.body ?? Buffer.alloc(0))).toEqual(text)
  })

  test('41. the same message id is accepted again', async () => {
    for (let i = 0; i < 2; i++) {
      expect(await codeOf({ system: { messageId: 'again' } })).toBe('OK')
    }
  })

  test('39. what is not supported yet is said so, and nothing hangs', async () => {
    const answers: SendMessageResponse__Input['status'][] = [
      (await client.call(broker, 'EndTransaction', { transactionId: 'x' })).status,
      (await client.call(broker, 'RecallMessage', { recallHandle: 'x' })).status,
      (await client.call(broker, 'SyncLiteSubscription', {})).status,
    ]
    const types = ['DELAY', 'TRANSACTION', 'PRIORITY', 'LITE'] as const
    for (const messageType of types)
      expect(await codeOf({ system: { messageType } })).toBe('UNSUPPORTED')
    for (const status of answers ?? []) expect(status?.code).toBe('UNSUPPORTED')
  })
})
