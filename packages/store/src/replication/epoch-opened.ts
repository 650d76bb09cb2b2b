import { ByteWriter } from '@cometmq/protocol'

/** The reign of a master. */
export interface Reign {
  readonly epoch: number
  /** Which process begins it; not said by a store that is in no broker group. */
  readonly openedBy?: {
    /** Own number in the broker group. */
    readonly brokerId: number
    /** Which start of that broker. */
    readonly incarnation: number
  }
}

/** The body of an `epochOpened` record. Drawn in `docs/formats/commit-log.md`. */
export function encodeEpochOpened({ epoch, openedBy }: Reign): Buffer {
  const writer = new ByteWriter(Buffer.allocUnsafe(openedBy === undefined ? 8 : 20))
  writer.uint64(epoch)
  if (openedBy === undefined) return writer.bytes
  writer.uint32(openedBy.brokerId)
  writer.uint64(openedBy.incarnation)
  return writer.bytes
}
