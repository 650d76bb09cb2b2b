import { connect, text } from '@cometmq/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LocalCluster } from '../../cluster/local-cluster.ts'

let cluster: LocalCluster
let broker: string
let nameServer: string

beforeAll(async () => {
  const listen = ['--set=http.listen=127.0.0.1:0']
  const args = { nameServerArgs: listen, brokerArgs: listen }
  cluster = await LocalCluster.start({ nameServers: 1, brokers: ['broker-a'], ...args })
  const addressOf = async (daemon: { said(message: string): Promise<object> } | undefined) =>
    (await daemon?.said('health and metrics are served')) as { address: string }
  broker = `http://${(await addressOf(cluster.broker('broker-a'))).address}`
  nameServer = `http://${(await addressOf(cluster.nameServers[0])).address}`
})
afterAll(() => cluster[Symbol.asyncDispose]())

describe('a daemon over HTTP', () => {
  test('says that it is ready, and of what it consists', async () => {
    for (const url of [broker, nameServer]) {
      const status = async () => (await fetch(`${url}/readyz`)).status
      await expect.poll(status, { timeout: 10_000 }).toBe(200)
      expect(await (await fetch(`${url}/healthz?verbose`)).text()).toMatch(/^\[\+\] started: /)
    }
  })

  // Before there are slaves, whoever stops a broker takes its queues away.
  test('says whether it may be stopped', async () => {
    expect((await fetch(`${nameServer}/safe-to-stop`)).status).toBe(200)
    const answer = await fetch(`${broker}/safe-to-stop`)
    expect([answer.status, await answer.text()]).toEqual([
      503,
      expect.stringContaining('no slave has its messages'),
    ])
  })

  test('counts messages for Prometheus', async () => {
    await using comet = await connect({ endpoints: cluster.endpoints })
    await comet.admin.topics.create('orders')
    const topic = comet.topic('orders', { codec: text() })
    for (let i = 0; i < 3; i++) await topic.send('hello')

    const answer = await fetch(`${broker}/metrics`)

    expect(answer.headers.get('content-type')).toContain('text/plain')
    const lines = (await answer.text()).split('\n')
    expect(lines).toContain('cometmq_messages_in_total 3')
    expect(lines).toContain('cometmq_name_servers_registered 1')
    expect(lines.some((line) => line.startsWith('process_resident_memory_bytes '))).toBe(true)
    const ofNameServer = (await (await fetch(`${nameServer}/metrics`)).text()).split('\n')
    expect(ofNameServer).toContain('cometmq_brokers 1')
  })
})
