import { CometError } from '@cometmq/protocol'
import type { KeyValueStore } from '@cometmq/runtime'
import { Admission } from './commit-log/admission.ts'
import { CommitLog } from './commit-log/commit-log.ts'
import { ConfirmGate } from './commit-log/confirm-gate.ts'
import { recoverLog, type RecoveryReport } from './commit-log/recovery.ts'
import { segmentName } from './commit-log/segment.ts'
import { DamagedPlaces } from './damage/damaged-places.ts'
import type { DataDirectory } from './data-directory.ts'
import { openDerivedState } from './derived-state.ts'
import { type Checkpoint, CheckpointSlots } from './dispatch/checkpoint.ts'
import { Checkpointer } from './dispatch/checkpointer.ts'
import { type DerivedState, Dispatcher } from './dispatch/dispatcher.ts'
import type { DiskSpace } from './disk-space.ts'
import { placedRecord } from './placed-record.ts'
import { RecordReader } from './record-reader.ts'
import { keepCutBytes } from './replication/cut-bytes.ts'
import { isInDoubt, noteDoubt } from './replication/doubt.ts'
import type { EpochFile } from './replication/epoch-file.ts'
import { EpochTrace, recoverEpochs } from './replication/recover-epochs.ts'
import { finishTruncation } from './replication/truncation.ts'
import type { StoreConfig, StoreRuntime } from './store-config.ts'
import { TailView } from './tail-view.ts'

/** A store's files, opened, recovered, and with nothing running yet. */
export interface OpenedStore {
  readonly commitLog: CommitLog
  readonly rows: KeyValueStore
  readonly slots: CheckpointSlots
  readonly state: DerivedState
  readonly dispatcher: Dispatcher
  readonly checkpointer: Checkpointer
  readonly places: DamagedPlaces
  readonly reader: RecordReader
  readonly tail: TailView
  readonly admission: Admission
  readonly gate: ConfirmGate
  readonly epochs: EpochFile
  readonly report: RecoveryReport
}

/** Opens everything in the folder, in the order in which one thing needs the other. */
export async function openStore(
  runtime: StoreRuntime,
  config: StoreConfig,
  folder: { readonly directory: DataDirectory; readonly space: DiskSpace },
): Promise<OpenedStore> {
  const opened: (() => Promise<void>)[] = []
  try {
    return await openParts(runtime, config, folder, opened)
  } catch (error) {
    for (const close of opened.toReversed()) await close()
    throw error
  }
}

