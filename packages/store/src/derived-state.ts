import { CometError } from '@cometmq/protocol'
import type { KeyValueStore, KeyValueStores, FileSystem } from '@cometmq/runtime'
import { type Applied, readApplied } from './dispatch/checkpointer.ts'
import type { DerivedState } from './dispatch/dispatcher.ts'
import { QueueIndexes } from './indexes/queue-indexes.ts'
import { ProducerWindows } from './producer-windows.ts'
import { StateTables } from './state/state-tables.ts'

export interface OpenedState {
  readonly rows: KeyValueStore
  readonly state: DerivedState
  /** How far level covers the log; `undefined`: it holds nothing, all of the log is to be replayed. */
  readonly applied: Applied | undefined
  /** Why what was there was thrown away. */
  readonly rebuilt: string | undefined
}

/**
 * Opens what is derived from the log. A folder that is missing, damaged, of another log, or that
 * ends before the log begins is replaced by an empty one.
 */
export async function openDerivedState(
  ports: { readonly files: FileSystem; readonly keyValueStores: KeyValueStores },
  path: string,
  log: { readonly storeId: string; readonly minOffset: number; readonly isEmpty: boolean },
): Promise<OpenedState> {
  const opened = await tryOpen(ports.keyValueStores, path)
  if (typeof opened !== 'string') {
    const { applied } = opened
    const reason = misfit(applied, log)
    if (reason === undefined) return { ...opened, rebuilt: undefined }
    // An empty folder next to an empty log is simply new.
    if (applied === undefined && log.isEmpty) return { ...opened, rebuilt: undefined }
    await opened.rows.close()
    return { ...(await openEmpty(ports, path)), rebuilt: reason }
  }
  return { ...(await openEmpty(ports, path)), rebuilt: opened }
}

function misfit(
  applied: Applied | undefined,
  log: { readonly storeId: string; readonly minOffset: number },
): string | undefined {
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

async function openEmpty(
  ports: { readonly files: FileSystem; readonly keyValueStores: KeyValueStores },
  path: string,
): Promise<Omit<OpenedState, 'rebuilt'>> {
  await ports.files.removeDirectory(path)
  return load(await ports.keyValueStores.open(path))
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
