/** The level folder holds what is derived from the log; without it a start takes longer, and that is all. */
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { type CometClient, connect, type ReceivedMessage, text } from '@cometmq/client'
import { encodeBatch, isRetryTopic, publishMethod, retryTopicOf } from '@cometmq/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LocalCluster } from '../cluster/local-cluster.ts'
import { run } from './cli/comet-process.ts'
import { RawClient } from './raw-client.ts'

const BROKER = 'broker-a'
const TOPIC = 'orders'
const MESSAGES = 24
const WAIT = { timeout: 20_000, interval: 20 }
/** Half of the orders were stored before. */
let halfway: Date

let cluster: LocalCluster
let comet: CometClient

beforeAll(async () => {
  cluster = await LocalCluster.start({ nameServers: 1, brokers: [BROKER] })
  comet = await connect({ endpoints: cluster.endpoints })
})
afterAll(async () => {
  await comet?.close()
  await cluster?.[Symbol.asyncDispose]()
})

describe('a broker whose level folder is deleted while it is stopped', () => {
  test('shows the same as before, whether it was closed or killed', async () => {
    await leaveTraces()
    const before = await everything()
    expectTraces(before)

    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      await cluster.broker(BROKER).stop(signal)
      await rm(path.join(cluster.dataDirectoryOf(BROKER), 'level'), { recursive: true })
      const broker = await cluster.startBroker(BROKER)

      expect(await broker.said('store opened')).toMatchObject({ rebuilt: 'there was none' })
      expect(await everything(), `after ${signal}`).toEqual(before)
    }
  })

  // It would be late, or early, if its time were kept in the folder only.
  test('hands a message out again when it is due, and not before', async () => {
    const [due] = await retriesOf('soon')
    const redelivered = Promise.withResolvers<{ body: string; attempt: number; atMs: number }>()
    await using consumer = comet
      .topic('timed', { codec: text() })
      .consume({ group: 'soon' }, (body, { attempt }) =>
        redelivered.resolve({ body, attempt, atMs: Date.now() }),
      )

    const { body, attempt, atMs } = await Promise.race([
      redelivered.promise,
      consumer.done.then(() => Promise.reject(new Error('the consumer has ended'))),
    ])

    expect({ body, attempt }).toEqual({ body: 'soon', attempt: 2 })
    expect(atMs).toBeGreaterThanOrEqual(due?.dueAtMs ?? Number.POSITIVE_INFINITY)
  })

  test('still knows what a producer has sent before', async () => {
    expect(await publishOnce()).toMatchObject({ error: 0, baseQueueOffset: 0, duplicate: true })
  })
})

/** Messages of all fates, groups in all states, positions, and a topic that is gone. */
async function leaveTraces(): Promise<void> {
  const { topics, groups, deadLetters } = comet.admin
  await topics.create(TOPIC, { queueCount: 3 })
  await topics.create('edited', { queueCount: 2, flush: 'async' })
  await topics.edit('edited', { queueCount: 4, writable: 'false' })
  await topics.create('gone', { queueCount: 1 })
  await comet.topic('gone', { codec: text() }).send('gone')
  await topics.delete('gone')
  await topics.create('idempotent', { queueCount: 1 })
  await publishOnce()
  await topics.create('timed', { queueCount: 1 })
  await comet.topic('timed', { codec: text() }).send('soon')

  const orders = comet.topic(TOPIC, { codec: text() })
  for (let number = 0; number < MESSAGES; number++) {
    if (number === MESSAGES / 2) halfway = await laterThanAllStored()
    await orders.send(`order ${number}`, {
      tag: number % 3 === 0 ? 'eu' : 'us',
      keys: [`order-${number}`],
      properties: { number: `${number}` },
      ...(number % 4 === 0 ? { key: `customer-${number % 8}` } : {}),
    })
  }

  await settle('timed', 'soon', 1, (_, message) => message.retry('4s', 'not yet'))
  await settle(TOPIC, 'finished', MESSAGES, (_, message) => message.ack())
  await settle(TOPIC, 'rejecting', MESSAGES, (number, message) => message.reject(`no ${number}`))
  // In pieces, so that its progress is not one number.
  await settle(TOPIC, 'half', MESSAGES, (number, message) => {
    if (number % 5 === 0) return message.retry('1h', `later ${number}`)
    if (number % 7 === 0) return message.reject(`never ${number}`)
    return number % 2 === 0 ? message.ack() : undefined
  })
  await deadLetters.redrive('rejecting', { max: 4 })
  await settle(TOPIC, 'purged', 3, (_, message) => message.reject('no'))
  await deadLetters.purge('purged')
  await settle(TOPIC, 'moved', MESSAGES, (_, message) => message.ack())
  await groups.reset('moved', { to: 'timestamp', timestampMs: halfway.getTime() })
  await groups.create('idle', { start: 'latest', maxAttempts: 3, retryDelaysMs: [1_000, 9_000] })
  await groups.pause('idle')

  await using reader = orders.reader({ name: 'audit', from: 'earliest' })
  for (let read = 0; read < 5; read++) await reader.next()
  await reader.commit()
}

