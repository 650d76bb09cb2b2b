import { commitLogOffset } from '@cometmq/protocol'
import { describe, expect, test } from 'vitest'
import type { Revision, Write } from './elector.ts'
import { nameOfKey, recordOfWrite, viewOfRecords } from './elector-records.ts'
import { type Command, encodeCommand } from './group-records.ts'
import type { GroupState } from './group-state.ts'

const STATE: GroupState = {
  epoch: 1,
  master: 2,
  masterIncarnation: 1,
  inSync: new Map([[2, 1]]),
  minInSync: 1,
  memberCount: 1,
  attempt: '2.1.1',
  reason: 'bootstrap',
  previous: undefined,
  possibleLoss: undefined,
}
const MEMBER = {
  storeId: 'b7c0',
  lastIncarnation: 4,
  replicationAddress: 'a:10911',
  observer: false,
  priority: 0,
}
const LIVE = { incarnation: 4, host: 'a', bootId: 'f00d', replicationAddress: 'a:10911' }

describe('the records of a group', () => {
  // What one member puts is what the others decide by.
  test('are viewed as they were put', () => {
    const view = viewOf([
      { kind: 'put-state', value: STATE },
      { kind: 'put-next-id', value: 3 },
      { kind: 'put-member', brokerId: 2, value: MEMBER },
      { kind: 'put-live', brokerId: 2, value: LIVE, leaseId: 'cafe' },
    ])

    expect(view.state).toEqual({ revision: 1, value: STATE })
    expect(view.nextId).toEqual({ revision: 2, value: 3 })
    expect(view.members).toEqual(new Map([[2, { revision: 3, value: MEMBER }]]))
    expect(view.live).toEqual(new Map([[2, { revision: 4, value: LIVE }]]))
    expect(view.command).toBeUndefined()
  })

  test.each<Command>([
    { id: 'x', kind: 'hand-over', to: undefined },
    { id: 'x', kind: 'hand-over', to: 3 },
    { id: 'x', kind: 'forget', brokerId: 3 },
    {
      id: 'x',
      kind: 'elect',
      to: 3,
      stateRevision: 7 as Revision,
      confirmedTo: commitLogOffset(9),
    },
  ])('hold the command %j', (command) => {
    const view = viewOfRecords([record('command', encodeCommand(command))], AT)

    expect(view.command?.value).toEqual(command)
  })

  // A later version keeps something beside them; the group must still be readable.
  test('may have others beside them', () => {
    const names = ['settings', 'members/07', 'members/1/address', 'states']

    expect(
      viewOfRecords(
        names.map((name) => record(name, '?')),
        AT,
      ),
    ).toEqual(viewOf([]))
  })

  test.each(['state', 'nextId', 'command', 'members/2', 'live/2'])(
    'are refused if %s is damaged',
    (name) => {
      expect(() => viewOfRecords([record(name, '{"version":1')], AT)).toThrow(
        expect.objectContaining({ code: 'GROUP_STATE_CORRUPT' }),
      )
    },
  )

  // The names are the layout that every member of a cluster shares.
  test('have these names', () => {
    expect(nameOfKey({ kind: 'state' })).toBe('state')
    expect(nameOfKey({ kind: 'next-id' })).toBe('nextId')
    expect(nameOfKey({ kind: 'command' })).toBe('command')
    expect(nameOfKey({ kind: 'member', brokerId: 7 })).toBe('members/7')
    expect(recordOfWrite({ kind: 'delete', key: { kind: 'live', brokerId: 7 } })).toEqual({
      name: 'live/7',
      text: undefined,
    })
  })
})

const AT = { revision: 9 as Revision, clusterId: 'cdf8' }

function viewOf(writes: readonly Write[]) {
  return viewOfRecords(
    writes.map((write, index) => {
      const { name, text = '' } = recordOfWrite(write)
      return { ...record(name, text), revision: (index + 1) as Revision }
    }),
    AT,
  )
}

function record(name: string, text: string) {
  return { name, text, revision: 1 as Revision }
}
