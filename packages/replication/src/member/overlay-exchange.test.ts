import { CometError, loadServices } from '@cometmq/protocol'
import { accept, silentLogger } from '@cometmq/runtime'
import { Simulation } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import {
  type GivenOverlay,
  type OverlaySource,
  serveOverlay,
  takeOverlay,
} from './overlay-exchange.ts'

const method = loadServices().replication.TakeOverlay
const group = { cluster: 'blue', brokerName: 'a' }

describe('an overlay on its way to the master', () => {
  test('arrives with its number and all of its changes', async () => {
    const changes = Array.from({ length: 200 }, (_, at) => Buffer.alloc(10_000, at))
    const { take } = await scene({
      giveOverlay: () => Promise.resolve({ storeId: 'b7c0', number: 3, changes }),
    })

    expect(await take()).toEqual({ storeId: 'b7c0', number: 3, changes })
  })

  test('is none where nobody stood in', async () => {
    const { take } = await scene({ giveOverlay: () => Promise.resolve(undefined) })
    expect(await take()).toBeUndefined()

    const { take: takeOther } = await scene(undefined)
    expect(await takeOther()).toBeUndefined()
  })

  // It stops standing in: a broker of another group would end that by mistake.
  test('is given to members of the group only', async () => {
    const { take } = await scene({
      giveOverlay: () => Promise.reject(new Error('it is not asked')),
    })

    await expect(take({ ...group, brokerName: 'b' })).rejects.toMatchObject({ code: 'NOT_ALLOWED' })
  })

  // Half of it under its number would be dropped with the other half.
  test('is nothing when it breaks off', async () => {
    const { take, machine } = await scene({ giveOverlay: () => new Promise(() => {}) })

    const taken = take()
    taken.catch(() => {})
    machine.kill()

    await expect(taken).rejects.toBeInstanceOf(CometError)
  })

  test('is waited for as long as whoever asks says', async () => {
    const { take, late } = await scene({ giveOverlay: () => new Promise(() => {}) })

    const taken = take()
    late.abort()

    await expect(taken).rejects.toMatchObject({ code: 'CANCELLED' })
  })
})

async function scene(giver: Pick<OverlaySource, 'giveOverlay'> | undefined) {
  const source = giver && { ...giver, standsIn: true }
  const simulation = new Simulation(1)
  const machine = simulation.machine('slave')
  const run = <T>(work: Promise<T>): Promise<T> => simulation.runUntil(work, { limitMs: 60_000 })
  await run(
    machine.runtime().transport.listen({
      address: 'slave:10911',
      name: 'members',
      handlers: [accept(method, (stream) => serveOverlay(silentLogger, stream, { group, source }))],
    }),
  )
  const late = new AbortController()
  const { transport } = simulation.machine('master').runtime()
  const take = (of = group): Promise<GivenOverlay | undefined> =>
    run(takeOverlay(transport, method, { group: of, from: 'slave:10911', signal: late.signal }))
  return { take, late, machine }
}
