import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RawClient } from './raw-client.ts'
import { SmallCluster } from './small-cluster.ts'

let cluster: SmallCluster
let client: RawClient

beforeAll(async () => {
  cluster = await SmallCluster.start({}, true)
  client = new RawClient(cluster.runtime.transport)
})
afterAll(() => cluster[Symbol.asyncDispose]())

const queuesOf = async (address: string, name: string): Promise<string[]> => {
  const { messageQueues } = await client.call(address, 'QueryRoute', { topic: { name } })
  return messageQueues?.map(({ broker, id }) => `${broker?.name}/${id}`) ?? []
}

describe('where topics are made on demand', () => {
  test.each([0, 2])(
    'a route asked of process %i makes its topic on every broker',
    async (process) => {
      const queues = await queuesOf(cluster.addresses[process] ?? '', `asked-${process}`)

      expect(queues).toEqual(
        ['broker-a', 'broker-b'].flatMap((name) => [0, 1, 2, 3].map((id) => `${name}/${id}`)),
      )
    },
  )

  test('many clients that ask at once get one topic', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        queuesOf(cluster.addresses[i % cluster.addresses.length] ?? '', 'popular'),
      ),
    )

    expect(new Set(answers.map(String)).size).toBe(1)
    expect(answers[0]).toHaveLength(8)
  })

  test('a message can be sent to a topic that nobody has made', async () => {
    const sent = await client.send(cluster.nameServer, { topic: 'unheard' })

    expect(sent.status?.code).toBe('OK')
  })

  // Each misspelt group would leave a topic behind.
  test('dead letters of a group without any are still missing', async () => {
    const { status } = await client.call(cluster.nameServer, 'QueryRoute', {
      topic: { name: '%DLQ%nobody' },
    })

    expect(status?.code).toBe('TOPIC_NOT_FOUND')
  })
})
