import {
  CometError,
  errorTable,
  limits,
  type MessageFilter,
  parseFilter,
  type ReadRequest,
  type ReadResponse,
  type ReadStart,
  TagFilter,
  toCometError,
} from '@cometmq/protocol'
import type { MessageStream } from '@cometmq/runtime'
import type { MessageStore, QueueBounds, QueueKey } from '@cometmq/store'
import type { BrokerCounters } from '../broker-counters.ts'
import type { TopicRegistry } from '../topic-registry.ts'
import { PositionCommits } from './position-commits.ts'
import { checkPositionName, type PositionStore } from './positions.ts'
import type { QueueWakeups } from './queue-wakeups.ts'
import type { SlaveAdvice } from './slave-advice.ts'
import { checkOffset, checkSettled, outOfRange, type Standing } from './standing.ts'
import { wantedBatches } from './wanted-batches.ts'

export interface ReaderPorts {
  readonly store: MessageStore
  readonly topics: TopicRegistry
  readonly wakeups: QueueWakeups
  readonly counters: BrokerCounters
  readonly positions: PositionStore
  readonly standing: () => Standing
  readonly advice: Pick<SlaveAdvice, 'at'>
}

/** Record bytes in one answer; larger answers make a stream no faster. */
const READ_BYTES = 512 * 1024

const MAX_ASSIGNMENTS = 10_000

/** Assignments whose start is being looked up; beyond it the stream is not read. */
const MAX_ASSIGNING = 64

type Assign = Extract<ReadRequest, { kind: 'assign' }>

interface Assignment {
  readonly id: number
  readonly queue: QueueKey
  /** `undefined`: the reader asked for none, and is told no ranges. */
  readonly filter: MessageFilter | undefined
  /** Called when the queue has something new. */
  readonly wake: () => void
  /** Where reading goes on. */
  next: number
}

/**
 * One `Read` stream: queues to read by offset, without group state, as far as its credit goes.
 *
 * One read is in flight at a time and none while the peer is slow, so that a stream holds one answer
 * at most; and a peer that does not read its answers is not read either. Assignments that have something to read take turns. An assignment ends with a problem,
 * with the assignment of its queue or its id anew, or unassigned; whoever comes back from an `await`
 * has to look whether it still stands.
 */
export class ReaderSession {
  readonly #ports: ReaderPorts
  readonly #stream: MessageStream<ReadResponse, ReadRequest>
  /** By which it has come in. */
  readonly #listener: string
  readonly #commits: PositionCommits
  readonly #byId = new Map<number, Assignment>()
  readonly #byQueue = new Map<string, Assignment>()
  /** Those that may have something to read, in turn. */
  readonly #ready = new Set<Assignment>()
  #creditBytes = 0
  #reading = false
  #assigning = 0
  #isBlocked = false
  #isPaused = false
  #over = false
  #closed: () => void = () => {}

  constructor(
    ports: ReaderPorts,
    stream: MessageStream<ReadResponse, ReadRequest>,
    listener: string,
  ) {
    this.#ports = ports
    this.#stream = stream
    this.#listener = listener
    this.#commits = new PositionCommits(ports, (answer) => void this.#send(answer))
  }

