import { decodeChanges, toCometError } from '@cometmq/protocol'
import type { GivenOverlay } from '@cometmq/replication'
import type { Clock, Logger } from '@cometmq/runtime'
import type { MessageStore } from '@cometmq/store'
import { changeRecords } from '../deliver/commit-loop.ts'
import type { GroupRegistry } from '../group-registry.ts'
import type { TopicRegistry } from '../topic-registry.ts'
import { mergeOverlays, type TakenOverlay } from './merge-overlays.ts'
import type { RowChange } from './overlay-rows.ts'

/** A member that may have stood in, and how it is asked for what it was told then. */
export interface OverlayPeer {
  readonly name: string
  take(signal: AbortSignal): Promise<GivenOverlay | undefined>
}

export interface TakePorts {
  readonly clock: Clock
  readonly log: Logger
  readonly store: Pick<MessageStore, 'append' | 'bounds' | 'table'>
  readonly topics: TopicRegistry
  readonly groups: GroupRegistry
}

/** Consumers of the whole broker group wait for it. */
const TAKE_MS = 6_000

/** Of 64 KiB at most. */
const RECORDS_PER_APPEND = 16

/**
 * Brings what slaves were told while they stood in into the log, before a master delivers anything.
 * Never rejects: what cannot be taken or merged now stays with its slave until the next reign, and is
 * delivered again.
 */
export async function takeOverlays(ports: TakePorts, peers: readonly OverlayPeer[]): Promise<void> {
  const { clock, log, store } = ports
  const late = new AbortController()
  const timer = clock.schedule(TAKE_MS, () => late.abort())
  const answers = await Promise.all(peers.map((peer) => takeOne(log, peer, late.signal)))
  timer.cancel()
  const taken = answers.filter((overlay) => overlay !== undefined)
  const changes = mergeOverlays(ports, taken)
  if (changes.length === 0) return
  try {
    // The overlays' numbers are in the last one, so what a crash leaves half done is done again.
    const records = changeRecords(changes)
    for (let at = 0; at < records.length; at += RECORDS_PER_APPEND) {
      await store.append({ records: records.slice(at, at + RECORDS_PER_APPEND) }, 'confirmed')
    }
    const overlays = taken.map(({ id }) => `${id.storeId}/${id.number}`)
    log.info({ overlays, changes: changes.length }, 'what slaves were told is in the log')
  } catch (thrown) {
    log.warn({ error: toCometError(thrown) }, 'overlays are not merged; the next reign tries again')
  }
}

async function takeOne(
  log: Logger,
  peer: OverlayPeer,
  signal: AbortSignal,
): Promise<TakenOverlay | undefined> {
  try {
    const given = await peer.take(signal)
    if (given === undefined) return undefined
    const { storeId, number } = given
    const changes = given.changes.flatMap((body) => decodeChanges(body)).filter(isOfRow)
    return { id: { storeId, number }, changes }
  } catch (thrown) {
    const fields = { peer: peer.name, error: toCometError(thrown) }
    log.warn(fields, 'no overlay from that member; if it stood in, messages come again')
    return undefined
  }
}

function isOfRow(change: ReturnType<typeof decodeChanges>[number]): change is RowChange {
  return change.kind !== 'delete-range'
}
