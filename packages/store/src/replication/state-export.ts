import { CometError, type EpochHistory } from '@cometmq/protocol'
import type { CommitLog } from '../commit-log/commit-log.ts'
import type { Checkpointer } from '../dispatch/checkpointer.ts'
import type { StateOrigin } from './starting-over.ts'
import type { StateRow } from './state-file.ts'

/** Derived state of this store, for a member that starts over. */
export interface ExportedState extends StateOrigin {
  /** All rows, as of `applied`. To be read to the end, or left: either lets go of what they are read from. */
  readonly rows: AsyncIterable<StateRow>
}

/**
 * Where nothing is confirmed yet there is nothing to copy but that: who starts over begins as empty.
 *
 * Throws `OFFSET_OUT_OF_RANGE` where what is applied cannot be written down.
 */
export async function exportState(
  commitLog: CommitLog,
  checkpointer: Checkpointer,
  epochs: EpochHistory,
): Promise<ExportedState> {
  const { applied, rows } = await checkpointer.exportRows()
  if (applied === undefined && commitLog.confirmOffset === 0) return { ...NOTHING, epochs, rows }
  const segment = applied && commitLog.segmentAt(applied.appliedOffset - 1)
  if (applied === undefined || segment === undefined) {
    throw new CometError('OFFSET_OUT_OF_RANGE', 'what is applied of the log is nowhere on disk')
  }
  return { applied, baseOffset: segment.start, epochs, rows }
}

const NOTHING = { applied: { appliedOffset: 0, epoch: 0, storeTimeMs: 0 }, baseOffset: 0 }
