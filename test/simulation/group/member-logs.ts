import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { RecordBatch } from '@cometmq/protocol'
import type { Simulation } from '@cometmq/simulation'
import { MessageStore } from '@cometmq/store'
import { smallStore } from '../small-store.ts'
import type { SimulatedGroup } from './group-cluster.ts'
import type { GroupViolation, GroupWatch } from './group-watch.ts'

const PIECE_BYTES = 1024 * 1024

/** All members are there, have one log, and know all of it to be confirmed. */
export function areLevel({ members }: SimulatedGroup): boolean {
  const stores = members.map(({ present }) => present?.status.store)
  const end = stores[0]?.maxOffset
  return stores.every(
    (store) => store !== undefined && store.maxOffset === end && store.confirmOffset === end,
  )
}

/**
 * What each member, all of which were level and are stopped, has on disk: all the same, and each epoch
 * written by the one member that was seen as its master.
 */
export async function compareLogs(
  simulation: Simulation,
  group: SimulatedGroup,
  watch: GroupWatch,
): Promise<GroupViolation[]> {
  const { members } = group
  const contents: string[] = []
  const written: GroupViolation[] = []
  for (const { machine } of members) {
    const config = { ...smallStore(), confirm: 'external' as const }
    const store = await MessageStore.open(machine.runtime(), config)
    contents.push(await contentOf(store))
    for (const { epoch, writers } of await writersOf(store)) {
      const claimed = watch.writerOf(group, epoch)
      if (writers.every((writer) => writer === (claimed ?? writers[0])) && writers.length === 1) {
        continue
      }
      const what = `epoch ${epoch} was written by ${writers.join(', ')}, its master was ${claimed}`
      written.push({ kind: 'invariant', rule: 'I1', what: `${machine.name}: ${what}` })
    }
    await store.close()
  }
  const differing = members.filter((_, index) => contents[index] !== contents[0])
  for (const [index, { machine }] of members.entries()) {
    simulation.story.tell(machine.name, `holds ${contents[index]}`)
  }
  return [
    ...written,
    ...differing.map(({ machine }) => ({
      kind: 'invariant' as const,
      rule: 'I3',
      what: `${machine.name} does not hold what ${members[0]?.machine.name} does`,
    })),
  ]
}

/**
 * Who opened each epoch that lies in the log as a whole; throws where one lies within another. One that
 * a crash has left with nothing but the filler before its first record tells of nobody.
 */
async function writersOf(
  store: MessageStore,
): Promise<{ readonly epoch: number; readonly writers: number[] }[]> {
  const opened = new Map<number, number[]>()
  const { min, max } = store.log.offsets
  for (let from: number = min; from < max; ) {
    const range = await store.log.readRange(from, PIECE_BYTES)
    if (range === undefined) break
    for (let at = 0; at < range.bytes.length; ) {
      const record = RecordBatch.parse(range.bytes, at)
      assert.equal(record.epoch, range.epoch, `at ${from + at} lies a record of another epoch`)
      if (record.kind !== 'filler') {
        const writers = opened.get(range.epoch) ?? []
        // The member's number lies behind the epoch: docs/formats/commit-log.md.
        if (record.kind === 'epochOpened') writers.push(record.openBody().readUInt32LE(8))
        opened.set(range.epoch, writers)
      }
      at += record.totalBytes
    }
    from = range.to
  }
  const whole = store.log.epochs.entries.filter(({ start }) => start >= min && start < max)
  return whole.flatMap(({ epoch }) => {
    const writers = opened.get(epoch)
    return writers === undefined ? [] : { epoch, writers }
  })
}

/** The log, its epochs, and every queue as it is read. */
async function contentOf(store: MessageStore): Promise<string> {
  const { min, max } = store.log.offsets
  store.log.confirm(max)
  const epochs = store.log.epochs.entries.map(({ epoch, start }) => `${epoch}@${start}`)
  const queues: string[] = []
  for (const queue of store.queues()) {
    const { topic, queueId, minOffset, maxOffset } = queue
    const hash = await hashOfQueue(store, { topic, queueId, minOffset })
    queues.push(`${topic}/${queueId} [${minOffset}, ${maxOffset}) ${hash}`)
  }
  const checksum = await store.log.checksum(min, max)
  return [`[${min}, ${max}) ${checksum}`, epochs.join(' '), ...queues.toSorted()].join('; ')
}

async function hashOfQueue(
  store: MessageStore,
  queue: { readonly topic: string; readonly queueId: number; readonly minOffset: number },
): Promise<string> {
  const hash = createHash('sha1')
  for (let from = queue.minOffset; ; ) {
    const found = await store.read(queue, { from, maxBytes: PIECE_BYTES })
    if (found.kind !== 'batches') return `${found.kind} ${hash.digest('hex').slice(0, 12)}`
    for (const batch of found.batches) hash.update(batch.bytes)
    from = found.next
  }
}
