import { CometError, loadServices } from '@cometmq/protocol'
import { Simulation } from '@cometmq/simulation'
import { expect, test } from 'vitest'
import { electedState } from '../eligibility.ts'
import { electTransaction, startTransaction, takeConfiguredIdTransaction } from '../transactions.ts'
import { StaticElector } from './static-elector.ts'

const LIMIT = { limitMs: 10_000 }

// The member would lead an epoch that the next start of it knows nothing of, and begin it again.
test('an epoch that cannot be written is not won, however often it is asked for', async () => {
  const simulation = new Simulation(1)
  const runtime = simulation.machine('m1').runtime()
  let isFull = false
  const files = {
    readFile: (path: string) => runtime.files.readFile(path),
    replaceFile: (path: string, bytes: Buffer) =>
      isFull
        ? Promise.reject(new CometError('DISK_FULL', 'no space left'))
        : runtime.files.replaceFile(path, bytes),
  } as typeof runtime.files
  await simulation.runUntil(runtime.files.makeDirectory(GROUP.folder), LIMIT)
  const elector = await simulation.runUntil(
    StaticElector.open({ ...runtime, files, methods: loadServices().replication }, GROUP),
    LIMIT,
  )
  const live = await takeSeat(simulation, elector)
  const read = await simulation.runUntil(elector.read(), LIMIT)
  if (read.kind !== 'read' || read.view.state === undefined) throw new Error('it has no state')
  const { revision: replaces, value } = read.view.state
  const state = electedState(value, {
    me: { brokerId: 1, incarnation: 1, trustedSince: 1 },
    attempt: '1.1.1',
    reason: 'appointed',
  })
  const transaction = electTransaction(
    { replaces, state },
    { brokerId: 1, revision: live },
    undefined,
  )

  isFull = true
  await expect(simulation.runUntil(elector.swap(transaction), LIMIT)).rejects.toThrow('no space')
  const after = await simulation.runUntil(elector.read(), LIMIT)
  isFull = false
  const again = await simulation.runUntil(elector.swap(transaction), LIMIT)

  expect(after).toMatchObject({ kind: 'read', view: { state: { value: { epoch: 0 } } } })
  expect(again.kind).toBe('won')
  expect(elector.appointment).toMatchObject({ epoch: 1, master: 1 })
})

const GROUP = {
  cluster: 'simulated',
  brokerName: 'broker-a',
  me: 1,
  master: 1,
  members: new Map([[1, 'm1:10911']]),
  minInSync: 1,
  folder: '/data/replication',
  inspectMs: 300,
  seen: () => 0,
}

async function takeSeat(simulation: Simulation, elector: StaticElector) {
  const member = {
    storeId: 'b7c0',
    lastIncarnation: 1,
    replicationAddress: 'm1:10911',
    observer: false,
    priority: 0,
  }
  const took = await simulation.runUntil(
    elector.swap(takeConfiguredIdTransaction({ brokerId: 1, member })),
    LIMIT,
  )
  if (took.kind !== 'won') throw new Error('no id')
  const started = await simulation.runUntil(
    elector.swap(
      startTransaction({
        brokerId: 1,
        member,
        memberRevision: took.revision,
        live: { incarnation: 1, host: 'm1', bootId: 'boot', replicationAddress: 'm1:10911' },
        leaseId: 'static',
        replaces: undefined,
      }),
    ),
    LIMIT,
  )
  if (started.kind !== 'won') throw new Error('no seat')
  return started.revision
}
