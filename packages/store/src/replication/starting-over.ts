import assert from 'node:assert/strict'
import { CometError, commitLogOffset, type EpochHistory } from '@cometmq/protocol'
import type { FileSystem } from '@cometmq/runtime'
import { CommitLog } from '../commit-log/commit-log.ts'
import { DataDirectory } from '../data-directory.ts'
import { CheckpointSlots } from '../dispatch/checkpoint.ts'
import type { AppliedStamp } from '../dispatch/dispatcher.ts'
import type { StoreConfig, StoreRuntime } from '../store-config.ts'
import { EpochFile } from './epoch-file.ts'
import { encodeStartingOver } from './lineage-text.ts'
import { planRaw, readRawRecords } from './raw-records.ts'
import { StateFileWriter, type StateRow } from './state-file.ts'

/** Where a member begins that has nothing, or nothing that its master still has. */
export interface StateOrigin {
  /** What the state covers. */
  readonly applied: AppliedStamp
  /** The begin of the segment that holds the last byte of that: here the log begins. */
  readonly baseOffset: number
  /** Of the master. */
  readonly epochs: EpochHistory
}

/**
 * Replaces a store that is not open by a copy of another member's: first its state, and the log that
 * leads from the begin of a segment up to there; then it is opened and follows.
 *
 * A store of which this was interrupted is empty.
 */
export class StartingOver implements AsyncDisposable {
  readonly #files: FileSystem
  readonly #directory: DataDirectory
  readonly #log: CommitLog
  readonly #state: StateFileWriter
  readonly #origin: StateOrigin
  #isOpen = true

  private constructor(
    files: FileSystem,
    directory: DataDirectory,
    opened: { readonly log: CommitLog; readonly state: StateFileWriter },
    origin: StateOrigin,
  ) {
    this.#files = files
    this.#directory = directory
    this.#log = opened.log
    this.#state = opened.state
    this.#origin = origin
  }

  /** Empties the store, for good. Throws as `MessageStore.open` does. */
  static async begin(
    runtime: StoreRuntime,
    config: StoreConfig,
    origin: StateOrigin,
  ): Promise<StartingOver> {
    const { baseOffset, applied } = origin
    const isBegun = baseOffset < applied.appliedOffset || applied.appliedOffset === 0
    assert.ok(isBegun, 'a log is begun with nothing in it')
    const { files, random } = runtime
    const directory = await DataDirectory.open(files, random, config.directory)
    try {
      await files.replaceFile(notePath(directory), encodeStartingOver())
      await empty(files, directory)
      const log = await CommitLog.open(files, {
        folder: directory.logPath,
        segmentBytes: config.segmentMaxBytes,
        baseOffset,
      })
      log.recovered(baseOffset, baseOffset)
      const state = await StateFileWriter.create(files, directory.replicationPath)
      return new StartingOver(files, directory, { log, state }, origin)
    } catch (error) {
      await directory.release()
      throw error
    }
  }

  /** Where the next bytes of the log belong. */
  get maxOffset(): number {
    return this.#log.maxOffset
  }

  /** Whether it can be finished, as far as the log is concerned. */
  get isLevel(): boolean {
    return this.#log.maxOffset >= this.#origin.applied.appliedOffset
  }

  putRows(rows: readonly StateRow[]): Promise<void> {
    return this.#state.append(rows)
  }

  /** Appends bytes of the master's log, as `ReplicatedLog.appendRaw` does. */
  async appendLog(offset: number, bytes: Buffer, epoch: number): Promise<void> {
    if (offset !== this.#log.maxOffset) {
      throw new CometError(
        'OFFSET_OUT_OF_RANGE',
        `bytes for log offset ${offset} came where the log ends at ${this.#log.maxOffset}`,
      )
    }
    const raw = readRawRecords(bytes, { offset, epoch })
    const plan = this.#log.plan()
    planRaw(plan, raw)
    await this.#log.write(plan)
  }

  /** Makes it a store. Nothing of it counts before this has resolved. */
  async finish(): Promise<void> {
    assert.ok(this.isLevel, 'the log does not reach as far as the state')
    const { baseOffset, applied, epochs } = this.#origin
    const end = this.#log.maxOffset
    const { path, replicationPath } = this.#directory
    await this.#log.sync()
    await this.#state.finish(applied)
    const history = epochs.truncate(commitLogOffset(end)).retain(commitLogOffset(baseOffset))
    await EpochFile.open(this.#files, replicationPath, history, undefined)
    const slots = await CheckpointSlots.open(this.#files, path)
    await slots.write({
      flushedOffset: end,
      confirmOffset: applied.appliedOffset,
      minOffset: baseOffset,
      epoch: applied.epoch,
      storeTimeMs: applied.storeTimeMs,
      closedCleanly: false,
      confirmedBy: 'external',
    })
    await slots.close()
    await this.#close()
    await removeNote(this.#files, this.#directory)
    await this.#directory.release()
  }

  /** Gives up, unless it is finished: the store is empty then. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOpen) return
    await this.#close()
    await this.#directory.release()
  }

  async #close(): Promise<void> {
    this.#isOpen = false
    await this.#state.close()
    await this.#log.close()
  }
}

/** Empties a store of which starting over was interrupted. Answers whether it was. */
export async function finishStartingOver(
  files: FileSystem,
  directory: DataDirectory,
): Promise<boolean> {
  if ((await files.readFile(notePath(directory))) === undefined) return false
  await empty(files, directory)
  await removeNote(files, directory)
  return true
}

/** Removes everything but whose folder it is, and the note that this is being done. */
async function empty(files: FileSystem, directory: DataDirectory): Promise<void> {
  const { path, logPath, levelPath, replicationPath } = directory
  await files.removeDirectory(levelPath)
  for (const name of await files.list(logPath)) await files.removeFile(`${logPath}/${name}`)
  for (const name of ['checkpoint.0', 'checkpoint.1']) await files.removeFile(`${path}/${name}`)
  for (const name of ['epochs', 'truncating', 'state']) {
    await files.removeFile(`${replicationPath}/${name}`)
  }
  for (const folder of [logPath, replicationPath, path]) await files.syncDirectory(folder)
}

async function removeNote(files: FileSystem, directory: DataDirectory): Promise<void> {
  await files.removeFile(notePath(directory))
  await files.syncDirectory(directory.replicationPath)
}

function notePath({ replicationPath }: DataDirectory): string {
  return `${replicationPath}/starting-over`
}
