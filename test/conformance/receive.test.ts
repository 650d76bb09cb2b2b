import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RawClient } from './raw-client.ts'
import { SmallCluster } from './small-cluster.ts'

let cluster: SmallCluster
let client: RawClient
let broker: string

beforeAll(async () => {
  cluster = await SmallCluster.start()
  client = new RawClient(cluster.runtime.transport)
  broker = cluster.broker('broker-a').address
})
afterAll(() => cluster[Symbol.asyncDispose]())

/** A topic with its group, and messages at broker a. */
async function fill(name: string, ...bodies: readonly string[]) {
  await cluster.createTopic(name)
  for (const body of bodies) {
    await client.send(broker, { topic: name, body: Buffer.from(body), system: { messageId: body } })
  }
  return { group: name, topic: name, brokerName: 'broker-a', invisibleSeconds: 30, pollSeconds: 5 }
}

const handleOf = (message: { systemProperties?: { receiptHandle?: string } | null } | undefined) =>
  message?.systemProperties?.receiptHandle ?? ''

const idOf = (message: { systemProperties?: { messageId?: string } | null } | undefined) =>
  message?.systemProperties?.messageId ?? ''

async function deadLettersOf(group: string): Promise<string[]> {
  const letters = await cluster.comet.admin.deadLetters.list(group)
  return letters.map(({ messageId }) => messageId).toSorted()
}

function ack(address: string, ask: { group: string; topic: string }, ...handles: string[]) {
  return client.call(address, 'AckMessage', {
    group: { name: ask.group },
    topic: { name: ask.topic },
    entries: handles.map((receiptHandle) => ({ messageId: 'any', receiptHandle })),
  })
}

function change(ask: { group: string; topic: string }, receiptHandle: string, seconds: number) {
  return client.call(broker, 'ChangeInvisibleDuration', {
    group: { name: ask.group },
    topic: { name: ask.topic },
    receiptHandle,
    messageId: 'any',
    invisibleDuration: { seconds: Math.floor(seconds), nanos: (seconds % 1) * 1e9 },
  })
}

