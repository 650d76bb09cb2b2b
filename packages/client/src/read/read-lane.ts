import {
  CometError,
  errorCodeOfId,
  type FilterText,
  type ReadResponse,
  type ReadStart,
  RecordBatch,
  toCometError,
} from '@cometmq/protocol'
import { type Connection, type Runtime, type Timer } from '@cometmq/runtime'
import { isOfReign, waitMsAfter } from '../waits.ts'
import { PositionLine } from './position-line.ts'
import { QueueCursor, type ReadCredit, type ReadRun } from './queue-cursor.ts'
import { Avoided, type GroupPlaces, placeToCommit, placeToRead } from './read-place.ts'
import { ReadStream } from './read-stream.ts'

/** A broker that cannot read a queue now, though nothing is wrong with the reader, is asked again after that. */
const READ_AGAIN_MS = 500

/** A master that has failed is left to slaves, if there are any: so long, and doubled each time. */
const AVOID_MASTER = { baseMs: 3_000, maxMs: 30_000 } as const

/** A slave that has failed is not asked again for a while; others are, or the master. */
const AVOID_SLAVE_MS = 30_000

/** A slave that lacks what was read elsewhere is behind, after so many answers in a row. */
const SLAVE_PATIENCE = 5

export interface ReadLaneHost {
  readonly runtime: Runtime
  /** The members of the broker group, as far as is known. */
  places(): GroupPlaces
  connect(address: string): Connection
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
  /** Whether slaves may serve this reader. */
  readonly fromSlaves: boolean
}

/**
 * Reading the queues of one broker group over one stream to its master, or to a slave of it where
 * `placeToRead` says so; opened again whenever it breaks or leads to the wrong place.
 *
 * Each queue goes on where it was, wherever that is.
 */
