import { once } from 'node:events'
import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2'
import { connect, createServer, type Socket } from 'node:net'
import type { CometError, Method } from '@cometmq/protocol'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { silentLogger } from '../logger.ts'
import { accept, answer, type Handler } from '../transport.ts'
import { CONNECT_TIMEOUT_MS, WINDOW_BYTES } from './grpc-options.ts'
import { GrpcTransport } from './grpc-transport.ts'

const asIs = (bytes: Buffer): Buffer => bytes
const codec = {
  encodeRequest: asIs,
  decodeRequest: asIs,
  encodeResponse: asIs,
  decodeResponse: asIs,
}
const echo: Method<Buffer, Buffer> = { path: '/test.Bytes/Echo', kind: 'unary', ...codec }
const flow: Method<Buffer, Buffer> = { path: '/test.Bytes/Flow', kind: 'bidi', ...codec }

describe('GrpcListener', () => {
  // The server's half of the windows is set against grpc-js's own idea; an update of it may undo
  // that silently.
  test('takes more than the default window from a client', async () => {
    const arrived = Promise.withResolvers<void>()
    const { port } = await serve(
      accept(flow, (stream) => {
        stream.receive({ message: () => arrived.resolve(), ended: () => {}, failed: () => {} })
      }),
    )
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    onTestFinished(() => session.destroy())
    const request = open(session, flow.path)

    request.write(framed(Buffer.alloc(1)))
    await arrived.promise

    // What a client sends first may arrive before it has heard of the window.
    await expect.poll(() => session.remoteSettings.initialWindowSize).toBe(WINDOW_BYTES)
    expect(session.state.remoteWindowSize).toBeGreaterThan(WINDOW_BYTES / 2)
  })

  // Whatever reaches an open port must not disturb those who use it properly.
  test.each([
    ['bytes that are no HTTP/2', (socket: Socket) => socket.write('GET / HTTP/1.1\r\n\r\n')],
    ['nothing at all', () => {}],
    [
      'HTTP/2 and then garbage',
      (socket: Socket) =>
        socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), garbage()])),
    ],
    ['a reset', (socket: Socket) => socket.resetAndDestroy()],
  ])('serves others while a client sends %s', async (_, misbehave) => {
    const { port, call } = await serveEcho()
    const socket = connect(port, '127.0.0.1')
    onTestFinished(() => {
      socket.destroy()
    })
    socket.on('error', () => {})
    await once(socket, 'connect')

    misbehave(socket)

    expect(await call(Buffer.from('still served'))).toEqual(Buffer.from('still served'))
  })

  test.each([
    ['claims to be larger than the limit', Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1])],
    ['is compressed in a way nobody knows', framed(Buffer.from('x'), 1)],
  ])('refuses a message that %s, and serves others', async (_, bytes) => {
    const { port, call } = await serveEcho()
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    onTestFinished(() => session.destroy())
    const request = open(session, echo.path, { 'grpc-encoding': 'magic' })
    const trailers = Promise.race([once(request, 'trailers'), once(request, 'response')])

    request.end(bytes)

    const [headers] = (await trailers) as [Record<string, unknown>]
    expect(Number(headers['grpc-status'])).toBeGreaterThan(0)
    expect(await call(Buffer.from('still served'))).toEqual(Buffer.from('still served'))
  })

  // A consumer that stopped reading must cost the broker a window of bytes, not its memory.
  test.each([
    ['small', 64 * 1024],
    ['large', 4 * 1024 * 1024],
  ])('holds little for a client that never reads, of %s messages', async (_, messageBytes) => {
    let sentBytes = 0
    const { port, call } = await serve(
      answer(echo, (bytes: Buffer) => Promise.resolve(bytes)),
      accept(flow, (stream) => {
        const message = Buffer.alloc(messageBytes)
        let isOver = false
        const over = (): void => {
          isOver = true
        }
        const push = async (): Promise<void> => {
          while (!isOver) {
            sentBytes += message.length
            if (!stream.send(message)) await stream.writable()
          }
        }
        stream.receive({ message: () => void push(), ended: over, failed: over })
      }),
    )
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    onTestFinished(() => session.destroy())
    const request = open(session, flow.path)
    request.pause()
    request.write(framed(Buffer.alloc(1)))
    await once(request, 'response')

    for (let count = 0; count < 50; count += 1) await call(Buffer.from('meanwhile'))

    expect(sentBytes).toBeGreaterThan(0)
    expect(sentBytes).toBeLessThan(8 * 1024 * 1024)
  })
})

