import assert from 'node:assert/strict'
import {
  type CometError,
  encodeBrokerRecord,
  encodeChanges,
  RecordBatch,
  type StateChange,
} from '@cometmq/protocol'
import type { AppendGroup, AppendLevel, AppendReceipt, AppendRecord } from '../append-group.ts'
import type { RecordToPlace } from './placement.ts'

/** A group from its append to its answer. */
export interface WaitingGroup {
  readonly records: readonly RecordToPlace[]
  readonly bytes: number
  readonly level: AppendLevel
  readonly resolve: (receipt: AppendReceipt) => void
  readonly reject: (error: CometError) => void
  /** `undefined` until it is placed, and when it was refused. */
  receipt: AppendReceipt | undefined
}

/** Rows to put again, read when a cycle begins. */
export interface WaitingSnapshot {
  readonly read: () => StateChange[]
  readonly resolve: () => void
  readonly reject: (error: CometError) => void
}

export function recordsToPlace({ records }: AppendGroup): RecordToPlace[] {
  assert.ok(records.length > 0, 'a group of no records is appended')
  return records.map(toPlace)
}

export function isFromProducer({ records }: AppendGroup): boolean {
  return records.some((record) => record.kind === 'batch' && !record.batch.isBrokerMade)
}

/** Refused groups have no receipt; answering twice does nothing. */
export function answer(group: WaitingGroup): void {
  if (group.receipt !== undefined) group.resolve(group.receipt)
}

/** Up to where the log has to be confirmed for the group to be; repeated batches lie further back. */
export function endOf(receipt: AppendReceipt): number {
  let end = 0
  for (const { endOffset } of receipt.records) end = Math.max(end, endOffset)
  return end
}

export function snapshotGroup(snapshot: WaitingSnapshot): WaitingGroup {
  const changes = snapshot.read()
  const records: RecordToPlace[] =
    changes.length === 0
      ? []
      : [{ kind: 'change', record: changeRecord(changes), changes, isSnapshot: true }]
  return {
    records,
    bytes: records[0]?.record.totalBytes ?? 0,
    level: 'confirmed',
    resolve: () => snapshot.resolve(),
    reject: snapshot.reject,
    receipt: undefined,
  }
}

function toPlace(record: AppendRecord): RecordToPlace {
  if (record.kind === 'change') {
    const { changes } = record
    return { kind: 'change', record: changeRecord(changes), changes }
  }
  assert.ok(!(record.idempotent && record.batch.isBrokerMade), 'a broker batch has no sequence')
  return { kind: 'batch', record: record.batch }
}

function changeRecord(changes: readonly StateChange[]): RecordBatch {
  return RecordBatch.parse(encodeBrokerRecord('change', encodeChanges(changes)))
}
