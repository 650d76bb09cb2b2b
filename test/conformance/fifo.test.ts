import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RawClient } from './raw-client.ts'
import { SmallCluster } from './small-cluster.ts'

let cluster: SmallCluster
let client: RawClient

beforeAll(async () => {
  cluster = await SmallCluster.start()
  client = new RawClient(cluster.runtime.transport)
})
afterAll(() => cluster[Symbol.asyncDispose]())

/** A FIFO topic with a FIFO group, and messages of the message group `a` in one of its queues. */
async function fill(name: string, ...bodies: readonly string[]) {
  await cluster.createTopic(name, 'fifo')
  await cluster.comet.admin.groups.create(name, { fifo: true, start: 'earliest' })
  await send(name, 'a', ...bodies)
  const brokerName = await brokerOf(name)
  return { group: name, topic: name, brokerName, invisibleSeconds: 30, pollSeconds: 1 }
}

async function send(topic: string, messageGroup: string, ...bodies: readonly string[]) {
  for (const body of bodies) {
    const { status } = await client.send(cluster.nameServer, {
      topic,
      body: Buffer.from(body),
      system: { messageGroup, messageType: 'FIFO', messageId: `${topic}-${body}` },
    })
    expect(status?.code).toBe('OK')
  }
}

/** The broker that has the messages of a topic with one message group. */
async function brokerOf(topic: string): Promise<string> {
  const descriptions = await cluster.comet.admin.topics.describe(topic)
  const found = descriptions.find(({ queues }) => queues.some(({ maxOffset }) => maxOffset > 0))
  return found?.brokerName ?? ''
}

type Ask = Awaited<ReturnType<typeof fill>>

async function receive(
  ask: Ask,
  more: { attemptId?: string; batchSize?: number; from?: RawClient } = {},
) {
  const { from = client, ...rest } = more
  const answer = await from.receive(cluster.broker(ask.brokerName).address, { ...ask, ...rest })
  return {
    ...answer,
    bodies: answer.messages.map(({ body }) => body.toString()),
    attempts: answer.messages.map(({ systemProperties }) => systemProperties?.deliveryAttempt),
    handles: answer.messages.map(({ systemProperties }) => systemProperties?.receiptHandle ?? ''),
  }
}

function ack(ask: Ask, ...handles: readonly string[]) {
  return client.call(cluster.nameServer, 'AckMessage', {
    group: { name: ask.group },
    topic: { name: ask.topic },
    entries: handles.map((receiptHandle) => ({ messageId: 'any', receiptHandle })),
  })
}

