/**
 * Kills a broker process again and again under load, and holds what clients saw against the promises:
 * nothing acknowledged is lost, nothing is delivered that was never sent, nothing is stored twice.
 *
 * `KILLS=200 npm test -- kill-loop` runs it for long.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type CometClient, connect, type Topic, text } from '@cometmq/client'
import { SeededRandom } from '@cometmq/simulation'
import { backlogOf } from '../cluster/backlog.ts'
import { LocalCluster } from '../cluster/local-cluster.ts'
import {
  type DeliveredMessage,
  History,
  type Violation,
} from '../../packages/cli/src/history/history.ts'

const TOPIC = 'kill-loop'
const GROUP = 'kill-loop'
const BROKER = 'broker-a'
const PRODUCERS = 4

export interface KillLoopReport {
  readonly kills: number
  readonly sent: number
  readonly acknowledged: number
  readonly deliveries: number
  readonly redeliveries: number
  readonly violations: readonly Violation[]
}

export async function runKillLoop(options: {
  readonly kills: number
  readonly seed: number
  readonly onKill?: (done: number, history: History) => void
}): Promise<KillLoopReport> {
  const random = new SeededRandom(options.seed)
  const history = new History()
  await using cluster = await LocalCluster.start({ nameServers: 1, brokers: [BROKER] })
  await using comet = await connect({ endpoints: cluster.endpoints })
  await comet.admin.topics.create(TOPIC, { queueCount: 4 })
  await comet.admin.groups.create(GROUP, { start: 'earliest' })
  const topic = comet.topic(TOPIC, { codec: text() })

  const load = new AbortController()
  const producing = Array.from({ length: PRODUCERS }, (_, i) =>
    produce(topic, i, history, load.signal),
  )
  const stopConsuming = new AbortController()
  const consuming = consume(topic, history, stopConsuming.signal)
  for (let kill = 0; kill < options.kills; kill++) {
    await sleep(30 + random.fraction() * 250)
    await cluster.broker(BROKER).stop('SIGKILL')
    await cluster.startBroker(BROKER)
    options.onKill?.(kill + 1, history)
  }
  await sleep(300)
  load.abort()
  await Promise.all(producing)
  await untilDelivered(comet, history)
  stopConsuming.abort()
  await consuming
  await readQueues(topic, history)
  return {
    kills: options.kills,
    ...history.counts,
    violations: history.violations({ groups: [GROUP], finalReads: true }),
  }
}

/** Sends without a pause, several at a time, each body once. */
async function produce(
  topic: Topic<string>,
  producer: number,
  history: History,
  signal: AbortSignal,
): Promise<void> {
  const inFlight = new Set<Promise<void>>()
  for (let number = 0; !signal.aborted; number++) {
    const id = `p${producer}-${number}`
    // Small ones and, now and then, one that fills pages of its own.
    const body = number % 50 === 0 ? id + '.'.repeat(20_000) : id
    history.sent(id, body)
    const sent = topic
      .send(body, { timeout: '60s', ...(number % 3 === 0 ? { key: `k${number % 7}` } : {}) })
      .then(({ brokerName, queueId, queueOffset }) =>
        history.acknowledged(id, { topic: TOPIC, brokerName, queueId, queueOffset }),
      )
      .finally(() => inFlight.delete(sent))
    inFlight.add(sent)
    if (inFlight.size >= 64) await Promise.race(inFlight)
    else if (number % 16 === 0) await sleep(1)
  }
  await Promise.all(inFlight)
}

async function consume(topic: Topic<string>, history: History, signal: AbortSignal): Promise<void> {
  let count = 0
  for await (const message of topic.receive({ group: GROUP, from: 'earliest', signal })) {
    const id = idOf(message.body)
    history.delivered(GROUP, {
      brokerName: message.brokerName,
      topic: TOPIC,
      queueId: message.queueId,
      queueOffset: message.queueOffset,
      messageId: id,
      body: message.body,
      attempt: message.attempt,
    })
    // Every 40th is sent back once; an answer that a kill swallowed settles nothing.
    const settled =
      count++ % 40 === 0 && message.attempt === 1
        ? message.retry(50)
        : message.ack().then(() => history.settled(GROUP, id))
    settled.catch(() => {})
  }
}

async function untilDelivered(comet: CometClient, history: History): Promise<void> {
  for (let waits = 0; waits < 1_200; waits++) {
    if ((await backlogOf(comet, GROUP)) === 0 && history.missingFor(GROUP).length === 0) return
    await sleep(50)
  }
}

/** All queues from their first message to their end, as any reader sees them. */
async function readQueues(topic: Topic<string>, history: History): Promise<void> {
  const queues = new Map<string, DeliveredMessage[]>()
  await using reader = topic.reader({ from: 'earliest', untilEnd: true })
  for await (const { brokerName, queueId, queueOffset, body } of reader) {
    const key = `${brokerName}/${queueId}`
    const messages = queues.get(key) ?? []
    queues.set(key, messages)
    const messageId = idOf(body)
    messages.push({ brokerName, topic: TOPIC, queueId, queueOffset, messageId, body, attempt: 1 })
  }
  for (const messages of queues.values()) history.finalQueue(messages)
}

function idOf(body: string): string {
  const end = body.indexOf('.')
  return end < 0 ? body : body.slice(0, end)
}
