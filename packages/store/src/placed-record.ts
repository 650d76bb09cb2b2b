import type { ProducerStamp, RecordBatch } from '@cometmq/protocol'
import { windowKeyOf } from './producer-windows.ts'

/** A record with its place in the log, and what applying it needs to know, decoded once. */
export type PlacedRecord = PlacedBatch | PlacedChange | PlacedOther

export interface PlacedBatch extends Place {
  readonly kind: 'messages'
  readonly topic: string
  readonly queueId: number
  readonly base: number
  readonly to: number
  /** `undefined`: its sequence is not checked. */
  readonly windowKey: string | undefined
  readonly producer: ProducerStamp
}

export interface PlacedChange extends Place {
  readonly kind: 'change'
  /** Rows put again unchanged, so that older segments can go: nobody needs to hear of it. */
  readonly isSnapshot: boolean
}

export interface PlacedOther extends Place {
  readonly kind: 'epochOpened' | 'filler'
}

interface Place {
  readonly record: RecordBatch
  readonly at: number
  readonly end: number
  readonly storeTimeMs: number
}

/** Of a record that is in the log. */
export function placedRecord(record: RecordBatch, at: number): PlacedRecord {
  const place = { record, at, end: at + record.totalBytes, storeTimeMs: record.storeTimeMs }
  const { kind } = record
  switch (kind) {
    case 'messages': {
      const { topic, queueId, producer, baseQueueOffset: base } = record
      const windowKey = windowKeyOf(record, { producerId: producer.producerId, topic, queueId })
      const to = base + record.messageCount
      return { ...place, kind, topic, queueId, base, to, windowKey, producer }
    }
    case 'change':
      return { ...place, kind, isSnapshot: false }
    case 'epochOpened':
    case 'filler':
      return { ...place, kind }
  }
}
