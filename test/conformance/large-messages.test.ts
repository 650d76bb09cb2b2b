import type { Message, ReceiveMessageResponse, Settings } from '@cometmq/protocol/rocketmq'
import { Client, credentials, Metadata } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Ask, methods, RawClient, receiveRequestOf } from './raw-client.ts'
import { SmallCluster } from './small-cluster.ts'

/** Clients of Node.js, C# and Rust take 4 MiB at once, as grpc-js does that is not told otherwise. */
let cluster: SmallCluster
let sender: RawClient
let broker: string

beforeAll(async () => {
  cluster = await SmallCluster.start()
  sender = new RawClient(cluster.runtime.transport)
  broker = cluster.broker('broker-a').address
})
afterAll(() => cluster[Symbol.asyncDispose]())

describe('large messages', { timeout: 60_000 }, () => {
  test('60. 32 messages of 1 MiB are received, in as many answers as it takes', async () => {
    await cluster.createTopic('large')
    for (let i = 0; i < 32; i++) {
      await sender.send(broker, { topic: 'large', body: Buffer.alloc(1024 * 1024, i) })
    }

    const seen = new Set<number | undefined>()
    while (seen.size < 32) {
      for (const { body } of await receive('large')) {
        expect(body).toHaveLength(1024 * 1024)
        expect(seen.has(body[0])).toBe(false)
        seen.add(body[0])
      }
    }
  })

  test('60. a message as large as clients are told, with all its properties, is received', async () => {
    await cluster.createTopic('largest')
    const { maxBodySize } = (await settings()).publishing ?? {}
    const properties = Object.fromEntries(
      Array.from({ length: 128 }, (_, n) => [`key-${n}`.padEnd(28), 'v'.repeat(100)]),
    )

    const { status } = await sender.send(broker, {
      topic: 'largest',
      body: Buffer.alloc(maxBodySize ?? 0, 1),
      properties,
      system: { messageId: 'i'.repeat(255) },
    })

    expect(status?.code).toBe('OK')
    const [message] = await receive('largest')
    expect(message?.body).toHaveLength(maxBodySize ?? 0)
    expect(message?.userProperties).toEqual(properties)
  })
})

async function settings(): Promise<Settings> {
  const line = sender.telemetry(broker)
  line.stream.send({ settings: { publishing: { topics: [] } } })
  await expect.poll(() => line.commands.length).toBe(1)
  line.stream.end()
  return line.commands[0]?.settings as Settings
}

/** One receive with a client of grpc-js as it comes. Rejects when it cannot read the answer. */
async function receive(topic: string): Promise<Message[]> {
  const ask: Ask = { group: topic, topic, invisibleSeconds: 60, pollSeconds: 5 }
  const method = methods.ReceiveMessage
  const client = new Client(broker, credentials.createInsecure())
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(sender.metadata)) metadata.set(name, value)
  const stream = client.makeServerStreamRequest(
    method.path,
    (request: object) => method.encodeRequest(request as never),
    (bytes: Buffer) => method.decodeResponse(bytes),
    receiveRequestOf(ask),
    metadata,
  )
  const messages: Message[] = []
  try {
    for await (const { message } of stream as AsyncIterable<ReceiveMessageResponse>) {
      if (message !== null && message !== undefined) messages.push(message)
    }
  } finally {
    client.close()
  }
  return messages
}
