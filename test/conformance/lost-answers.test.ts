import { once } from 'node:events'
import { constants } from 'node:http2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PlainHttp2 } from './plain-http2.ts'
import { type Ask, RawClient, receiveRequestOf } from './raw-client.ts'
import { SmallCluster } from './small-cluster.ts'

let cluster: SmallCluster

beforeAll(async () => {
  cluster = await SmallCluster.start()
})
afterAll(() => cluster[Symbol.asyncDispose]())

const COUNT = 6

describe('answers that their client does not take', { timeout: 60_000 }, () => {
  // Each is larger than what a client takes unread, and all are less than what a server may buffer.
  test.each([
    ['leased by its owner', 'broker-a', { invisibleSeconds: 600 }],
    ['renewed by its owner', 'broker-a', { autoRenew: true }],
    ['leased through a name server', '', { invisibleSeconds: 600 }],
    ['renewed through a name server', '', { autoRenew: true }],
    ['leased through another broker', 'broker-b', { invisibleSeconds: 600 }],
  ] as const)(
    '50. messages whose client cancels meanwhile reappear: %s',
    async (...[, at, how]) => {
      const address = at === '' ? cluster.nameServer : cluster.broker(at).address
      const name = `cancelled-${at}-${Object.keys(how)[0]}`
      await cluster.createTopic(name)
      const client = new RawClient(cluster.runtime.transport)
      for (let i = 0; i < COUNT; i++) {
        await client.send(cluster.broker('broker-a').address, {
          topic: name,
          body: Buffer.alloc(100 * 1024, i),
        })
      }
      const ask: Ask = { group: name, topic: name, brokerName: 'broker-a', pollSeconds: 5, ...how }
      {
        using slow = new PlainHttp2(address, client)
        const stream = slow.open('ReceiveMessage', receiveRequestOf(ask))
        await once(stream, 'readable')
        // Until everything has come as far as it does.
        await cluster.runtime.clock.sleep(300)
        stream.close(constants.NGHTTP2_CANCEL)
        await once(stream, 'close')
      }

      const other = new RawClient(cluster.runtime.transport)
      const bodies = new Set<number | undefined>()
      // Each answer within its poll of 5 s; leased to the one who has gone, they would be away for longer.
      while (bodies.size < COUNT) {
        const { code, messages } = await other.receive(address, ask)
        expect(code).toBe('OK')
        for (const { body, systemProperties } of messages) {
          expect(systemProperties?.deliveryAttempt).toBe(1)
          bodies.add(body[0])
        }
      }

      expect(bodies.size).toBe(COUNT)
    },
  )
})
