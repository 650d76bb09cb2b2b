/**
 * The cluster of `deploy/docker-compose.yml` on a real Docker engine: built, started, used from the
 * host and from containers, a master killed and everything restarted under load, taken down and
 * started again.
 *
 *   npm run compose:test [-- --json FILE] [--keep]
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { connect, text } from '@cometmq/client'
import { silentLogger } from '@cometmq/runtime'
import { quietPorts } from '../cluster/quiet-ports.ts'
import { longestOutage } from '../../packages/cli/src/drill/outage.ts'
import { sharedNowMs } from '../../packages/cli/src/drill/shared-clock.ts'
import { Load } from '../integration/load.ts'
import { ComposeCluster, findCompose } from './engine.ts'
import {
  BROKERS,
  ETCD,
  GROUPS,
  membersOf,
  NAME_SERVERS,
  portVariableOf,
  SERVICES,
} from './layout.ts'
import { imageMB, memoryMiB, untilHealthy } from './measures.ts'
import { ComposeRecords } from './records.ts'
import { firstMessage, nativeWay, officialWay, wayInNetwork } from './ways.ts'

const KEPT = { violations: [], failed: [] }
const KEYS = 16

const { values } = parseArgs({
  options: { json: { type: 'string' }, keep: { type: 'boolean', default: false } },
})
const compose = findCompose()
if ('why' in compose) {
  console.log(`skipped: ${compose.why}`)
  process.exit(0)
}

const image = `cometmq-test:${process.pid}`
const registry = spawnSync('npm', ['config', 'get', 'registry']).stdout.toString().trim()
const mapped = [...NAME_SERVERS, ...BROKERS]
const ports = new Map<string, number>()
for (const [index, port] of (await quietPorts(mapped.length)).entries()) {
  ports.set(mapped[index] ?? '', port)
}
const cluster = new ComposeCluster(compose, `cometmq-test-${process.pid}`, {
  COMETMQ_IMAGE: image,
  COMETMQ_HOST: '127.0.0.1',
  COMETMQ_BUILD_NETWORK: 'host',
  NPM_CONFIG_REGISTRY: registry,
  // The builder that every engine brings.
  DOCKER_BUILDKIT: '0',
  ...Object.fromEntries([...ports].map(([service, port]) => [portVariableOf(service), `${port}`])),
})
const records = new ComposeRecords(cluster)
const endpoints = NAME_SERVERS.map(onHost)
const report: Record<string, number | string> = {}
let failure: unknown
try {
  await step('builds the image', () => cluster.compose('build', 'ns-1'))
  await step('has compiled code in it, and runs as nobody special', lookIntoImage)
  const startedAtMs = sharedNowMs()
  await step('starts', () => cluster.compose('up', '-d', '--no-build'))
  await step('serves a client on the host', () => firstMessage(endpoints))
  report['upToFirstMessageSeconds'] = seconds(startedAtMs)
  await step('is healthy, as Docker sees it, and in sync', untilWhole)
  report['idleMiB'] = await memoryMiB(cluster, [...NAME_SERVERS, ...BROKERS])
  report['etcdMiB'] = await memoryMiB(cluster, ETCD)
  await step('takes one endpoint, on the host, in its network and by any port', everyWay)
  await step('loses nothing when a master is killed under load', killMaster)
  await step('loses nothing when all is restarted, one after the other, under load', restartAll)
  await step('has every message after a down and an up', downAndUp)
} catch (error) {
  failure = error
  const logs = path.join(await mkdtemp(path.join(tmpdir(), 'comet-compose-')), 'logs.txt')
  await writeFile(logs, await cluster.compose('logs', '--no-color').catch(String))
  console.log(`what the containers said is in ${logs}`)
} finally {
  if (!values.keep) {
    await cluster.compose('down', '-v').catch(() => {})
    await cluster.docker('image', 'rm', image).catch(() => {})
  }
}
report['verdict'] = failure === undefined ? 'PASS' : 'FAIL'
for (const [name, value] of Object.entries(report)) console.log(`${name.padEnd(30)}${value}`)
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(report)}\n`)
if (failure !== undefined) {
  console.error(failure)
  process.exit(1)
}

async function step(what: string, run: () => Promise<unknown>): Promise<void> {
  const startedAtMs = sharedNowMs()
  try {
    await run()
    console.log(`✔ ${what} (${seconds(startedAtMs)} s)`)
  } catch (error) {
    console.log(`✘ ${what}`)
    throw error
  }
}

async function lookIntoImage(): Promise<void> {
  report['imageMB'] = await imageMB(cluster, image)
  const look = 'id -u; find /app -name "*.ts" | wc -l; command -v npm; true'
  const inside = ['run', '--rm', '--entrypoint', 'sh', image, '-c', look]
  assert.equal((await cluster.docker(...inside)).trim(), '1000\n0')
}

async function untilWhole(): Promise<void> {
  await untilHealthy(cluster, SERVICES)
  await Promise.all(GROUPS.map((group) => records.untilInSync(group)))
}

async function everyWay(): Promise<void> {
  await using comet = await connect({ endpoints, log: silentLogger })
  const makeTopic = (name: string): Promise<unknown> => comet.admin.topics.create(name)
  for (const service of NAME_SERVERS) {
    await nativeWay(onHost(service))
    await wayInNetwork(cluster, `${service}:9876`, makeTopic)
  }
  // Whatever their roles are.
  for (const service of membersOf(GROUPS[0])) await officialWay(onHost(service), makeTopic)
}

async function killMaster(): Promise<void> {
  await using load = await Load.start(endpoints, 'kill', { keys: KEYS })
  const [group] = GROUPS
  await Promise.all(GROUPS.map((each) => load.acknowledged(each, 200)))
  const calmFromMs = sharedNowMs()
  await load.acknowledged(group, 500)
  // How busy the machine is with other things; no fault can be shorter.
  report['calmUnavailableMs'] = withoutAcks(load, group, calmFromMs)
  const master = await records.masterOf(group)
  const container = await cluster.containerOf(master)
  const fromMs = sharedNowMs()
  await cluster.docker('kill', container)
  await Promise.all(GROUPS.map((each) => load.acknowledged(each, 200)))
  report['killUnavailableMs'] = withoutAcks(load, group, fromMs)
  assert.notEqual(await records.masterOf(group), master, 'another member has taken over')
  // Docker does not start again what it was told to kill.
  const rejoiningFromMs = sharedNowMs()
  await cluster.compose('up', '-d', '--no-build', master)
  await records.untilInSync(group)
  report['killRejoinSeconds'] = seconds(rejoiningFromMs)
  assert.notEqual(await records.masterOf(group), master, 'who was away comes back as a slave')
  await Promise.all(GROUPS.map((each) => load.acknowledged(each, 200)))
  assert.deepEqual(await load.finish(), KEPT)
}

/** As an operator would: the next one when the last one is healthy and in sync. */
async function restartAll(): Promise<void> {
  await using load = await Load.start(endpoints, 'rolling-restart', { keys: KEYS })
  await Promise.all(GROUPS.map((each) => load.acknowledged(each, 200)))
  let worstMs = 0
  for (const service of SERVICES) {
    const fromMs = sharedNowMs()
    await cluster.compose('restart', service)
    await untilHealthy(cluster, [service])
    await Promise.all(GROUPS.map((each) => records.untilInSync(each)))
    await Promise.all(GROUPS.map((each) => load.acknowledged(each, 100)))
    const eachMs = GROUPS.map((group) => withoutAcks(load, group, fromMs))
    console.log(`    ${service} restarted: ${eachMs.join(' and ')} ms without acks`)
    worstMs = Math.max(worstMs, ...eachMs)
  }
  report['restartUnavailableMs'] = worstMs
  report['restartSlowestSendMs'] = Math.round(load.slowestSendMs)
  const outcome = await load.finish()
  report['restartFailedSends'] = outcome.failed.length
  assert.deepEqual(outcome, KEPT)
}

