import { Simulation } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import { flip, type GroupProcess, groupWithRows, haveOneLog } from '../testing/simulated-group.ts'
import { LIMIT } from '../testing/simulated-member.ts'

describe('a damaged record of a member', () => {
  // Nobody has read it, and nobody may for months; by then the others may have lost it, too.
  test.each(['slave', 'master'])('is mended, be it a %s', async (which) => {
    const { group, master, slaves, at } = await groupOfThree(1)
    const member = which === 'master' ? master : (slaves[0] as GroupProcess)

    flip(group, member, at)
    await group.simulation.runUntil(() => member.store.status.damage.mendedRecords === 1, LIMIT)

    expect(await haveOneLog(group)).toBe(true)
    expect(member.member.status.alarms).not.toContain('log_damaged')
    expect(group.tale).toContain(`damaged record is mended at=${at}`)
    // Who gave it has not noticed anything wrong.
    expect(group.tale).not.toContain('copy of the store given up')
  })

  test('is taken from another member where one has it damaged as well', async () => {
    const { group, master, slaves, at } = await groupOfThree(2)
    const [slave] = slaves as [GroupProcess]

    flip(group, master, at)
    flip(group, slave, at)
    const mended = (): boolean =>
      [master, slave].every(({ store }) => store.status.damage.mendedRecords === 1)
    await group.simulation.runUntil(mended, LIMIT)

    expect(await haveOneLog(group)).toBe(true)
  })

  // Behind a damaged header nobody can tell where the next record begins, before the first is mended.
  test('does not hide the one behind it', async () => {
    const { group, slaves, at } = await groupOfThree(3)
    const [slave] = slaves as [GroupProcess]
    const range = await group.run(slave.store.log.readRange(at, 1))
    const next = range?.to ?? 0

    flip(group, slave, at + 3)
    flip(group, slave, next + 3)
    await group.simulation.runUntil(() => slave.store.status.damage.mendedRecords > 0, LIMIT)
    await group.simulation.advance(5_000)

    expect(await haveOneLog(group)).toBe(true)
    expect(slave.member.status.alarms).toEqual([])
  })

  test('stays, with an alarm, for as long as nobody can give it', async () => {
    const { group, slaves, at } = await groupOfThree(4)
    const [slave] = slaves as [GroupProcess]

    group.part(slave.name)
    flip(group, slave, at)
    await group.simulation.advance(20_000)
    expect(slave.member.status.alarms).toContain('log_damaged')
    group.rejoin(slave.name)
    await group.simulation.runUntil(() => slave.store.status.damage.mendedRecords === 1, LIMIT)

    expect(await haveOneLog(group)).toBe(true)
    expect(slave.member.status.alarms).not.toContain('log_damaged')
  })

  test('keeps nobody from closing', async () => {
    const { group, slaves, at } = await groupOfThree(5)
    const [slave] = slaves as [GroupProcess]
    group.part(slave.name)
    flip(group, slave, at)
    await group.simulation.advance(5_000)

    await group.run(slave.member.close())
    await group.run(slave.store.close())

    expect(slave.store.status.damage.mendedRecords).toBe(0)
  })
})

function groupOfThree(seed: number) {
  return groupWithRows(new Simulation(seed), 'a', 'b', 'c')
}
