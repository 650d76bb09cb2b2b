import { CometError, RecordBatch } from '@cometmq/protocol'
import type { AppendPlan } from '../commit-log/append-plan.ts'
import { type PlacedRecord, placedRecord } from '../placed-record.ts'

/** Bytes of a master's log, checked: whole append groups, in their places. */
export interface RawRecords {
  readonly from: number
  readonly to: number
  readonly bytes: Buffer
  readonly records: readonly RecordBatch[]
}

/**
 * Checks what a master sent: that it is whole append groups of that epoch, made for that place in the
 * log, with good checksums.
 *
 * Throws `MALFORMED_BATCH`, or `CHECKSUM_MISMATCH` if a body was damaged.
 */
export function readRawRecords(
  bytes: Buffer,
  place: { readonly offset: number; readonly epoch: number },
): RawRecords {
  const { offset: from, epoch } = place
  const records: RecordBatch[] = []
  for (let at = 0; at < bytes.length; ) {
    const record = RecordBatch.parse(bytes, at)
    if (record.logOffset !== from + at) {
      throw malformed(from + at, `a record of log offset ${record.logOffset} was sent`)
    }
    if (record.epoch !== epoch) {
      throw malformed(from + at, `a record of epoch ${record.epoch} was sent as of ${epoch}`)
    }
    record.verifyBody()
    records.push(record)
    at += record.totalBytes
  }
  const last = records.at(-1)
  if (last === undefined) throw malformed(from, 'nothing was sent')
  if (last.continues) throw malformed(from, 'the last append group is not whole')
  return { from, to: from + bytes.length, bytes, records }
}

/** Of all records but fillers. */
export function placedRecords({ from, records }: RawRecords): PlacedRecord[] {
  const placed: PlacedRecord[] = []
  let at = from
  for (const record of records) {
    if (record.kind !== 'filler') placed.push(placedRecord(record, at))
    at += record.totalBytes
  }
  return placed
}

/**
 * Adds the bytes to the plan, as they are. Throws `CONFIG_INVALID` if segments end elsewhere here
 * than on the master; the plan is of no use then.
 */
export function planRaw(plan: AppendPlan, raw: RawRecords): void {
  let done = 0
  let next = 0
  const flush = (): void => {
    if (next > done) plan.add(raw.bytes.subarray(done, next))
    done = next
  }
  for (const record of raw.records) {
    if (plan.room === next - done) {
      flush()
      plan.openSegment()
    }
    const { totalBytes } = record
    const room = plan.room - (next - done)
    const endsSegment = totalBytes === room
    if (!plan.fits(next - done + totalBytes) || (record.kind === 'filler' && !endsSegment)) {
      throw new CometError(
        'CONFIG_INVALID',
        `the segment of log offset ${raw.from + next} ends elsewhere than on the master; segmentMaxBytes has to be the same on all members of a broker group, from the beginning on`,
      )
    }
    next += totalBytes
  }
  flush()
}

function malformed(at: number, why: string): CometError {
  return new CometError('MALFORMED_BATCH', `for log offset ${at}: ${why}`)
}
