import { CometError } from '../errors.ts'
import { ByteReader, ByteWriter, varintBytes } from './bytes.ts'

/**
 * One durable change of state: a row put into, or taken out of, a named table.
 *
 * The store keeps tables without knowing what their rows mean; whoever owns a table owns its keys
 * and values. Applying a change twice leaves what applying it once left.
 */
export type StateChange =
  | { readonly kind: 'put'; readonly table: string; readonly key: Buffer; readonly value: Buffer }
  | { readonly kind: 'delete'; readonly table: string; readonly key: Buffer }
  /** Deletes every row with a key in `[from, to)`. */
  | {
      readonly kind: 'delete-range'
      readonly table: string
      readonly from: Buffer
      readonly to: Buffer
    }

const opIds = { put: 1, delete: 2, 'delete-range': 3 } as const

/** The body of a `change` record: how many changes, then each as op, table, key and value. */
export function encodeChanges(changes: readonly StateChange[]): Buffer {
  let bytes = varintBytes(changes.length)
  for (const change of changes) {
    bytes += 1 + blockBytes(Buffer.byteLength(change.table))
    bytes += blockBytes(firstOf(change).length) + secondBytes(change)
  }
  const writer = new ByteWriter(Buffer.allocUnsafe(bytes))
  writer.varint(changes.length)
  for (const change of changes) {
    writer.uint8(opIds[change.kind])
    writer.text(change.table, Buffer.byteLength(change.table))
    writer.block(firstOf(change))
    const second = secondOf(change)
    if (second !== undefined) writer.block(second)
  }
  return writer.bytes
}

/** Keys and values are views of `body`. Throws `MALFORMED_BATCH` on bytes that are no changes. */
export function decodeChanges(body: Buffer): StateChange[] {
  const reader = new ByteReader(body)
  const changes: StateChange[] = []
  for (let left = reader.varint(); left > 0; left--) {
    const op = reader.uint8()
    const table = reader.text()
    const first = reader.block()
    if (op === opIds.put) changes.push({ kind: 'put', table, key: first, value: reader.block() })
    else if (op === opIds.delete) changes.push({ kind: 'delete', table, key: first })
    else if (op === opIds['delete-range']) {
      changes.push({ kind: 'delete-range', table, from: first, to: reader.block() })
    } else throw new CometError('MALFORMED_BATCH', `change ${op} is not known`)
  }
  reader.expectEnd('the last change')
  return changes
}

function firstOf(change: StateChange): Buffer {
  return change.kind === 'delete-range' ? change.from : change.key
}

function secondOf(change: StateChange): Buffer | undefined {
  switch (change.kind) {
    case 'put':
      return change.value
    case 'delete':
      return undefined
    case 'delete-range':
      return change.to
  }
}

function secondBytes(change: StateChange): number {
  const second = secondOf(change)
  return second === undefined ? 0 : blockBytes(second.length)
}

function blockBytes(bytes: number): number {
  return varintBytes(bytes) + bytes
}
