import type { Replica, ReplicasDescription } from '@cometmq/protocol'
import { describe, expect, test } from 'vitest'
import { epochsView } from './broker-epochs.ts'
import { replicasView } from './broker-replicas.ts'

const STYLE = { colour: false }

describe('broker replicas', () => {
  test('shows who is master, how far the others are, and who is not there', () => {
    const slave = replica({ memberId: 2, hasLag: true, lagBytes: 4096, hasHeard: true })
    const away = replica({ memberId: 3, role: '', inSync: false, error: 'nobody listens there' })
    const group = groupOf([replica({ memberId: 1, role: 'master' }), slave, away])

    const lines = replicasView([group]).lines(STYLE)

    expect(lines[0]).toBe(
      'broker-a: epoch 7 (process-gone), master is member 1, in sync 2 of 3, at least 2',
    )
    expect(lines.slice(3).map((line) => line.trim().split(/ {2,}/))).toEqual([
      ['1', 'master', 'host:1', '7', '900', '800', '-', 'yes', '-', 'yes'],
      ['2', 'slave', 'host:1', '7', '900', '800', '4.0 KiB', 'yes', '0ms ago', 'yes'],
      ['3', 'away', 'host:1', '-', '-', '-', '-', 'no', '-', '-'],
    ])
  })

  // The state still names the master that is gone; whoever reads it must not wait for it.
  test('says that nobody is master while the one that is named is away', () => {
    const group = groupOf([replica({ memberId: 1, role: '', error: 'nobody listens there' })])

    expect(replicasView([group]).lines(STYLE)[0]).toContain('master is nobody')
  })

  // More than one of them may, cut off from each other.
  test('names the slaves that stand in', () => {
    const away = replica({ memberId: 1, role: '', error: 'nobody listens there' })
    const group = groupOf([
      away,
      replica({ memberId: 2, standsIn: true }),
      replica({ memberId: 3 }),
    ])

    const { lines, document } = replicasView([group])

    expect(lines(STYLE)[1]).toBe('member 2 stands in: it serves consumers')
    expect(
      lines(STYLE)
        .slice(-3)
        .map((line) => line.trim().split(/ {2,}/)[1]),
    ).toEqual(['away', 'stand-in', 'slave'])
    expect(document).toMatchObject({
      groups: [{ replicas: [{ standsIn: false }, { standsIn: true }, { standsIn: false }] }],
    })
  })

  test('tells what may be lost, and what was asked for', () => {
    const group = { ...groupOf([]), possibleLoss: 'kept to 7', pendingCommand: 'hand-over to 2' }

    const lines = replicasView([group]).lines(STYLE)

    expect(lines.slice(1, 3)).toEqual(['possible loss: kept to 7', 'asked for: hand-over to 2'])
  })

  // A 0 for what is not known would look like a slave without any lag.
  test('leaves out of the document what is not known', () => {
    const away = replica({ memberId: 3, error: 'nobody listens there' })

    const { document } = replicasView([groupOf([away])])

    expect(document).toMatchObject({
      groups: [{ replicas: [{ memberId: 3, error: 'nobody listens there' }] }],
    })
    expect(JSON.stringify(document)).not.toContain('lagBytes')
  })
})

test('broker epochs shows the newest first, and a blank for what nobody remembers', () => {
  const described = {
    ...groupOf([]),
    epochs: [
      { epoch: 1, start: 0, master: 0, reason: '', atMs: 0 },
      { epoch: 3, start: 132, master: 2, reason: 'hand-over', atMs: 1_000 },
    ],
  }

  const lines = epochsView(described).lines(STYLE)

  expect(lines.slice(1).map((line) => line.trim().split(/ +/))).toEqual([
    ['3', '2', '132', 'hand-over', '1970-01-01T00:00:01.000Z'],
    ['1', '-', '0', '-', '-'],
  ])
})

function groupOf(replicas: Replica[]): ReplicasDescription {
  return {
    brokerName: 'broker-a',
    answeredBy: 1,
    epoch: 7,
    master: 1,
    reason: 'process-gone',
    minInSync: 2,
    groupMembers: 3,
    replicas,
    epochs: [],
    possibleLoss: '',
    pendingCommand: '',
  }
}

function replica(changes: Partial<Replica>): Replica {
  return {
    memberId: 1,
    role: 'following',
    address: 'host:1',
    epoch: 7,
    maxOffset: 900,
    flushedOffset: 900,
    confirmOffset: 800,
    inSync: true,
    trusted: true,
    observer: false,
    alive: false,
    hasLag: false,
    lagBytes: 0,
    hasHeard: false,
    heardAgoMs: 0,
    error: '',
    storeId: 'b7c0',
    incarnation: 1,
    standsIn: false,
    ...changes,
  }
}
