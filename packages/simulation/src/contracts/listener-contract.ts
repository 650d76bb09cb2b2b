import { accept, answer } from '@cometmq/runtime'
import { expect } from 'vitest'
import { testWith } from './subject.ts'
import {
  chat,
  echo,
  failureOf,
  lineOf,
  type Note,
  serve,
  type TransportSubject,
  until,
} from './transport-subject.ts'

export function describeListener(open: () => Promise<TransportSubject>): void {
  const check = testWith(open)

  check('takes a free port and says which', async (subject) => {
    const first = await serve(subject)
    const second = await serve(subject)

    expect(portOf(first.address)).toBeGreaterThan(0)
    expect(portOf(second.address)).toBeGreaterThan(0)
    expect(second.address).not.toBe(first.address)
  })

  check('says CONFIG_INVALID, and what to do, when its port is taken', async (subject) => {
    const { address } = await serve(subject)

    const second = subject.port.listen({ address, handlers: [] })

    await expect(second).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(address),
    })
  })

  check('says CONFIG_INVALID when its address is none', async (subject) => {
    for (const address of ['nowhere', 'host:', ':1', 'host:port', 'a:1:2']) {
      const listening = subject.port.listen({ address, handlers: [] })

      await expect(listening).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    }
  })

  check('frees its port when it is closed, and may be closed again', async (subject) => {
    const listener = await serve(subject)
    await listener.close()
    await listener.close()

    const next = await subject.port.listen({ address: listener.address, handlers: [] })

    expect(next.address).toBe(listener.address)
  })

  // A broker that is told to stop finishes what it has begun, and its clients go elsewhere.
  check('drains: finishes what runs, takes nothing new', async (subject) => {
    const finish = Promise.withResolvers<Note>()
    let runningCount = 0
    const listener = await serve(
      subject,
      answer(echo, () => {
        runningCount += 1
        return finish.promise
      }),
      accept(chat, (stream) => {
        stream.receive({ message: () => {}, ended: () => stream.end(), failed: () => {} })
        runningCount += 1
      }),
    )
    const connection = subject.client.connect(listener.address)
    const running = connection.call(echo, { text: '' })
    const { stream, inbox } = lineOf(connection.open(chat))
    await until(subject, () => runningCount === 2)

    let isDrained = false
    const drained = listener.drain().then(() => (isDrained = true))
    const refused = [connection, subject.client.connect(listener.address)].map((from) =>
      failureOf(from.call(echo, { text: '' })),
    )

    expect(await Promise.all(refused)).toEqual(['CONNECT_FAILED', 'CONNECT_FAILED'])
    finish.resolve({ text: 'done' })
    expect(await running).toEqual({ text: 'done' })
    expect(isDrained).toBe(false)
    stream.end()
    await drained
    expect(runningCount).toBe(2)
    await until(subject, () => inbox.outcome === 'ended')
  })

  check('that is closed does not wait for a drain to end', async (subject) => {
    let isRunning = false
    const listener = await serve(
      subject,
      answer(echo, () => {
        isRunning = true
        return new Promise<Note>(() => {})
      }),
    )
    const failure = failureOf(subject.client.connect(listener.address).call(echo, { text: '' }))
    await until(subject, () => isRunning)
    const drained = listener.drain()

    await listener.close()

    await drained
    expect(await failure).toBe('UNAVAILABLE')
  })
}

function portOf(address: string): number {
  return Number(address.split(':').at(-1))
}
