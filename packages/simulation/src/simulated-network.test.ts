import { describe } from 'vitest'
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
