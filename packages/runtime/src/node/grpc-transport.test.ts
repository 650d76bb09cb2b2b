import { describeTransport } from '@cometmq/simulation/contracts'
import { describe } from 'vitest'
import { silentLogger } from '../logger.ts'
import { GrpcTransport } from './grpc-transport.ts'
import { systemClock } from './system-clock.ts'

describe('GrpcTransport', () => {
  describeTransport(() => {
    const server = new GrpcTransport(silentLogger)
    const client = new GrpcTransport(silentLogger)
    return Promise.resolve({
      port: server,
      client,
      address: '127.0.0.1:0',
      clock: systemClock,
      run: (check) => check(),
      [Symbol.asyncDispose]: async () => {
        await client.close()
        await server.close()
      },
    })
  })
})
