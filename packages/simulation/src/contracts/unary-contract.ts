import { CometError, limits } from '@cometmq/protocol'
import { answer, type CallContext } from '@cometmq/runtime'
import { expect } from 'vitest'
import { testWith } from './subject.ts'
import {
  echo,
  failureOf,
  garbledEcho,
  type Note,
  serve,
  type TransportSubject,
  until,
} from './transport-subject.ts'

export function describeUnaryCalls(open: () => Promise<TransportSubject>): void {
  const check = testWith(open)

  check('is answered', async (subject) => {
    const contexts: CallContext[] = []
    const listener = await serve(
      subject,
      answer(echo, (note, context) => {
        contexts.push(context)
        return Promise.resolve({ text: `${note.text}!` })
      }),
    )
    const connection = subject.client.connect(listener.address)

    expect(await connection.call(echo, { text: 'hello' })).toEqual({ text: 'hello!' })
    expect(contexts[0]?.peer).toMatch(/.+:\d+$/)
    expect(contexts[0]?.signal.aborted).toBe(false)
  })

  // The gateway authenticates by what goes along, and forwards with the time that is left.
  check('carries metadata and the time its caller has', async (subject) => {
    const contexts: { metadata: CallContext['metadata']; remainingMs: number }[] = []
    const listener = await serve(
      subject,
      answer(echo, (note, { metadata, remainingMs }) => {
        contexts.push({ metadata, remainingMs })
        return Promise.resolve(note)
      }),
    )
    const connection = subject.client.connect(listener.address)

    const metadata = { 'x-name': 'a value' }
    await connection.call(echo, { text: '' }, { timeoutMs: 5_000, metadata })
    await connection.call(echo, { text: '' })

    expect(contexts[0]?.metadata).toMatchObject(metadata)
    expect(contexts[0]?.remainingMs).toBeGreaterThan(3_000)
    expect(contexts[0]?.remainingMs).toBeLessThanOrEqual(5_000)
    expect(contexts[1]?.metadata).not.toHaveProperty('x-name')
    expect(contexts[1]?.remainingMs).toBe(Number.POSITIVE_INFINITY)
  })

  // Answers must find their callers however they overtake each other.
  check('gets its own answer among many', async (subject) => {
    const { clock } = subject
    const slowEcho = answer(echo, async (note) => {
      await clock.sleep(Number(note.text) % 7)
      return note
    })
    const connection = subject.client.connect((await serve(subject, slowEcho)).address)

    const texts = Array.from({ length: 300 }, (_, index) => String(index))
    const answers = await Promise.all(texts.map((text) => connection.call(echo, { text })))

    expect(answers.map((note) => note.text)).toEqual(texts)
  })

  check('fails as its handler does', async (subject) => {
    const busy = new CometError('STORE_BUSY', 'too much is waiting: 100 %', { retryAfterMs: 40 })
    const listener = await serve(
      subject,
      answer(echo, () => Promise.reject(busy)),
    )

    const call = subject.client.connect(listener.address).call(echo, { text: '' })

    await expect(call).rejects.toMatchObject({
      code: 'STORE_BUSY',
      message: 'too much is waiting: 100 %',
      retryAfterMs: 40,
    })
  })

  // What a mistake says is for us, not for whoever sent the call.
  check('tells nothing of a mistake in its handler', async (subject) => {
    const listener = await serve(
      subject,
      answer(echo, () => Promise.reject(new Error('secret: 42'))),
    )

    const call = subject.client.connect(listener.address).call(echo, { text: '' })

    await expect(call).rejects.toMatchObject({
      code: 'INTERNAL',
      message: expect.not.stringContaining('secret'),
    })
  })

  check('is refused when it cannot be decoded', async (subject) => {
    const connection = subject.client.connect((await serveEcho(subject)).address)

    const garbled = connection.call(garbledEcho, { text: '' })

    await expect(garbled).rejects.toMatchObject({ code: 'MALFORMED_REQUEST' })
    expect(await connection.call(echo, { text: 'next' })).toEqual({ text: 'next' })
  })

  check('is UNSUPPORTED where its method is not known', async (subject) => {
    const listener = await serve(subject)

    const call = subject.client.connect(listener.address).call(echo, { text: '' })

    await expect(call).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  })

  check('is TIMEOUT when its time has passed, and its handler learns it', async (subject) => {
    const hanging = new Hanging()
    const connection = subject.client.connect((await serve(subject, hanging.handler)).address)

    const call = connection.call(echo, { text: '' }, { timeoutMs: 50 })

    await expect(call).rejects.toMatchObject({ code: 'TIMEOUT' })
    await until(subject, () => hanging.reason !== undefined)
    expect(['TIMEOUT', 'CANCELLED']).toContain(hanging.reason)
  })

  check('is CANCELLED by its caller, and its handler learns it', async (subject) => {
    const hanging = new Hanging()
    const connection = subject.client.connect((await serve(subject, hanging.handler)).address)
    const stop = new AbortController()

    const failure = failureOf(connection.call(echo, { text: '' }, { signal: stop.signal }))
    await until(subject, () => hanging.isRunning)
    stop.abort()

    expect(await failure).toBe('CANCELLED')
    await until(subject, () => hanging.reason === 'CANCELLED')
  })

  check('is not sent when its signal is aborted already', async (subject) => {
    const connection = subject.client.connect((await serveEcho(subject)).address)

    const call = connection.call(echo, { text: '' }, { signal: AbortSignal.abort() })

    await expect(call).rejects.toMatchObject({ code: 'CANCELLED' })
  })

  // "Nothing was sent" lets any caller try elsewhere at once.
  check('is CONNECT_FAILED when nobody listens', async (subject) => {
    const listener = await serveEcho(subject)
    await listener.close()

    const call = subject.client.connect(listener.address).call(echo, { text: '' })

    await expect(call).rejects.toMatchObject({ code: 'CONNECT_FAILED' })
  })

  check('needs an address that is one', async (subject) => {
    for (const address of ['nowhere', 'host:', ':1', 'host:port', 'a:1:2']) {
      expect(() => subject.client.connect(address)).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID' }),
      )
    }
    await subject.clock.yieldTurn()
  })

  // The outcome is unknown: the handler may have done its work.
  check('is UNAVAILABLE when its connection breaks, and its handler learns it', async (subject) => {
    const hanging = new Hanging()
    const listener = await serve(subject, hanging.handler)
    const failure = failureOf(subject.client.connect(listener.address).call(echo, { text: '' }))
    await until(subject, () => hanging.isRunning)

    await listener.close()

    expect(await failure).toBe('UNAVAILABLE')
    await until(subject, () => hanging.reason === 'UNAVAILABLE')
  })

  check('finds a server that has come back', async (subject) => {
    const listener = await serveEcho(subject)
    const connection = subject.client.connect(listener.address)
    await connection.call(echo, { text: 'before' })
    await listener.close()
    await expect(connection.call(echo, { text: 'between' })).rejects.toBeInstanceOf(CometError)

    await subject.port.listen({ address: listener.address, handlers: [echoHandler] })

    let found: Note | undefined
    const tryAgain = async (): Promise<void> => {
      while (found === undefined) {
        found = await connection.call(echo, { text: 'after' }).catch(() => undefined)
        await subject.clock.sleep(10)
      }
    }
    void tryAgain()
    await until(subject, () => found?.text === 'after')
  })

  check('breaks as CLOSED with its connection, and leaves others alone', async (subject) => {
    const hanging = new Hanging()
    const listener = await serve(subject, hanging.handler)
    const closing = subject.client.connect(listener.address)
    const other = subject.client.connect(listener.address)
    const broken = failureOf(closing.call(echo, { text: '' }))
    let isOtherOver = false
    other.call(echo, { text: '' }).then(
      () => (isOtherOver = true),
      () => (isOtherOver = true),
    )
    await until(subject, () => hanging.count === 2)

    closing.close()
    closing.close()

    expect(await broken).toBe('CLOSED')
    await expect(closing.call(echo, { text: '' })).rejects.toMatchObject({ code: 'CLOSED' })
    await subject.clock.sleep(20)
    expect(isOtherOver).toBe(false)
    other.close()
  })

  // What is too large is refused where it was made, and nobody else on the connection suffers.
  check('must not be larger than the limit, nor its answer', async (subject) => {
    const huge = 'x'.repeat(limits.rpcMessageMaxBytes)
    const handler = answer(echo, (note) =>
      Promise.resolve({ text: note.text === 'make it huge' ? huge : note.text }),
    )
    const connection = subject.client.connect((await serve(subject, handler)).address)
    const failure = { code: 'MESSAGE_TOO_LARGE' }

    await expect(connection.call(echo, { text: huge })).rejects.toMatchObject(failure)
    await expect(connection.call(echo, { text: 'make it huge' })).rejects.toMatchObject(failure)
    expect(await connection.call(echo, { text: 'small' })).toEqual({ text: 'small' })
  })
}

const echoHandler = answer(echo, (note) => Promise.resolve(note))

function serveEcho(subject: TransportSubject) {
  return serve(subject, echoHandler)
}

/** A handler that never answers, and says how its caller went away. */
class Hanging {
  count = 0
  /** The code that its signal was aborted with. */
  reason: string | undefined
  readonly handler = answer(echo, (_, { signal }) => {
    this.count += 1
    signal.addEventListener('abort', () => {
      this.reason = (signal.reason as CometError).code
    })
    return new Promise<Note>(() => {})
  })

  get isRunning(): boolean {
    return this.count > 0
  }
}
