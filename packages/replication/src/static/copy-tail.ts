import { CometError, EpochHistory } from '@cometmq/protocol'
import type { Transport } from '@cometmq/runtime'
import type { MessageStore } from '@cometmq/store'
import {
  asBuffer,
  type CheckpointMethod,
  entryOf,
  historyOf,
  receiveCheckpoint,
} from '../member/checkpoint-parts.ts'

export interface TailWish {
  readonly cluster: string
  readonly brokerName: string
  /** Of the member that has more, on its port for members. */
  readonly from: string
}

/**
 * Appends what another member has of the log beyond the end of this one, which is a part of it.
 * Resolves when all of it is on disk, to how much it was.
 *
 * Throws what the other member says, `CONNECT_FAILED`, `MALFORMED_REQUEST`, and what the store says.
 */
export async function copyTail(
  transport: Transport,
  method: CheckpointMethod,
  store: Pick<MessageStore, 'log'>,
  { cluster, brokerName, from }: TailWish,
): Promise<number> {
  const { log } = store
  const begin = log.offsets.max
  let history = EpochHistory.of([])
  let isComplete = false
  const request = { cluster, brokerName, logOnly: true, logFrom: begin }
  await receiveCheckpoint(transport, method, { from, request }, async (part) => {
    if (part.origin) history = historyOf(part.origin)
    if (part.end) isComplete = true
    if (!part.log) return
    const { offset, epoch, records } = part.log
    const { start } = entryOf(history, Number(epoch))
    const of = { epoch: Number(epoch), epochStart: start }
    await log.appendRaw(Number(offset), asBuffer(records), of)
  })
  if (!isComplete) throw new CometError('MALFORMED_REQUEST', 'the end of the log broke off')
  await flushed(log)
  return log.offsets.max - begin
}

function flushed(log: MessageStore['log']): Promise<void> {
  const { max } = log.offsets
  return new Promise((resolve) => {
    const stop = log.onFlushed((offset) => {
      if (offset < max) return
      stop()
      resolve()
    })
    if (log.offsets.flushed < max) return
    stop()
    resolve()
  })
}
