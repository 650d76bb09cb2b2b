import { describe, expect, test } from 'vitest'
import { answer, type Handler } from '../transport.ts'
import { openNodeRuntime } from './index.ts'

describe('openNodeRuntime', () => {
  // A process that has been disposed of must neither serve nor keep Node alive.
  test('closes its listeners and connections when it is disposed of', async () => {
    const method = {
      path: '/test.Bytes/Echo',
      kind: 'unary',
      encodeRequest: (bytes: Buffer) => bytes,
      decodeRequest: (bytes: Buffer) => bytes,
      encodeResponse: (bytes: Buffer) => bytes,
      decodeResponse: (bytes: Buffer) => bytes,
    } as const
    const echo: Handler = answer(method, (bytes: Buffer) => Promise.resolve(bytes))
    const other = openNodeRuntime({ name: 'other', logLevel: 'silent' })
    let address: string
    {
      await using runtime = openNodeRuntime({ name: 'broker', logLevel: 'silent' })
      const listener = await runtime.transport.listen({ address: '127.0.0.1:0', handlers: [echo] })
      address = listener.address
      const bytes = Buffer.from('hello')
      expect(await other.transport.connect(address).call(method, bytes)).toEqual(bytes)
    }

    const late = other.transport.connect(address).call(method, Buffer.alloc(0))

    await expect(late).rejects.toMatchObject({ code: expect.stringMatching(/CONNECT|UNAVAIL/) })
    await other[Symbol.asyncDispose]()
  })
})
