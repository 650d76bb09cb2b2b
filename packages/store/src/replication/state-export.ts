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

/** Throws `OFFSET_OUT_OF_RANGE` while nothing is applied. */
export async function exportState(
  commitLog: CommitLog,
  checkpointer: Checkpointer,
  epochs: EpochHistory,
): Promise<ExportedState> {
  const { applied, rows } = await checkpointer.exportRows()
  const segment = applied && commitLog.segmentAt(applied.appliedOffset - 1)
  if (applied === undefined || segment === undefined) {
    throw new CometError('OFFSET_OUT_OF_RANGE', 'nothing of the log is applied yet')
  }
  return { applied, baseOffset: segment.start, epochs, rows }
}
