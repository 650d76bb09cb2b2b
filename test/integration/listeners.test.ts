import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { connect, text } from '@cometmq/client'
import { Broker, brokerDefaults } from '@cometmq/broker'
import { NameServer, nameServerDefaults } from '@cometmq/nameserver'
import { type NodeRuntime, openNodeRuntime } from '@cometmq/runtime/node'
import { storeConfig } from '@cometmq/store'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RawClient } from '../conformance/raw-client.ts'

/**
 * One name server and one broker behind ports that are mapped, as those of containers are: from
 * outside only the mapped ports can be reached, and from inside nobody knows of them.
 */
let runtime: NodeRuntime
let nameServer: NameServer
let broker: Broker
let directory: string
const mapped: Mapping[] = []

beforeAll(async () => {
  runtime = openNodeRuntime({ name: 'test', logLevel: 'silent' })
  directory = await mkdtemp(path.join(tmpdir(), 'comet-listeners-'))
  const toBroker = await Mapping.open()
  nameServer = await NameServer.open(
    {
      ...nameServerDefaults,
      cluster: 'test',
      warmupMs: 0,
      listen: '127.0.0.1:0',
      listeners: { external: '127.0.0.1:0' },
    },
    runtime,
  )
  broker = await Broker.open(
    {
      ...brokerDefaults,
      cluster: 'test',
      brokerName: 'broker-a',
      listen: '127.0.0.1:0',
      listeners: { external: { listen: '127.0.0.1:0', advertise: toBroker.address } },
      nameservers: [nameServer.address],
      autoCreateTopics: true,
      drainTimeoutMs: 1_000,
      store: storeConfig(directory, { minFreeBytes: 0, hardFreeBytes: 0 }),
    },
    runtime,
  )
  // A broker that listens at an address tells its own port; what is mapped to it is known here only.
  toBroker.leadTo(portOf(broker.listeningAt('external')))
  mapped.push(toBroker)
  while (broker.status.nameservers[0]?.state !== 'registered') await runtime.clock.sleep(5)
})
afterAll(async () => {
  await broker.close()
  await nameServer.close()
  for (const mapping of mapped) mapping.close()
  await runtime[Symbol.asyncDispose]()
  await rm(directory, { recursive: true, force: true })
})

describe('whoever comes in', () => {
  test('on the first listener is told the first addresses', async () => {
    await using comet = await connect({ endpoints: [nameServer.address], runtime })

    expect(comet.admin.brokers).toMatchObject([{ address: broker.address }])
  })

  test('on the external one is told external addresses, and sends and consumes through them', async () => {
    const [toBroker] = mapped
    await using comet = await connect({ endpoints: [nameServer.addressOf('external')], runtime })
    const topic = comet.topic('orders', { codec: text() })

    await topic.send('through the mapping')

    expect(comet.admin.brokers).toMatchObject([{ address: toBroker?.address }])
    expect(toBroker?.connections).toBeGreaterThan(0)
  })

  test('as an official client is told so, too, wherever it asks', async () => {
    const [toBroker] = mapped
    const client = new RawClient(runtime.transport)
    const topic = { name: 'orders' }
    const told = async (address: string, request: object = { topic }) => {
      const { messageQueues } = await client.call(address, 'QueryRoute', request)
      const { host, port } = messageQueues?.[0]?.broker?.endpoints?.addresses?.[0] ?? {}
      return `${host}:${port}`
    }

    expect(await told(nameServer.address)).toBe(broker.address)
    expect(await told(nameServer.addressOf('external'))).toBe(toBroker?.address)
    expect(await told(toBroker?.address ?? '')).toBe(toBroker?.address)
    const { assignments } = await client.call(nameServer.addressOf('external'), 'QueryAssignment', {
      topic,
      group: { name: 'billing' },
    })
    const [place] = assignments?.[0]?.messageQueue?.broker?.endpoints?.addresses ?? []
    expect(`${place?.host}:${place?.port}`).toBe(toBroker?.address)
  })

  // A port that nobody has configured: the broker believes what was dialled, if it was.
  test('to a broker through a port it does not know is told what it has dialled', async () => {
    const strange = await Mapping.open()
    mapped.push(strange)
    strange.leadTo(portOf(broker.address))
    const client = new RawClient(runtime.transport)
    const [host, port] = strange.address.split(':')
    const endpoints = { scheme: 'IPv4', addresses: [{ host, port: Number(port) }] }
    const ask = async (asked: object) => {
      const { messageQueues } = await client.call(strange.address, 'QueryRoute', asked)
      return messageQueues?.[0]?.broker?.endpoints?.addresses?.[0]?.port
    }

    expect(await ask({ topic: { name: 'orders' }, endpoints })).toBe(Number(port))
    const lie = { scheme: 'IPv4', addresses: [{ host: 'elsewhere', port: 1 }] }
    expect(await ask({ topic: { name: 'orders' }, endpoints: lie })).toBe(portOf(broker.address))
  })
})

/** Passes what comes to its port on to another one. */
class Mapping {
  readonly address: string
  connections = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #port = 0

  private constructor(server: Server, port: number) {
    this.#server = server
    this.address = `127.0.0.1:${port}`
    server.on('connection', (from) => {
      this.connections++
      const to = createConnection({ host: '127.0.0.1', port: this.#port })
      for (const [one, other] of [
        [from, to],
        [to, from],
      ] as const) {
        this.#sockets.add(one)
        one.pipe(other)
        one.on('error', () => other.destroy())
        one.on('close', () => other.destroy())
      }
    })
  }

  static async open(): Promise<Mapping> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    return new Mapping(server, typeof address === 'object' ? (address?.port ?? 0) : 0)
  }

  leadTo(port: number): void {
    this.#port = port
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }
}

function portOf(address: string): number {
  return Number(address.split(':').at(-1))
}
