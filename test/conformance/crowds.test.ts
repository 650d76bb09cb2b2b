import type { ClientHttp2Stream } from 'node:http2'
import type { TelemetryCommand } from '@cometmq/protocol/rocketmq'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { frameOf, PlainHttp2 } from './plain-http2.ts'
import { methods, RawClient } from './raw-client.ts'
import { SmallCluster } from './small-cluster.ts'

const STREAMS = 10_000
const WAVE = 500
const STREAMS_PER_CLIENT = 16
const CLIENTS_MAX = 100
const POLL = { timeout: 10_000, interval: 5 }

const producer = { settings: { publishing: {} } }
/** What its group is, name servers ask the brokers. */
const consumer = { settings: { subscription: { group: { name: 'g' }, subscriptions: [] } } }

let cluster: SmallCluster

beforeEach(async () => {
  cluster = await SmallCluster.start({ clientsMax: CLIENTS_MAX })
})
afterEach(() => cluster[Symbol.asyncDispose]())

// No client of these ends its side of a stream, as the rudest would not.
describe('telemetry streams without end', { timeout: 60_000 }, () => {
  test('20. 25. of one client are kept to a few, and it is told so', async () => {
    using crowd = new Crowd(cluster.nameServer)

    await crowd.open(STREAMS, { command: consumer, keeps: STREAMS_PER_CLIENT })

    expect(cluster.nameServers[0]?.status).toMatchObject({
      officialClients: 1,
      telemetryStreams: STREAMS_PER_CLIENT,
    })
    await expectRefused(crowd, STREAMS - STREAMS_PER_CLIENT)
    expect(await crowd.settingsByThoseThatStand(consumer)).toBe(STREAMS_PER_CLIENT)
  })

  test('25. of as many clients are taken as far as there is room', async () => {
    using crowd = new Crowd(cluster.nameServer)

    await crowd.open(STREAMS, { command: producer, keeps: CLIENTS_MAX, isEachAnother: true })

    expect(cluster.nameServers[0]?.status).toMatchObject({
      officialClients: CLIENTS_MAX,
      telemetryStreams: CLIENTS_MAX,
    })
    await expectRefused(crowd, STREAMS - CLIENTS_MAX)
    expect(await crowd.settingsByThoseThatStand(producer)).toBe(CLIENTS_MAX)
  })
})

/** They have ended properly, with the reason as their last word, and are gone on both sides. */
async function expectRefused(crowd: Crowd, count: number): Promise<void> {
  const gone = () => crowd.lines.filter(({ isClosed }) => isClosed)
  await expect.poll(() => gone().length, POLL).toBe(count)
  for (const line of gone()) {
    expect(line.grpcStatus).toBe('0')
    expect(line.commands.at(-1)?.status?.code).toBe('TOO_MANY_REQUESTS')
  }
}

/** Very many streams over a few connections. */
class Crowd implements Disposable {
  readonly lines: PlainLine[] = []
  readonly #connections: readonly PlainHttp2[]
  readonly #clientId: string

  constructor(address: string) {
    const client = new RawClient(cluster.runtime.transport)
    this.#clientId = client.clientId
    this.#connections = Array.from({ length: 4 }, () => new PlainHttp2(address, client))
  }

  /** In waves: of each, the server has ended all but those that it keeps before the next comes. */
  async open(
    count: number,
    how: { readonly command: object; readonly keeps: number; readonly isEachAnother?: boolean },
  ): Promise<void> {
    while (this.lines.length < count) {
      for (let i = 0; i < WAVE; i++) {
        const [connection] = this.#connections.slice(i % this.#connections.length)
        if (connection === undefined) continue
        const id = how.isEachAnother ? `${this.#clientId}-${this.lines.length}` : this.#clientId
        const stream = connection.open('Telemetry', how.command, { 'x-mq-client-id': id })
        this.lines.push(new PlainLine(stream))
      }
      await vi.waitUntil(() => this.#standing.length === how.keeps, POLL)
    }
  }

  /** How many of them answer settings. */
  async settingsByThoseThatStand(command: object): Promise<number> {
    const before = this.#standing.map((line) => ({ line, count: line.commands.length }))
    for (const { line } of before) line.stream.write(frameOf('Telemetry', command))
    const answered = () => before.filter(({ line, count }) => line.commands.length > count)
    await vi.waitUntil(() => answered().length === before.length, POLL)
    return answered().filter(({ line }) => line.commands.at(-1)?.settings).length
  }

  get #standing(): readonly PlainLine[] {
    return this.lines.filter(({ grpcStatus }) => grpcStatus === undefined)
  }

  [Symbol.dispose](): void {
    for (const connection of this.#connections) connection[Symbol.dispose]()
  }
}

/** A telemetry stream, with what has come over it. */
class PlainLine {
  readonly stream: ClientHttp2Stream
  grpcStatus: string | undefined
  isClosed = false
  #received = Buffer.alloc(0)

  constructor(stream: ClientHttp2Stream) {
    this.stream = stream
    stream.on('data', (bytes: Buffer) => (this.#received = Buffer.concat([this.#received, bytes])))
    stream.on('trailers', (trailers) => (this.grpcStatus = String(trailers['grpc-status'])))
    stream.on('close', () => (this.isClosed = true))
  }

  get commands(): readonly TelemetryCommand[] {
    const commands: TelemetryCommand[] = []
    for (let from = 0; from < this.#received.length; ) {
      const to = from + 5 + this.#received.readUInt32BE(from + 1)
      commands.push(
        methods.Telemetry.decodeResponse(this.#received.subarray(from + 5, to)) as TelemetryCommand,
      )
      from = to
    }
    return commands
  }
}