async function openParts(
  runtime: StoreRuntime,
  config: StoreConfig,
  { directory, space }: { readonly directory: DataDirectory; readonly space: DiskSpace },
  opened: (() => Promise<void>)[],
): Promise<OpenedStore> {
  const { clock, files, log } = runtime
  const beganMs = clock.elapsedMs()
  const slots = await CheckpointSlots.open(files, directory.path)
  opened.push(() => slots.close())
  const layout = { folder: directory.logPath, segmentBytes: config.segmentMaxBytes }
  const commitLog = await CommitLog.open(files, layout)
  opened.push(() => commitLog.close())
  const folder = directory.replicationPath
  const found = await finishTruncation({ files, folder, commitLog }, slots)
  checkBegin(commitLog, found, directory)
  await finishDeletion(commitLog, found)
  const { rows, state, applied, rebuilt } = await openDerivedState(runtime, directory.levelPath, {
    storeId: directory.storeId,
    minOffset: commitLog.minOffset,
    isEmpty: commitLog.segments.length === 0,
    replicationPath: folder,
  })
  opened.push(() => rows.close())
  if (rebuilt !== undefined) log.warn({ reason: rebuilt }, 'derived state is made anew')

  const from = applied?.appliedOffset ?? commitLog.minOffset
  const dispatcher = new Dispatcher(state, {
    appliedOffset: from,
    epoch: Math.max(found?.epoch ?? 0, applied?.epoch ?? 0),
    storeTimeMs: Math.max(found?.storeTimeMs ?? 0, applied?.storeTimeMs ?? 0),
  })
  const checkpointer = new Checkpointer(
    { clock, log, rows, slots, commitLog, dispatcher, state },
    {
      storeId: directory.storeId,
      appliedOffset: from,
      maxBytes: config.checkpointBytes,
      confirmedBy: config.confirm,
    },
  )
  const places = new DamagedPlaces({ log, commitLog })
  const reader = new RecordReader(commitLog, places, {
    tailBytes: config.tailCacheBytes,
    chunkBytes: config.readCacheBytes,
  })
  const tail = new TailView(state)
  const admission = new Admission({ log: commitLog, space }, config)
  const gate = new ConfirmGate(
    { log: commitLog, dispatcher, reader, tail, admission },
    config.confirm,
  )
  const closedCleanly = found?.closedCleanly ?? false
  let confirmed = config.confirm === 'self' ? Number.POSITIVE_INFINITY : from
  confirmed = Math.max(confirmed, found?.confirmOffset ?? 0)
  const trace = new EpochTrace()
  const recovered = await recoverLog(commitLog, {
    from,
    durableTo: Math.max(found?.flushedOffset ?? 0, applied?.appliedOffset ?? 0),
    closedCleanly,
    recordsProve: (found?.confirmedBy ?? config.confirm) === 'self',
    replay(group) {
      const placed = group.map(({ record, at }) => placedRecord(record, at))
      // A record tells what its master knew to be confirmed, which may be more than was noted here.
      for (const { record } of group) confirmed = Math.max(confirmed, record.confirmedBefore)
      if ((placed.at(-1)?.end ?? 0) > confirmed) gate.hold(placed)
      else for (const record of placed) dispatcher.dispatch(record)
    },
    see: (record, at) => trace.see(record, at),
    async doubt(cut) {
      await noteDoubt(files, folder, cut)
      const epoch = trace.entries.at(-1)?.epoch ?? applied?.epoch ?? 0
      const keeping = { cut: { ...cut, epoch }, keptBytes: config.cutKeptBytes }
      const what = 'a tail is cut that has records in it: a torn write, or damage'
      await keepCutBytes({ files, log }, commitLog, folder, { ...keeping, what })
    },
    pause: () => checkpointer.keepUpWithReplay(),
  })
  commitLog.recovered(recovered.end, Math.min(dispatcher.appliedOffset, recovered.end))
  const walked = { trace, from, end: recovered.end }
  const epochs = await recoverEpochs({ files, log, commitLog }, folder, walked)
  gate.confirm(confirmed)
  await state.queues.trim(commitLog.minOffset, () => clock.yieldTurn())
  await checkpointer.write()
  await checkpointer.writeSlot({ closedCleanly: false })

  const report = {
    created: directory.created,
    closedCleanly: closedCleanly || directory.created,
    noted: found && { flushedOffset: found.flushedOffset, confirmOffset: found.confirmOffset },
    rebuilt,
    replayedRecords: recovered.records,
    replayedBytes: recovered.end - from,
    cutBytes: recovered.cutBytes,
    isInDoubt: await isInDoubt(files, folder),
    tookMs: clock.elapsedMs() - beganMs,
  }
  const fields = { ...report, end: recovered.end }
  if (recovered.cutBytes > 0) log.warn(fields, 'store opened, a torn tail was cut')
  else log.info(fields, 'store opened')
  return {
    commitLog,
    rows,
    slots,
    state,
    dispatcher,
    checkpointer,
    places,
    reader,
    tail,
    admission,
    gate,
    epochs,
    report,
  }
}

/** The oldest segments may be gone only if retention had noted that it deletes them. */
function checkBegin(
  log: CommitLog,
  checkpoint: Checkpoint | undefined,
  directory: DataDirectory,
): void {
  if (checkpoint === undefined || checkpoint.flushedOffset === 0) return
  if (log.segments.length > 0 && log.minOffset <= checkpoint.minOffset) return
  throw new CometError(
    'STORE_CORRUPT',
    `segment ${segmentName(checkpoint.minOffset)} is missing in ${directory.logPath}; restore the folder from a replica or a backup`,
  )
}

/** A crash fell between the note that segments are deleted and their deletion. */
async function finishDeletion(log: CommitLog, checkpoint: Checkpoint | undefined): Promise<void> {
  const minOffset = checkpoint?.minOffset ?? 0
  while (log.segments.length > 1 && (log.segments[0]?.end ?? 0) <= minOffset) {
    await log.deleteOldest()
  }
}
