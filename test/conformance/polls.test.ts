import { beforeAll, describe, expect, test } from 'vitest'
import { type Ask, type RawClient, receiveRequestOf } from './raw-client.ts'
import { VirtualCluster } from './virtual-cluster.ts'

const BROKER = 'broker-a:8081'

/** From where a client asks broker a, and how long a message to it and its answer are under way at most. */
const ways = [
  { way: 'the broker itself', address: BROKER, tripMs: 4 },
  { way: 'a name server', address: 'ns-1:9876', tripMs: 8 },
  { way: 'another broker', address: 'broker-b:8081', tripMs: 8 },
] as const

/** Of a server that has all it needs; a flush takes the simulated disk longer than anything else. */
const WORK_MS = 10

let cluster: VirtualCluster
let producer: RawClient
let nextTopic = 0

beforeAll(async () => {
  cluster = await VirtualCluster.start()
  producer = cluster.client('producer')
})

/** A client that has been connected for a while, and what it asks of a topic that is new. */
async function newcomer(address: string) {
  const topic = `topic-${nextTopic++}`
  await cluster.createTopic(topic)
  const client = cluster.client(`consumer of ${topic}`)
  await cluster.run(client.call(address, 'Heartbeat', {}))
  await cluster.run(client.call(address, 'QueryRoute', { topic: { name: topic } }))
  const ask = { group: topic, topic, brokerName: 'broker-a', invisibleSeconds: 30, pollSeconds: 5 }
  return { client, topic, ask }
}

function send(topic: string, tag?: string) {
  return producer.send(BROKER, { topic, ...(tag === undefined ? {} : { system: { tag } }) })
}

describe.each(ways)('a poll with nothing to deliver, by $way', ({ address, tripMs }) => {
  test('42. ends after its time, with MESSAGE_NOT_FOUND', async () => {
    const { client, ask } = await newcomer(address)
    for (const [pollSeconds, expectedMs] of [
      [1, 5_000],
      [5, 5_000],
      [12, 12_000],
      [20, 20_000],
      [60, 20_000],
    ] as const) {
      const { tookMs, ...answer } = await cluster.timed(
        client.receive(address, { ...ask, pollSeconds }),
      )

      expect(answer).toMatchObject({ code: 'MESSAGE_NOT_FOUND', messages: [] })
      expect(answer.kinds).toEqual(['status', 'deliveryTimestamp'])
      expect(tookMs).toBeGreaterThanOrEqual(expectedMs)
      expect(tookMs).toBeLessThan(expectedMs + tripMs + WORK_MS)
    }
  })

  // A message in an answer that comes too late is away until its lease ends.
  test('43. ends 300 ms before its caller gives up', async () => {
    const { client, ask } = await newcomer(address)
    for (const pollSeconds of [1, 5, 10, 20, 40, 3_600]) {
      for (const timeoutMs of [5_100, 6_000, 10_000, 20_000, 20_400, 40_000]) {
        const { code, tookMs } = await cluster.timed(
          client.receive(address, { ...ask, pollSeconds, timeoutMs }),
        )

        expect(code).toBe('MESSAGE_NOT_FOUND')
        const wantedMs = Math.min(Math.max(pollSeconds, 5), 20) * 1_000
        const latestMs = Math.min(wantedMs + tripMs + WORK_MS, timeoutMs - 300)
        expect(tookMs).toBeLessThan(latestMs)
        expect(tookMs).toBeGreaterThan(latestMs - 500)
      }
    }
  })

  test('44. takes the time its caller has, less half of a request, when it names none', async () => {
    const { client, ask } = await newcomer(address)
    const { pollSeconds: _, ...unset } = ask

    const { code, tookMs } = await cluster.timed(
      client.receive(address, { ...unset, timeoutMs: 9_000 }),
    )

    expect(code).toBe('MESSAGE_NOT_FOUND')
    expect(tookMs).toBeGreaterThan(7_200)
    expect(tookMs).toBeLessThan(7_500 + tripMs + WORK_MS)
  })

  test('44. is refused at once when its caller has too little time', async () => {
    const { client, ask } = await newcomer(address)
    const { pollSeconds: _, ...unset } = ask

    const { code, tookMs } = await cluster.timed(
      client.receive(address, { ...unset, timeoutMs: 4_000 }),
    )

    expect(code).toBe('ILLEGAL_POLLING_TIME')
    expect(tookMs).toBeLessThan(tripMs + WORK_MS)
  })
})

