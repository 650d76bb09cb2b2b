import type { CometError } from '@cometmq/protocol'
import { Simulation } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import { LIMIT, rowOf, valueOf, valuesOf } from '../testing/simulated-member.ts'
import { SimulatedStaticGroup } from '../testing/simulated-static-group.ts'

/** So long nobody would be master if nobody ever were. */
const LONG_MS = 30_000

describe('a broker group with configured roles', () => {
  test('is led by whom the configuration names, and by nobody else when that one is gone', async () => {
    const group = await groupOf(1, 3)
    const master = await group.untilLed()

    group.kill(master.id)
    await group.simulation.advance(LONG_MS)

    expect(master.id).toBe(1)
    expect(group.leaders).toEqual([])
  })

  // One process writes an epoch: what two of them wrote under one name would look alike.
  test('begins another epoch with each start of its master', async () => {
    const group = await groupOf(2, 2)
    const first = await group.untilLed()
    await group.run(first.store.append(rowOf('x')))

    group.kill(1)
    await group.start(1)
    const second = await group.untilLed()

    expect(second.id).toBe(1)
    expect(second.member.group?.epoch).toBe(2)
    expect(valueOf(second, 'x')).toBe('x')
  })

  // The next handshake would otherwise cut from the slave what the master has lost.
  test('gives its master back what a power cut took from its log', async () => {
    const group = await groupOf(3, 2)
    const master = await group.untilLed()
    const slave = group.process(2)
    await group.run(master.store.append(rowOf('x')))
    await group.untilLevel()
    const held = master.store.log.offsets.max
    master.store.append(rowOf('y')).catch(() => {})
    await group.simulation.runUntil(() => slave.store.log.offsets.flushed > held, LIMIT)
    group.loseEverything(1)

    await group.start(1)
    const back = await group.untilLed()

    expect(back.id).toBe(1)
    expect([valueOf(back, 'x'), valueOf(back, 'y')]).toEqual(['x', 'y'])
    await group.untilLevel()
    expect(valueOf(slave, 'y')).toBe('y')
  })

  test('fetches the end of the log that only a slave has', async () => {
    const group = await groupOf(46, 2)
    const master = await group.untilLed()
    const slave = group.process(2)
    await group.run(master.store.append(rowOf('x')))
    await group.untilLevel()
    const held = master.store.log.offsets.max
    const { disk } = group.simulation.machine('m1')
    disk.slowDown(1_000)
    master.store.append(rowOf('y')).catch(() => {})
    await group.simulation.runUntil(() => slave.store.log.offsets.flushed > held, LIMIT)
    const to = slave.store.log.offsets.flushed
    group.powerCut(1)
    disk.slowDown(1)

    await group.start(1)
    const back = await group.untilLed()

    expect(back.store.log.offsets.max).toBeGreaterThan(to)
    expect(valueOf(back, 'y')).toBe('y')
    await group.untilLevel()
    expect(group.tale).toContain('the end of the log was lost, and is back')
  })

  // An untrusted master that begins alone cuts from the others what it has lost.
  test('is not led by a master with an empty folder before the others have answered', async () => {
    const group = await groupOf(5, 2)
    const master = await group.untilLed()
    await group.run(master.store.append(rowOf('x')))
    await group.untilLevel()
    group.kill(2)
    group.loseEverything(1)

    await group.start(1)
    await group.simulation.advance(LONG_MS)
    const alone = group.leaders
    await group.start(2)
    const back = await group.untilLed()

    expect(alone).toEqual([])
    expect(valueOf(back, 'x')).toBe('x')
  })

  describe('promotes', () => {
    test('a slave in place of a living master, which appends nothing from then on', async () => {
      const group = await groupOf(6, 3)
      const old = await group.untilLed()
      await group.run(old.store.append(rowOf('x')))

      await group.run(group.promote(3, { to: 2 }))
      await expect(old.store.append(rowOf('late'))).rejects.toMatchObject({ code: 'NOT_MASTER' })
      const next = await group.untilLed()

      expect(next.id).toBe(2)
      expect(valueOf(next, 'x')).toBe('x')
      await group.run(next.store.append(rowOf('y')))
      await group.untilLevel()
      expect(valuesOf(group, 'y')).toEqual(['y', 'y', 'y'])
    })

    // It alone has what nobody confirmed, and the operator has said that it is dead.
    test('while the old master is away, which then follows and cuts its own tail', async () => {
      const group = await groupOf(7, 3)
      const old = await group.untilLed()
      await group.run(old.store.append(rowOf('x')))
      await group.untilLevel()
      const confirmedTo = old.store.log.offsets.confirm
      group.part(1)
      old.store.append(rowOf('lost')).catch(() => {})
      await group.simulation.runUntil(() => old.store.log.offsets.flushed > confirmedTo, LIMIT)

      await group.run(group.promote(2, { to: 2, oldMasterIsDead: true }))
      const next = await group.untilLed(old)
      await group.run(next.store.append(rowOf('y')))
      group.simulation.network.healAll()
      await group.untilLevel()

      expect(next.id).toBe(2)
      expect(group.leaders.map(({ id }) => id)).toEqual([2])
      expect(valuesOf(group, 'y')).toEqual(['y', 'y', 'y'])
      expect(valuesOf(group, 'lost')).toEqual([undefined, undefined, undefined])
      expect(group.tale).toContain(`unconfirmed tail is cut from=${confirmedTo}`)
    })

    test('whoever is promoted for good: the old master comes back as a slave', async () => {
      const group = await groupOf(8, 3)
      await group.untilLed()
      group.kill(1)

      await group.run(group.promote(3, { to: 3, oldMasterIsDead: true }))
      await group.untilLed()
      await group.start(1)
      await group.simulation.advance(LONG_MS)

      expect(group.leaders.map(({ id }) => id)).toEqual([3])
      expect(group.process(1).member.state.role.kind).toBe('following')
    })

    // One of the two has fenced members that the other one counts on.
    test('one of two that are asked for at once', async () => {
      const group = await groupOf(9, 3)
      await group.untilLed()
      group.kill(1)

      const both = [2, 3].map((to) =>
        group
          .promote(to, { to, oldMasterIsDead: true })
          .catch((error: unknown) => (error as CometError).code),
      )
      const outcomes = await group.run(Promise.all(both))
      await group.simulation.advance(LONG_MS)

      // One is refused, or comes after the other.
      expect(outcomes).toHaveLength(2)
      expect(group.leaders.length).toBeLessThan(2)
      // Whatever became of them, the next one comes through.
      const again = group.leaders[0]?.id === 2 ? 3 : 2
      await group.run(group.promote(again, { to: again }))
      const next = await group.untilLed()
      expect(next.id).toBe(again)
    })

    test('nobody who would lose an acknowledged message, unless that is wanted', async () => {
      const group = await groupOf(10, 3)
      const old = await group.untilLed()
      group.kill(3)
      await group.simulation.runUntil(() => old.member.group?.inSync.size === 2, LIMIT)
      await group.run(old.store.append(rowOf('x')))
      group.kill(1)
      group.kill(2)
      await group.start(3)
      await group.simulation.advance(1_000)
      const wish = { to: 3, oldMasterIsDead: true }

      await expect(group.run(group.promote(3, wish))).rejects.toMatchObject({
        code: 'MEMBER_UNFIT',
      })
      await group.run(group.promote(3, { ...wish, without: [1, 2] }))
      const next = await group.untilAppointed(3)

      expect(next.elector.appointment.loss).toMatchObject({ cause: 'operator' })
    })
  })
})

function groupOf(seed: number, count: number) {
  return SimulatedStaticGroup.of(new Simulation(seed), count)
}
