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
  readonly topics: Pick<TopicRegistry, 'get'>
  readonly groups: Pick<GroupRegistry, 'get'>
}

/** What became of asking one member. */
export type Asked = { readonly peer: OverlayPeer } & (
  | { readonly kind: 'given'; readonly overlay: TakenOverlay }
  | { readonly kind: 'none' }
  | { readonly kind: 'silent'; readonly why: unknown }
)

/** Consumers of the whole broker group wait for it. */
const TAKE_MS = 6_000

/** Of 64 KiB at most. */
const RECORDS_PER_APPEND = 16

/**
 * Brings what slaves were told while they stood in into the log, before a master delivers anything.
 * Never rejects. Returns those whose overlays it lacks all the same; what they were told is delivered
 * again until it is there.
 */
export async function takeOverlays(
  ports: TakePorts,
  peers: readonly OverlayPeer[],
  signal: AbortSignal,
): Promise<OverlayPeer[]> {
  const asked = await askForOverlays(ports, peers, signal)
  for (const each of asked) {
    if (each.kind !== 'silent' || signal.aborted) continue
    const fields = { peer: each.peer.name, error: toCometError(each.why) }
    ports.log.warn(fields, 'no overlay from that member yet; if it stood in, messages come again')
  }
  const isMerged = await mergeTaken(ports, asked)
  return asked.filter(({ kind }) => isOwed(kind, isMerged)).map(({ peer }) => peer)
}

/** Whether a member is to be asked again. */
export function isOwed(kind: Asked['kind'], isMerged: boolean): boolean {
  switch (kind) {
    case 'given':
      return !isMerged
    case 'silent':
      return true
    case 'none':
      return false
  }
}

/** All at once, and no longer than `TAKE_MS`. Never rejects. */
export async function askForOverlays(
  { clock }: Pick<TakePorts, 'clock'>,
  peers: readonly OverlayPeer[],
  signal: AbortSignal,
): Promise<Asked[]> {
  const late = new AbortController()
  const timer = clock.schedule(TAKE_MS, () => late.abort())
  const either = AbortSignal.any([late.signal, signal])
  const asked = await Promise.all(peers.map((peer) => askOne(peer, either)))
  timer.cancel()
  return asked
}

/** Whether the log lacks anything of it that this broker can read. */
export function isToMerge(ports: TakePorts, asked: readonly Asked[]): boolean {
  try {
    return mergeOverlays(ports, takenOf(asked)).length > 0
  } catch (thrown) {
    // Of a later version. It stays with its slave, and messages come again.
    ports.log.error({ error: toCometError(thrown) }, 'overlays cannot be read; a later master may')
    return false
  }
}

/**
 * Whether all that was given is in the log. Nobody else may change rows that overlays change, until it
 * resolves; what was appended before does no harm.
 */
export async function mergeTaken(ports: TakePorts, asked: readonly Asked[]): Promise<boolean> {
  const { log, store } = ports
  if (!isToMerge(ports, asked)) return true
  try {
    // What is still on its way into the rows has arrived when this has.
    await store.append({ records: [{ kind: 'change', changes: [] }] }, 'confirmed')
    const changes = mergeOverlays(ports, takenOf(asked))
    // The overlays' numbers are in the last one, so what a crash leaves half done is done again.
    const records = changeRecords(changes)
    for (let at = 0; at < records.length; at += RECORDS_PER_APPEND) {
      await store.append({ records: records.slice(at, at + RECORDS_PER_APPEND) }, 'confirmed')
    }
    const overlays = takenOf(asked).map(({ id }) => `${id.storeId}/${id.number}`)
    log.info({ overlays, changes: changes.length }, 'what slaves were told is in the log')
    return true
  } catch (thrown) {
    log.warn({ error: toCometError(thrown) }, 'overlays are not merged; slaves are asked again')
    return false
  }
}

function takenOf(asked: readonly Asked[]): TakenOverlay[] {
  return asked.flatMap((each) => (each.kind === 'given' ? [each.overlay] : []))
}

async function askOne(peer: OverlayPeer, signal: AbortSignal): Promise<Asked> {
  try {
    signal.throwIfAborted()
    const given = await peer.take(signal)
    if (given === undefined) return { kind: 'none', peer }
    const { storeId, number } = given
    const changes = given.changes.flatMap((body) => decodeChanges(body)).filter(isOfRow)
    return { kind: 'given', peer, overlay: { id: { storeId, number }, changes } }
  } catch (why) {
    return { kind: 'silent', peer, why }
  }
}

function isOfRow(change: ReturnType<typeof decodeChanges>[number]): change is RowChange {
  return change.kind !== 'delete-range'
}
