import {
  CometError,
  errorCodeOfId,
  type FilterText,
  readMethod,
  type ReadRequest,
  type ReadResponse,
  type ReadStart,
  RecordBatch,
  toCometError,
} from '@cometmq/protocol'
import { type Connection, type MessageStream, type Runtime, type Timer } from '@cometmq/runtime'
import { isOfReign, waitMsAfter } from '../waits.ts'

/** A broker that cannot read a queue now, though nothing is wrong with the reader, is asked again after that. */
const READ_AGAIN_MS = 500

export interface ReadLaneHost {
  readonly runtime: Runtime
  /** The connection to the master's present address, if it is known. */
  connect(): Connection | undefined
  arrived(run: ReadRun): void
  /** A queue has reached its end, or the lane has opened. */
  changed(): void
  /** Messages were deleted before they could be read. */
  skipped(cursor: QueueCursor, count: number): void
  /** The broker will not serve this reader. */
  refused(error: CometError): void
  /** The broker has failed; maybe another one is the master. */
  doubt(): void
}

export interface ReadLaneSettings {
  readonly topic: string
  readonly filter: FilterText | undefined
  readonly bufferBytes: number
}

/** Messages `[next, to)` of one batch that a reader wants; a filter leaves holes between runs. */
export interface ReadRun {
  readonly cursor: QueueCursor
  readonly batch: RecordBatch
  next: number
  readonly to: number
  readonly credit: ReadCredit
}

/** Bytes of one batch, and what to do when all of its runs have been read. */
interface ReadCredit {
  openRuns: number
  readonly bytes: number
  readonly lane: ReadLane
}

/** How far the reading of one queue has got. */
export class QueueCursor {
  readonly brokerName: string
  readonly queueId: number
  start: ReadStart
  /** Of the running assignment; what carries another number is from before a seek. */
  assignmentId = 0
  /** What the broker will send next; undefined before it has said where it begins. */
  readTo: number | undefined
  /** The next message to hand out, while there are runs. */
  handedTo: number | undefined
  openRuns = 0
  /** Where the queue ended when it was assigned first. */
  endOffset: number | undefined
  committed: number | undefined
  /** Answers in a row that the broker is not ready to read it. */
  unreadyCount = 0

  constructor(brokerName: string, queueId: number, start: ReadStart) {
    this.brokerName = brokerName
    this.queueId = queueId
    this.start = start
  }

  /** The next message that the reader's user has not seen. */
  get position(): number | undefined {
    return this.openRuns > 0 ? this.handedTo : this.readTo
  }

  get isAtEnd(): boolean {
    const { position, endOffset } = this
    return position !== undefined && endOffset !== undefined && position >= endOffset
  }
}

/**
 * Reading the queues of one broker group over one stream to its master, opened again whenever it
 * breaks, or another one is the master.
 */
export class ReadLane {
  readonly brokerName: string
  readonly #host: ReadLaneHost
  readonly #settings: ReadLaneSettings
  readonly #cursors = new Map<number, QueueCursor>()
  readonly #commits = new Map<number, PromiseWithResolvers<void>>()
  #stream: MessageStream<ReadRequest, ReadResponse> | undefined
  #address = ''
  #nextId = 1
  #heldBytes = 0
  /** What the broker may still send. */
  #grantedBytes = 0
  #failures = 0
  #retry: Timer | undefined
  #closed = false

  constructor(host: ReadLaneHost, brokerName: string, settings: ReadLaneSettings) {
    this.#host = host
    this.brokerName = brokerName
    this.#settings = settings
  }

  get cursors(): Iterable<QueueCursor> {
    return this.#cursors.values()
  }

