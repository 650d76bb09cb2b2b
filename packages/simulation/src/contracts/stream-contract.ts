import { CometError } from '@cometmq/protocol'
import { accept, type CallOptions, type Handler } from '@cometmq/runtime'
import { expect } from 'vitest'
import { testWith } from './subject.ts'
import {
  type AcceptedLine,
  chat,
  garbledChat,
  type Line,
  lineOf,
  serve,
  type TransportSubject,
  until,
  watch,
} from './transport-subject.ts'

export function describeStreams(open: () => Promise<TransportSubject>): void {
  const check = testWith(open)

  check('carries messages in order both ways', async (subject) => {
    const { near, far } = await openChat(subject)
    const texts = Array.from({ length: 500 }, (_, index) => String(index))

    for (const text of texts) near.stream.send({ text })
    for (const text of texts) far.stream.send({ text })

    await until(subject, () => near.inbox.texts.length === 500 && far.inbox.texts.length === 500)
    expect(near.inbox.texts).toEqual(texts)
    expect(far.inbox.texts).toEqual(texts)
  })

  check('keeps what was sent before the connection stood', async (subject) => {
    const server = new ChatServer()
    const listener = await serve(subject, server.handler)

    const near = lineOf(subject.client.connect(listener.address).open(chat))
    for (const text of ['a', 'b', 'c']) near.stream.send({ text })
    near.stream.end()

    await until(subject, () => server.lines[0]?.inbox.outcome === 'ended')
    expect(server.lines[0]?.inbox.texts).toEqual(['a', 'b', 'c'])
  })

  // Messages that arrive together, before the handler has had a turn, are the first to be lost.
  check('loses nothing that arrives in one turn with its opening', async (subject) => {
    const server = new ChatServer()
    const listener = await serve(subject, server.handler)
    const connection = subject.client.connect(listener.address)
    const warmUp = lineOf(connection.open(chat))
    warmUp.stream.send({ text: 'the connection stands' })
    await until(subject, () => server.lines.length === 1)

    const near = lineOf(connection.open(chat))
    for (let index = 0; index < 50; index += 1) near.stream.send({ text: String(index) })
    near.stream.end()

    await until(subject, () => server.lines[1]?.inbox.outcome === 'ended')
    expect(server.lines[1]?.inbox.texts).toHaveLength(50)
  })

  check('gives a server stream its one request as first message', async (subject) => {
    const server = new ChatServer(watch)
    const listener = await serve(subject, server.handler)
    const near = lineOf(subject.client.connect(listener.address).open(watch))
    near.stream.send({ text: 'what I want to see' })
    near.stream.end()
    await until(subject, () => server.lines[0]?.inbox.outcome === 'ended')

    const far = server.lines[0]
    for (const text of ['1', '2']) far?.stream.send({ text })
    far?.stream.end()

    await until(subject, () => near.inbox.outcome !== undefined)
    expect(far?.inbox.texts).toEqual(['what I want to see'])
    expect(near.inbox.texts).toEqual(['1', '2'])
    expect(near.inbox.outcome).toBe('ended')
  })

  check('goes on in one direction when the client has ended the other', async (subject) => {
    const { near, far } = await openChat(subject)
    near.stream.end()
    await until(subject, () => far.inbox.outcome === 'ended')

    far.stream.send({ text: 'still here' })
    far.stream.end()

    await until(subject, () => near.inbox.outcome === 'ended')
    expect(near.inbox.texts).toEqual(['still here'])
    expect(far.context.signal.aborted).toBe(false)
  })

  check('is over for both when the server ends it', async (subject) => {
    const { near, far } = await openChat(subject)

    far.stream.send({ text: 'goodbye' })
    far.stream.end()

    await until(subject, () => near.inbox.outcome !== undefined && far.inbox.outcome !== undefined)
    expect(near.inbox).toMatchObject({ texts: ['goodbye'], outcome: 'ended' })
    expect(far.inbox.outcome).toBe('ended')
    near.stream.send({ text: 'to nobody' })
    await near.stream.writable()
  })

  check('tells a client why its server has broken it', async (subject) => {
    const { near, far } = await openChat(subject)

    far.stream.cancel(new CometError('NOT_MASTER', 'ask another', { retryAfterMs: 7 }))

    await until(subject, () => near.inbox.outcome !== undefined && far.inbox.outcome !== undefined)
    expect(near.inbox.failure).toMatchObject({
      code: 'NOT_MASTER',
      message: 'ask another',
      retryAfterMs: 7,
    })
    expect(far.inbox.outcome).toBe('NOT_MASTER')
  })

  check('tells a server that its client has cancelled', async (subject) => {
    const { near, far } = await openChat(subject)

    near.stream.cancel()

    await until(subject, () => near.inbox.outcome !== undefined && far.inbox.outcome !== undefined)
    expect(near.inbox.outcome).toBe('CANCELLED')
    expect(far.inbox.outcome).toBe('CANCELLED')
    expect(far.context.signal.reason).toMatchObject({ code: 'CANCELLED' })
  })

  // grpc-js starts such a call all the same: its server would hold it for ever, and what that sends
  // is thrown at a stream that has ended.
  check('can be cancelled as soon as it was opened', async (subject) => {
    const accepted: Line[] = []
    const greeter = accept(chat, (stream) => {
      accepted.push(lineOf(stream))
      stream.send({ text: 'welcome' })
    })
    const listener = await serve(subject, greeter)
    const connection = subject.client.connect(listener.address)
    const standing = lineOf(connection.open(chat))
    await until(subject, () => standing.inbox.texts.length === 1)

    const cancelled = lineOf(connection.open(chat))
    cancelled.stream.cancel()
    const next = lineOf(connection.open(chat))
    await until(subject, () => next.inbox.texts.length === 1)
    standing.stream.end()
    next.stream.end()
    await until(subject, () => accepted.every(({ inbox }) => inbox.outcome !== undefined))

    expect(cancelled.inbox.outcome).toBe('CANCELLED')
    expect(cancelled.inbox.texts).toEqual([])
  })

  check('carries metadata and ends at its deadline', async (subject) => {
    const { near, far } = await openChat(subject, { metadata: { 'x-name': 'a' }, timeoutMs: 300 })

    expect(far.context.metadata).toMatchObject({ 'x-name': 'a' })
    expect(far.context.remainingMs).toBeLessThanOrEqual(300)
    await until(subject, () => near.inbox.outcome !== undefined && far.inbox.outcome !== undefined)
    expect(near.inbox.outcome).toBe('TIMEOUT')
    // Each end has a clock of its own for it.
    expect(far.context.remainingMs).toBeLessThan(100)
  })

  check('is cancelled by the signal of its client', async (subject) => {
    const stop = new AbortController()
    const { near, far } = await openChat(subject, { signal: stop.signal })

    stop.abort()

    await until(subject, () => far.inbox.outcome === 'CANCELLED')
    expect(near.inbox.outcome).toBe('CANCELLED')
  })

  check('is CONNECT_FAILED when nobody listens', async (subject) => {
    const listener = await serve(subject)
    await listener.close()

    const near = lineOf(subject.client.connect(listener.address).open(chat))
    near.stream.send({ text: 'into the void' })

    await until(subject, () => near.inbox.outcome === 'CONNECT_FAILED')
    await near.stream.writable()
  })

  check('is UNSUPPORTED where its method is not known', async (subject) => {
    const listener = await serve(subject)

    const near = lineOf(subject.client.connect(listener.address).open(chat))

    await until(subject, () => near.inbox.outcome === 'UNSUPPORTED')
  })

  check('is UNAVAILABLE to both when the connection breaks', async (subject) => {
    const { near, far, close } = await openChat(subject)

    await close()

    await until(subject, () => near.inbox.outcome !== undefined && far.inbox.outcome !== undefined)
    expect(near.inbox.outcome).toBe('UNAVAILABLE')
    expect(far.inbox.outcome).toBe('UNAVAILABLE')
    expect(far.context.signal.aborted).toBe(true)
  })

  check('is CLOSED by closing its connection', async (subject) => {
    const { near, far, connection } = await openChat(subject)

    connection.close()

    await until(subject, () => near.inbox.outcome !== undefined && far.inbox.outcome !== undefined)
    expect(near.inbox.outcome).toBe('CLOSED')
  })

  check('breaks for both when a message cannot be decoded', async (subject) => {
    const server = new ChatServer()
    const listener = await serve(subject, server.handler)

    const near = lineOf(subject.client.connect(listener.address).open(garbledChat))
    near.stream.send({ text: '' })

    await until(subject, () => near.inbox.outcome !== undefined)
    expect(near.inbox.outcome).toBe('MALFORMED_REQUEST')
    await until(subject, () => server.lines[0]?.inbox.outcome === 'MALFORMED_REQUEST')
  })

  check('is INTERNAL when its handler throws at once', async (subject) => {
    const listener = await serve(
      subject,
      accept(chat, () => {
        throw new Error('secret: 42')
      }),
    )

    const near = lineOf(subject.client.connect(listener.address).open(chat))

    await until(subject, () => near.inbox.outcome === 'INTERNAL')
    expect(near.inbox.failure?.message).not.toContain('secret')
  })

  // One client's message must not end the process that serves all others.
  check('breaks with what its receiver throws at the server', async (subject) => {
    for (const [thrown, code] of [
      [new CometError('ILLEGAL_NAME', 'no such name'), 'ILLEGAL_NAME'],
      [new Error('secret: 42'), 'INTERNAL'],
    ] as const) {
      const { near, far } = await openChat(subject)
      far.inbox.throws = thrown

      near.stream.send({ text: 'one more' })

      await until(subject, () => near.inbox.outcome === code && far.inbox.outcome === code)
      expect(near.inbox.failure?.message).not.toContain('secret')
    }
  })

  // Without it a broker's memory belongs to its slowest consumer.
  check('makes its sender wait for a receiver that does not read', async (subject) => {
    const { near, far } = await openChat(subject)
    const text = 'x'.repeat(64 * 1024)
    far.stream.pause()

    let sentCount = 0
    let isStuck = false
    while (!isStuck) {
      const hasRoom = near.stream.send({ text })
      sentCount += 1
      expect(sentCount).toBeLessThan(1_000)
      // What lies between the two takes some before the receiver's slowness is felt.
      if (!hasRoom) isStuck = !(await resolvesSoon(subject, near.stream.writable()))
    }

    far.stream.resume()

    await near.stream.writable()
    await until(subject, () => far.inbox.texts.length === sentCount)
    expect(far.inbox.texts.every((received) => received === text)).toBe(true)
  })

  // A consumer that goes in the middle of an answer has not seen its messages.
  check('is flushed when its receiver has read, or has gone', async (subject) => {
    for (const outcome of ['read', 'gone'] as const) {
      const { near, far } = await openChat(subject)
      await far.stream.flushed()
      near.stream.pause()
      // More than the windows and buffers between hold.
      for (let count = 0; count < 64; count += 1) far.stream.send({ text: 'x'.repeat(64 * 1024) })
      const flushed = far.stream.flushed()
      expect(await resolvesSoon(subject, flushed)).toBe(false)

      if (outcome === 'read') near.stream.resume()
      else near.stream.cancel()

      await flushed
      expect(far.context.signal.aborted).toBe(outcome === 'gone')
    }
  })

  check('holds back nothing when it is told to go on again', async (subject) => {
    const { near, far } = await openChat(subject)
    near.stream.pause()
    for (let index = 0; index < 10; index += 1) far.stream.send({ text: String(index) })
    far.stream.end()
    await subject.clock.sleep(50)
    expect(near.inbox).toMatchObject({ texts: [], outcome: undefined })

    near.stream.resume()

    await until(subject, () => near.inbox.outcome === 'ended')
    expect(near.inbox.texts).toHaveLength(10)
  })

  // One subscription that is not read must not stop acknowledgements on another.
  check('that is not read does not stop others on its connection', async (subject) => {
    const server = new ChatServer()
    const listener = await serve(subject, server.handler)
    const connection = subject.client.connect(listener.address)
    const stuck = lineOf(connection.open(chat))
    stuck.stream.send({ text: 'first' })
    await until(subject, () => server.lines.length === 1)
    server.lines[0]?.stream.pause()
    const text = 'x'.repeat(1024 * 1024)
    for (let count = 0; count < 20; count += 1) stuck.stream.send({ text })

    const other = lineOf(connection.open(chat))
    other.stream.send({ text: 'comes through' })

    await until(subject, () => server.lines[1]?.inbox.texts[0] === 'comes through')
    other.stream.send({ text })
    await until(subject, () => server.lines[1]?.inbox.texts.length === 2)
  })

  check('lets nobody wait on who has gone', async (subject) => {
    const { near, far } = await openChat(subject)
    near.stream.pause()
    const text = 'x'.repeat(256 * 1024)
    for (let count = 0; count < 100; count += 1) if (!far.stream.send({ text })) break
    const writable = far.stream.writable()

    near.stream.cancel()

    await writable
    await until(subject, () => far.inbox.outcome === 'CANCELLED')
  })
}

