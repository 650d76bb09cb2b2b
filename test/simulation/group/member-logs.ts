import { createHash } from 'node:crypto'
import type { Simulation } from '@cometmq/simulation'
import { MessageStore } from '@cometmq/store'
import { smallStore } from '../small-store.ts'
import type { SimulatedGroup } from './group-cluster.ts'
import type { GroupViolation } from './group-watch.ts'

/** All members are there, have one log, and know all of it to be confirmed. */
export function areLevel({ members }: SimulatedGroup): boolean {
  const stores = members.map(({ present }) => present?.status.store)
  const end = stores[0]?.maxOffset
  return stores.every(
    (store) => store !== undefined && store.maxOffset === end && store.confirmOffset === end,
  )
}

/** What each member, all of which were level and are stopped, has on disk: all the same. */
export async function compareLogs(
  simulation: Simulation,
  { members }: SimulatedGroup,
): Promise<GroupViolation[]> {
  const contents: string[] = []
  for (const { machine } of members) {
    const config = { ...smallStore(), confirm: 'external' as const }
    const store = await MessageStore.open(machine.runtime(), config)
    contents.push(await contentOf(store))
    await store.close()
  }
  const differing = members.filter((_, index) => contents[index] !== contents[0])
  for (const [index, { machine }] of members.entries()) {
    simulation.story.tell(machine.name, `holds ${contents[index]}`)
  }
  return differing.map(({ machine }) => ({
    kind: 'invariant',
    rule: 'I3',
    what: `${machine.name} does not hold what ${members[0]?.machine.name} does`,
  }))
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
    const found = await store.read(queue, { from, maxBytes: 1024 * 1024 })
    if (found.kind !== 'batches') return `${found.kind} ${hash.digest('hex').slice(0, 12)}`
    for (const batch of found.batches) hash.update(batch.bytes)
    from = found.next
  }
}