// How long polls take is tested on virtual time, in polls.test.ts.
describe('receiving', { timeout: 60_000 }, () => {
  test('42. with nothing there, the poll time ends with MESSAGE_NOT_FOUND', async () => {
    const ask = await fill('empty')

    const { code, kinds } = await client.receive(broker, ask)

    expect(code).toBe('MESSAGE_NOT_FOUND')
    expect(kinds).toEqual(['status', 'deliveryTimestamp'])
  })

  test('43. a poll ends before its caller gives up', async () => {
    const ask = await fill('short')

    // Had it ended later, the caller would have failed with its own timeout.
    const { code } = await client.receive(broker, {
      ...ask,
      pollSeconds: 40,
      timeoutMs: 6_000,
    })

    expect(code).toBe('MESSAGE_NOT_FOUND')
  })

  test('44. a caller with too little time gets ILLEGAL_POLLING_TIME', async () => {
    const ask = await fill('hasty')
    const { pollSeconds: _, ...unset } = ask

    expect((await client.receive(broker, { ...unset, timeoutMs: 4_000 })).code).toBe(
      'ILLEGAL_POLLING_TIME',
    )
    expect((await client.receive(broker, { ...unset, timeoutMs: 7_000 })).code).toBe(
      'MESSAGE_NOT_FOUND',
    )
  })

  test('45. a message that comes during a poll ends it', async () => {
    const ask = await fill('live')
    const receiving = client.receive(broker, ask)
    await cluster.runtime.clock.sleep(500)
    await client.send(broker, { topic: 'live' })

    const { messages } = await receiving

    expect(messages).toHaveLength(1)
  })

  test('46. 59. queue numbers do not matter, nor does the process that is asked', async () => {
    const ask = await fill('anywhere', 'a', 'b', 'c')
    const seen: string[] = []
    for (const [index, queueId] of [-1, 0, 77].entries()) {
      const address = cluster.addresses[index] ?? ''
      const { messages } = await client.receive(address, { ...ask, queueId, batchSize: 1 })
      seen.push(...messages.map(({ body }) => body.toString()))
      const { status } = await ack(address, ask, ...messages.map(handleOf))
      expect(status?.code).toBe('OK')
    }
    expect(seen.toSorted()).toEqual(['a', 'b', 'c'])

    for (const brokerName of ['', 'nobody']) {
      await client.send(broker, { topic: 'anywhere' })
      const { messages } = await client.receive(broker, { ...ask, brokerName })
      expect(messages).toHaveLength(1)
    }
  })

  test('47. a short invisible time is refused, unless leases are renewed', async () => {
    const ask = await fill('invisible', 'x')
    const short = await client.receive(broker, { ...ask, invisibleSeconds: 9 })
    const { invisibleSeconds: _, ...unset } = ask
    const renewed = await client.receive(broker, { ...unset, autoRenew: true })

    expect(short.code).toBe('ILLEGAL_INVISIBLE_TIME')
    expect(short.kinds).toEqual(['status', 'deliveryTimestamp'])
    expect(renewed.messages).toHaveLength(1)
  })

  test('49. messages are filtered by tags', async () => {
    const ask = await fill('tags')
    for (const tag of ['a', 'b', 'c']) {
      await client.send(broker, { topic: 'tags', body: Buffer.from(tag), system: { tag } })
    }
    await client.send(broker, { topic: 'tags', body: Buffer.from('none') })
    const bodies = async (group: string, expression: string): Promise<string[]> => {
      const filter = { type: 'TAG', expression }
      const { messages } = await client.receive(broker, { ...ask, group, filter })
      return messages.map(({ body }) => body.toString()).toSorted()
    }

    expect(await bodies('tags-1', 'a || b')).toEqual(['a', 'b'])
    expect(await bodies('tags-2', '*')).toEqual(['a', 'b', 'c', 'none'])
    expect(await bodies('tags-3', '')).toEqual(['a', 'b', 'c', 'none'])
  })

  test('49. messages are filtered by SQL, and SQL that is wrong is refused', async () => {
    const ask = await fill('sql')
    for (const [body, properties] of [
      ['cheap', { price: '5', region: 'eu' }],
      ['dear', { price: '50', region: 'us' }],
      ['free', { region: 'eu' }],
    ] as const) {
      await client.send(broker, { topic: 'sql', body: Buffer.from(body), properties })
    }
    const receive = async (group: string, expression: string) => {
      const filter = { type: 'SQL', expression }
      const { code, messages } = await client.receive(broker, { ...ask, group, filter })
      return code === 'OK' ? messages.map(({ body }) => body.toString()).toSorted() : code
    }

    expect(await receive('sql-1', "price BETWEEN 1 AND 10 AND region IN ('eu')")).toEqual(['cheap'])
    expect(await receive('sql-2', "price IS NULL OR region = 'us'")).toEqual(['dear', 'free'])
    for (const wrong of ['price >', '', 'price BETWEEN 1']) {
      expect(await receive('sql-3', wrong)).toBe('ILLEGAL_FILTER_EXPRESSION')
    }
    const pulled = await client.collect<{ message?: { body: Buffer } }>(broker, 'PullMessage', {
      group: { name: 'sql-4' },
      messageQueue: { topic: { name: 'sql' }, id: 0, broker: { name: 'broker-a' } },
      offset: 0,
      batchSize: 32,
      filterExpression: { type: 'SQL', expression: 'price >' },
    })
    expect(pulled[0]).toMatchObject({ status: { code: 'ILLEGAL_FILTER_EXPRESSION' } })
  })

  test('50. messages of a client that goes while it waits are nobody else loss', async () => {
    const ask = await fill('gone')
    const stop = new AbortController()
    const receiving = client.receive(broker, { ...ask, signal: stop.signal }).catch(() => {})
    await cluster.runtime.clock.sleep(300)
    stop.abort()
    await receiving
    await client.send(broker, { topic: 'gone' })

    const other = new RawClient(cluster.runtime.transport)
    // Within its poll of 5 s; leased to the one who has gone, the message would be away for 30.
    const { messages } = await other.receive(broker, ask)

    expect(messages[0]?.systemProperties?.deliveryAttempt).toBe(1)
  })

  test('51. acknowledgements are answered one by one, again, and by any process', async () => {
    const ask = await fill('acks', 'a', 'b')
    const { messages } = await client.receive(broker, ask)
    const handles = messages.map(handleOf)

    const mixed = await ack(cluster.nameServer, ask, handles[0] ?? '', 'garbage')
    const again = await ack(cluster.broker('broker-b').address, ask, ...handles)
    const garbage = await ack(broker, ask, 'garbage')
    const foreign = await ack(broker, { group: 'other', topic: 'acks' }, handles[0] ?? '')

    expect(mixed.status?.code).toBe('MULTIPLE_RESULTS')
    expect(mixed.entries?.map(({ status }) => status?.code)).toEqual([
      'OK',
      'INVALID_RECEIPT_HANDLE',
    ])
    expect(again.status?.code).toBe('OK')
    expect(again.entries?.map(({ receiptHandle }) => receiptHandle)).toEqual(handles)
    expect(garbage.status?.code).toBe('INVALID_RECEIPT_HANDLE')
    expect(foreign.status?.code).toBe('INVALID_RECEIPT_HANDLE')
  })

  test('52. a change of the invisible time gives a new handle, whatever comes of it', async () => {
    const ask = await fill('change', 'a')
    const { messages } = await client.receive(broker, ask)
    const first = handleOf(messages[0])

    const second = await change(ask, first, 60)
    const third = await change(ask, second.receiptHandle ?? '', 60)
    const stale = await change(ask, first, 60)
    const garbage = await change(ask, 'garbage', 60)
    const tooLong = await change(ask, third.receiptHandle ?? '', 13 * 3_600)

    expect([second, third].map(({ status }) => status?.code)).toEqual(['OK', 'OK'])
    expect(new Set([first, second.receiptHandle, third.receiptHandle]).size).toBe(3)
    expect(stale).toMatchObject({
      status: { code: 'INVALID_RECEIPT_HANDLE' },
      receiptHandle: first,
    })
    expect(garbage).toMatchObject({
      status: { code: 'INVALID_RECEIPT_HANDLE' },
      receiptHandle: 'garbage',
    })
    expect(tooLong.status?.code).toBe('ILLEGAL_INVISIBLE_TIME')
    const tiny = await change(ask, third.receiptHandle ?? '', 0.001)
    expect(tiny.status?.code).toBe('OK')
    const again = await client.receive(broker, ask)
    expect(again.messages[0]?.systemProperties?.deliveryAttempt).toBe(2)
    expect((await change(ask, handleOf(again.messages[0]), 0)).status?.code).toBe('OK')
  })

  test('53. the end of a lease counts as an attempt, a suspension does not', async () => {
    const ask = await fill('expiry', 'a')
    const first = await client.receive(broker, ask)
    await client.call(broker, 'ChangeInvisibleDuration', {
      group: { name: ask.group },
      topic: { name: ask.topic },
      receiptHandle: handleOf(first.messages[0]),
      invisibleDuration: { seconds: 0, nanos: 1e6 },
      suspend: true,
    })
    const second = await client.receive(broker, ask)
    expect(second.messages[0]?.systemProperties?.deliveryAttempt).toBe(1)
    await change(ask, handleOf(second.messages[0]), 0)
    const third = await client.receive(broker, ask)
    expect(third.messages[0]?.systemProperties?.deliveryAttempt).toBe(2)
    // Of a delivery that has ended, and was followed by another.
    const late = await ack(broker, ask, handleOf(second.messages[0]))
    expect(late.status?.code).toBe('INVALID_RECEIPT_HANDLE')
  })

  test.each([true, false])(
    '54. after the last attempt a message is a dead letter (renewed leases: %s)',
    async (autoRenew) => {
      const name = `dead-${autoRenew}`
      await cluster.comet.admin.groups.create(name, {
        maxAttempts: 2,
        retryDelays: ['10ms'],
      } as never)
      const ask = { ...(await fill(name, 'the-letter')), autoRenew }
      for (const attempt of [1, 2]) {
        const { messages } = await client.receive(broker, ask)
        expect(messages[0]?.systemProperties?.deliveryAttempt).toBe(attempt)
        await change(ask, handleOf(messages[0]), 0)
      }
      await cluster.runtime.clock.sleep(300)

      const letters = await client.receive(broker, {
        ...ask,
        group: `${name}-reader`,
        topic: `%DLQ%${name}`,
      })

      expect(letters.messages[0]).toMatchObject({
        systemProperties: {
          messageId: 'the-letter',
          deadLetterQueue: { topic: name, messageId: 'the-letter' },
        },
      })
    },
  )

  test('55. a message may be given up twice', async () => {
    const ask = await fill('given-up', 'a')
    const { messages } = await client.receive(broker, { ...ask, autoRenew: true })
    for (const address of [cluster.nameServer, broker]) {
      const { status } = await client.call(address, 'ForwardMessageToDeadLetterQueue', {
        group: { name: ask.group },
        topic: { name: ask.topic },
        receiptHandle: handleOf(messages[0]),
        messageId: 'a',
        deliveryAttempt: 1,
        maxDeliveryAttempts: 1,
      })
      expect(status?.code).toBe('OK')
    }
    const letters = await client.receive(broker, {
      ...ask,
      group: 'given-up-reader',
      topic: '%DLQ%given-up',
    })
    expect(letters.messages).toHaveLength(1)
  })

  // Releases of the C++ client keep no handle of a message that they give up.
  test('55. a message is given up by its id, in its first delivery and in a later one', async () => {
    await cluster.comet.admin.groups.create('by-id', { retryDelays: ['10ms'] } as never)
    const ask = { ...(await fill('by-id', 'a', 'b', 'c')), autoRenew: true, group: 'by-id' }
    const giveUp = async (address: string, messageId: string, who = client) => {
      const { status } = await who.call(address, 'ForwardMessageToDeadLetterQueue', {
        group: { name: ask.group },
        topic: { name: ask.topic },
        messageId,
        deliveryAttempt: 1,
        maxDeliveryAttempts: 1,
      })
      return status?.code
    }
    const first = await client.receive(broker, ask)
    const [a, b, c] = first.messages.toSorted((x, y) => idOf(x).localeCompare(idOf(y)))
    expect([a, b, c].map(idOf)).toEqual(['a', 'b', 'c'])

    expect(await giveUp(broker, 'b', new RawClient(cluster.runtime.transport))).toBe('OK')
    expect(await deadLettersOf('by-id')).toEqual([])
    expect(await giveUp(cluster.nameServer, 'b')).toBe('OK')
    expect(await giveUp(broker, 'b')).toBe('OK')
    expect(await giveUp(broker, ' ')).toBe('ILLEGAL_MESSAGE_ID')
    await change(ask, handleOf(c), 0)
    const again = await client.receive(broker, ask)
    expect(again.messages.map(idOf)).toEqual(['c'])
    expect(await giveUp(cluster.broker('broker-b').address, 'c')).toBe('OK')

    expect(await deadLettersOf('by-id')).toEqual(['b', 'c'])
    expect((await ack(broker, ask, handleOf(a))).status?.code).toBe('OK')
  })

  test('24. every call works for a client that never opened a telemetry stream', async () => {
    const ask = await fill('silent', 'a')
    const other = new RawClient(cluster.runtime.transport, { language: 'CPP' })
    const { messages } = await other.receive(broker, ask)
    expect(messages).toHaveLength(1)
    expect((await ack(broker, ask, handleOf(messages[0]))).status?.code).toBe('OK')
  })

  test('61. handles survive a restart of their broker', async () => {
    const ask = await fill('restart', 'a', 'b')
    const { messages } = await client.receive(broker, ask)
    expect(messages).toHaveLength(2)
    await cluster.broker('broker-a').close()
    await cluster.startBroker('broker-a')
    const other = new RawClient(cluster.runtime.transport)

    await expect
      .poll(
        async () => {
          const [first] = messages
          const answer = await other
            .call(broker, 'AckMessage', {
              group: { name: ask.group },
              topic: { name: ask.topic },
              entries: [{ messageId: 'any', receiptHandle: handleOf(first) }],
            })
            .catch(() => undefined)
          return answer?.status?.code
        },
        { timeout: 10_000 },
      )
      .toBe('OK')
    const again = await other.receive(broker, ask)
    expect(again.messages.map(({ body }) => body)).toEqual([messages[1]?.body])
  })

  test('63. messages are pulled by offset, and offsets are kept', async () => {
    const topic = 'pulled'
    await cluster.createTopic(topic)
    for (let i = 0; i < 8; i++) await client.send(broker, { topic })
    const messageQueue = { topic: { name: topic }, id: 0, broker: { name: 'broker-a' } }
    const group = { name: 'puller' }
    const pull = (address: string, offset: number) =>
      client.collect<{ status?: { code: string }; message?: object; nextOffset?: number }>(
        address,
        'PullMessage',
        {
          group,
          messageQueue,
          offset,
          batchSize: 10,
          filterExpression: { type: 'TAG', expression: '*' },
          longPollingTimeout: { seconds: 5, nanos: 0 },
        },
        { timeoutMs: 20_000 },
      )
    for (const address of [broker, cluster.nameServer]) {
      const answers = await pull(address, 0)
      expect(answers[0]?.status?.code).toBe('OK')
      expect(answers.filter(({ message }) => message)).toHaveLength(2)
      expect(answers.at(-1)?.nextOffset).toBe(2)
      const beyond = await pull(address, 99)
      expect(beyond.map(({ status, nextOffset }) => status?.code ?? nextOffset)).toEqual([
        'ILLEGAL_OFFSET',
        2,
      ])
      const end = await client.call(address, 'QueryOffset', {
        messageQueue,
        queryOffsetPolicy: 'END',
      })
      expect(end).toMatchObject({ status: { code: 'OK' }, offset: 2 })
    }
    const none = await client.call(broker, 'GetOffset', { group, messageQueue })
    expect(none.status?.code).toBe('OFFSET_NOT_FOUND')
    const kept = await client.call(broker, 'UpdateOffset', { group, messageQueue, offset: 2 })
    expect(kept.status?.code).toBe('OK')
    const known = await client.call(cluster.nameServer, 'GetOffset', { group, messageQueue })
    expect(known).toMatchObject({ status: { code: 'OK' }, offset: 2 })
    const illegal = await client.call(broker, 'UpdateOffset', { group, messageQueue, offset: 99 })
    expect(illegal.status?.code).toBe('ILLEGAL_OFFSET')
    const untimed = await client.call(broker, 'QueryOffset', {
      messageQueue,
      queryOffsetPolicy: 'TIMESTAMP',
    })
    expect(untimed.status?.code).toBe('BAD_REQUEST')
  })
})
