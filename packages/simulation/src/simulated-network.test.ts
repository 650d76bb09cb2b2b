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

describe('a lossy link', () => {
  // Loss on a connection is lateness: a packet that vanished for good would break every protocol on it.
  test('delivers everything in its order, and some of it late', async () => {
    const simulation = new Simulation(3)
    const server = simulation.machine('server').runtime()
    const client = simulation.machine('client').runtime()
    const received: { readonly number: number; readonly atMs: number }[] = []
    const listening = server.transport.listen({
      address: 'server:1',
      handlers: [
        accept(numbers, (stream) => {
          stream.receive({
            message: (number) => received.push({ number, atMs: simulation.clock.elapsedMs() }),
            ended: () => {},
            failed: () => {},
          })
        }),
      ],
    })
    await simulation.runUntil(listening, { limitMs: 1_000 })
    const stream = client.transport.connect('server:1').open(numbers)
    stream.receive({ message: () => {}, ended: () => {}, failed: () => {} })
    await simulation.advance(100)

    simulation.network.lose('client', 'server', 0.2)
    const sentAtMs: number[] = []
    for (let number = 0; number < 100; number++) {
      sentAtMs.push(simulation.clock.elapsedMs())
      stream.send(number)
      await simulation.advance(50)
    }
    await simulation.advance(60_000)

    expect(received.map(({ number }) => number)).toEqual(sentAtMs.map((_, number) => number))
    const late = received.filter(({ number, atMs }) => atMs - (sentAtMs[number] ?? 0) > 190)
    expect(late.length).toBeGreaterThan(10)
    expect(late.length).toBeLessThan(100)
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