  /** `closed` is called when the stream has ended, however it did. */
  start(closed: () => void): void {
    this.#closed = closed
    this.#stream.receive({
      message: (request) => this.#take(request),
      ended: () => {
        this.#finish()
        void this.#commits.settled().then(() => this.#stream.end())
      },
      failed: () => this.#finish(),
    })
  }

  /** Sends the reader elsewhere; what it still commits is taken. */
  drain(): void {
    this.#send({ kind: 'draining' })
  }

  #take(request: ReadRequest): void {
    if (this.#over) return
    switch (request.kind) {
      case 'assign':
        void this.#assign(request)
        return
      case 'unassign':
        this.#drop(this.#byId.get(request.assignmentId))
        return
      case 'credit':
        this.#creditBytes = Math.min(this.#creditBytes + request.bytes, limits.creditMaxBytes)
        void this.#readOn()
        return
      case 'commit':
        this.#commits.add(request)
        return
    }
  }

  async #assign(request: Assign): Promise<void> {
    const { assignmentId: id, topic, queueId } = request
    const queue = { topic, queueId }
    this.#drop(this.#byId.get(id))
    this.#drop(this.#byQueue.get(nameOf(queue)))
    try {
      if (this.#byId.size >= MAX_ASSIGNMENTS) {
        throw new CometError('TOO_MANY', `a reader may have ${MAX_ASSIGNMENTS} assignments`)
      }
      this.#checkReadable(queue)
      const isAll = request.filter === '' && request.sql === undefined
      const filter = isAll ? undefined : parseFilter(request)
      const wake = (): void => {
        this.#ready.add(assignment)
        void this.#readOn()
      }
      const assignment: Assignment = { id, queue, filter, wake, next: 0 }
      this.#byId.set(id, assignment)
      this.#byQueue.set(nameOf(queue), assignment)
      const from = await this.#slowly(this.#startOf(queue, request.start))
      if (!this.#stands(assignment)) return
      assignment.next = from
      const { minOffset, maxOffset } = this.#boundsOf(queue)
      this.#send({ kind: 'assigned', assignmentId: id, from, minOffset, maxOffset })
      wake()
    } catch (thrown) {
      const assignment = this.#byId.get(id)
      if (assignment === undefined || assignment.queue === queue) this.#problem(id, queue, thrown)
    }
  }

  /** Throws `OFFSET_OUT_OF_RANGE` if the place has been deleted, or is not there yet; `NOT_READY`. */
  async #startOf(queue: QueueKey, start: ReadStart): Promise<number> {
    const { store, positions } = this.#ports
    const standing = this.#ports.standing()
    const bounds = this.#boundsOf(queue)
    switch (start.kind) {
      case 'earliest':
        return bounds.minOffset
      case 'latest':
        checkSettled(standing)
        return bounds.maxOffset
      case 'timestamp':
        checkSettled(standing)
        return store.offsetAtTime(queue, start.timestampMs)
      case 'offset':
        return checkOffset(standing, queue, { offset: start.offset, ...bounds })
      case 'named': {
        checkPositionName(start.name)
        checkSettled(standing)
        const offset = positions.read({ ...queue, name: start.name })
        if (offset !== undefined) return checkOffset(standing, queue, { offset, ...bounds })
        return start.otherwiseLatest ? bounds.maxOffset : bounds.minOffset
      }
    }
  }

  /** Reads while there is credit, something to read and a peer that takes it. */
  async #readOn(): Promise<void> {
    if (this.#reading) return
    this.#reading = true
    while (!this.#over && this.#creditBytes > 0) {
      const [assignment] = this.#ready
      if (assignment === undefined) break
      this.#ready.delete(assignment)
      let writable = true
      try {
        writable = await this.#readOnce(assignment)
      } catch (thrown) {
        if (this.#stands(assignment)) this.#problem(assignment.id, assignment.queue, thrown)
      }
      if (!writable) await this.#stream.writable()
    }
    this.#reading = false
  }

  /** `false`: the peer is slow. */
  async #readOnce(assignment: Assignment): Promise<boolean> {
    const { store, wakeups, counters, standing, advice } = this.#ports
    const { id, queue, filter, next: from } = assignment
    this.#checkReadable(queue)
    const maxBytes = Math.min(READ_BYTES, this.#creditBytes)
    const read = await store.read(queue, { from, maxBytes })
    if (!this.#stands(assignment)) return true
    if (read.kind === 'caught-up') {
      wakeups.wait(queue, assignment.wake)
      // Something may have come between the read and the wait.
      if (this.#boundsOf(queue).maxOffset > from) {
        wakeups.cancel(queue, assignment.wake)
        this.#ready.add(assignment)
      }
      return true
    }
    if (read.kind === 'too-old') throw outOfRange(queue, from, this.#boundsOf(queue))
    const readAt = read.batches.at(-1)?.logOffset ?? 0
    const wanted = wantedBatches(filter ?? TagFilter.all, { batches: read.batches, from })
    assignment.next = read.next
    this.#ready.add(assignment)
    this.#creditBytes -= wanted.bytes
    counters.messagesOut += wanted.messages
    counters.bytesOut += wanted.bytes
    return this.#send({
      kind: 'batches',
      assignmentId: id,
      from,
      next: read.next,
      maxOffset: this.#boundsOf(queue).maxOffset,
      batches: wanted.batches,
      ranges: filter === undefined ? [] : wanted.ranges,
      ...advice.at(readAt, standing(), this.#listener),
    })
  }

  #checkReadable({ topic, queueId }: QueueKey): void {
    if (this.#ports.topics.needQueue(topic, queueId).readable) return
    throw new CometError('NOT_ALLOWED', `topic "${topic}" is not readable`)
  }

  #boundsOf(queue: QueueKey): QueueBounds | { readonly minOffset: 0; readonly maxOffset: 0 } {
    return this.#ports.store.bounds(queue) ?? { minOffset: 0, maxOffset: 0 }
  }

  #stands(assignment: Assignment): boolean {
    return !this.#over && this.#byId.get(assignment.id) === assignment
  }

  #problem(id: number, queue: QueueKey, thrown: unknown): void {
    this.#drop(this.#byId.get(id))
    if (this.#over) return
    const { code, message } = toCometError(thrown)
    const { minOffset, maxOffset } = this.#boundsOf(queue)
    const error = errorTable[code].id
    this.#send({ kind: 'problem', assignmentId: id, error, message, minOffset, maxOffset })
  }

  #drop(assignment: Assignment | undefined): void {
    if (assignment === undefined) return
    this.#byId.delete(assignment.id)
    this.#byQueue.delete(nameOf(assignment.queue))
    this.#ready.delete(assignment)
    this.#ports.wakeups.cancel(assignment.queue, assignment.wake)
  }

  /** `false`: the peer is slow. */
  #send(response: ReadResponse): boolean {
    const isTaken = this.#stream.send(response)
    if (!isTaken && !this.#isBlocked) {
      this.#isBlocked = true
      this.#pauseOrResume()
      void this.#stream.writable().then(() => {
        this.#isBlocked = false
        this.#pauseOrResume()
      })
    }
    return isTaken
  }

  async #slowly<T>(lookup: Promise<T>): Promise<T> {
    this.#assigning++
    this.#pauseOrResume()
    try {
      return await lookup
    } finally {
      this.#assigning--
      this.#pauseOrResume()
    }
  }

  #pauseOrResume(): void {
    const pause = this.#isBlocked || this.#assigning >= MAX_ASSIGNING
    if (pause === this.#isPaused || this.#over) return
    this.#isPaused = pause
    if (pause) this.#stream.pause()
    else this.#stream.resume()
  }

  #finish(): void {
    if (this.#over) return
    this.#over = true
    for (const assignment of this.#byId.values()) this.#drop(assignment)
    this.#closed()
  }
}

function nameOf({ topic, queueId }: QueueKey): string {
  return `${topic}\0${queueId}`
}
