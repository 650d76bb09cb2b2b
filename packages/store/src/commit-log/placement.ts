import {
  CometError,
  commitLogOffset,
  encodeFillerHeader,
  limits,
  type ProducerStamp,
  queueOffset,
  type RecordBatch,
  stampRecord,
  type StateChange,
} from '@cometmq/protocol'
import type { AppendedRecord } from '../append-group.ts'
import type { PlacedRecord } from '../placed-record.ts'
import { judgeSequence, windowKeyOf } from '../producer-windows.ts'
import type { TailView } from '../tail-view.ts'
import type { AppendPlan } from './append-plan.ts'

/** What the records of one cycle have in common. */
export interface CycleStamp {
  readonly epoch: number
  readonly confirmedBefore: number
  readonly storeTimeMs: number
}

export interface RecordToPlace {
  readonly record: RecordBatch
  readonly kind: 'batch' | 'change' | 'epochOpened'
  /** What the record holds, of kind change. */
  readonly changes?: readonly StateChange[]
  /** Rows put again unchanged. */
  readonly isSnapshot?: boolean
}

/**
 * Gives the records of one cycle their places: judges repeated batches, numbers messages, stamps
 * headers, fills segments. In memory only; nothing is written here.
 */
export class Placement {
  readonly #tail: TailView
  readonly #plan: AppendPlan
  readonly #stamp: CycleStamp
  readonly #placed: PlacedRecord[] = []

  /** `tail` is to know everything that was written before. */
  constructor(tail: TailView, plan: AppendPlan, stamp: CycleStamp) {
    this.#tail = tail
    this.#plan = plan
    this.#stamp = stamp
  }

  /** What has been placed in this cycle, in log order. */
  get placed(): readonly PlacedRecord[] {
    return this.#placed
  }

  /** Places all records of a group. Throws the reason, and nothing is placed, if one is refused. */
  place(records: readonly RecordToPlace[]): AppendedRecord[] {
    const mark = this.#plan.mark()
    const placedBefore = this.#placed.length
    this.#tail.mark()
    try {
      const appended: AppendedRecord[] = []
      for (const [index, item] of records.entries()) {
        const continues = index + 1 < records.length
        const isInGroup = this.#placed.length > placedBefore
        if (item.kind === 'batch') {
          appended.push(this.#placeBatch(item.record, { continues, isInGroup }))
        } else appended.push(this.#placeOther(item, { continues, isInGroup }))
      }
      if (appended.at(-1)?.duplicate === true) this.#endGroup(placedBefore)
      return appended
    } catch (error) {
      this.#plan.rollBack(mark)
      this.#tail.rollBack()
      this.#placed.length = placedBefore
      throw error
    }
  }

  #placeBatch(record: RecordBatch, group: InGroup): AppendedRecord {
    const { topic, queueId, producer } = record
    const windowKey = windowKeyOf(record, { producerId: producer.producerId, topic, queueId })
    const window = windowKey === undefined ? undefined : this.#tail.window(windowKey)
    if (windowKey !== undefined) {
      const judgement = judgeSequence(window, producer)
      switch (judgement.kind) {
        case 'accept':
          break
        case 'duplicate': {
          const { baseQueueOffset, logOffset, endOffset } = judgement.result
          return appendedAt({ base: baseQueueOffset, at: logOffset, end: endOffset }, true)
        }
        case 'gap': {
          const why = `comes out of turn, ${judgement.expected} is next`
          throw new CometError('SEQUENCE_GAP', `${nameOf(record, producer)} ${why}`)
        }
        case 'too-old': {
          const why = `was appended more than ${limits.producerWindowBatches} batches ago; where is forgotten`
          throw new CometError('SEQUENCE_TOO_OLD', `${nameOf(record, producer)} ${why}`)
        }
        case 'fenced': {
          const why = `is of epoch ${producer.producerEpoch}, the producer has gone on to ${judgement.epoch}`
          throw new CometError('PRODUCER_FENCED', `${nameOf(record, producer)} ${why}`)
        }
      }
    }
    const queue = this.#tail.queue(topic, queueId)
    const base = this.#tail.nextOffset(queue)
    const to = base + record.messageCount
    const at = this.#write(record, base, group)
    const end = at + record.totalBytes
    const place = { record, at, end, storeTimeMs: this.#stamp.storeTimeMs }
    const kind = 'messages' as const
    const placed = { kind, ...place, topic, queueId, base, to, windowKey, producer }
    this.#tail.add(placed, queue, window)
    this.#placed.push(placed)
    return appendedAt({ base, at, end }, false)
  }

  #placeOther(item: RecordToPlace, group: InGroup): AppendedRecord {
    const { record } = item
    const at = this.#write(record, 0, group)
    const end = at + record.totalBytes
    const place = { record, at, end, storeTimeMs: this.#stamp.storeTimeMs }
    if (item.kind === 'change') {
      const isSnapshot = item.isSnapshot === true
      if (!isSnapshot) this.#tail.change(item.changes ?? [], at)
      this.#placed.push({ kind: 'change', ...place, isSnapshot })
    } else this.#placed.push({ kind: 'epochOpened', ...place })
    return appendedAt({ base: undefined, at, end }, false)
  }

  /** Stamps the record where it fits next, and adds it there. */
  #write(record: RecordBatch, baseQueueOffset: number, group: InGroup): number {
    const plan = this.#plan
    const { totalBytes } = record
    if (!plan.fits(totalBytes)) {
      if (plan.room > 0) {
        const filler = { logOffset: plan.position, baseQueueOffset: 0, continues: group.isInGroup }
        plan.addFiller(encodeFillerHeader(plan.room, { ...this.#stamp, ...filler }))
      }
      plan.openSegment()
    }
    const logOffset = plan.position
    const { epoch, confirmedBefore, storeTimeMs } = this.#stamp
    const { continues } = group
    stampRecord(record.bytes, {
      epoch,
      logOffset,
      confirmedBefore,
      storeTimeMs,
      baseQueueOffset,
      continues,
    })
    plan.add(record.bytes)
    return logOffset
  }

  /** The last records of a group turned out to be in the log already: the one before ends it. */
  #endGroup(groupFrom: number): void {
    const last = this.#placed.at(-1)
    if (last === undefined || this.#placed.length === groupFrom) return
    const baseQueueOffset = last.kind === 'messages' ? last.base : 0
    const stamp = { ...this.#stamp, logOffset: last.at, baseQueueOffset, continues: false }
    stampRecord(last.record.bytes, stamp)
  }
}

interface InGroup {
  readonly continues: boolean
  /** Another record of the group has been placed before. */
  readonly isInGroup: boolean
}

function appendedAt(
  place: { readonly base: number | undefined; readonly at: number; readonly end: number },
  duplicate: boolean,
): AppendedRecord {
  return {
    baseQueueOffset: place.base === undefined ? undefined : queueOffset(place.base),
    logOffset: commitLogOffset(place.at),
    endOffset: commitLogOffset(place.end),
    duplicate,
  }
}

function nameOf(record: RecordBatch, producer: ProducerStamp): string {
  return `batch ${producer.sequence} of producer ${producer.producerId} for queue ${record.topic}/${record.queueId}`
}
