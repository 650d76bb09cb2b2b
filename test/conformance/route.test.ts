import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { methods, RawClient } from './raw-client.ts'
import { SmallCluster } from './small-cluster.ts'

let cluster: SmallCluster
let client: RawClient

beforeAll(async () => {
  cluster = await SmallCluster.start()
  client = new RawClient(cluster.runtime.transport)
  await cluster.createTopic('orders')
  await cluster.createTopic('ordered', 'fifo')
})
afterAll(() => cluster[Symbol.asyncDispose]())

const topic = { resourceNamespace: 'ns', name: 'orders' }

describe('routes', () => {
  test('10. a route has the queues of masters, readable and writable, one address each', async () => {
    const { status, messageQueues = [] } = await client.call(cluster.nameServer, 'QueryRoute', {
      topic,
    })

    expect(status?.code).toBe('OK')
    expect(messageQueues.map(({ broker, id }) => `${broker?.name}/${id}`)).toEqual([
      ...[0, 1, 2, 3].map((id) => `broker-a/${id}`),
      ...[0, 1, 2, 3].map((id) => `broker-b/${id}`),
    ])
    for (const queue of messageQueues) {
      expect(queue).toMatchObject({
        topic,
        permission: 'READ_WRITE',
        acceptMessageTypes: ['NORMAL'],
        broker: { id: 0, endpoints: { scheme: 'IPv4' } },
      })
      expect(queue.broker?.endpoints?.addresses).toHaveLength(1)
    }
    const ordered = await client.call(cluster.nameServer, 'QueryRoute', {
      topic: { name: 'ordered' },
    })
    expect(ordered.messageQueues?.[0]?.acceptMessageTypes).toEqual(['FIFO'])
  })

  test('11. unknown and illegal topics have each their code', async () => {
    const codes = async (name: string): Promise<unknown[]> =>
      Promise.all(
        cluster.addresses.map(
          async (address) =>
            (await client.call(address, 'QueryRoute', { topic: { name } })).status?.code,
        ),
      )

    expect(new Set(await codes('missing'))).toEqual(new Set(['TOPIC_NOT_FOUND']))
    for (const name of ['', ' ', 'ä', 'a b', 'x'.repeat(128), 'TBW102', 'rmq_sys_x']) {
      expect(new Set(await codes(name))).toEqual(new Set(['ILLEGAL_TOPIC']))
    }
  })

  test('12. 14. every process gives the same answers, byte by byte', async () => {
    const routes = new Set<string>()
    const assignments = new Set<string>()
    for (const address of [...cluster.addresses, ...cluster.addresses]) {
      const route = await client.call(address, 'QueryRoute', { topic })
      routes.add(methods.QueryRoute.encodeResponse(route).toString('hex'))
      const assigned = await client.call(address, 'QueryAssignment', {
        topic,
        group: { name: 'g' },
      })
      assignments.add(methods.QueryAssignment.encodeResponse(assigned).toString('hex'))
    }

    expect(routes.size).toBe(1)
    expect(assignments.size).toBe(1)
  })

  test('15. an assignment names each broker once, with queue -1', async () => {
    const { assignments = [] } = await client.call(cluster.nameServer, 'QueryAssignment', {
      topic,
      group: { name: 'g' },
    })
    const queues = assignments.map(({ messageQueue }) => messageQueue)

    expect(queues.map((queue) => [queue?.broker?.name, queue?.id, queue?.permission])).toEqual([
      ['broker-a', -1, 'READ_WRITE'],
      ['broker-b', -1, 'READ_WRITE'],
    ])
  })

  test('13. a broker that has gone leaves the route, and comes back under its name', async () => {
    const names = async (): Promise<string> => {
      const { messageQueues = [] } = await client.call(cluster.nameServer, 'QueryRoute', { topic })
      return [...new Set(messageQueues.map(({ broker }) => broker?.name))].join()
    }

    await cluster.broker('broker-b').close()
    await expect.poll(names, { timeout: 10_000 }).toBe('broker-a')
    await cluster.startBroker('broker-b')
    await expect.poll(names, { timeout: 10_000 }).toBe('broker-a,broker-b')
  })
})
