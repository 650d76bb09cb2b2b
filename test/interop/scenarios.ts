import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import process from 'node:process'
import { type CometClient, type Topic, text } from '@cometmq/client'
import { backlogOf } from '../cluster/backlog.ts'
import type { LocalCluster } from '../cluster/local-cluster.ts'
import { ClientProcess, type Role } from './client-process.ts'
import type { Language } from './languages.ts'

export interface Stage {
  readonly language: Language
  readonly cluster: LocalCluster
  readonly comet: CometClient
  /** With users and a certificate. */
  readonly guarded: LocalCluster
  readonly certificate: string
}

export interface Scenario {
  readonly name: string
  readonly applies?: (language: Language) => boolean
  run(stage: Stage): Promise<string>
}

const COUNT = 200
/** From both producers together: `SHARED_MESSAGES=100000 npm run interop -- node`. */
const SHARED = Number(process.env['SHARED_MESSAGES'] ?? 2 * COUNT)
let topics = 0

/** What official clients are expected to get through, in any language. */
export const scenarios: readonly Scenario[] = [
  {
    name: 'a simple consumer gets what a producer sends, each message once',
    // Java asks one queue after the other, each for 5 s, also those of a broker that has nothing.
    run: (stage) => throughGroup(stage, 'simple', { SECONDS: '120' }),
  },
  {
    name: 'a push consumer gets what a producer sends, each message once',
    run: (stage) => throughGroup(stage, 'push', {}),
  },
  {
    name: 'messages whose handler fails come again',
    async run(stage) {
      const setting = await setUp(stage)
      const consumer = start(stage, 'push', { ...setting, FAIL_FIRST: '1' })
      await consumer.ready
      const producer = start(stage, 'produce', setting)
      assert.equal(await producer.exited, 0)
      assert.equal(await consumer.exited, 0)
      const repeated = [...consumer.received.values()].filter((attempts) => attempts.length > 1)
      assert.equal(repeated.length, COUNT / 10)
      for (const attempts of repeated) assert.deepEqual(attempts, [1, 2])
      return `${repeated.length} came twice`
    },
  },
  {
    name: 'a FIFO group keeps the order of message groups, also of messages that fail',
    async run(stage) {
      // The Python client says of each of its own repetitions that it is the first attempt, until it gives
      // up after sixteen; they hold up their message groups for some 25 s.
      const fails = { MESSAGE_GROUPS: '8', FAIL_FIRST: '1', SECONDS: '60' }
      const setting = { ...(await setUpFifo(stage)), ...fails }
      const consumer = start(stage, 'push', setting)
      await consumer.ready
      const producer = start(stage, 'produce', setting)
      assert.equal(await producer.exited, 0, producer.errors.join())
      assert.equal(await consumer.exited, 0, consumer.errors.join())
      const lost = producer.sent.filter((id) => !consumer.received.has(id))
      assert.equal(lost.length, 0, `${lost.length} messages did not come`)
      return `${overtaken(consumer, 8)} in order`
    },
  },
  {
    name: 'official and native members of one group share the messages of both',
    async run(stage) {
      const setting = { ...(await setUp(stage)), SECONDS: '900' }
      const topic = stage.comet.topic(setting.TOPIC, { codec: text() })
      const native = new Map<string, number[]>()
      await using consumer = topic.consume({ group: setting.GROUP }, (_, { id, attempt }) => {
        native.set(id, [...(native.get(id) ?? []), attempt])
      })
      const official = start(stage, 'push', { ...setting, COUNT: String(SHARED + 1) })
      await official.ready
      const half = { COUNT: String(SHARED / 2), IN_FLIGHT: '32' }
      const producer = start(stage, 'produce', { ...setting, ...half })
      await sendMany(topic, SHARED / 2)
      assert.equal(await producer.exited, 0, producer.errors.join())
      while ((await backlogOf(stage.comet, setting.GROUP)) > 0) await delay(200)
      await consumer.drain()
      official.kill()
      await official.exited
      const deliveries = [...native, ...official.received]
      assert.equal(new Map(deliveries).size, SHARED)
      const twice = deliveries.filter(
        ([id, attempts]) => attempts.length > 1 || (native.has(id) && official.received.has(id)),
      )
      assert.deepEqual(twice.slice(0, 3), [], `${twice.length} came twice`)
      return `${native.size} went to the native member, ${official.received.size} to the official one`
    },
  },
  {
    name: 'wrong credentials are refused, right ones are not',
    async run(stage) {
      const setting = { ...(await setUp(stage, stage.guarded)), COUNT: '1', SECONDS: '2' }
      const wrong = start(stage, 'produce', { ...setting, ACCESS_KEY: 'ak', SECRET_KEY: 'no' })
      const right = start(stage, 'produce', { ...setting, ACCESS_KEY: 'ak', SECRET_KEY: 'sk' })
      const isRefused = await Promise.race([
        wrong.exited.then((code) => code !== 0),
        // Some clients wait for ever for settings that do not come.
        delay(10_000).then(() => wrong.sent.length === 0),
      ])
      wrong.kill()
      assert.ok(isRefused)
      assert.equal(await right.exited, 0)
      assert.equal(right.sent.length, 1)
      return 'refused and accepted'
    },
  },
  {
    name: 'TLS with a certificate that is verified',
    applies: ({ tls }) => tls === 'verifies',
    async run(stage) {
      const credentials = { ACCESS_KEY: 'ak', SECRET_KEY: 'sk' }
      const setting = { ...(await setUp(stage, stage.guarded)), ...credentials, TLS: '1' }
      const producer = start(stage, 'produce', {
        ...setting,
        NODE_EXTRA_CA_CERTS: stage.certificate,
        GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: stage.certificate,
      })
      assert.equal(await producer.exited, 0, producer.errors.join())
      assert.equal(producer.sent.length, COUNT)
      return `${COUNT} sent`
    },
  },
  {
    name: 'TLS with the certificate that a server makes for itself',
    // Most clients come with TLS unless they are told otherwise.
    applies: ({ tls }) => tls === 'takes any',
    run: (stage) => throughGroup(stage, 'push', { TLS: '1' }),
  },
  {
    name: 'a name server is lost in the middle',
    async run(stage) {
      const run = throughGroup(stage, 'push', { PAUSE_MS: '20' })
      await delay(2_500)
      await stage.cluster.restartNameServer(1)
      return run
    },
  },
  {
    name: 'a broker is killed and started again in the middle: nothing that was stored is lost',
    async run(stage) {
      const setting = { ...(await setUp(stage)), PAUSE_MS: '20', SECONDS: '60' }
      const consumer = start(stage, 'push', setting)
      await consumer.ready
      const producer = start(stage, 'produce', setting)
      await producer.ready
      await delay(1_500)
      await stage.cluster.broker('broker-a').stop('SIGKILL')
      await delay(1_000)
      await stage.cluster.startBroker('broker-a')
      assert.equal(await producer.exited, 0, producer.errors.join())
      await consumer.exited
      const lost = producer.sent.filter((id) => !consumer.received.has(id))
      assert.equal(lost.length, 0, `${lost.length} messages are lost`)
      const twice = [...consumer.received.values()].filter((attempts) => attempts.length > 1)
      return `${producer.sent.length} stored, none lost, ${twice.length} came twice`
    },
  },
]