async function downAndUp(): Promise<void> {
  const before = await storedCount()
  await cluster.compose('down')
  const startedAtMs = sharedNowMs()
  await cluster.compose('up', '-d', '--no-build')
  await firstMessage(endpoints)
  report['againToFirstMessageSeconds'] = seconds(startedAtMs)
  await untilWhole()
  assert.equal(await storedCount(), before)
}

/** Of the load that everything was restarted under. */
async function storedCount(): Promise<number> {
  await using comet = await connect({ endpoints, log: silentLogger })
  const topic = comet.topic('rolling-restart', { codec: text() })
  await using reader = topic.reader({ from: 'earliest', untilEnd: true, fromSlaves: false })
  let count = 0
  for await (const _ of reader) count++
  assert(count > 0)
  return count
}

/** The longest time from then on in which that group has acknowledged nothing. */
function withoutAcks(load: Load, group: string, fromMs: number): number {
  const span = { fromMs, toMs: sharedNowMs() }
  return Math.round(longestOutage(load.acknowledgedAtMs(group), span, 0).unavailableMs)
}

function onHost(service: string): string {
  return `127.0.0.1:${ports.get(service)}`
}

function seconds(startedAtMs: number): number {
  return Math.round((sharedNowMs() - startedAtMs) / 100) / 10
}
