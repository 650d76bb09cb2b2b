import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { connect as connectTls, type DetailedPeerCertificate } from 'node:tls'
import { setTimeout as delay } from 'node:timers/promises'
import type { Method } from '@cometmq/protocol'
import { Client, credentials, Metadata } from '@grpc/grpc-js'
import { afterEach, describe, expect, test } from 'vitest'
import { silentLogger } from '../logger.ts'
import { accept, answer, type CallContext } from '../transport.ts'
import { asIs } from './grpc-errors.ts'
import { GrpcTransport } from './grpc-transport.ts'
import { selfSigned } from './self-signed.ts'
import { TlsIdentities } from './tls-identity.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

const raw: Omit<Method<Buffer, Buffer>, 'path' | 'kind'> = {
  encodeRequest: asIs,
  decodeRequest: asIs,
  encodeResponse: asIs,
  decodeResponse: asIs,
}
const echo: Method<Buffer, Buffer> = { ...raw, path: '/test.Test/Echo', kind: 'unary' }
const chat: Method<Buffer, Buffer> = { ...raw, path: '/test.Test/Chat', kind: 'bidi' }

async function listen(identities?: TlsIdentities) {
  const transport = new GrpcTransport(silentLogger, identities)
  const contexts: CallContext[] = []
  const listener = await transport.listen({
    address: '127.0.0.1:0',
    handlers: [
      answer(echo, (bytes) => Promise.resolve(bytes)),
      accept(chat, (stream, context) => {
        contexts.push(context)
        stream.receive({ message: () => {}, ended: () => stream.end(), failed: () => {} })
      }),
    ],
  })
  cleanups.push(() => transport.close())
  return { address: listener.address, contexts }
}

function clientOf(address: string, security = credentials.createInsecure()): Client {
  const client = new Client(address, security)
  cleanups.push(() => client.close())
  return client
}

function callEcho(client: Client): Promise<string> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(echo.path, asIs, asIs, Buffer.from('hi'), (error, bytes) =>
      error === null ? resolve(String(bytes)) : reject(error),
    )
  })
}

/** As clients that do not verify. */
const unverified = () =>
  credentials.createSsl(null, null, null, {
    checkServerIdentity: () => undefined,
    rejectUnauthorized: false,
  })

describe('GrpcListener for official clients', () => {
  // Four of the official clients come with TLS unless told otherwise, three without.
  test('1. serves TLS and plaintext at one port', async () => {
    const { address } = await listen()

    expect(await callEcho(clientOf(address))).toBe('hi')
    expect(await callEcho(clientOf(address, unverified()))).toBe('hi')
    expect(await callEcho(clientOf(address))).toBe('hi')
  })

  // An operator gives the certificate to clients that verify.
  test('serves the configured certificate, and the new one after a change', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'comet-tls-'))
    cleanups.push(() => rm(folder, { recursive: true }))
    const files = { certificateFile: `${folder}/cert.pem`, keyFile: `${folder}/key.pem` }
    const write = async () => {
      const identity = selfSigned(['localhost', '127.0.0.1'], Date.now())
      await writeFile(files.certificateFile, identity.certificate)
      await writeFile(files.keyFile, identity.key)
      return identity
    }
    const first = await write()
    const { address } = await listen(new TlsIdentities(silentLogger, files))
    const trusting = (certificate: string) => credentials.createSsl(Buffer.from(certificate))

    expect(await callEcho(clientOf(address, trusting(first.certificate)))).toBe('hi')
    const serialBefore = (await certificateAt(address)).serialNumber

    await write()
    await utimes(files.certificateFile, new Date(), new Date(Date.now() + 5_000))
    await expect
      .poll(async () => (await certificateAt(address)).serialNumber, { timeout: 5_000 })
      .not.toBe(serialBefore)
  })

  test('says CONFIG_INVALID when the configured certificate is missing', async () => {
    const files = { certificateFile: '/none.pem', keyFile: '/none.pem' }

    const listening = listen(new TlsIdentities(silentLogger, files))

    await expect(listening).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })

  // Checklist 2: in 32 bits these are negative, or a moment.
  test.each(['31535999M', '87600H', '315359999S', '31536000S', 'nonsense'])(
    '2. keeps a stream with the timeout %s open',
    async (timeout) => {
      const { address, contexts } = await listen()
      const metadata = new Metadata()
      metadata.set('grpc-timeout', timeout)
      const stream = clientOf(address).makeBidiStreamRequest(chat.path, asIs, asIs, metadata)
      let isOver = false
      stream.on('error', () => (isOver = true)).on('end', () => (isOver = true))
      stream.resume()

      await expect.poll(() => contexts.length).toBe(1)
      await delay(100)

      expect(isOver).toBe(false)
      expect(contexts[0]?.signal.aborted).toBe(false)
      stream.cancel()
    },
  )

  test('still ends a call at a timeout that fits', async () => {
    const { address } = await listen()
    const stream = clientOf(address).makeBidiStreamRequest(chat.path, asIs, asIs, new Metadata(), {
      deadline: Date.now() + 50,
    })
    const { promise, resolve } = Promise.withResolvers<number>()
    stream.on('error', (error: { code?: number }) => resolve(error.code ?? 0))
    stream.resume()

    expect(await promise).toBe(4)
  })

  // Checklist 16: Rust waits for them before it starts.
  test('16. sends the headers of a stream before anything has come', async () => {
    const { address } = await listen()
    const stream = clientOf(address).makeBidiStreamRequest(chat.path, asIs, asIs)
    stream.on('error', () => {})

    const headers = await new Promise((resolve) => stream.once('metadata', resolve))

    expect(headers).toBeInstanceOf(Metadata)

    stream.cancel()
  })
})

async function certificateAt(address: string): Promise<DetailedPeerCertificate> {
  const [host, port] = address.split(':')
  const socket = connectTls({
    host: host ?? '',
    port: Number(port),
    rejectUnauthorized: false,
    ALPNProtocols: ['h2'],
  })
  await new Promise((resolve, reject) => {
    socket.once('secureConnect', resolve).once('error', reject)
  })
  const certificate = socket.getPeerCertificate(true)
  socket.destroy()
  return certificate
}
