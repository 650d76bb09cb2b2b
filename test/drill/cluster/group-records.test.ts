import { encodeGroupState, type GroupState } from '@cometmq/replication'
import { describe, expect, onTestFinished, test } from 'vitest'
import { hasEtcd, LocalEtcd } from '../../etcd/local-etcd.ts'
import { GroupRecords } from './group-records.ts'

const state: GroupState = {
  epoch: 4,
  master: 2,
  masterIncarnation: 1,
  inSync: new Map([
    [2, 1],
    [3, 5],
  ]),
  minInSync: 1,
  memberCount: 2,
  attempt: '2.1.1',
  reason: 'process gone',
  previous: undefined,
  possibleLoss: undefined,
}

describe.skipIf(!hasEtcd)('what members keep in etcd (takes a program named etcd)', () => {
  test('is told when it is written, and in sync are those that have not started since', async () => {
    await using etcd = await LocalEtcd.start(1)
    const records = new GroupRecords(etcd, 'drill')
    const stop = new AbortController()
    onTestFinished(() => stop.abort())
    const told: string[] = []
    records.watchStates(({ brokerName, state: { epoch } }) => {
      told.push(`${brokerName} ${epoch}`)
    }, stop.signal)
    const [member] = etcd.members
    const put = (name: string, value: string): Promise<void> | undefined =>
      member?.put(`/cometmq/v1/drill/broker-a/${name}`, value)

    expect(await records.stateOf('broker-a')).toBeUndefined()
    // A watch that begins later has missed what came before.
    await expect
      .poll(async () => {
        await put('state', encodeGroupState(state))
        return told
      })
      .toContain('broker-a 4')
    await put('members/2', JSON.stringify({ lastIncarnation: 1 }))
    await put('members/3', JSON.stringify({ lastIncarnation: 6 }))

    expect(await records.stateOf('broker-a')).toEqual(state)
    expect(await records.isInSync('broker-a', 2)).toBe(false)

    await put('members/3', JSON.stringify({ lastIncarnation: 5 }))

    expect(await records.isInSync('broker-a', 2)).toBe(true)
    expect(await records.isInSync('broker-a', 3)).toBe(false)
  })
})
