import { CometError, type Method } from '@cometmq/protocol'
import { type Connection, silentLogger, type Transport } from '@cometmq/runtime'
import { describe, expect, test } from 'vitest'
import { EtcdEndpoints } from './etcd-endpoints.ts'

const ECHO: Method<string, string> = {
  path: '/test.Echo/Echo',
  kind: 'unary',
  encodeRequest: (text) => Buffer.from(text),
  decodeRequest: String,
  encodeResponse: (text) => Buffer.from(text),
  decodeResponse: String,
}
const ADDRESSES = ['a:1', 'b:1', 'c:1']

describe('EtcdEndpoints', () => {
  // A member of etcd that is down is asked once, and not first by every request.
  test('stay with the one that answered', async () => {
    const { endpoints, asked, fail } = scripted()
    fail('a:1', 'CONNECT_FAILED')

    await endpoints.ask(ECHO, 'x', { timeoutMs: 1, repeat: 'always' })
    await endpoints.ask(ECHO, 'x', { timeoutMs: 1, repeat: 'always' })

    expect(asked).toEqual(['a:1', 'b:1', 'b:1'])
  })

  test.each([
    ['always', 'TIMEOUT', ['a:1', 'b:1', 'c:1']],
    ['unless-sent', 'TIMEOUT', ['a:1']],
    ['unless-sent', 'UNAVAILABLE', ['a:1']],
    ['unless-sent', 'INTERNAL', ['a:1']],
    ['unless-sent', 'CONNECT_FAILED', ['a:1', 'b:1', 'c:1']],
  ] as const)('repeat %s what fails with %s', async (repeat, code, expected) => {
    const { endpoints, asked, fail } = scripted()
    for (const address of ADDRESSES) fail(address, code)

    await expect(endpoints.ask(ECHO, 'x', { timeoutMs: 1, repeat })).rejects.toMatchObject({ code })

    expect(asked).toEqual(expected)
  })

  // Requests run side by side: three that miss their deadline together must not skip two members.
  test('move on by one when several requests fail together', async () => {
    const { endpoints, asked, fail } = scripted()
    fail('a:1', 'TIMEOUT')

    await Promise.allSettled(
      ['x', 'y', 'z'].map((text) => endpoints.askOnce(ECHO, text, { timeoutMs: 1 })),
    )
    await endpoints.askOnce(ECHO, 'x', { timeoutMs: 1 })

    expect(asked).toEqual(['a:1', 'a:1', 'a:1', 'b:1'])
  })

  // etcd breaks idle connections that are kept alive, and grpc-js complains of it on the console.
  test('close a connection that nobody uses any more, and not before', async () => {
    const { endpoints, closed, fail } = scripted()
    const watched = endpoints.take()
    await endpoints.askOnce(ECHO, 'x', { timeoutMs: 1 })
    expect(watched.connection.address).toBe('a:1')

    fail('a:1', 'TIMEOUT')
    await expect(endpoints.askOnce(ECHO, 'x', { timeoutMs: 1 })).rejects.toThrow('as told')
    const closedInUse = [...closed]
    endpoints.release(watched)

    expect(closedInUse).toEqual([])
    expect(closed).toEqual(['a:1'])
  })

  test('do not blame an endpoint for a request that we have given up', async () => {
    const { endpoints, asked, fail } = scripted()
    fail('a:1', 'CANCELLED')
    const signal = AbortSignal.abort()

    const given = endpoints.ask(ECHO, 'x', { timeoutMs: 1, repeat: 'always', signal })
    await expect(given).rejects.toMatchObject({ code: 'CANCELLED' })
    await endpoints.ask(ECHO, 'x', { timeoutMs: 1, repeat: 'always' }).catch(() => {})

    expect(asked.slice(0, 2)).toEqual(['a:1', 'a:1'])
  })
})

/** Endpoints that answer at once, or fail as they are told to. */
function scripted() {
  const asked: string[] = []
  const closed: string[] = []
  const failures = new Map<string, CometError>()
  const transport: Pick<Transport, 'connect'> = {
    connect: (address): Connection => ({
      address,
      call: async <Request, Response>(_: Method<Request, Response>, request: unknown) => {
        asked.push(address)
        await Promise.resolve()
        const failure = failures.get(address)
        if (failure !== undefined) throw failure
        return request as Response
      },
      open: () => {
        throw new Error('nobody opens a stream here')
      },
      close: () => closed.push(address),
    }),
  }
  const random = { fraction: () => 0, hex: () => '' }
  const endpoints = new EtcdEndpoints(
    { transport: transport as Transport, random, log: silentLogger },
    ADDRESSES,
  )
  return {
    endpoints,
    asked,
    closed,
    fail: (address: string, code: CometError['code']) => {
      failures.set(address, new CometError(code, 'as told'))
    },
  }
}
