import { describe } from 'vitest'
import { describeTransport } from './contracts/index.ts'
import { Simulation } from './simulation.ts'

describe('SimulatedNetwork', () => {
  describeTransport(() => {
    const simulation = new Simulation(1)
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
