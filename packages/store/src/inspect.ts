import type { RecordBatch, RecordKind } from '@cometmq/protocol'
import { CommitLog } from './commit-log/commit-log.ts'
import { findEnd, type LogEnd } from './commit-log/recovery.ts'
import { DataDirectory } from './data-directory.ts'
import { type Checkpoint, readCheckpoint } from './dispatch/checkpoint.ts'
import type { QueueKey } from './queue-key.ts'
import type { StoreRuntime } from './store-config.ts'

/** What lies in the folder of a stopped broker. */
export interface StoreReport {
  readonly storeId: string
  readonly checkpoint: Checkpoint | undefined
  readonly minOffset: number
  /** Where the next record would go; where the damage begins if there is any. */
  readonly endOffset: number
  readonly segments: readonly SegmentReport[]
  readonly records: Readonly<Record<RecordKind, number>>
  readonly epochs: readonly { readonly epoch: number; readonly from: number }[]
  readonly queues: readonly QueueReport[]
  /** Records with an intact header whose body is damaged; only looked for by `verify`. */
  readonly damagedBodies: readonly Damage[]
  readonly verdict: Verdict
}

export interface SegmentReport {
  readonly path: string
  readonly from: number
  readonly to: number
  readonly records: number
}

export interface QueueReport extends QueueKey {
  /** Of the messages that are in the log. */
  readonly minOffset: number
  readonly maxOffset: number
  readonly batches: number
}

export interface Damage {
  readonly segment: string
  readonly byte: number
  readonly logOffset: number
  readonly why: string
}

export type Verdict =
  /** A start loses nothing. */
  | { readonly kind: 'intact' }
  /**
   * A start cuts so many bytes, which had not been acknowledged; or, in doubt, may have been, and then
   * the member is not trusted any more.
   */
  | {
      readonly kind: 'torn-tail'
      readonly cutBytes: number
      readonly isInDoubt: boolean
      readonly damage: Damage
    }
  /** A start is refused. */
  | { readonly kind: 'corrupt'; readonly proof: string; readonly damage: Damage }

type Ports = Pick<StoreRuntime, 'files'>

/** Lists what is there, by the headers of the records. Throws `STORE_LOCKED` while a broker runs. */
export function inspectStore(ports: Ports, directory: string): Promise<StoreReport> {
  return examine(ports, directory, 'own')
}

/** The same, and verifies every byte: the checksum of every body, too. */
export function verifyStore(ports: Ports, directory: string): Promise<StoreReport> {
  return examine(ports, directory, 'all')
}

async function examine(
  { files }: Ports,
  path: string,
  bodies: 'own' | 'all',
): Promise<StoreReport> {
  const directory = await DataDirectory.openExisting(files, path)
  try {
    const checkpoint = await readCheckpoint(files, path)
    const log = await CommitLog.open(files, { folder: directory.logPath, segmentBytes: 0 })
    try {
      const tally = new Tally(log)
      const end = await findEnd(log, {
        from: log.minOffset,
        durableTo: Math.max(checkpoint?.flushedOffset ?? 0, log.minOffset),
        closedCleanly: checkpoint?.closedCleanly ?? false,
        recordsProve: checkpoint?.confirmedBy !== 'external',
        bodies,
        visit: (record, at) => tally.add(record, at),
        damagedBody: (record, at) => tally.addDamaged(record, at),
      })
      return { storeId: directory.storeId, checkpoint, ...tally.report(end) }
    } finally {
      await log.close()
    }
  } finally {
    await directory.release()
  }
}

/** Counts what a walk through the log meets. */
class Tally {
  readonly #log: CommitLog
  readonly #kinds: Record<RecordKind, number> = {
    messages: 0,
    change: 0,
    epochOpened: 0,
    filler: 0,
  }
  readonly #segmentRecords = new Map<number, number>()
  readonly #epochs: { readonly epoch: number; readonly from: number }[] = []
  readonly #queues = new Map<string, QueueReport>()
  readonly #damaged: Damage[] = []

  constructor(log: CommitLog) {
    this.#log = log
  }

  add(record: RecordBatch, at: number): void {
    this.#kinds[record.kind]++
    const segment = this.#log.segmentAt(at)?.start ?? 0
    this.#segmentRecords.set(segment, (this.#segmentRecords.get(segment) ?? 0) + 1)
    const { epoch } = record
    if (this.#epochs.at(-1)?.epoch !== epoch) this.#epochs.push({ epoch, from: at })
    if (record.kind === 'messages') this.#addBatch(record)
  }

  addDamaged(record: RecordBatch, at: number): void {
    this.#damaged.push(damageAt(this.#log, at, 'the body checksum does not match'))
    this.add(record, at)
  }

  report(end: LogEnd): Omit<StoreReport, 'storeId' | 'checkpoint'> {
    const endOffset = end.kind === 'end' ? end.end : end.at
    return {
      minOffset: this.#log.minOffset,
      endOffset,
      segments: this.#log.segments.map((segment) => ({
        path: segment.path,
        from: segment.start,
        to: Math.max(segment.start, Math.min(segment.end, endOffset)),
        records: this.#segmentRecords.get(segment.start) ?? 0,
      })),
      records: this.#kinds,
      epochs: this.#epochs,
      queues: [...this.#queues.values()],
      damagedBodies: this.#damaged,
      verdict: this.#verdict(end),
    }
  }

  #verdict(end: LogEnd): Verdict {
    if (end.kind === 'corrupt') {
      return { kind: 'corrupt', proof: end.proof, damage: damageAt(this.#log, end.at, end.why) }
    }
    const { cutBytes, isInDoubt } = end
    if (cutBytes === 0) return { kind: 'intact' }
    const damage = damageAt(this.#log, end.end, end.why)
    return { kind: 'torn-tail', cutBytes, isInDoubt, damage }
  }

  #addBatch(record: RecordBatch): void {
    const { topic, queueId, baseQueueOffset: minOffset } = record
    const key = `${topic}\0${queueId}`
    const maxOffset = minOffset + record.messageCount
    const before = this.#queues.get(key)
    // A queue that begins anew had its topic deleted in between.
    const goesOn = before !== undefined && before.maxOffset === minOffset
    this.#queues.set(key, {
      topic,
      queueId,
      minOffset: goesOn ? before.minOffset : minOffset,
      maxOffset,
      batches: goesOn ? before.batches + 1 : 1,
    })
  }
}

function damageAt(log: CommitLog, logOffset: number, why: string): Damage {
  const segment = log.segmentAt(logOffset)
  if (segment === undefined) return { segment: 'after the last segment', byte: 0, logOffset, why }
  return { segment: segment.path, byte: logOffset - segment.start, logOffset, why }
}