  /** Reads that queue from now on, unless it does so already. */
  add(queueId: number, start: ReadStart): void {
    if (this.#cursors.has(queueId)) return
    const cursor = new QueueCursor(this.brokerName, queueId, start)
    this.#cursors.set(queueId, cursor)
    if (this.#stream !== undefined) this.#assign(cursor)
  }

  seek(cursor: QueueCursor, start: ReadStart): void {
    cursor.start = start
    cursor.readTo = undefined
    cursor.handedTo = undefined
    cursor.openRuns = 0
    cursor.endOffset = undefined
    if (this.#stream !== undefined) this.#assign(cursor)
  }

  /** The master may be another one, or be back: no more waiting. */
  routeChanged(): void {
    const address = this.#host.connect()?.address ?? this.#address
    if (this.#stream !== undefined && address !== this.#address) this.#leaveBehind()
    this.#retry?.cancel()
    this.#retry = undefined
    this.#start()
  }

  /** Resolves when the position is durable. */
  async commit(name: string, cursor: QueueCursor, offset: number): Promise<void> {
    const stream = this.#stream
    if (stream === undefined) {
      throw new CometError('UNAVAILABLE', `${this.brokerName} is away; commit again later`)
    }
    const id = this.#nextId++
    const committed = Promise.withResolvers<void>()
    this.#commits.set(id, committed)
    const { topic } = this.#settings
    stream.send({ kind: 'commit', id, name, topic, queueId: cursor.queueId, offset })
    await committed.promise
    cursor.committed = offset
  }

  /** A run has been read to its end, or is not wanted any more. */
  finished(run: ReadRun): void {
    run.credit.openRuns -= 1
    if (run.credit.openRuns > 0) return
    this.#heldBytes -= run.credit.bytes
    this.#grant()
  }

  close(): void {
    this.#closed = true
    this.#retry?.cancel()
    const stream = this.#stream
    this.#stream = undefined
    stream?.cancel()
    this.#failCommits(new CometError('CLOSED', 'the reader was closed'))
  }

  /** There is another master; what this one would still have said does not count. */
  #leaveBehind(): void {
    const error = new CometError('UNAVAILABLE', `${this.brokerName} has another master`)
    const stream = this.#stream
    this.#stream = undefined
    this.#failures = 0
    this.#failCommits(error)
    stream?.cancel(error)
  }

  #start(): void {
    if (this.#stream !== undefined || this.#closed) return
    const connection = this.#host.connect()
    if (connection === undefined) return
    const stream = connection.open(readMethod)
    this.#stream = stream
    this.#address = connection.address
    this.#grantedBytes = 0
    stream.receive({
      message: (response) => {
        if (this.#stream === stream) this.#take(response)
      },
      ended: () => {
        if (this.#stream !== stream) return
        stream.end()
        this.#failed(new CometError('UNAVAILABLE', `${this.brokerName} has ended the stream`))
      },
      failed: (error) => {
        if (this.#stream === stream) this.#failed(error)
      },
    })
    this.#grant()
    for (const cursor of this.#cursors.values()) this.#assign(cursor)
  }

  #assign(cursor: QueueCursor): void {
    cursor.assignmentId = this.#nextId++
    const { topic, filter } = this.#settings
    this.#stream?.send({
      kind: 'assign',
      assignmentId: cursor.assignmentId,
      topic,
      queueId: cursor.queueId,
      start: cursor.readTo === undefined ? cursor.start : { kind: 'offset', offset: cursor.readTo },
      ...(filter ?? { filter: '' }),
    })
  }

  #grant(): void {
    const bytes = this.#settings.bufferBytes - this.#heldBytes - this.#grantedBytes
    // Small change is not worth a message, unless there is nothing else to wait for.
    if (bytes * 4 < this.#settings.bufferBytes && this.#heldBytes > 0) return
    if (bytes <= 0 || this.#stream === undefined) return
    this.#grantedBytes += bytes
    this.#stream.send({ kind: 'credit', bytes })
  }

  #take(response: ReadResponse): void {
    switch (response.kind) {
      case 'assigned': {
        const cursor = this.#cursorOf(response.assignmentId)
        if (cursor === undefined) return
        cursor.readTo = response.from
        cursor.unreadyCount = 0
        cursor.endOffset ??= response.maxOffset
        this.#host.changed()
        return
      }
      case 'batches':
        this.#takeBatches(response)
        return
      case 'problem':
        this.#takeProblem(response)
        return
      case 'committed': {
        const commit = this.#commits.get(response.id)
        this.#commits.delete(response.id)
        if (response.error === 0) commit?.resolve()
        else commit?.reject(new CometError(errorCodeOfId(response.error), response.message))
        return
      }
      case 'draining':
        // Nothing is held there that would have to be given back.
        this.#stream?.cancel(new CometError('DRAINING', `${this.brokerName} shuts down`))
        return
    }
  }

  #takeBatches(response: Extract<ReadResponse, { readonly kind: 'batches' }>): void {
    const batches = this.#verified(response.batches)
    if (batches === undefined) return
    this.#failures = 0
    const cursor = this.#cursorOf(response.assignmentId)
    for (const batch of batches) {
      const { totalBytes } = batch
      // Below zero after a batch larger than the credit, here as at the broker.
      this.#grantedBytes -= totalBytes
      this.#heldBytes += totalBytes
      const credit = { openRuns: 1, bytes: totalBytes, lane: this }
      if (cursor !== undefined) this.#takeBatch(cursor, batch, this.#wanted(response), credit)
      credit.openRuns -= 1
      if (credit.openRuns === 0) this.#heldBytes -= totalBytes
    }
    if (cursor !== undefined) cursor.readTo = response.next
    this.#grant()
    this.#host.changed()
  }

  /** What was damaged on its way is read again, over another stream. */
  #verified(bytes: readonly Buffer[]): RecordBatch[] | undefined {
    try {
      return bytes.map((each) => {
        const batch = RecordBatch.parse(each)
        batch.verifyBody()
        return batch
      })
    } catch (error) {
      const { topic } = this.#settings
      this.#host.runtime.log.error(
        { topic, broker: this.brokerName, error },
        'read a damaged batch',
      )
      this.#stream?.cancel(toCometError(error))
      return undefined
    }
  }

  /** Pairs from, to: the offsets that the broker meant. */
  #wanted(response: Extract<ReadResponse, { readonly kind: 'batches' }>): readonly number[] {
    if (response.ranges.length > 0 || this.#settings.filter !== undefined) return response.ranges
    return [response.from, response.next]
  }

  #takeBatch(
    cursor: QueueCursor,
    batch: RecordBatch,
    wanted: readonly number[],
    credit: ReadCredit,
  ): void {
    for (let i = 0; i < wanted.length; i += 2) {
      const next = Math.max(wanted[i] as number, batch.baseQueueOffset)
      const to = Math.min(wanted[i + 1] as number, batch.baseQueueOffset + batch.messageCount)
      if (next >= to) continue
      if (cursor.openRuns === 0) cursor.handedTo = next
      cursor.openRuns += 1
      credit.openRuns += 1
      this.#host.arrived({ cursor, batch, next, to, credit })
    }
  }