// A receive that finds nothing takes its time.
describe.concurrent('FIFO groups', () => {
  test('57. with messages under way no later one of their message group is delivered, others are', async () => {
    const ask = await fill('blocked', 'a1', 'a2')
    const first = await receive(ask)
    expect(first.bodies).toEqual(['a1', 'a2'])
    await send('blocked', 'a', 'a3')

    expect((await receive(ask)).code).toBe('MESSAGE_NOT_FOUND')
    await ack(ask, first.handles[0] ?? '')
    expect((await receive(ask)).code).toBe('MESSAGE_NOT_FOUND')
    await ack(ask, first.handles[1] ?? '')

    expect((await receive(ask)).bodies).toEqual(['a3'])
  })

  // The queue of a message group is its hash; one of these shares the queue of `a`.
  test('57. messages of other groups in the same queue go on', async () => {
    const ask = await fill('others', 'a1')
    expect((await receive(ask)).bodies).toEqual(['a1'])
    for (const group of 'bcdefghijklmnopq') await send('others', group, `${group}1`)
    await send('others', 'a', 'a2')

    const seen: string[] = []
    for (let answer = await receive(ask); answer.code === 'OK'; answer = await receive(ask)) {
      seen.push(...answer.bodies)
    }

    expect(seen).not.toContain('a2')
    expect(seen.length).toBeGreaterThan(0)
  })

  test('57. the same attempt id gets the same messages, as the same attempt; another does not', async () => {
    const ask = await fill('repeated', 'a1', 'a2')
    const first = await receive(ask, { attemptId: 'one' })

    const other = await receive(ask, { attemptId: 'two' })
    const again = await receive(ask, { attemptId: 'one' })

    expect(other.code).toBe('MESSAGE_NOT_FOUND')
    expect(again.bodies).toEqual(first.bodies)
    expect(again.attempts).toEqual([1, 1])
    const [stale, fresh] = await Promise.all([
      ack(ask, ...first.handles),
      ack(ask, ...again.handles),
    ])
    expect(stale.entries?.map(({ status }) => status?.code)).toEqual([
      'INVALID_RECEIPT_HANDLE',
      'INVALID_RECEIPT_HANDLE',
    ])
    expect(fresh.status?.code).toBe('OK')
  })

  test('57. what a client has that is gone holds its message group back until its lease ends', async () => {
    const ask = await fill('untaken', 'a1')
    const gone = new RawClient(cluster.runtime.transport)
    const line = gone.telemetry(cluster.broker(ask.brokerName).address)
    await receive(ask, { from: gone })
    await gone.call(cluster.broker(ask.brokerName).address, 'NotifyClientTermination', {
      group: { name: ask.group },
    })
    line.stream.end()
    await send('untaken', 'a', 'a2')

    expect((await receive(ask)).code).toBe('MESSAGE_NOT_FOUND')
  })

  test('58. after a lease has ended delivery starts again with the first that is not acknowledged', async () => {
    const ask = await fill('again', 'a1', 'a2', 'a3')
    const first = await receive(ask)
    await ack(ask, first.handles[0] ?? '')
    for (const receiptHandle of first.handles.slice(1)) {
      await client.call(cluster.nameServer, 'ChangeInvisibleDuration', {
        group: { name: ask.group },
        topic: { name: ask.topic },
        receiptHandle,
        messageId: 'any',
        invisibleDuration: { seconds: 0, nanos: 1 },
      })
    }

    const second = await receive(ask)

    expect(second.bodies).toEqual(['a2', 'a3'])
    expect(second.attempts).toEqual([2, 2])
  })

  test('58. a message that waits longer holds its message group back', async () => {
    const ask = await fill('waits', 'a1', 'a2')
    const first = await receive(ask)
    await client.call(cluster.nameServer, 'ChangeInvisibleDuration', {
      group: { name: ask.group },
      topic: { name: ask.topic },
      receiptHandle: first.handles[0] ?? '',
      messageId: 'any',
      invisibleDuration: { seconds: 60, nanos: 0 },
    })
    await ack(ask, first.handles[1] ?? '')
    await send('waits', 'a', 'a3')

    expect((await receive(ask)).code).toBe('MESSAGE_NOT_FOUND')
  })

  // Some clients ask the address that they were given, which is that of a name server.
  test.each(['broker', 'name server'])(
    '22. its consumers are told so, and get every queue assigned (%s)',
    async (asked) => {
      const ask = await fill(`told-by-${asked.slice(0, 1)}`, 'a1')
      const atBroker = cluster.broker(ask.brokerName).address
      const address = asked === 'broker' ? atBroker : cluster.nameServer
      const line = client.telemetry(address)
      line.stream.send({
        settings: {
          clientType: 'PUSH_CONSUMER',
          subscription: { group: { name: ask.group }, subscriptions: [] },
        },
      })
      while (line.commands.length === 0) await cluster.runtime.clock.sleep(5)
      line.stream.end()
      const { assignments } = await client.call(address, 'QueryAssignment', {
        topic: { name: ask.topic },
        group: { name: ask.group },
      })

      expect(line.commands[0]?.settings?.subscription?.fifo).toBe(true)
      const queues = assignments?.map(({ messageQueue }) => messageQueue)
      expect(queues?.map((queue) => `${queue?.broker?.name}/${queue?.id}`)).toEqual(
        ['broker-a', 'broker-b'].flatMap((name) => [0, 1, 2, 3].map((id) => `${name}/${id}`)),
      )
    },
  )

  test('54. a message given up on lets the next one of its message group go', async () => {
    const ask = await fill('given-up', 'a1', 'a2')
    const first = await receive(ask, { batchSize: 1 })
    expect(first.bodies).toEqual(['a1'])
    const given = await client.call(cluster.nameServer, 'ForwardMessageToDeadLetterQueue', {
      group: { name: ask.group },
      topic: { name: ask.topic },
      receiptHandle: first.handles[0] ?? '',
      messageId: 'any',
      deliveryAttempt: 1,
      maxDeliveryAttempts: 1,
    })

    expect(given.status?.code).toBe('OK')
    expect((await receive(ask)).bodies).toEqual(['a2'])
  })
})
