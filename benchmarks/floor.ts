/**
 * The floor under every benchmark, measured in the same run as what stands on it. The producer
 * encodes messages one by one into batches; the consumer decodes every message of the log.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import grpc from '@grpc/grpc-js'
import protobuf from 'protobufjs/minimal.js'
import { channelOptions, floorService } from './floor-protocol.ts'
import { closedLoop, type Latency, latencyOf, pacedLoop, type Rate, serialLoop } from './load.ts'

const { Reader, Writer } = protobuf
type Duplex = grpc.ClientDuplexStream<Buffer, Buffer>
interface FloorClient extends grpc.Client {
  Publish(): Duplex
  Subscribe(): Duplex
}

export interface PublishLoad {
  readonly bytes: number
  readonly messages: number
  readonly window: number
  readonly batchBytes: number
  readonly isSyncing: boolean
}

export class Floor implements AsyncDisposable {
  readonly #server: ReturnType<typeof fork>
  readonly #client: FloorClient

  private constructor(server: ReturnType<typeof fork>, client: FloorClient) {
    this.#server = server
    this.#client = client
  }

  static async start(directory: string): Promise<Floor> {
    const script = fileURLToPath(new URL('floor-server.ts', import.meta.url))
    const server = fork(script, [directory], { stdio: 'inherit' })
    const [message] = (await once(server, 'message')) as [{ port: number }]
    const Client = grpc.makeGenericClientConstructor(floorService, 'Floor')
    const address = `127.0.0.1:${message.port}`
    const client = new Client(address, grpc.credentials.createInsecure(), channelOptions)
    return new Floor(server, client as unknown as FloorClient)
  }

  async publish(load: PublishLoad): Promise<Rate & Latency> {
    const producer = new FloorProducer(this.#client.Publish(), load.batchBytes)
    await producer.setSync(load.isSyncing)
    const body = Buffer.alloc(load.bytes, 7)
    const result = await closedLoop({ ...load, send: () => producer.send(body, 'tag') })
    producer.close()
    return result
  }

  async serialPublish(load: { bytes: number; messages: number }): Promise<Latency> {
    const producer = new FloorProducer(this.#client.Publish(), 65_536)
    await producer.setSync(true)
    const body = Buffer.alloc(load.bytes, 7)
    const result = await serialLoop({
      messages: load.messages,
      send: () => producer.send(body, 'tag'),
    })
    producer.close()
    return result
  }

  /** Reads the log from its start until `messages` have come. */
  async consume(messages: number): Promise<Rate> {
    let count = 0
    let bytes = 0
    const start = performance.now()
    await new Promise<void>((resolve) => {
      const call = this.#subscribe(0, (body) => {
        bytes += body.length
        if (++count !== messages) return
        call.cancel()
        resolve()
      })
    })
    const seconds = (performance.now() - start) / 1e3
    return { messagesPerSecond: count / seconds, megabytesPerSecond: bytes / seconds / 1e6 }
  }

  /** From send to receipt at a steady rate; the first `warmUp` messages are not counted. */
  async endToEnd(load: {
    bytes: number
    perSecond: number
    seconds: number
    warmUp: number
  }): Promise<Latency> {
    const latenciesMs: number[] = []
    const call = this.#subscribe(-1, (body) => {
      const view = Buffer.from(body.buffer, body.byteOffset, 8)
      latenciesMs.push(performance.now() - view.readDoubleLE(0))
    })
    const producer = new FloorProducer(this.#client.Publish(), 65_536)
    await producer.setSync(true)
    await pacedLoop({
      ...load,
      send: () => {
        const body = Buffer.alloc(load.bytes)
        body.writeDoubleLE(performance.now())
        return producer.send(body, 'tag')
      },
    })
    call.cancel()
    producer.close()
    return latencyOf(latenciesMs.slice(load.warmUp))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close()
    this.#server.send('stop')
    await once(this.#server, 'exit')
  }

  #subscribe(from: number, onMessage: (body: Uint8Array) => void): Duplex {
    const call = this.#client.Subscribe()
    const opening = Buffer.alloc(16)
    opening.writeDoubleLE(8 << 20, 0)
    opening.writeDoubleLE(from, 8)
    call.write(opening)
    call.on('error', () => {})
    call.on('data', (chunk: Buffer) => {
      decodeChunk(chunk, onMessage)
      const credit = Buffer.alloc(8)
      credit.writeDoubleLE(chunk.length)
      call.write(credit)
    })
    return call
  }
}

function decodeChunk(chunk: Buffer, onMessage: (body: Uint8Array) => void): void {
  let at = 0
  while (at < chunk.length) {
    const length = chunk.readUInt32LE(at)
    const reader = Reader.create(chunk.subarray(at + 12, at + 8 + length))
    at += 8 + length
    while (reader.pos < reader.len) {
      reader.uint32()
      const end = reader.uint32() + reader.pos
      let body: Uint8Array | undefined
      while (reader.pos < end) {
        if (reader.uint32() === 10) body = reader.bytes()
        else reader.string()
      }
      if (body !== undefined) onMessage(body)
    }
  }
}

interface Pending {
  readonly body: Buffer
  readonly tag: string
  readonly resolve: (offset: number) => void
}

/** Collects while something is in flight, else sends at once: the no-linger rule of the SDK. */
class FloorProducer {
  readonly #call: Duplex
  readonly #batchBytes: number
  readonly #inFlight: Pending[][] = []
  #pending: Pending[] = []
  #pendingBytes = 0
  #isScheduled = false

  constructor(call: Duplex, batchBytes: number) {
    this.#call = call
    this.#batchBytes = batchBytes
    call.on('data', (answer: Buffer) => {
      const base = answer.readDoubleLE(0)
      const batch = this.#inFlight.shift() ?? []
      for (const [index, { resolve }] of batch.entries()) resolve(base + index)
      this.#flush()
    })
  }

  setSync(isSyncing: boolean): Promise<number> {
    return new Promise((resolve) => {
      this.#inFlight.push([{ body: Buffer.alloc(0), tag: '', resolve }])
      this.#call.write(Buffer.from([isSyncing ? 1 : 0]))
    })
  }

  send(body: Buffer, tag: string): Promise<number> {
    return new Promise((resolve) => {
      this.#pending.push({ body, tag, resolve })
      this.#pendingBytes += body.length + 16
      if (this.#isScheduled) return
      this.#isScheduled = true
      queueMicrotask(() => {
        this.#isScheduled = false
        this.#flush()
      })
    })
  }

  close(): void {
    this.#call.end()
  }

  #flush(): void {
    while (
      this.#pending.length > 0 &&
      this.#inFlight.length < 4 &&
      (this.#inFlight.length === 0 || this.#pendingBytes >= this.#batchBytes)
    ) {
      let bytes = 0
      let count = 0
      while (count < this.#pending.length && bytes < this.#batchBytes) {
        bytes += (this.#pending[count++] as Pending).body.length + 16
      }
      const batch = this.#pending.slice(0, count)
      this.#pending = this.#pending.slice(count)
      this.#pendingBytes -= bytes
      const writer = Writer.create()
      for (const { body, tag } of batch) {
        writer.uint32(10).fork()
        writer.uint32(10).bytes(body)
        writer.uint32(18).string(tag)
        writer.ldelim()
      }
      const encoded = writer.finish()
      const frame = Buffer.allocUnsafe(4 + encoded.length)
      frame.writeUInt32LE(batch.length, 0)
      frame.set(encoded, 4)
      this.#inFlight.push(batch)
      this.#call.write(frame)
    }
  }
}