  #takeProblem(problem: Extract<ReadResponse, { readonly kind: 'problem' }>): void {
    const cursor = this.#cursorOf(problem.assignmentId)
    if (cursor === undefined) return
    const error = new CometError(errorCodeOfId(problem.error), problem.message)
    if (error.code === 'OFFSET_OUT_OF_RANGE') {
      const wanted = cursor.readTo ?? (cursor.start.kind === 'offset' ? cursor.start.offset : 0)
      const isGone = wanted < problem.minOffset
      cursor.readTo = isGone ? problem.minOffset : problem.maxOffset
      if (isGone) this.#host.skipped(cursor, problem.minOffset - wanted)
      this.#assign(cursor)
    } else if (error.retry === 'never') this.#host.refused(error)
    else this.#assignLater(cursor, error)
  }

  #assignLater(cursor: QueueCursor, error: CometError): void {
    const { clock, random } = this.#host.runtime
    const pauseMs = isOfReign(error)
      ? waitMsAfter(error, cursor.unreadyCount++, random)
      : READ_AGAIN_MS
    const { assignmentId } = cursor
    clock.schedule(pauseMs, () => {
      if (cursor.assignmentId === assignmentId && this.#stream !== undefined) this.#assign(cursor)
    })
  }

  #cursorOf(assignmentId: number): QueueCursor | undefined {
    for (const cursor of this.#cursors.values()) {
      if (cursor.assignmentId === assignmentId) return cursor
    }
    return undefined
  }

  #failed(error: CometError): void {
    this.#stream = undefined
    this.#failCommits(error)
    if (this.#closed) return
    if (error.code === 'NOT_ALLOWED' || error.code === 'UNSUPPORTED') {
      this.#host.refused(error)
      return
    }
    this.#host.runtime.log.debug({ broker: this.brokerName, error }, 'lost a broker')
    this.#host.doubt()
    const pauseMs = waitMsAfter(error, this.#failures, this.#host.runtime.random)
    this.#failures += 1
    this.#retry = this.#host.runtime.clock.schedule(pauseMs, () => {
      this.#retry = undefined
      this.#start()
    })
  }

  #failCommits(error: CometError): void {
    for (const commit of this.#commits.values()) commit.reject(error)
    this.#commits.clear()
  }
}