export class ReadLane {
  readonly brokerName: string
  readonly #host: ReadLaneHost
  readonly #settings: ReadLaneSettings
  readonly #cursors = new Map<number, QueueCursor>()
  readonly #positions: PositionLine
  readonly #avoided: Avoided
  #stream: ReadStream | undefined
  /** The slave that the master has sent this reader to. */
  #suggested: string | undefined
  #master: GroupPlaces['master']
  /** In a row. */
  #masterFailures = 0
  #untilForgiven: Timer | undefined
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
    this.#avoided = new Avoided(host.runtime.clock)
    this.#positions = new PositionLine({
      runtime: host.runtime,
      brokerName,
      topic: settings.topic,
      nextId: () => this.#nextId++,
      address: () => placeToCommit(host.places()),
      reading: () => this.#stream,
      open: (address) => this.#open(address),
    })
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
    cursor.seek(start)
    if (this.#stream !== undefined) this.#assign(cursor)
  }

  /** The master may be another one, or be back: no more waiting. */
  routeChanged(): void {
    const { master } = this.#host.places()
    const isOther = master !== this.#master
    this.#master = master
    if (isOther && master !== undefined) this.#avoided.forgive(master.address)
    this.#goOn()
    this.#positions.placeChanged()
  }

  /** Resolves when the position is durable. If it is not, it is made so when somebody keeps positions. */
  commit(name: string, cursor: QueueCursor, offset: number): Promise<void> {
    return this.#positions.commit(name, cursor, offset)
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
    this.#untilForgiven?.cancel()
    const stream = this.#stream
    this.#stream = undefined
    this.#positions.close(new CometError('CLOSED', 'the reader was closed'))
    stream?.leave()
  }

  /** Reads where it shall read now. */
  #goOn(): void {
    if (this.#closed) return
    const address = this.#place()
    if (this.#stream !== undefined && address !== this.#stream.address) this.#leave(this.#stream)
    this.#retry?.cancel()
    this.#retry = undefined
    if (this.#stream === undefined && address !== undefined) this.#start(address)
  }

  #place(): string | undefined {
    const places = this.#host.places()
    const { master, lastMaster } = places
    if (!this.#settings.fromSlaves) return (master ?? lastMaster)?.address
    return placeToRead(places, {
      present: this.#stream?.address,
      suggested: this.#suggested,
      isAvoided: (address) => this.#avoided.has(address),
    })
  }

  /** What it would still have sent does not count; what it was told to commit does. */
  #leave(stream: ReadStream): void {
    this.#stream = undefined
    this.#failures = 0
    if (stream.address === placeToCommit(this.#host.places())) stream.end()
    else stream.leave(new CometError('UNAVAILABLE', `${this.brokerName} is read elsewhere`))
  }

  #start(address: string): void {
    this.#stream = this.#open(address)
    this.#grantedBytes = 0
    this.#grant()
    for (const cursor of this.#cursors.values()) this.#assign(cursor)
    this.#positions.placeChanged()
  }

  #open(address: string): ReadStream {
    return new ReadStream(this.#host.connect(address), {
      take: (response, stream) => this.#take(response, stream),
      failed: (error, stream) => this.#failed(error, stream),
    })
  }

  #assign(cursor: QueueCursor): void {
    cursor.assignmentId = this.#nextId++
    cursor.isNearEnd = false
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

  #take(response: ReadResponse, stream: ReadStream): void {
    switch (response.kind) {
      case 'committed':
        this.#positions.answered(response)
        return
      case 'draining':
        // Nothing is held there that would have to be given back.
        stream.break(new CometError('DRAINING', `${this.brokerName} shuts down`))
        return
      case 'assigned':
        if (stream === this.#stream) this.#takeAssigned(response)
        return
      case 'batches':
        if (stream === this.#stream) this.#takeBatches(response)
        return
      case 'problem':
        if (stream === this.#stream) this.#takeProblem(response)
        return
    }
  }

  #takeAssigned(response: Extract<ReadResponse, { readonly kind: 'assigned' }>): void {
    const cursor = this.#cursorOf(response.assignmentId)
    if (cursor === undefined) return
    cursor.unreadyCount = 0
    if (!this.#isAtSlave) this.#masterFailures = 0
    if (!cursor.begins(response.from, response.maxOffset)) this.#assign(cursor)
    this.#host.changed()
    this.#returnIfNear()
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
    if (cursor !== undefined) {
      cursor.readTo = response.next
      cursor.newest = Math.max(cursor.newest, response.maxOffset)
      cursor.isNearEnd = response.nearEnd || response.next >= response.maxOffset
    }
    this.#grant()
    this.#host.changed()
    if (response.suggested !== '') this.#follow(response.suggested)
    else this.#returnIfNear()
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
      this.#stream?.break(toCometError(error))
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
    if (error.code === 'OFFSET_OUT_OF_RANGE') this.#findPlace(cursor, problem)
    else if (error.retry === 'never') this.#host.refused(error)
    else if (cursor.unreadyCount < SLAVE_PATIENCE || !this.#leavesSlave()) {
      this.#assignLater(cursor, error)
    }
  }

  /** Nothing lies where it wanted to read. */
  #findPlace(cursor: QueueCursor, { minOffset, maxOffset }: QueueExtent): void {
    const wanted = cursor.readTo ?? (cursor.start.kind === 'offset' ? cursor.start.offset : 0)
    const isGone = wanted < minOffset
    // What this slave has deleted may still be there.
    const isMasterHeard = this.#host.places().master !== undefined
    if (isGone && isMasterHeard && this.#leavesSlave()) return
    cursor.readTo = isGone ? minOffset : maxOffset
    if (isGone) this.#host.skipped(cursor, minOffset - wanted)
    else cursor.newest = maxOffset
    this.#assign(cursor)
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

  /** The master has sent this reader to a slave, which has on its disk what is wanted as well. */
  #follow(suggested: string): void {
    if (this.#isAtSlave) return
    this.#suggested = suggested
    this.#goOn()
  }

  /** Near its end, a slave is of no more use: the master has it in memory, and first. */
  #returnIfNear(): void {
    if (this.#suggested === undefined || this.#stream?.address !== this.#suggested) return
    for (const { isNearEnd } of this.#cursors.values()) if (!isNearEnd) return
    this.#suggested = undefined
    this.#goOn()
  }

  get #isAtSlave(): boolean {
    const { master, lastMaster } = this.#host.places()
    return this.#stream?.address !== (master ?? lastMaster)?.address
  }

  /** Reads elsewhere for a while; `false`: it is at no slave, or there is nowhere else. */
  #leavesSlave(): boolean {
    const stream = this.#stream
    if (stream === undefined || !this.#isAtSlave) return false
    this.#avoid(stream.address)
    this.#goOn()
    return this.#stream !== stream
  }

  #avoid(address: string): void {
    if (address !== this.#host.places().master?.address) {
      this.#avoided.add(address, AVOID_SLAVE_MS)
      return
    }
    const { baseMs, maxMs } = AVOID_MASTER
    const ms = Math.min(maxMs, baseMs * 2 ** this.#masterFailures)
    this.#masterFailures += 1
    this.#avoided.add(address, ms)
    this.#untilForgiven?.cancel()
    this.#untilForgiven = this.#host.runtime.clock.schedule(ms, () => this.#goOn())
  }

  #cursorOf(assignmentId: number): QueueCursor | undefined {
    for (const cursor of this.#cursors.values()) {
      if (cursor.assignmentId === assignmentId) return cursor
    }
    return undefined
  }

  #failed(error: CometError, stream: ReadStream): void {
    const isReading = stream === this.#stream
    if (isReading) this.#stream = undefined
    this.#positions.streamFailed(stream, error)
    if (!isReading || this.#closed) return
    if (error.code === 'NOT_ALLOWED' || error.code === 'UNSUPPORTED') {
      this.#host.refused(error)
      return
    }
    const { clock, log, random } = this.#host.runtime
    log.debug({ broker: this.brokerName, address: stream.address, error }, 'lost a broker')
    this.#host.doubt()
    this.#avoid(stream.address)
    const elsewhere = this.#place()
    if (elsewhere !== undefined && !this.#avoided.has(elsewhere)) {
      this.#goOn()
      return
    }
    const pauseMs = waitMsAfter(error, this.#failures, random)
    this.#failures += 1
    this.#retry = clock.schedule(pauseMs, () => this.#goOn())
  }
}

interface QueueExtent {
  readonly minOffset: number
  readonly maxOffset: number
}
