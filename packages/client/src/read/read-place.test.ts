import type { BrokerAddress } from '@cometmq/protocol'
import { describe, expect, test } from 'vitest'
import { type GroupPlaces, placeToCommit, placeToRead } from './read-place.ts'

const MASTER = member(0)
const SLAVES = [member(2), member(3)]
const STAND_IN = { ...member(3), standsIn: true }

describe('a reader', () => {
  test('reads at the master, whatever slaves there are', () => {
    expect(read({})).toBe('member-0')
  })

  test('reads where the master has sent it, as long as that slave is heard and well', () => {
    expect(read({}, { suggested: 'member-3' })).toBe('member-3')
    expect(read({}, { suggested: 'member-9' })).toBe('member-0')
    expect(read({}, { suggested: 'member-3', avoided: ['member-3'] })).toBe('member-0')
  })

  // It must not stand still because somebody else is being elected, or has to be promoted.
  test('reads at a slave while there is no master, or that one fails', () => {
    expect(read({ master: undefined })).toBe('member-2')
    expect(read({}, { avoided: ['member-0'] })).toBe('member-2')
    expect(read({}, { avoided: ['member-0', 'member-2'] })).toBe('member-3')
  })

  // Each move costs a new stream, and what was read ahead.
  test('stays at the slave where it is while there is no master', () => {
    expect(read({ master: undefined }, { present: 'member-3' })).toBe('member-3')
    expect(read({}, { present: 'member-3' })).toBe('member-0')
  })

  // Name servers may all be gone, or know less than it does.
  test('tries the last master where nobody else is fit', () => {
    const alone = { master: undefined, slaves: [] }
    expect(read(alone)).toBe('member-0')
    expect(read({ master: undefined }, { avoided: ['member-2', 'member-3'] })).toBe('member-0')
    expect(read({ ...alone, lastMaster: undefined })).toBeUndefined()
    const slavesOnly = { master: undefined, lastMaster: undefined }
    expect(read(slavesOnly, { avoided: ['member-2', 'member-3'] })).toBe('member-2')
  })
})

describe('positions', () => {
  // A slave that does not stand in refuses them.
  test('are kept by the master, or the slave that stands in for it', () => {
    expect(placeToCommit(places({}))).toBe('member-0')
    expect(placeToCommit(places({ master: undefined, standIn: STAND_IN }))).toBe('member-3')
    expect(placeToCommit(places({ standIn: STAND_IN }))).toBe('member-0')
    expect(placeToCommit(places({ master: undefined }))).toBe('member-0')
  })
})

function read(
  group: Partial<GroupPlaces>,
  reader: {
    readonly present?: string
    readonly suggested?: string
    readonly avoided?: readonly string[]
  } = {},
): string | undefined {
  return placeToRead(places(group), {
    present: reader.present,
    suggested: reader.suggested,
    isAvoided: (address) => reader.avoided?.includes(address) === true,
  })
}

function places(group: Partial<GroupPlaces>): GroupPlaces {
  return { master: MASTER, lastMaster: MASTER, slaves: SLAVES, standIn: undefined, ...group }
}

function member(brokerId: number): BrokerAddress {
  const address = `member-${brokerId}`
  return { brokerName: 'a', brokerId, epoch: 1, address, listeners: [], standsIn: false }
}
