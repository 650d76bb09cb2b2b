import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { CometError, Method } from '@cometmq/protocol'
import { describe, expect, onTestFinished, test } from 'vitest'
import { silentLogger } from '../logger.ts'
import { GrpcTransport } from './grpc-transport.ts'

const asIs = (bytes: Buffer): Buffer => bytes
const echo: Method<Buffer, Buffer> = {
  path: '/test.Bytes/Echo',
  kind: 'unary',
  encodeRequest: asIs,
  decodeRequest: asIs,
  encodeResponse: asIs,
  decodeResponse: asIs,
}

// It is the first sentence that a new user sees, when no name server runs: it has to say where nobody
// was found, and why, without the words of the library below.
describe('the error of a call without a connection', () => {
  test('says that nobody listens', async () => {
    const server = await serve(() => {})
    const { address } = server
    server.sockets.close()
    await once(server.sockets, 'close')

    expect(await failure(address)).toEqual({
      code: 'CONNECT_FAILED',
      message: `cannot connect to ${address}: nobody listens there`,
    })
  })

  test('says that a name is not known', async () => {
    expect(await failure('no-such-host.invalid:9876')).toEqual({
      code: 'CONNECT_FAILED',
      message: 'cannot connect to no-such-host.invalid:9876: its name is not known',
    })
  })

  test.each([
    ['closes', (socket: Socket) => socket.destroy()],
    ['resets', (socket: Socket) => socket.resetAndDestroy()],
  ])('says so of a peer that %s every connection', async (_, misbehave) => {
    const { address } = await serve(misbehave)

    expect(await failure(address)).toEqual({
      code: 'CONNECT_FAILED',
      message: `cannot connect to ${address}: it closes the connection at once`,
    })
  })

  test.each([
    ['of the web', 'HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n'],
    ['of mail', '220 mail.example ESMTP\r\n'],
  ])('says so of a server %s', async (_, greeting) => {
    const { address } = await serve((socket) => socket.write(greeting))

    expect(await failure(address)).toEqual({
      code: 'CONNECT_FAILED',
      message: `cannot connect to ${address}: what listens there does not speak gRPC`,
    })
  })
})

async function serve(
  welcome: (socket: Socket) => void,
): Promise<{ sockets: Server; address: string }> {
  const open = new Set<Socket>()
  const sockets = createServer((socket) => {
    socket.on('error', () => {})
    open.add(socket)
    welcome(socket)
  })
  sockets.listen(0, '127.0.0.1')
  await once(sockets, 'listening')
  onTestFinished(() => {
    for (const socket of open) socket.destroy()
    sockets.close()
  })
  const { port } = sockets.address() as { port: number }
  return { sockets, address: `127.0.0.1:${port}` }
}

async function failure(address: string): Promise<{ code: string; message: string } | undefined> {
  const transport = new GrpcTransport(silentLogger)
  onTestFinished(() => transport.close())
  try {
    await transport.connect(address).call(echo, Buffer.alloc(0))
  } catch (error) {
    const { code, message } = error as CometError
    return { code, message }
  }
  return undefined
}