/** Takes streams and keeps them. */
class ChatServer {
  readonly lines: AcceptedLine[] = []
  readonly handler: Handler

  constructor(method = chat) {
    this.handler = accept(method, (stream, context) => {
      this.lines.push({ ...lineOf(stream), context })
    })
  }
}

async function resolvesSoon(subject: TransportSubject, promise: Promise<void>): Promise<boolean> {
  let hasResolved = false
  void promise.then(() => (hasResolved = true))
  for (let tries = 0; tries < 50 && !hasResolved; tries += 1) await subject.clock.sleep(1)
  return hasResolved
}

interface Chat {
  /** The client's end. */
  readonly near: Line
  /** The server's end. */
  readonly far: AcceptedLine
  readonly connection: { close(): void }
  /** Breaks the connection from the server's side. */
  readonly close: () => Promise<void>
}

/** A stream whose two ends are known to be connected. */
async function openChat(subject: TransportSubject, options: CallOptions = {}): Promise<Chat> {
  const server = new ChatServer()
  const listener = await serve(subject, server.handler)
  const connection = subject.client.connect(listener.address)
  const near = lineOf(connection.open(chat, options))
  near.stream.send({ text: 'hello' })
  await until(subject, () => server.lines[0]?.inbox.texts.length === 1)
  const far = server.lines[0]
  if (far === undefined) throw new Error('the stream was not taken')
  far.inbox.texts.length = 0
  return { near, far, connection, close: () => listener.close() }
}
