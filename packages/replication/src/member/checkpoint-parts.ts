import {
  CometError,
  commitLogOffset,
  type EpochEntry,
  EpochHistory,
  type Services,
} from '@cometmq/protocol'
import type { Transport } from '@cometmq/runtime'

export type CheckpointMethod = Services['replication']['Checkpoint']
export type CheckpointPart = Parameters<CheckpointMethod['encodeResponse']>[0]

/** Parts that have arrived and are not on disk. */
const WAITING_MAX = 8

export interface CheckpointWish {
  /** Of the member that is asked, on its port for members. */
  readonly from: string
  readonly request: Parameters<CheckpointMethod['encodeRequest']>[0]
  /** Breaks it off, with its reason. */
  readonly signal?: AbortSignal
}

/**
 * Takes the parts of another member's checkpoint, one after the other. Resolves when the last is
 * taken, or the taker answers that it has `enough`; whether that was the end of the checkpoint is for
 * the taker to know.
 *
 * Throws what the other member says, `CONNECT_FAILED`, and what the taker throws.
 */
export async function receiveCheckpoint(
  transport: Transport,
  method: CheckpointMethod,
  { from, request, signal }: CheckpointWish,
  take: (part: CheckpointPart) => Promise<unknown>,
): Promise<void> {
  const connection = transport.connect(from)
  let breakOff = (): void => {}
  try {
    signal?.throwIfAborted()
    await new Promise<void>((resolve, reject) => {
      const stream = connection.open(method)
      breakOff = () => reject(signal?.reason as Error)
      signal?.addEventListener('abort', breakOff)
      let waiting = 0
      let isOver = false
      let last: Promise<void> = Promise.resolve()
      const takeNext = async (part: CheckpointPart): Promise<void> => {
        if (isOver || (await take(part)) !== 'enough') return
        isOver = true
        resolve()
      }
      stream.receive({
        message: (part) => {
          if (++waiting >= WAITING_MAX) stream.pause()
          last = last.then(() => takeNext(part))
          last.then(() => {
            if (--waiting < WAITING_MAX) stream.resume()
          }, reject)
        },
        ended: () => void last.then(resolve, reject),
        failed: reject,
      })
      stream.send(request)
      stream.end()
    })
  } finally {
    signal?.removeEventListener('abort', breakOff)
    connection.close()
  }
}

export function historyOf({ epochs }: NonNullable<CheckpointPart['origin']>): EpochHistory {
  return EpochHistory.of(
    (epochs ?? []).map(({ epoch, start }) => ({
      epoch: Number(epoch),
      start: commitLogOffset(Number(start)),
    })),
  )
}

/** The reign of that epoch; what is sent of the log names it by its number alone. */
export function entryOf(history: EpochHistory, epoch: number): EpochEntry {
  const entry = history.entries.find((each) => each.epoch === epoch)
  if (entry !== undefined) return entry
  throw new CometError(
    'MALFORMED_REQUEST',
    `the log has records of epoch ${epoch}, which never began`,
  )
}

export function asBuffer(bytes: unknown): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes
  throw new CometError('MALFORMED_REQUEST', 'bytes are missing')
}
