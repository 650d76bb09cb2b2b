/**
 * The cluster of `deploy/docker-compose.yml` on a real Docker engine: built, started, used from the host
 * and from a container, a broker killed and all of them restarted under load, and taken down.
 *
 *   npm run compose:test [-- --json FILE] [--keep]
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { connect, text } from '@cometmq/client'
import { silentLogger } from '@cometmq/runtime'
import { Load } from '../integration/load.ts'
import { ComposeCluster, findCompose } from './engine.ts'

const BROKERS = ['broker-a', 'broker-b']
const MIB = 2 ** 20

const { values } = parseArgs({
  options: { json: { type: 'string' }, keep: { type: 'boolean', default: false } },
})
const compose = findCompose()
if ('why' in compose) {
  console.log(`skipped: ${compose.why}`)
  process.exit(0)
}

const ports = await freePorts(4)
const registry = spawnSync('npm', ['config', 'get', 'registry']).stdout.toString().trim()
const cluster = new ComposeCluster(compose, `cometmq-test-${process.pid}`, {
  COMETMQ_IMAGE: `cometmq-test:${process.pid}`,
  COMETMQ_HOST: '127.0.0.1',
  COMETMQ_BUILD_NETWORK: 'host',
  NPM_CONFIG_REGISTRY: registry,
  DOCKER_BUILDKIT: '0',
  COMETMQ_NS_1_PORT: `${ports[0]}`,
  COMETMQ_NS_2_PORT: `${ports[1]}`,
  COMETMQ_BROKER_A_PORT: `${ports[2]}`,
  COMETMQ_BROKER_B_PORT: `${ports[3]}`,
})
const endpoints = [`127.0.0.1:${ports[0]}`, `127.0.0.1:${ports[1]}`]
const report: Record<string, number | string> = {}
let failure: unknown
try {
  await step('builds the image', () => cluster.compose('build', 'ns-1'))
  report['imageMiB'] = await imageMiB()
  const startedAt = performance.now()
  await step('starts', () => cluster.compose('up', '-d', '--no-build'))
  await step('serves a client on the host', sendAndConsume)
  report['upToFirstMessageSeconds'] = seconds(startedAt)
  await step('is healthy, as Docker sees it', untilHealthy)
  report['idleMiB'] = await memoryMiB()
  await step('serves a client in a container', fromContainer)
  await step('loses nothing when a broker is killed under load', killUnderLoad)
  await step('loses nothing when all is restarted, one after the other, under load', rollingRestart)
} catch (error) {
  failure = error
  console.log((await cluster.compose('logs', '--tail', '20').catch(String)).slice(-6_000))
} finally {
  if (!values.keep) await cluster.compose('down', '-v', '--rmi', 'all').catch(() => {})
}
report['verdict'] = failure === undefined ? 'PASS' : 'FAIL'
for (const [name, value] of Object.entries(report)) console.log(`${name.padEnd(26)}${value}`)
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(report)}\n`)
if (failure !== undefined) {
  console.error(failure)
  process.exit(1)
}

async function step(what: string, run: () => Promise<unknown>): Promise<void> {
  const startedAt = performance.now()
  try {
    const result = await run()
    const more = typeof result === 'string' && result.length < 100 ? `: ${result.trim()}` : ''
    console.log(`✔ ${what} (${seconds(startedAt)} s)${more}`)
  } catch (error) {
    console.log(`✘ ${what}`)
    throw error
  }
}

/** From the first message on that both brokers take. */
async function sendAndConsume(): Promise<void> {
  await using comet = await connectPatiently()
  while (comet.admin.brokers.length < BROKERS.length) await delay(20)
  await comet.admin.topics.create('compose')
  const topic = comet.topic('compose', { codec: text() })
  const consumed = Promise.withResolvers<void>()
  await using _consumer = topic.consume({ group: 'compose', from: 'earliest' }, () =>
    consumed.resolve(),
  )
  await topic.send('from the host')
  await consumed.promise
}

