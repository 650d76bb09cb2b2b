import { CometError, limits, type StateChange } from '@cometmq/protocol'
import type { MessageStore } from '@cometmq/store'
import type { DeliveryStore } from '../deliver/ports.ts'

/**
 * Positions that readers keep under a name of their own: one row per name and queue. The topic comes
 * first in the key, so that deleting a topic takes them all along in one change.
 */
export const POSITIONS_TABLE = 'positions'

export interface PositionKey {
  readonly name: string
  readonly topic: string
  readonly queueId: number
}

export interface Position extends PositionKey {
  readonly offset: number
}

/** Where positions are kept: the log of a master, or what a slave notes that stands in for one. */
export interface PositionStore {
  /** Why none can be kept right now. */
  readonly refusal: CometError | undefined
  /** `undefined`: none was committed. */
  read(key: PositionKey): number | undefined
  /** Resolves when all of them are durable. Throws `NOT_MASTER` where nobody keeps any. */
  keep(positions: readonly Position[]): Promise<void>
}

/** `refusal`: why this broker may not answer as master right now, if so. */
export function positionsInLog(
  store: Pick<DeliveryStore, 'append' | 'table'>,
  refusal: () => CometError | undefined,
): PositionStore {
  return {
    get refusal() {
      return refusal()
    },
    read: (key) => readPosition(store, key),
    async keep(positions) {
      const why = refusal()
      if (why !== undefined) throw why
      const changes = positions.map((position) => putPosition(position, position.offset))
      await store.append({ records: [{ kind: 'change', changes }] }, 'confirmed')
    },
  }
}

/** In the log, unless `overlay` answers where this broker keeps them now. */
export function positionsInEither(
  log: PositionStore,
  overlay: () => Pick<DeliveryStore, 'append' | 'table'> | undefined,
): PositionStore {
  const present = (): PositionStore => {
    const store = overlay()
    return store === undefined ? log : positionsInLog(store, () => undefined)
  }
  return {
    get refusal() {
      return present().refusal
    },
    read: (key) => present().read(key),
    keep: (positions) => present().keep(positions),
  }
}

/** `undefined`: none was committed. */
export function readPosition(
  store: Pick<MessageStore, 'table'>,
  key: PositionKey,
): number | undefined {
  const value = store.table(POSITIONS_TABLE).get(keyBytes(key))
  return value === undefined ? undefined : Number(value.readBigUInt64BE())
}

export function putPosition(key: PositionKey, offset: number): StateChange {
  const value = Buffer.allocUnsafe(8)
  value.writeBigUInt64BE(BigInt(offset))
  return { kind: 'put', table: POSITIONS_TABLE, key: keyBytes(key), value }
}

export function deletePositionsOf(topic: string): StateChange {
  return {
    kind: 'delete-range',
    table: POSITIONS_TABLE,
    from: Buffer.from(`${topic}\0`),
    to: Buffer.from(`${topic}\x01`),
  }
}

/** Throws `ILLEGAL_NAME` unless a position may be kept under that name. */
export function checkPositionName(name: string): void {
  if (name.length > 0 && name.length <= limits.clientIdMaxChars && !name.includes('\0')) return
  throw new CometError(
    'ILLEGAL_NAME',
    `a position name has 1 to ${limits.clientIdMaxChars} characters other than NUL`,
  )
}

function keyBytes({ name, topic, queueId }: PositionKey): Buffer {
  const queue = Buffer.allocUnsafe(4)
  queue.writeUInt32BE(queueId)
  return Buffer.concat([Buffer.from(`${topic}\0`), queue, Buffer.from(name)])
}
