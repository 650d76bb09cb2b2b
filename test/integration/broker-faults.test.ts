/** What happens to processes and around them under load: nothing acknowledged may be lost, or stored twice. */
import { connect, text } from '@cometmq/client'
import { silentLogger } from '@cometmq/runtime'
import { describe, expect, test } from 'vitest'
import { backlogOf } from '../cluster/backlog.ts'
import { LocalCluster } from '../cluster/local-cluster.ts'
import { run } from './cli/comet-process.ts'
import { Load } from './load.ts'

const [A, B] = ['broker-a', 'broker-b']
const KEPT = { violations: [], failed: [] }

describe('a broker that is stopped where it is', () => {
  // Its connections stay open, and nobody answers. What was sent to it before is answered when it goes
  // on, and nothing of it may have been stored elsewhere meanwhile.
  test('holds up only what was sent to it, until it goes on', async () => {
    await using cluster = await LocalCluster.start({ nameServers: 1, brokers: [A, B] })
    await using load = await Load.start(cluster.endpoints)
    await Promise.all([load.acknowledged(A, 100), load.acknowledged(B, 100)])

    cluster.broker(A).signal('SIGSTOP')
    await expect.poll(() => brokersOf(load), { timeout: 10_000, interval: 20 }).toEqual([B])
    await load.acknowledged(B, 500)
    await load.delivered(500)
    cluster.broker(A).signal('SIGCONT')
    await load.acknowledged(A, 100)

    expect(await load.finish()).toEqual(KEPT)
  })

  // The whole test takes as long as two keep-alives: a connection cannot be known to be dead before.
  test('is given up with its connections, which have to be made anew', async () => {
    await using cluster = await LocalCluster.start({ nameServers: 1, brokers: [A, B] })
    await using load = await Load.start(cluster.endpoints)
    await Promise.all([load.acknowledged(A, 100), load.acknowledged(B, 100)])

    cluster.broker(A).signal('SIGSTOP')
    const asked = load.comet.admin.call(A, 'DescribeBroker', {}, { timeoutMs: 60_000 })
    await expect(asked).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await load.acknowledged(B, 100)
    cluster.broker(A).signal('SIGCONT')
    await load.acknowledged(A, 100)

    expect(await load.finish()).toEqual(KEPT)
  })
})

describe('a broker that is asked to end', () => {
  test('answers what is under way, closes its log, and ends with code 0', async () => {
    await using cluster = await LocalCluster.start({ nameServers: 1, brokers: [A, B] })
    await using load = await Load.start(cluster.endpoints)
    await Promise.all([load.acknowledged(A, 100), load.acknowledged(B, 100)])
    const broker = cluster.broker(A)

    await broker.stop('SIGTERM')
    expect(broker.exitCode).toBe(0)
    const inspected = await run(['store', 'inspect', cluster.dataDirectoryOf(A), '--json'])
    expect(JSON.parse(inspected.stdout)).toMatchObject({
      checkpoint: { closedCleanly: true },
      verdict: { kind: 'intact' },
    })
    await load.acknowledged(B, 100)
    const restarted = await cluster.startBroker(A)
    expect(await restarted.said('store opened')).toMatchObject({
      closedCleanly: true,
      replayedRecords: 0,
      cutBytes: 0,
    })
    await load.acknowledged(A, 100)

    expect(await load.finish()).toEqual(KEPT)
  })

  // An operator who says it twice does not want to wait for a consumer that hangs.
  test('and then told once more ends at once, and keeps what it has acknowledged', async () => {
    await using cluster = await LocalCluster.start({
      nameServers: 1,
      brokers: [A],
      // So long that whoever waits for it has not passed this test.
      brokerArgs: ['--set=drainTimeout=1h'],
    })
    await using comet = await connect({ endpoints: cluster.endpoints, log: silentLogger })
    await comet.admin.topics.create('jobs')
    await comet.admin.groups.create('hanging', { start: 'earliest' })
    const topic = comet.topic('jobs', { codec: text() })
    const begun = Promise.withResolvers<void>()
    const hang = Promise.withResolvers<void>()
    const handled: string[] = []
    const consumer = topic.consume({ group: 'hanging' }, (job) => {
      handled.push(job)
      begun.resolve()
      return hang.promise
    })
    await topic.send('one')
    await begun.promise
    const broker = cluster.broker(A)

    broker.signal('SIGTERM')
    await broker.said('broker drains')
    expect(broker.isRunning).toBe(true)
    await broker.stop('SIGTERM')

    expect(broker.exitCode).toBe(143)
    hang.resolve()
    await cluster.startBroker(A)
    await expect.poll(() => backlogOf(comet, 'hanging').catch(String), { timeout: 20_000 }).toBe(0)
    await consumer.drain()
    expect(new Set(handled)).toEqual(new Set(['one']))
  })
})

describe('without any name server', () => {
  test('producers and consumers go on with what they know, and newcomers come in later', async () => {
    await using cluster = await LocalCluster.start({ nameServers: 2, brokers: [A, B] })
    const endpoints = cluster.endpoints.join(',')
    await using load = await Load.start(cluster.endpoints)
    await Promise.all([load.acknowledged(A, 100), load.acknowledged(B, 100)])

    await Promise.all(cluster.nameServers.map((nameServer) => nameServer.stop('SIGKILL')))
    await Promise.all([load.acknowledged(A, 500), load.acknowledged(B, 500), load.delivered(1_000)])
    const refused = await run(['topic', 'ls', '-n', endpoints])
    expect(refused).toMatchObject({ exitCode: 5, stderr: expect.stringMatching(/CONNECT_FAILED/) })
    // Nobody can tell clients that it is back; they have its address.
    await cluster.broker(A).stop('SIGKILL')
    await cluster.startBroker(A)
    await load.acknowledged(A, 100)

    await Promise.all([cluster.restartNameServer(0), cluster.restartNameServer(1)])
    const health = ['cluster', 'health', '--wait', '--brokers', '2', '-n', endpoints]
    expect(await run(health)).toMatchObject({ exitCode: 0 })
    const tail = ['msg', 'tail', 'load', '--from', 'earliest', '--max', '1', '-n', endpoints]
    expect(await run(tail)).toMatchObject({ exitCode: 0, stderr: '' })
    await Promise.all([load.acknowledged(A, 100), load.acknowledged(B, 100)])

    expect(await load.finish()).toEqual(KEPT)
  })
})

/** Those that the name server hears, as a client sees them. */
function brokersOf({ comet }: Load): string[] {
  return comet.admin.brokers.map(({ brokerName }) => brokerName)
}