async function connectPatiently() {
  for (let tries = 0; ; tries++) {
    try {
      return await connect({ endpoints, log: silentLogger })
    } catch (error) {
      if (tries === 200) throw error
      await delay(100)
    }
  }
}

async function fromContainer(): Promise<string> {
  const where = ['-n', 'ns-1:9876,ns-2:9876']
  await cluster.comet(['msg', 'send', 'compose', 'from a container', ...where])
  const tail = ['msg', 'tail', 'compose', '--from', 'earliest', '--max', '2', '--json', ...where]
  const lines = (await cluster.comet(tail)).trim().split('\n')
  assert.equal(lines.length, 2)
  assert.ok(lines.some((line) => line.includes('from a container')))
  return 'sent and read through the names of the network'
}

async function killUnderLoad(): Promise<string> {
  await using load = await Load.start(endpoints, 'kill')
  await Promise.all(BROKERS.map((broker) => load.acknowledged(broker, 200)))
  await cluster.docker('kill', await cluster.containerOf('broker-a'))
  await load.acknowledged('broker-b', 200)
  // Docker does not start again what it was told to kill.
  await cluster.compose('up', '-d', '--no-build', 'broker-a')
  await load.acknowledged('broker-a', 200)
  const { violations, failed } = await load.finish()
  assert.deepEqual({ violations, failed }, { violations: [], failed: [] })
  return 'every acknowledged message was delivered'
}

async function rollingRestart(): Promise<string> {
  await using load = await Load.start(endpoints, 'rolling-restart')
  await Promise.all(BROKERS.map((broker) => load.acknowledged(broker, 200)))
  for (const service of ['ns-1', 'ns-2', ...BROKERS]) {
    await cluster.compose('restart', service)
    await Promise.all(BROKERS.map((broker) => load.acknowledged(broker, 100)))
  }
  const { violations, failed } = await load.finish()
  assert.deepEqual({ violations, failed }, { violations: [], failed: [] })
  return 'no send failed'
}

async function untilHealthy(): Promise<void> {
  for (const service of ['ns-1', 'ns-2', ...BROKERS]) {
    const container = await cluster.containerOf(service)
    const look = ['inspect', '--format', '{{.State.Health.Status}}', container]
    let status = ''
    for (let looks = 0; looks < 120 && status !== 'healthy'; looks++) {
      status = (await cluster.docker(...look)).trim()
      if (status !== 'healthy') await delay(250)
    }
    assert.equal(status, 'healthy', `${service} is ${status}`)
  }
}

async function memoryMiB(): Promise<number> {
  const containers = (await cluster.compose('ps', '-q')).trim().split('\n')
  const stats = await cluster.docker(
    'stats',
    '--no-stream',
    '--format',
    '{{.MemUsage}}',
    ...containers,
  )
  const units: Readonly<Record<string, number>> = { KiB: 1 / 1_024, MiB: 1, GiB: 1_024 }
  const used = stats
    .trim()
    .split('\n')
    .map((line) => {
      const [, number = '0', unit = 'MiB'] = /^([\d.]+)(\w+)/.exec(line) ?? []
      return Number(number) * (units[unit] ?? 0)
    })
  return Math.round(used.reduce((sum, each) => sum + each, 0))
}

async function imageMiB(): Promise<number> {
  const container = `cometmq-test:${process.pid}`
  const bytes = await cluster.docker('image', 'inspect', '--format', '{{.Size}}', container)
  return Math.round(Number(bytes) / MIB)
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  const found: number[] = []
  for (const server of servers) {
    if (!server.listening) await new Promise((resolve) => server.once('listening', resolve))
    const address = server.address()
    if (typeof address === 'object' && address !== null) found.push(address.port)
    await new Promise((resolve) => server.close(resolve))
  }
  return found
}

function seconds(startedAt: number): number {
  return Math.round((performance.now() - startedAt) / 100) / 10
}
