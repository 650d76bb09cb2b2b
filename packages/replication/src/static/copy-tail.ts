import {
  CometError,
  commitLogOffset,
  type EpochEntry,
  EpochHistory,
  type Services,
} from '@cometmq/protocol'
import type { Transport } from '@cometmq/runtime'
import type { MessageStore } from '@cometmq/store'

type CheckpointMethod = Services['replication']['Checkpoint']
type Part = Parameters<CheckpointMethod['encodeResponse']>[0]

/** Parts that have arrived and are not in the log. */
const WAITING_MAX = 8

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
  const connection = transport.connect(from)
  let history = EpochHistory.of([])
  let isComplete = false
  const take = async (part: Part): Promise<void> => {
    if (part.origin) history = historyOf(part.origin)
    if (part.end) isComplete = true
    if (!part.log) return
    const { offset, epoch, records } = part.log
    if (!Buffer.isBuffer(records)) throw new CometError('MALFORMED_REQUEST', 'bytes are missing')
    const { start } = entryOf(history, Number(epoch))
    await log.appendRaw(Number(offset), records, { epoch: Number(epoch), epochStart: start })
  }
  try {
    await new Promise<void>((resolve, reject) => {
      const stream = connection.open(method)
      let waiting = 0
      let last: Promise<void> = Promise.resolve()
      stream.receive({
        message: (part) => {
          if (++waiting >= WAITING_MAX) stream.pause()
          last = last.then(() => take(part))
          last.then(() => {
            if (--waiting < WAITING_MAX) stream.resume()
          }, reject)
        },
        ended: () => void last.then(resolve, reject),
        failed: reject,
      })
      stream.send({ cluster, brokerName, logOnly: true, logFrom: begin })
      stream.end()
    })
  } finally {
    connection.close()
  }
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

function historyOf({ epochs }: NonNullable<Part['origin']>): EpochHistory {
  return EpochHistory.of(
    (epochs ?? []).map(({ epoch, start }) => ({
      epoch: Number(epoch),
      start: commitLogOffset(Number(start)),
    })),
  )
}

function entryOf(history: EpochHistory, epoch: number): EpochEntry {
  const entry = history.entries.find((each) => each.epoch === epoch)
  if (entry !== undefined) return entry
  throw new CometError(
    'MALFORMED_REQUEST',
    `the log has records of epoch ${epoch}, which never began`,
  )
}