describe('GrpcListener, when it has ended a stream', () => {
  const SIZE = 1024 * 1024

  async function openAndEnd() {
    const { port } = await serve(
      accept(flow, (stream) => {
        stream.receive({ message: () => {}, ended: () => {}, failed: () => {} })
        stream.send(Buffer.alloc(SIZE))
        stream.end()
      }),
    )
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    onTestFinished(() => session.destroy())
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => {
      vi.useRealTimers()
    })
    const request = open(session, flow.path)
    await once(request, 'response')
    return request
  }

  // Such streams would stay as long as their connection, and a client can open any number.
  test('lets go of a stream that it has ended, whose client does not end it', async () => {
    const request = await openAndEnd()
    request.resume()
    const [trailers] = (await once(request, 'trailers')) as [Record<string, unknown>]
    expect(trailers['grpc-status']).toBe('0')

    vi.advanceTimersByTime(1_000)
    await once(request, 'close')

    expect(request.rstCode).toBe(constants.NGHTTP2_NO_ERROR)
    expect(request.writableEnded).toBe(true)
  })

  test('waits for a client that is slow to read', async () => {
    const request = await openAndEnd()
    const trailers = once(request, 'trailers') as Promise<[Record<string, unknown>]>
    // More would be too much for keep-alive.
    vi.advanceTimersByTime(3_000)
    let receivedBytes = 0

    request.on('data', (bytes: Buffer) => (receivedBytes += bytes.length))

    expect((await trailers)[0]['grpc-status']).toBe('0')
    expect(receivedBytes).toBe(5 + SIZE)
  })
})

describe('GrpcConnection', () => {
  // A stopped process accepts connections, for its system does, and never says a word. grpc-js
  // would wait for it for ever.
  test('gives up on a peer that accepts and says nothing', async () => {
    const silent = createServer(() => {})
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as { port: number }
    const transport = new GrpcTransport(silentLogger)
    onTestFinished(async () => {
      await transport.close()
      silent.close()
    })

    vi.useFakeTimers({ toFake: ['setTimeout'] })
    onTestFinished(() => {
      vi.useRealTimers()
    })

    const call = transport.connect(`127.0.0.1:${port}`).call(echo, Buffer.alloc(0))
    const outcome = call.catch((error: CometError) => error.code)
    await once(silent, 'connection')
    vi.advanceTimersByTime(CONNECT_TIMEOUT_MS)

    expect(await outcome).toBe('CONNECT_FAILED')
  })

  // What was sent to a proxy from the environment would be in the log of somebody else.
  test('takes no notice of a proxy in the environment', async () => {
    process.env['http_proxy'] = 'http://127.0.0.1:1'
    onTestFinished(() => {
      delete process.env['http_proxy']
    })

    const { call } = await serveEcho()

    expect(await call(Buffer.from('direct'))).toEqual(Buffer.from('direct'))
  })
})

async function serve(...handlers: Handler[]) {
  const transport = new GrpcTransport(silentLogger)
  onTestFinished(() => transport.close())
  const listener = await transport.listen({ address: '127.0.0.1:0', handlers })
  const connection = transport.connect(listener.address)
  return {
    port: Number(listener.address.split(':')[1]),
    call: (bytes: Buffer) => connection.call(echo, bytes),
  }
}

function serveEcho() {
  return serve(answer(echo, (bytes: Buffer) => Promise.resolve(bytes)))
}

function open(session: ClientHttp2Session, path: string, more: Record<string, string> = {}) {
  session.on('error', () => {})
  const request = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...more,
  })
  request.on('error', () => {})
  return request
}

function framed(bytes: Buffer, flags = 0): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt8(flags, 0)
  head.writeUInt32BE(bytes.length, 1)
  return Buffer.concat([head, bytes])
}

function garbage(): Buffer {
  return Buffer.from(Array.from({ length: 1_000 }, (_, index) => (index * 151) % 256))
}