/** Of each message group the numbers may only rise, but for the message that is tried again. */
function overtaken({ arrived }: ClientProcess, groups: number): number {
  const last = new Map<number, number>()
  for (const { body } of arrived) {
    const number = Number(body.replace('message ', ''))
    const before = last.get(number % groups) ?? -1
    assert.ok(number >= before, `message ${number} came after message ${before}`)
    last.set(number % groups, number)
  }
  return arrived.length
}

async function setUpFifo(stage: Stage) {
  const TOPIC = `interop-fifo-${topics++}`
  await stage.comet.admin.topics.create(TOPIC, { type: 'fifo' })
  await stage.comet.admin.groups.create(`${TOPIC}-group`, {
    fifo: true,
    start: 'earliest',
    retryDelaysMs: [1_000],
  })
  return { ...settingOf(TOPIC), ENDPOINTS: stage.cluster.endpoints[1] ?? '' }
}

/** At the pace of one official client that keeps some sends under way. */
async function sendMany(topic: Topic<string>, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += 32) {
    const some = Math.min(32, count - sent)
    await Promise.all(Array.from({ length: some }, (_, n) => topic.send(`native ${sent + n}`)))
    await delay(5)
  }
}

async function throughGroup(
  stage: Stage,
  role: Role,
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const setting = { ...(await setUp(stage)), ...env }
  const consumer = start(stage, role, setting)
  await consumer.ready
  const producer = start(stage, 'produce', setting)
  assert.equal(await producer.exited, 0, producer.errors.join())
  assert.equal(await consumer.exited, 0, consumer.errors.join())
  assert.equal(producer.sent.length, COUNT)
  const lost = producer.sent.filter((id) => !consumer.received.has(id))
  assert.equal(lost.length, 0, `${lost.length} messages did not come`)
  const twice = [...consumer.received.values()].filter((attempts) => attempts.length > 1)
  assert.equal(twice.length, 0, `${twice.length} messages came twice`)
  return `${COUNT} messages`
}

/** A topic and a group of their own. */
async function setUp(stage: Stage, cluster = stage.cluster) {
  const TOPIC = `interop-${topics++}`
  if (cluster === stage.cluster) await stage.comet.admin.topics.create(TOPIC, {})
  else {
    const { connect } = await import('@cometmq/client')
    await using comet = await connect({ endpoints: cluster.endpoints })
    await comet.admin.topics.create(TOPIC, {})
  }
  return { ...settingOf(TOPIC), ENDPOINTS: cluster.endpoints[1] ?? '' }
}

function settingOf(TOPIC: string) {
  return { TOPIC, GROUP: `${TOPIC}-group`, COUNT: String(COUNT), SECONDS: '30' }
}

function start(stage: Stage, role: Role, env: Readonly<Record<string, string>>): ClientProcess {
  return new ClientProcess(stage.language, role, env)
}