/** Takes so many messages as a member of the group and lets `how` say what becomes of each, by its number. */
async function settle(
  topic: string,
  group: string,
  count: number,
  how: (number: number, message: ReceivedMessage<string>) => Promise<void> | undefined,
): Promise<void> {
  await using receiver = comet.topic(topic, { codec: text() }).receive({ group, from: 'earliest' })
  let taken = 0
  for await (const message of receiver) {
    await how(Number(message.body.split(' ')[1] ?? 0), message)
    taken += 1
    if (taken === count) break
  }
}

/** All that a user can see, but what tells only how late it is. */
async function everything() {
  const { admin } = comet
  await expect.poll(() => admin.brokers.length, WAIT).toBe(1)
  const names = (await admin.groups.list()).map(({ spec }) => spec?.group ?? '').toSorted()
  const groups = await Promise.all(names.filter((name) => name !== 'soon').map(groupOf))
  const topics = await admin.topics.list({ internal: true })
  const edge = halfway.getTime()
  const byTime = { to: 'timestamp', timestampMs: edge, dryRun: true }
  return {
    topics: await Promise.all(topics.map(async (spec) => [spec, await queuesOf(spec.topic)])),
    groups,
    messages: await Promise.all(
      // A group's retry queue has no route: nobody else reads it.
      topics.filter(({ topic }) => !isRetryTopic(topic)).map(({ topic }) => messagesOf(topic)),
    ),
    deadLetters: await Promise.all(names.map((name) => admin.deadLetters.list(name))),
    retries: await retriesOf('half'),
    halfway: (await admin.groups.reset('half', { ...byTime, topic: TOPIC })).queues,
    audit: await positionOf('audit'),
    lag: await cli('group', 'lag', 'half'),
    stats: await cli('topic', 'stats', TOPIC),
    letters: await cli('dlq', 'ls'),
  }
}

/** A snapshot of which half is missing would equal any other. */
function expectTraces(found: Awaited<ReturnType<typeof everything>>): void {
  const counts = Object.fromEntries(
    found.groups.map(({ name, queues, deadLetters }) => [
      name,
      {
        backlog: queues.reduce((sum, { backlog }) => sum + backlog, 0),
        delayed: queues.reduce((sum, { delayed }) => sum + delayed, 0),
        deadLetters,
      },
    ]),
  )
  expect(counts).toMatchObject({
    // Numbers 1, 3, 9, 11, 13, 17, 19, 23 of 24 are left, five are late, three are dead: 7, 14, 21.
    half: { backlog: 13, delayed: 5, deadLetters: 3 },
    finished: { backlog: 0, delayed: 0, deadLetters: 0 },
    rejecting: { backlog: 4, delayed: 0, deadLetters: MESSAGES - 4 },
    purged: { deadLetters: 0 },
    moved: { backlog: MESSAGES / 2 },
    idle: { backlog: 0 },
  })
  expect(found.retries).toHaveLength(5)
  expect(found.audit).toHaveLength(MESSAGES - 5)
  expect(found.topics.map(([spec]) => (spec as { topic: string }).topic)).not.toContain('gone')
}

