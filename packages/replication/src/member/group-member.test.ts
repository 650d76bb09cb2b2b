import { Simulation } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import { SimulatedGroup } from '../testing/simulated-group.ts'
import { LIMIT, rowOf, valueOf, valuesOf } from '../testing/simulated-member.ts'

describe('three members', () => {
  test('find a master, and confirm what all of them have on disk', async () => {
    const group = await SimulatedGroup.of(new Simulation(1), 'a', 'b', 'c')
    const master = await group.untilServing(3)

    await group.run(master.store.append(rowOf('x')))
    await group.simulation.runUntil(() => group.areLevel, LIMIT)

    expect(valuesOf(group, 'x')).toEqual(['x', 'x', 'x'])
  })

  // Whoever has asked for the first epoch in vain is a slave like any other, and has to be known.
  test('all tell what they are, however many asked for the first epoch', async () => {
    const group = new SimulatedGroup(new Simulation(11))
    await group.startTogether('a', 'b', 'c')
    await group.untilServing(3)

    expect(group.tale).toContain('info broker group member is candidate')
    expect([...group.processes.values()].map(({ hasToldRole }) => hasToldRole())).toEqual([
      true,
      true,
      true,
    ])
  })

  // What was acknowledged is with whoever is elected; nobody waits for a lease to end.
  test('have another master at once when theirs is killed', async () => {
    const group = await SimulatedGroup.of(new Simulation(2), 'a', 'b', 'c')
    const first = await group.untilServing(3)
    await group.run(first.store.append(rowOf('x')))

    group.kill(first.name)
    const second = await group.untilServing(2)

    expect(second.member.group?.reason).toBe('process-gone')
    expect(valueOf(second, 'x')).toBe('x')
    expect(second.member.group?.epoch).toBe(2)
  })

  test('have another master when theirs stands still, and it says no when it wakes up', async () => {
    const group = await SimulatedGroup.of(new Simulation(3), 'a', 'b', 'c')
    const first = await group.untilServing(3)
    await group.run(first.store.append(rowOf('x')))

    group.simulation.machine(first.name).pause()
    const second = await group.untilServing(2, first)
    // Its lease ends only now; until then nobody could have written behind its back.
    await group.simulation.advance(1_000)
    group.simulation.machine(first.name).resume()

    expect(first.member.mayServe).toBe(false)
    expect(valueOf(second, 'x')).toBe('x')
    await group.simulation.runUntil(() => !first.isServing(), LIMIT)
  })

  // It alone has what nobody confirmed; with it, two histories would live under one name.
  test('take a master back that has written more, after it has cut exactly that', async () => {
    const group = await SimulatedGroup.of(new Simulation(4), 'a', 'b', 'c')
    const first = await group.untilServing(3)
    await group.run(first.store.append(rowOf('confirmed')))
    await group.simulation.runUntil(() => group.areLevel, LIMIT)
    const confirmedTo = first.store.log.offsets.confirm
    group.part(first.name)
    first.store.append(rowOf('lost')).catch(() => {})
    await group.simulation.runUntil(() => first.store.log.offsets.flushed > confirmedTo, LIMIT)
    group.kill(first.name)

    const second = await group.untilServing(2)
    await group.run(second.store.append(rowOf('after')))
    group.rejoin(first.name)
    const back = await group.start(first.name)
    await group.simulation.runUntil(() => group.areLevel, LIMIT)

    expect(valueOf(back, 'lost')).toBeUndefined()
    expect(valuesOf(group, 'confirmed')).toHaveLength(3)
    expect(valuesOf(group, 'after')).toHaveLength(3)
    expect(group.tale).toContain(`unconfirmed tail is cut from=${confirmedTo}`)
    await group.untilServing(3)
  })

  // Everything waits for a member of the in-sync set, and it is known at once that this one is gone.
  test.each(['is killed', 'stops properly'])(
    'wait for no slave that %s longer than it takes to say so',
    async (how) => {
      const group = await SimulatedGroup.of(new Simulation(8), 'a', 'b', 'c')
      const master = await group.untilServing(3)
      const slave = [...group.processes.values()].find((process) => process !== master)
      if (slave === undefined) throw new Error('nobody follows')
      const sinceMs = group.simulation.clock.elapsedMs()

      if (how === 'is killed') group.kill(slave.name)
      else {
        slave.member.stop()
        await group.run(slave.member.ended)
        await group.run(slave.member.close())
      }
      await group.run(master.store.append(rowOf('x')))

      expect(group.simulation.clock.elapsedMs() - sinceMs).toBeLessThan(100)
      expect(master.member.group?.inSync.size).toBe(2)
    },
  )

  // A rolling restart must not cost anybody more than a moment.
  test('hand over when their master is to stop, and nobody campaigns', async () => {
    const group = await SimulatedGroup.of(new Simulation(5), 'a', 'b', 'c')
    const first = await group.untilServing(3)
    await group.run(first.store.append(rowOf('x')))

    first.member.stop()
    await group.run(first.member.ended)
    await group.run(first.member.close())
    const sinceMs = group.simulation.clock.elapsedMs()
    const second = await group.untilServing(2, first)

    expect(group.simulation.clock.elapsedMs() - sinceMs).toBeLessThan(100)
    expect(second.name).not.toBe(first.name)
    expect(second.member.group?.reason).toBe('hand-over')
    await group.run(second.store.append(rowOf('y')))
  })

  // Nobody knows what is left of what it had not synced yet.
  test('do not trust a member whose disk failed before it has been added anew', async () => {
    const group = await SimulatedGroup.of(new Simulation(10), 'a', 'b', 'c')
    const master = await group.untilServing(3)
    const slave = [...group.processes.values()].find((process) => process !== master)
    if (slave === undefined) throw new Error('nobody follows')

    group.simulation.machine(slave.name).disk.failNextSync()
    await group.run(master.store.append(rowOf('x')))
    const ended = await group.run(slave.member.ended)
    group.kill(slave.name)
    const back = await group.start(slave.name)

    expect(ended.kind).toBe('failed')
    expect(back.member.state.member).toMatchObject({ incarnation: 2, trustedSince: 2 })
  })

  // Its process may be there for a while: nobody must wait for it to lead.
  test('do not hope for one that has failed', async () => {
    const group = await SimulatedGroup.of(new Simulation(12), 'a', 'b', 'c')
    const master = await group.untilServing(3)
    const { disk } = group.simulation.machine(master.name)
    disk.setCapacity(0)
    master.member.epochSeen(99)
    await group.run(master.member.ended)

    disk.setCapacity(Number.POSITIVE_INFINITY)
    await group.run(group.simulation.clock.sleep(1_000))

    expect(master.member.inspected.electable).toBe(false)
  })

  // Its master has deleted what it would need; and a new machine has nothing at all.
  test.each(['that was away for too long', 'that is new'])(
    'take a member in %s, with a copy of the store',
    async (which) => {
      const group = await SimulatedGroup.of(new Simulation(9), 'a', 'b', 'c')
      const first = await group.untilServing(3)
      const name = which === 'that is new' ? 'd' : first.name
      await group.run(first.store.append(rowOf('before')))
      if (name === first.name) group.kill(name)
      const master = await group.untilServing(name === first.name ? 2 : 3)
      await group.outgrow(master)

      const ended = await group.start(name).then(({ member }) => group.run(member.ended))
      if (ended.kind !== 'starts-over') throw new Error(`it ${ended.kind}`)
      await group.copy(name, ended.from)
      const back = await group.start(name)
      await group.simulation.runUntil(() => group.areLevel, LIMIT)

      expect(back.store.log.offsets.min).toBeGreaterThan(0)
      expect(valuesOf(group, 'before')).toEqual(valuesOf(group, 'before').map(() => 'before'))
      expect(back.member.state.member.trustedSince).toBe(name === 'd' ? 2 : 3)
      await group.simulation.runUntil(
        () => master.member.group?.inSync.has(back.member.state.member.brokerId ?? 0) === true,
        LIMIT,
      )
    },
  )

  // A broker closes its store last of all: whoever waits to be written would hold it up for ever.
  test('refuse what waits to be written when they fail in the middle of a hand-over', async () => {
    const group = await SimulatedGroup.of(new Simulation(12), 'a', 'b', 'c')
    const master = await group.untilServing(3)
    await group.run(master.store.log.hold())
    const waiting = master.store.append(rowOf('waits'))

    const { disk } = group.simulation.machine(master.name)
    disk.setCapacity(0)
    master.member.epochSeen(99)

    await expect(group.run(waiting)).rejects.toMatchObject({ code: 'NOT_MASTER' })
    expect(await group.run(master.member.ended)).toEqual({ kind: 'failed' })
  })

  test('go on without the elector as long as all of them are there', async () => {
    const group = await SimulatedGroup.of(new Simulation(6), 'a', 'b', 'c')
    const master = await group.untilServing(3)

    for (const name of ['a', 'b', 'c']) group.elector.cutOff(name)
    await group.simulation.advance(10_000)
    await group.run(master.store.append(rowOf('x')))

    expect(master.member.mayServe).toBe(true)
    expect(master.member.state.member.lastSeenEpoch).toBe(1)
  })

  test('confirm nothing when only one of them is left, and go on when another is back', async () => {
    const group = await SimulatedGroup.of(new Simulation(7), 'a', 'b', 'c')
    const first = await group.untilServing(3)
    const others = ['a', 'b', 'c'].filter((name) => name !== first.name)
    for (const name of others) group.kill(name)

    let isConfirmed = false
    const appended = first.store.append(rowOf('x')).then(() => (isConfirmed = true))
    await group.simulation.advance(5_000)
    expect(isConfirmed).toBe(false)
    await group.start(others[0] as string)
    await group.run(appended)

    expect(isConfirmed).toBe(true)
  })
})
