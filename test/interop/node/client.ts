/** The official Node.js client, as `../README.md` describes it. */
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { ConsumeResult, Producer, PushConsumer, SimpleConsumer } from 'rocketmq-client-nodejs'

const { env } = process
const topic = env['TOPIC'] ?? ''
const consumerGroup = env['GROUP'] ?? ''
const count = Number(env['COUNT'] ?? 1)
const deadlineMs = Date.now() + Number(env['SECONDS'] ?? 30) * 1_000

const options = {
  endpoints: env['ENDPOINTS'] ?? '',
  namespace: '',
  requestTimeout: 3_000,
  sslEnabled: env['TLS'] === '1',
  ...(env['ACCESS_KEY'] === undefined
    ? {}
    : {
        sessionCredentials: {
          accessKey: env['ACCESS_KEY'],
          accessSecret: env['SECRET_KEY'] ?? '',
        },
      }),
}

interface Received {
  readonly messageId: string
  readonly body: Buffer
  readonly deliveryAttempt?: number
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

async function produce(): Promise<void> {
  const producer = new Producer({ ...options, topics: [topic] } as never)
  await producer.startup()
  say({ ready: true })
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) {
      await sendUntilStored(producer, next++)
      await delay(Number(env['PAUSE_MS'] ?? 0))
    }
  }
  await Promise.all(Array.from({ length: Number(env['IN_FLIGHT'] ?? 1) }, lane))
  // It throws while its connection to a broker that was away waits for its next try.
  await producer.shutdown().catch(() => {})
}

async function sendUntilStored(producer: Producer, index: number): Promise<void> {
  const groups = Number(env['MESSAGE_GROUPS'] ?? 0)
  const order = groups === 0 ? {} : { messageGroup: `${index % groups}` }
  const body = `message ${index}`
  for (;;) {
    try {
      const receipt = await producer.send({
        topic,
        tag: 'interop',
        body: Buffer.from(body),
        ...order,
      })
      say({ sent: receipt.messageId, body })
      return
    } catch (error) {
      if (Date.now() > deadlineMs) throw error
      await delay(200)
    }
  }
}

async function simple(): Promise<void> {
  const consumer = new SimpleConsumer({
    ...options,
    consumerGroup,
    subscriptions: new Map([[topic, '*']]),
    awaitDuration: 5_000,
  } as never)
  await consumer.startup()
  say({ ready: true })
  const seen = new Set<string>()
  while (seen.size < count && Date.now() < deadlineMs) {
    try {
      for (const message of await consumer.receive(32, 15_000)) {
        report(message)
        await consumer.ack(message)
        seen.add(message.messageId)
      }
    } catch {
      await delay(200)
    }
  }
  await consumer.shutdown()
}

async function push(): Promise<void> {
  const seen = new Set<string>()
  const consumer = new PushConsumer({
    ...options,
    consumerGroup,
    subscriptions: new Map([[topic, '*']]),
    messageListener: {
      consume(message: Received) {
        report(message)
        const isTenth = message.body.toString().endsWith('0')
        if (env['FAIL_FIRST'] === '1' && isTenth && message.deliveryAttempt === 1) {
          return Promise.resolve(ConsumeResult.FAILURE)
        }
        seen.add(message.messageId)
        return Promise.resolve(ConsumeResult.SUCCESS)
      },
    },
  } as never)
  await consumer.startup()
  say({ ready: true })
  while (seen.size < count && Date.now() < deadlineMs) await delay(50)
  // Acknowledgements of the last ones, and what may come twice.
  await delay(1_000)
  await consumer.shutdown()
}

function report({ messageId, body, deliveryAttempt }: Received): void {
  say({ received: messageId, body: body.toString(), attempt: deliveryAttempt })
}

const roles: Readonly<Record<string, () => Promise<void>>> = { produce, simple, push }
try {
  await roles[process.argv[2] ?? '']?.()
  process.exit(0)
} catch (error) {
  say({ error: String(error) })
  process.exit(1)
}