describe.each(ways)('a poll that waits, by $way', ({ address, tripMs }) => {
  test('45. is answered as soon as a message comes', async () => {
    const { client, topic, ask } = await newcomer(address)
    for (const waitedMs of [3, 1_000, 4_900]) {
      const polling = client.receive(address, ask)
      await cluster.simulation.advance(waitedMs)
      const sending = send(topic)

      const { messages, tookMs } = await cluster.timed(polling)

      expect(messages).toHaveLength(1)
      expect(tookMs).toBeLessThan(2 * tripMs + WORK_MS)
      await cluster.run(sending)
    }
  })

  // As many as there are messages; the others would poll again for nothing.
  test('45. is answered in its turn', async () => {
    const { client, topic, ask } = await newcomer(address)
    const answered: number[] = []
    const polls = [0, 1, 2].map(async (index) => {
      const { messages } = await client.receive(address, ask)
      if (messages.length > 0) answered.push(index)
    })
    await cluster.simulation.advance(100)

    for (const index of [0, 1]) {
      await cluster.run(send(topic))
      await cluster.simulation.advance(2 * tripMs)
      expect(answered).toHaveLength(index + 1)
    }

    await cluster.run(Promise.all(polls))
    expect(answered).toEqual([0, 1])
  })

  test('45. 49. is not answered by what its filter keeps back', async () => {
    const { client, topic, ask } = await newcomer(address)
    const polling = client.receive(address, { ...ask, filter: { type: 'TAG', expression: 'a' } })
    await cluster.simulation.advance(1_000)
    await cluster.run(send(topic, 'b'))
    await cluster.simulation.advance(1_000)
    const sending = send(topic, 'a')

    const { messages, tookMs } = await cluster.timed(polling)

    expect(messages.map(({ systemProperties }) => systemProperties?.tag)).toEqual(['a'])
    expect(tookMs).toBeLessThan(2 * tripMs + WORK_MS)
    await cluster.run(sending)
  })
})

describe.each(ways)('a pull that waits, by $way', ({ address, tripMs }) => {
  const pull = (client: RawClient, topic: string) =>
    client.collect<{ message?: object; nextOffset?: number }>(address, 'PullMessage', {
      group: { name: topic },
      messageQueue: { topic: { name: topic }, id: 0, broker: { name: 'broker-a' } },
      offset: 0,
      batchSize: 10,
      filterExpression: { type: 'TAG', expression: '*' },
      longPollingTimeout: { seconds: 5, nanos: 0 },
    })

  test('63. is answered as soon as a message comes, or after its time', async () => {
    const { client, topic } = await newcomer(address)

    const none = await cluster.timed(pull(client, topic))
    const pulling = pull(client, topic)
    await cluster.simulation.advance(1_000)
    const sending = send(topic)
    const { tookMs, ...answers } = await cluster.timed(pulling)

    expect(none).toMatchObject({
      0: { status: { code: 'MESSAGE_NOT_FOUND' } },
      1: { nextOffset: 0 },
    })
    expect(none.tookMs).toBeGreaterThanOrEqual(5_000)
    expect(none.tookMs).toBeLessThan(5_000 + tripMs + WORK_MS)
    expect(answers).toMatchObject({ 0: { status: { code: 'OK' } }, 2: { nextOffset: 1 } })
    expect(tookMs).toBeLessThan(2 * tripMs + WORK_MS)
    await cluster.run(sending)
  })
})

describe.each(ways)('a client that goes, by $way', ({ address, tripMs }) => {
  test('50. while it waits, takes nothing with it', async () => {
    const { client, topic, ask } = await newcomer(address)
    const stop = new AbortController()
    const polling = client.receive(address, { ...ask, signal: stop.signal })
    const gone = polling.catch(({ code }: { readonly code: string }) => code)
    await cluster.simulation.advance(1_000)
    stop.abort()
    expect(await cluster.run(gone)).toBe('CANCELLED')
    await cluster.simulation.advance(tripMs)
    await cluster.run(send(topic))

    const { attempts, tookMs } = await next(address, ask)

    expect(attempts).toEqual([1])
    expect(tookMs).toBeLessThan(tripMs + WORK_MS)
  })

  test.each([
    { goes: 'cancels', within: 2_000 },
    { goes: 'is killed', within: 2_000 },
    // Nobody says so: keep-alive has to notice it.
    { goes: 'loses its power', within: 10_000 },
  ] as const)(
    '50. with messages it has not read, $goes: they are back',
    async ({ goes, within }) => {
      const { client, topic, ask } = await newcomer(address)
      const messages = client.open(address, 'ReceiveMessage')
      messages.receive({ message: () => {}, ended: () => {}, failed: () => {} })
      messages.pause()
      messages.send(receiveRequestOf(ask))
      messages.end()
      await cluster.simulation.advance(100)
      await cluster.run(send(topic))
      await cluster.simulation.advance(1_000)
      expect(await next(address, ask)).toMatchObject({ attempts: [] })

      const machine = cluster.simulation.machine(`consumer of ${topic}`)
      if (goes === 'cancels') messages.cancel()
      else if (goes === 'is killed') machine.kill()
      else machine.powerCut()

      const startedAtMs = cluster.simulation.clock.elapsedMs()
      while ((await next(address, ask)).attempts[0] !== 1) await cluster.simulation.advance(1)
      expect(cluster.simulation.clock.elapsedMs() - startedAtMs).toBeLessThan(within)
    },
  )
})

/** The attempts of what another client receives. */
async function next(address: string, ask: Ask) {
  const { messages, tookMs } = await cluster.timed(producer.receive(address, ask))
  const attempts = messages.map(({ systemProperties }) => systemProperties?.deliveryAttempt)
  return { attempts, tookMs }
}
