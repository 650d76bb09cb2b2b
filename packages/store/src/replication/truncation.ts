import { CometError, commitLogOffset } from '@cometmq/protocol'
import type { FileSystem } from '@cometmq/runtime'
import type { CommitLog } from '../commit-log/commit-log.ts'
import type { Checkpoint, CheckpointSlots } from '../dispatch/checkpoint.ts'
import { EpochFile } from './epoch-file.ts'
import { encodeTruncating, parseTruncating, type Truncating } from './lineage-text.ts'

/**
 * Cuts the log so that no crash can bring the tail back: what is intended is durable before the first
 * byte goes, and a start that finds it does all of it once more.
 */
export interface TruncationParts {
  readonly files: FileSystem
  /** The folder `replication`. */
  readonly folder: string
  readonly commitLog: CommitLog
}

/**
 * Cuts the log at `to`. `note` writes a checkpoint of the log that is left. Fails with `DISK_FULL` if
 * nothing was done; after any other failure the store has to stop.
 */
export async function truncateLog(
  parts: TruncationParts,
  to: number,
  left: { readonly epochs: EpochFile; readonly note: () => Promise<void> },
): Promise<void> {
  const { epochs, note } = left
  const { files, folder, commitLog } = parts
  const after = epochs.history.truncate(commitLogOffset(to))
  await files.replaceFile(truncatingPath(folder), encodeTruncating({ to, epochs: after }))
  try {
    await commitLog.truncate(to)
    await epochs.truncate(commitLogOffset(to))
    await finish(parts, note)
  } catch (cause) {
    const why = `cutting the log at ${to} was interrupted; the next start goes on with it`
    throw new CometError('STORE_UNUSABLE', why, { cause })
  }
}

/**
 * Does what a crash has interrupted, if anything. Resolves to what is noted of the log from then on.
 *
 * Throws `STORE_CORRUPT` if what was intended cannot be read.
 */
export async function finishTruncation(
  parts: TruncationParts,
  slots: CheckpointSlots,
): Promise<Checkpoint | undefined> {
  const { files, folder, commitLog } = parts
  const { found } = slots
  const truncating = await readTruncating(files, folder)
  if (truncating === undefined) return found
  const { to, epochs } = truncating
  await commitLog.truncate(to)
  await EpochFile.open(files, folder, epochs, undefined)
  if (found === undefined) {
    await finish(parts, () => Promise.resolve())
    return undefined
  }
  const flushedOffset = Math.min(found.flushedOffset, to)
  const noted = { ...found, flushedOffset, closedCleanly: false }
  await finish(parts, () => slots.write(noted))
  return noted
}

async function readTruncating(files: FileSystem, folder: string): Promise<Truncating | undefined> {
  const bytes = await files.readFile(truncatingPath(folder))
  if (bytes === undefined) return undefined
  const truncating = parseTruncating(bytes)
  if (truncating !== undefined) return truncating
  const path = truncatingPath(folder)
  throw new CometError('STORE_CORRUPT', `${path} is damaged; restore the folder from a replica`)
}

async function finish(parts: TruncationParts, note: () => Promise<void>): Promise<void> {
  const { files, folder } = parts
  // Both slots: either alone must not tell that more of the log had been durable.
  await note()
  await note()
  await files.removeFile(truncatingPath(folder))
  await files.syncDirectory(folder)
}

function truncatingPath(folder: string): string {
  return `${folder}/truncating`
}
