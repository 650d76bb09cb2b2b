import { NameServer, nameServerDefaults } from '@cometmq/nameserver'
import { openNodeRuntime } from '@cometmq/runtime/node'
import { Client, credentials } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SmallCluster } from './small-cluster.ts'

/** What any gRPC tool may ask of a server, asked with grpc-js alone. */
let cluster: SmallCluster

beforeAll(async () => {
  cluster = await SmallCluster.start()
})
afterAll(() => cluster[Symbol.asyncDispose]())

const HEALTH = '/grpc.health.v1.Health'
const REFLECTION = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo'

describe('gRPC health checks', () => {
  test.each(['', 'apache.rocketmq.v2.MessagingService', 'cometmq.v1.Broker'])(
    'say of a broker that it serves "%s"',
    async (service) => {
      expect(await healthOf(cluster.broker('broker-a').address, service)).toBe('SERVING')
    },
  )

  test('say of a name server that it serves, and of an unknown service nothing', async () => {
    expect(await healthOf(cluster.nameServer, '')).toBe('SERVING')
    await expect(healthOf(cluster.nameServer, 'nobody')).rejects.toMatchObject({ code: 5 })
  })

  // It would send clients where nothing is known yet.
  test('say of a name server that has just started that it does not', async () => {
    await using runtime = openNodeRuntime({ name: 'test', logLevel: 'silent' })
    const config = { ...nameServerDefaults, cluster: 'test', listen: '127.0.0.1:0' }
    await using nameServer = await NameServer.open({ ...config, warmupMs: 60_000 }, runtime)

    expect(await healthOf(nameServer.address, '')).toBe('NOT_SERVING')
  })

  test('tell who watches a broker that it drains', async () => {
    const client = new Client(cluster.broker('broker-b').address, credentials.createInsecure())
    const statuses: string[] = []
    const watch = client.makeServerStreamRequest(`${HEALTH}/Watch`, asIs, statusOf, requestOf(''))
    watch.on('error', () => {})
    const seen = (wanted: string) =>
      new Promise<void>((resolve) => {
        watch.on('data', (status: string) => {
          statuses.push(status)
          if (status === wanted) resolve()
        })
      })
    await seen('SERVING')

    const told = seen('NOT_SERVING')
    const drained = cluster.broker('broker-b').drain()
    await told
    watch.cancel()
    client.close()
    await drained

    expect(statuses.at(-1)).toBe('NOT_SERVING')
  })
})

describe('gRPC reflection', () => {
  test('is not there unless it is switched on', async () => {
    await expect(servicesOf(cluster.nameServer)).rejects.toMatchObject({ code: 12 })
  })

  test('lists the services where it is', async () => {
    await using runtime = openNodeRuntime({ name: 'test', logLevel: 'silent' })
    const config = { ...nameServerDefaults, cluster: 'test', listen: '127.0.0.1:0' }
    await using nameServer = await NameServer.open({ ...config, reflection: true }, runtime)

    expect(await servicesOf(nameServer.address)).toEqual(
      expect.arrayContaining(['apache.rocketmq.v2.MessagingService', 'cometmq.v1.Routes']),
    )
  })
})

/** Field 1 is the name of the service. */
function requestOf(service: string): Buffer {
  return Buffer.concat([Buffer.from([0x0a, service.length]), Buffer.from(service)])
}

/** Field 1 is the status. */
function statusOf(answer: Buffer): string {
  return ['UNKNOWN', 'SERVING', 'NOT_SERVING'][answer[1] ?? 0] ?? 'none'
}

function asIs(bytes: Buffer): Buffer {
  return bytes
}

async function healthOf(address: string, service: string): Promise<string> {
  const client = new Client(address, credentials.createInsecure())
  try {
    return await new Promise((resolve, reject) => {
      const path = `${HEALTH}/Check`
      client.makeUnaryRequest(path, asIs, statusOf, requestOf(service), (error, status = '') => {
        if (error) reject(error)
        else resolve(status)
      })
    })
  } finally {
    client.close()
  }
}

/** Field 7 of the request is `list_services`; the answer holds the names as plain text. */
function servicesOf(address: string): Promise<string[]> {
  const client = new Client(address, credentials.createInsecure())
  const stream = client.makeBidiStreamRequest(REFLECTION, asIs, asIs)
  return new Promise<string[]>((resolve, reject) => {
    stream.on('error', reject)
    stream.on('data', (answer: Buffer) => {
      resolve(answer.toString('latin1').match(/[a-z]\w*(?:\.\w+){2,}/g) ?? [])
      stream.end()
    })
    stream.write(Buffer.from([0x3a, 0x01, 0x2a]))
  }).finally(() => client.close())
}
