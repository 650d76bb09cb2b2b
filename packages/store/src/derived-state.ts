import { CometError } from '@cometmq/protocol'
import type { KeyValueStore, KeyValueStores, FileSystem } from '@cometmq/runtime'
import { type Applied, encodeApplied, readApplied } from './dispatch/checkpointer.ts'
import type { AppliedStamp, DerivedState } from './dispatch/dispatcher.ts'
import { QueueIndexes } from './indexes/queue-indexes.ts'
import { levelPrefix } from './level-keys.ts'
import { ProducerWindows } from './producer-windows.ts'
import { readStateRows, stateAppliedIn, statePath } from './replication/state-file.ts'
import { StateTables } from './state/state-tables.ts'

export interface OpenedState {
  readonly rows: KeyValueStore
  readonly state: DerivedState
  /** How far level covers the log; `undefined`: it holds nothing, all of the log is to be replayed. */
  readonly applied: Applied | undefined
  /** Why what was there was thrown away. */
  readonly rebuilt: string | undefined
}

interface Ports {
  readonly files: FileSystem
  readonly keyValueStores: KeyValueStores
}

/** Of the log that state is derived from. */
interface Origin {
  readonly storeId: string
  readonly minOffset: number
  readonly isEmpty: boolean
  /** Where a member that started over has the state that it was given. */
  readonly replicationPath: string
}

/**
 * Opens what is derived from the log. A folder that is missing, damaged, of another log, or that
 * ends before the log begins is replaced by an empty one, or by the state that a member was given
 * when it started over.
 */
export async function openDerivedState(
  ports: Ports,
  path: string,
  log: Origin,
): Promise<OpenedState> {
  const given = await givenState(ports.files, log)
  const opened = await tryOpen(ports.keyValueStores, path)
  if (typeof opened !== 'string') {
    const { applied } = opened
    const reason = misfit(applied, log)
    if (reason === undefined) return { ...opened, rebuilt: undefined }
    // An empty folder next to an empty log is simply new.
    if (applied === undefined && log.isEmpty) return { ...opened, rebuilt: undefined }
    await opened.rows.close()
    return { ...(await openAnew(ports, path, log, given)), rebuilt: reason }
  }
  return { ...(await openAnew(ports, path, log, given)), rebuilt: opened }
}

function misfit(applied: Applied | undefined, log: Origin): string | undefined {
  if (applied === undefined) return 'there was none'
  if (applied.storeId !== log.storeId) return `it belonged to store ${applied.storeId}`
  if (applied.appliedOffset < log.minOffset) {
    return `it ended at log offset ${applied.appliedOffset}, before the log begins`
  }
  return undefined
}

async function tryOpen(
  stores: KeyValueStores,
  path: string,
): Promise<Omit<OpenedState, 'rebuilt'> | string> {
  let rows: KeyValueStore | undefined
  try {
    rows = await stores.open(path)
    return await load(rows)
  } catch (error) {
    await rows?.close()
    // A full disk or a bug is no reason to throw away what is there.
    if (!(error instanceof CometError || error instanceof RangeError)) throw error
    if (error instanceof CometError && error.code === 'DISK_FULL') throw error
    return `it was damaged: ${error.message}`
  }
}

/** What is left of it is of no use once the log begins later. */
async function givenState(
  files: FileSystem,
  { replicationPath, minOffset }: Origin,
): Promise<AppliedStamp | undefined> {
  const given = await stateAppliedIn(files, replicationPath)
  if (given === undefined || given.appliedOffset >= minOffset) return given
  await files.removeFile(statePath(replicationPath))
  return undefined
}

async function openAnew(
  { files, keyValueStores }: Ports,
  path: string,
  { storeId, replicationPath }: Origin,
  given: AppliedStamp | undefined,
): Promise<Omit<OpenedState, 'rebuilt'>> {
  await files.removeDirectory(path)
  const rows = await keyValueStores.open(path)
  if (given === undefined) return load(rows)
  for await (const piece of readStateRows(files, replicationPath)) {
    await rows.apply(piece.map(([key, value]) => ({ kind: 'put', key, value })))
  }
  // Last: a crash before leaves rows that count for nothing.
  const value = encodeApplied({ storeId, ...given })
  await rows.apply([{ kind: 'put', key: levelPrefix.applied, value }])
  return load(rows)
}

async function load(rows: KeyValueStore): Promise<Omit<OpenedState, 'rebuilt'>> {
  const applied = readApplied(rows)
  const state = {
    tables: await StateTables.open(rows),
    queues: await QueueIndexes.open(rows),
    producers: await ProducerWindows.open(rows),
  }
  return { rows, state, applied }
}
