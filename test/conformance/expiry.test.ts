import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RawClient } from './raw-client.ts'
import { SmallCluster } from './small-cluster.ts'

const EXPIRY_MS = 1_500
let cluster: SmallCluster

beforeAll(async () => {
  cluster = await SmallCluster.start({ clientExpiryMs: EXPIRY_MS })
  await cluster.createTopic('orders')
})
afterAll(() => cluster[Symbol.asyncDispose]())

describe('clients that fall silent', { timeout: 30_000 }, () => {
  // The time is a hundredth of what it is by default.
  test('25. a client lives by its heartbeats; without a sign, what was renewed for it is free', async () => {
    const broker = cluster.broker('broker-a').address
    const beating = new RawClient(cluster.runtime.transport)
    const silent = new RawClient(cluster.runtime.transport)
    const ask = {
      topic: 'orders',
      brokerName: 'broker-a',
      autoRenew: true,
      pollSeconds: 5,
      batchSize: 1,
    }
    for (const body of ['a', 'b']) {
      await beating.send(broker, { topic: 'orders', body: Buffer.from(body) })
    }
    // One of them through a name server, as Rust's push consumer does.
    const kept = await beating.receive(cluster.nameServer, { ...ask, group: 'g' })
    const left = await silent.receive(broker, { ...ask, group: 'g' })
    expect([kept, left].map(({ messages }) => messages.length)).toEqual([1, 1])
    const startedAt = performance.now()
    const beats = setInterval(() => {
      void beating.call(cluster.nameServer, 'Heartbeat', { group: { name: 'g' } })
    }, 300)
    const other = new RawClient(cluster.runtime.transport)

    const first = await other.receive(broker, { ...ask, group: 'g' })
    const second = await other.receive(broker, { ...ask, group: 'g' })
    clearInterval(beats)

    expect(first.messages[0]?.body).toEqual(left.messages[0]?.body)
    expect(first.messages[0]?.systemProperties?.deliveryAttempt).toBe(2)
    expect(performance.now() - startedAt).toBeGreaterThan(EXPIRY_MS * 2)
    expect(second.code).toBe('MESSAGE_NOT_FOUND')
  })
})