async function groupOf(name: string) {
  const look = async () => {
    const [group] = await comet.admin.groups.describe(name)
    const queues = group?.queues ?? []
    return { name, spec: group?.spec, deadLetters: group?.deadLetters, queues }
  }
  // Members have left; what they held is given back.
  const inFlight = async () => (await look()).queues.reduce((sum, queue) => sum + queue.inFlight, 0)
  await expect.poll(inFlight, WAIT).toBe(0)
  const { queues, ...rest } = await look()
  return { ...rest, queues: queues.map((queue) => ({ ...queue, oldestAgeMs: 0 })) }
}

async function queuesOf(topic: string) {
  const [description] = await comet.admin.topics.describe(topic)
  return { queues: description?.queues, groups: description?.groups }
}

async function messagesOf(topic: string): Promise<string[]> {
  const shown: string[] = []
  await using reader = comet.topic(topic, { codec: text() }).reader({
    from: 'earliest',
    untilEnd: true,
  })
  for await (const {
    id,
    body,
    tag,
    keys,
    key,
    properties,
    queueId,
    queueOffset,
    storedAt,
  } of reader) {
    const place = { topic, queueId, queueOffset, storedAt }
    shown.push(JSON.stringify({ place, id, body, tag, keys, key, properties }))
  }
  return shown.toSorted()
}

/** What waits for its next attempt, with when that is due. */
async function retriesOf(group: string) {
  const topic = retryTopicOf(group)
  const [description] = await comet.admin.topics.describe(topic)
  const { minOffset = 0, maxOffset = 0 } = description?.queues[0] ?? {}
  const offsets = Array.from({ length: maxOffset - minOffset }, (_, index) => minOffset + index)
  return Promise.all(
    offsets.map((offset) => comet.admin.call(BROKER, 'GetMessage', { topic, queueId: 0, offset })),
  )
}

/** What a reader of that name would read. */
async function positionOf(name: string): Promise<string[]> {
  const bodies: string[] = []
  const reading = { name, from: 'earliest', untilEnd: true } as const
  await using reader = comet.topic(TOPIC, { codec: text() }).reader(reading)
  for await (const { body } of reader) bodies.push(body)
  return bodies.toSorted()
}

async function cli(...args: readonly string[]): Promise<unknown> {
  const { stdout } = await run([...args, '--json', '-n', cluster.endpoints.join(',')])
  return JSON.parse(stdout, (key, value) => (key === 'oldestAgeMs' ? undefined : value))
}

/** The same batch each time, as a producer sends it again that has had no answer. */
async function publishOnce() {
  using client = new RawClient(cluster.broker(BROKER).address)
  const stream = client.open(publishMethod)
  const batch = encodeBatch({
    topic: 'idempotent',
    queueId: 0,
    producer: {
      producerId: '0123456789abcdef',
      producerEpoch: 0,
      sequence: 0,
      baseMessageNumber: 0,
    },
    bornTimeMs: 1_750_000_000_000,
    messages: [{ body: Buffer.from('once') }],
  })
  stream.write(publishMethod.encodeRequest({ batches: [batch] }))
  const [bytes] = (await once(stream, 'data')) as [Buffer]
  return publishMethod.decodeResponse(bytes).results[0]
}

/** The time of the broker's next message but for those that it has stored before. */
async function laterThanAllStored(): Promise<Date> {
  const stored = Date.now()
  await expect.poll(() => Date.now(), { interval: 1 }).toBeGreaterThan(stored)
  return new Date()
}
