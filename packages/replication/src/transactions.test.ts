import { describe, expect, test } from 'vitest'
import type { Guard, Revision, Transaction } from './elector.ts'
import { nameOfKey, recordOfWrite } from './elector-records.ts'
import type { GroupState } from './group-state.ts'
import {
  bootstrapTransaction,
  changeSetTransaction,
  electTransaction,
  forgetTransaction,
  recoverTransaction,
  retakeTransaction,
  startTransaction,
  takeConfiguredIdTransaction,
  takeIdTransaction,
  takeOverTransaction,
} from './transactions.ts'

const STATE: GroupState = {
  epoch: 2,
  master: 2,
  masterIncarnation: 5,
  inSync: new Map([[2, 5]]),
  minInSync: 1,
  memberCount: 2,
  attempt: '2.5.1',
  reason: 'process-gone',
  previous: { epoch: 1, master: 1 },
  possibleLoss: undefined,
}
const MEMBER = {
  storeId: 'b7c0',
  lastIncarnation: 5,
  replicationAddress: 'a:10911',
  observer: false,
  priority: 0,
}
const LIVE = { incarnation: 5, host: 'a', bootId: 'f00d', replicationAddress: 'a:10911' }
const NEXT = { replaces: revision(70), state: STATE }
const ME = { brokerId: 2, revision: revision(50) }

describe('the transaction that', () => {
  // A member's id names its folder for ever: two folders with one id would be one member.
  test('takes an id does so once', () => {
    expect(guardsOf(takeIdTransaction({ nextId: undefined, member: MEMBER }))).toEqual([
      'nextId absent',
      'members/1 absent',
    ])
    const next = takeIdTransaction({
      nextId: { revision: revision(7), value: 4 },
      member: MEMBER,
    })
    expect(guardsOf(next)).toEqual(['nextId @7', 'members/4 absent'])
    expect(writesOf(next)).toEqual(['nextId', 'members/4'])
    expect(recordOfWrite(next.writes[0] ?? never()).text).toBe('5')
    const configured = takeConfiguredIdTransaction({ brokerId: 4, member: MEMBER })
    expect(guardsOf(configured)).toEqual(['members/4 absent'])
  })

  // A folder that was copied or rolled back has an incarnation which was there before.
  test('announces a start compares the member it replaces', () => {
    const start = {
      brokerId: 2,
      member: MEMBER,
      memberRevision: revision(40),
      live: LIVE,
      leaseId: 'cafe',
    }

    expect(guardsOf(startTransaction({ ...start, replaces: undefined }))).toEqual([
      'members/2 @40',
      'live/2 absent',
    ])
    expect(guardsOf(startTransaction({ ...start, replaces: revision(41) }))).toEqual([
      'members/2 @40',
      'live/2 @41',
    ])
    expect(writesOf(startTransaction({ ...start, replaces: undefined }))).toEqual([
      'members/2',
      'live/2',
    ])
  })

  // Two first masters would each have an epoch 1.
  test('begins the first epoch wants no state', () => {
    expect(guardsOf(bootstrapTransaction(STATE))).toEqual(['state absent'])
  })

  // The election itself: whatever changed since it was decided on makes it void.
  test('elects compares the state, the own lease and the old master', () => {
    const gone = electTransaction(NEXT, ME, { brokerId: 1, live: undefined })
    expect(guardsOf(gone)).toEqual(['state @70', 'live/2 @50', 'live/1 absent'])
    expect(writesOf(gone)).toEqual(['state', '-live/1'])
    const silent = electTransaction(NEXT, ME, { brokerId: 1, live: revision(30) })
    expect(guardsOf(silent)).toEqual(['state @70', 'live/2 @50', 'live/1 @30'])
  })

  // The state names an older incarnation of the candidate: its own key must stay.
  test('elects in place of oneself leaves no other key to compare', () => {
    const again = electTransaction(NEXT, ME, undefined)

    expect(guardsOf(again)).toEqual(['state @70', 'live/2 @50'])
    expect(writesOf(again)).toEqual(['state'])
  })

  // Each of them is void once anybody else has written the state.
  test.each([
    ['changes the set', changeSetTransaction(NEXT, ME), ['state @70', 'live/2 @50'], ['state']],
    [
      'takes over',
      takeOverTransaction(NEXT, ME),
      ['state @70', 'live/2 @50'],
      ['state', '-command'],
    ],
    ['retakes', retakeTransaction(NEXT), ['state @70'], ['state']],
    ['recovers', recoverTransaction(NEXT, ME), ['state @70', 'live/2 @50'], ['state', '-command']],
  ])('%s compares the state', (_, transaction, guards, writes) => {
    expect(guardsOf(transaction)).toEqual(guards)
    expect(writesOf(transaction)).toEqual(writes)
  })

  // A member that joined the set meanwhile must not be forgotten.
  test('forgets compares the state and the command', () => {
    const transaction = forgetTransaction({
      brokerId: 3,
      stateRevision: revision(70),
      commandRevision: revision(71),
    })

    expect(guardsOf(transaction)).toEqual(['state @70', 'command @71'])
    expect(writesOf(transaction)).toEqual(['-members/3', '-live/3', '-command'])
  })
})

function guardsOf({ guards }: Transaction): string[] {
  return guards.map(
    (guard: Guard) =>
      `${nameOfKey(guard.key)} ${guard.kind === 'absent' ? 'absent' : `@${guard.revision}`}`,
  )
}

function writesOf({ writes }: Transaction): string[] {
  return writes.map((write) => {
    const { name, text } = recordOfWrite(write)
    return text === undefined ? `-${name}` : name
  })
}

function revision(value: number): Revision {
  return value as Revision
}

function never(): never {
  throw new Error('the transaction has no write')
}
