import type { Method } from '@cometmq/protocol'
import { accept } from '@cometmq/runtime'
import { describe, expect, test } from 'vitest'
import { describeTransport } from './contracts/index.ts'
import { Simulation } from './simulation.ts'

// Each seed is another order in which things arrive.
describe.each([1, 2, 3, 4, 5])('SimulatedNetwork, seed %i', (seed) => {
  describeTransport(() => {
    const simulation = new Simulation(seed)
    const server = simulation.machine('server').runtime()
    const client = simulation.machine('client').runtime()
    return Promise.resolve({
      port: server.transport,
      client: client.transport,
      address: 'server:0',
      clock: simulation.clock,
      run: (check) => simulation.runUntil(check(), { limitMs: 120_000 }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    })
  })
})

describe('what a block has held', () => {
  // A stream that reorders would break every protocol on it, and the blame would fall on the protocol.
  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'arrives before what was sent later, seed %i',
    async (seed) => {
      const simulation = new Simulation(seed)
      const server = simulation.machine('server').runtime()
      const client = simulation.machine('client').runtime()
      const received: number[] = []
      await simulation.runUntil(
        server.transport.listen({
          address: 'server:1',
          handlers: [
            accept(numbers, (stream) => {
              stream.receive({
                message: (number) => received.push(number),
                ended: () => {},
                failed: () => {},
              })
            }),
          ],
        }),
        { limitMs: 1_000 },
      )
      const stream = client.transport.connect('server:1').open(numbers)
      stream.receive({ message: () => {}, ended: () => {}, failed: () => {} })
      stream.send(0)
      await simulation.advance(100)

      simulation.network.slowDown('client', 'server', 200)
      stream.send(1)
      await simulation.advance(50)
      simulation.network.block('client', 'server')
      await simulation.advance(190)
      stream.send(2)
      simulation.network.slowDown('client', 'server', 0)
      await simulation.advance(20)
      stream.send(3)
      simulation.network.heal('client', 'server')
      stream.send(4)
      await simulation.advance(1_000)

      expect(received).toEqual([0, 1, 2, 3, 4])
    },
  )
})

const numbers: Method<number, number> = {
  path: '/test.Numbers/Send',
  kind: 'bidi',
  encodeRequest: (number) => Buffer.from([number]),
  decodeRequest: (bytes) => bytes[0] ?? -1,
  encodeResponse: (number) => Buffer.from([number]),
  decodeResponse: (bytes) => bytes[0] ?? -1,
}
