import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, text } from '@cometmq/client'
import { silentLogger } from '@cometmq/runtime'
import { quietPorts } from '../cluster/quiet-ports.ts'
import { Relay } from '../drill/cluster/relay.ts'
import { ClientProcess } from '../interop/client-process.ts'
import { languages } from '../interop/languages.ts'
import type { ComposeCluster } from './engine.ts'
import { GROUPS } from './layout.ts'

/** As many as a topic has queues in both groups: sent one after the other, every master gets some. */
const COUNT = 16

/** What a client is told in the beginning, and all that it has to be told. */
export async function nativeWay(endpoint: string): Promise<void> {
  await using comet = await connect({ endpoints: [endpoint], log: silentLogger })
  const topicName = newName()
  await comet.admin.topics.create(topicName)
  const topic = comet.topic(topicName, { codec: text() })
  const took = new Set<string>()
  for (let i = 0; i < COUNT; i++) took.add((await topic.send(`${i}`)).brokerName)
  assert.equal(took.size, GROUPS.length)
  const bodies = new Set<string>()
  for await (const message of topic.receive({ group: topicName, from: 'earliest' })) {
    bodies.add(message.body)
    await message.ack()
    if (bodies.size === COUNT) return
  }
}

type MakeTopic = (name: string) => Promise<unknown>

/** From a container of its own in the cluster's network. */
export async function wayInNetwork(
  cluster: ComposeCluster,
  endpoint: string,
  makeTopic: MakeTopic,
): Promise<void> {
  const topic = newName()
  await makeTopic(topic)
  await cluster.comet(['msg', 'send', topic, 'from a container', '-n', endpoint])
  const tail = ['msg', 'tail', topic, '--from', 'earliest', '--max', '1', '--json']
  assert.match(await cluster.comet([...tail, '-n', endpoint]), /from a container/)
}

/**
 * An official client that knows one member, by a port that this member knows nothing of; the others
 * it reaches by theirs.
 */
export async function officialWay(endpoint: string, makeTopic: MakeTopic): Promise<void> {
  const [port = 0] = await quietPorts(1)
  const dialled = `127.0.0.1:${port}`
  await using _relay = await Relay.open({ from: dialled, to: endpoint })
  const topic = newName()
  await makeTopic(topic)
  const [language] = languages
  assert(language !== undefined)
  const setting = { ENDPOINTS: dialled, TOPIC: topic, GROUP: topic, COUNT: `${COUNT}` }
  const consumer = new ClientProcess(language, 'push', setting)
  await consumer.ready
  const producer = new ClientProcess(language, 'produce', setting)
  assert.equal(await producer.exited, 0, producer.errors.join())
  assert.equal(await consumer.exited, 0, consumer.errors.join())
  assert.equal(consumer.received.size, COUNT)
}

/** From the first message on that both broker groups take. */
export async function firstMessage(endpoints: readonly string[]): Promise<void> {
  await using comet = await connectPatiently(endpoints)
  while (comet.admin.brokers.length < GROUPS.length) await sleep(20)
  const topicName = newName()
  await comet.admin.topics.create(topicName)
  const topic = comet.topic(topicName, { codec: text() })
  const consumed = Promise.withResolvers<void>()
  await using _consumer = topic.consume({ group: topicName, from: 'earliest' }, () =>
    consumed.resolve(),
  )
  await topic.send('first')
  await consumed.promise
}

async function connectPatiently(endpoints: readonly string[]) {
  for (let tries = 0; ; tries++) {
    try {
      return await connect({ endpoints, log: silentLogger })
    } catch (error) {
      if (tries === 200) throw error
      await sleep(100)
    }
  }
}

let names = 0

function newName(): string {
  return `way-${++names}`
}
