import { CometError, commitLogOffset, EpochHistory, type Services } from '@cometmq/protocol'
import type { Transport } from '@cometmq/runtime'

export type CheckpointMethod = Services['replication']['Checkpoint']
export type CheckpointPart = Parameters<CheckpointMethod['encodeResponse']>[0]

/** Parts that have arrived and are not on disk. */
const WAITING_MAX = 8

export interface CheckpointWish {
  /** Of the member that is asked, on its port for members. */
  readonly from: string
  readonly request: Parameters<CheckpointMethod['encodeRequest']>[0]
}

/**
 * Takes the parts of another member's checkpoint, one after the other. Resolves when the last is
 * taken; whether that was the end of the checkpoint is for the taker to know.
 *
 * Throws what the other member says, `CONNECT_FAILED`, and what the taker throws.
 */
export async function receiveCheckpoint(
  transport: Transport,
  method: CheckpointMethod,
  { from, request }: CheckpointWish,
  take: (part: CheckpointPart) => Promise<void>,
): Promise<void> {
  const connection = transport.connect(from)
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
      stream.send(request)
      stream.end()
    })
  } finally {
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

export function asBuffer(bytes: unknown): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes
  throw new CometError('MALFORMED_REQUEST', 'bytes are missing')
}
