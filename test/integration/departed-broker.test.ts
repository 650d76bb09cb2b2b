import { connect, type CometClient, type SendReceipt, text } from '@cometmq/client'
import { expect, test } from 'vitest'
import { LocalCluster } from '../cluster/local-cluster.ts'
import { CometProcess } from './cli/comet-process.ts'

const KEYS = Array.from({ length: 24 }, (_, number) => `key-${number}`)

// The messages of a key are in order because they share a queue. A producer that counted only the
// queues it can see would choose another one than all that were there before.
test('a producer that starts while a broker is away puts keys where all others do', async () => {
  await using cluster = await LocalCluster.start({
    nameServers: 1,
    brokers: ['broker-a', 'broker-b'],
  })
  const places = new Map<string, string>()
  {
    await using comet = await connect({ endpoints: cluster.endpoints })
    await comet.admin.topics.create('orders', { queueCount: 4 })
    for (const key of KEYS) places.set(key, placeOf(await sendTo(comet, key)))
  }
  const isOnA = (key: string): boolean => places.get(key)?.startsWith('broker-a') === true
  const keyOfB = KEYS.find((key) => !isOnA(key)) ?? ''

  await cluster.broker('broker-b').stop('SIGTERM')
  await using late = await connect({ endpoints: cluster.endpoints })
  for (const key of KEYS.filter(isOnA)) {
    expect(placeOf(await sendTo(late, key))).toBe(places.get(key))
  }
  await expect(sendTo(late, keyOfB, '500ms')).rejects.toThrow(
    '"broker-b", which has its queue, could not be reached',
  )
  const patient = sendTo(late, keyOfB)
  await cluster.startBroker('broker-b')
  expect(placeOf(await patient)).toBe(places.get(keyOfB))

  await cluster.broker('broker-b').stop('SIGTERM')
  const forget = ['cluster', 'forget', 'broker-b', '--yes', '--nameserver', ...cluster.endpoints]
  await using forgetting = new CometProcess(forget)
  expect(await forgetting.finished).toMatchObject({ exitCode: 0 })
  await using last = await connect({ endpoints: cluster.endpoints })
  const place = placeOf(await sendTo(last, keyOfB))
  expect(place).toMatch(/^broker-a/)
  const placeOfLate = async () => placeOf(await sendTo(late, keyOfB, '500ms'))
  await expect.poll(() => placeOfLate().catch(() => 'away'), { timeout: 10_000 }).toBe(place)
})

function sendTo(
  comet: CometClient,
  key: string,
  timeout: '500ms' | '20s' = '20s',
): Promise<SendReceipt> {
  return comet.topic('orders', { codec: text() }).send('body', { key, timeout })
}

function placeOf({ brokerName, queueId }: SendReceipt): string {
  return `${brokerName}/${queueId}`
}
