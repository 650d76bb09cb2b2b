import { CometError, errorCodeOfId, type ReadResponse } from '@cometmq/protocol'
import type { Runtime, Timer } from '@cometmq/runtime'
import { waitMsAfter } from '../waits.ts'
import type { QueueCursor } from './queue-cursor.ts'
import type { ReadStream } from './read-stream.ts'

export interface PositionLineHost {
  readonly runtime: Pick<Runtime, 'clock' | 'random'>
  readonly brokerName: string
  readonly topic: string
  /** A number that no other request of the lane has. */
  nextId(): number
  /** Where positions are kept now. */
  address(): string | undefined
  /** The stream that messages are read over, if there is one. */
  reading(): ReadStream | undefined
  open(address: string): ReadStream
}

interface Commit {
  readonly cursor: QueueCursor
  readonly name: string
  readonly offset: number
  readonly durable: PromiseWithResolvers<void>
  /** The stream it was sent over, until it is answered. */
  stream: ReadStream | undefined
}

/**
 * The positions of one broker group on their way to where they are kept: over the stream of the
 * messages, or over one of their own while those are read elsewhere.
 *
 * A commit that fails is told to its caller, and made again by itself when somebody keeps positions:
 * the newest of each queue, so that none goes back behind one that was committed after it.
 */
export class PositionLine {
  readonly #host: PositionLineHost
  readonly #inFlight = new Map<number, Commit>()
  /** The last one of each queue, until it is durable. */
  readonly #newest = new Map<QueueCursor, Commit>()
  #own: ReadStream | undefined
  #failures = 0
  #retry: Timer | undefined
  #closed = false

  constructor(host: PositionLineHost) {
    this.#host = host
  }

  /** Resolves when the position is durable. */
  async commit(name: string, cursor: QueueCursor, offset: number): Promise<void> {
    const durable = Promise.withResolvers<void>()
    // Of one that is made again, nobody may be left to hear.
    durable.promise.catch(() => {})
    const commit: Commit = { cursor, name, offset, durable, stream: undefined }
    this.#newest.set(cursor, commit)
    const stream = this.#stream()
    if (stream === undefined) durable.reject(this.#away())
    else this.#sendInTurn(commit, stream)
    await durable.promise
  }

  /** Somebody may keep positions now, or somebody else: no more waiting. */
  placeChanged(): void {
    const address = this.#host.address()
    const gone = new CometError('UNAVAILABLE', `${this.#host.brokerName} has another master`)
    const streams = new Set([...this.#inFlight.values()].map(({ stream }) => stream))
    for (const stream of streams) if (stream?.address !== address) this.#lose(stream, gone)
    const isIdle = this.#own?.address !== address || this.#host.reading()?.address === address
    if (isIdle) this.#leaveOwn()
    this.#again()
  }

  answered({ id, error, message }: Extract<ReadResponse, { readonly kind: 'committed' }>): void {
    const commit = this.#inFlight.get(id)
    this.#inFlight.delete(id)
    if (commit === undefined) return
    commit.stream = undefined
    if (error !== 0) {
      const failure = new CometError(errorCodeOfId(error), message)
      if (failure.retry === 'never') this.#forget(commit)
      commit.durable.reject(failure)
      this.#againAfter(failure)
      return
    }
    this.#failures = 0
    this.#forget(commit)
    commit.cursor.committed = commit.offset
    commit.durable.resolve()
    this.#again()
  }

  /** What was sent over it may be stored or not. */
  streamFailed(stream: ReadStream, error: CometError): void {
    if (stream === this.#own) this.#own = undefined
    this.#lose(stream, this.#away(error))
    this.#againAfter(error)
  }

  close(error: CometError): void {
    this.#closed = true
    this.#retry?.cancel()
    this.#own?.leave()
    this.#own = undefined
    for (const commit of this.#inFlight.values()) commit.durable.reject(error)
    this.#inFlight.clear()
    this.#newest.clear()
  }

  #again(): void {
    this.#retry?.cancel()
    this.#retry = undefined
    for (const commit of this.#newest.values()) {
      if (commit.stream !== undefined) continue
      const stream = this.#stream()
      if (stream === undefined) return
      this.#sendInTurn(commit, stream)
    }
  }

  #againAfter(error: CometError): void {
    const isWaiting = [...this.#newest.values()].some(({ stream }) => stream === undefined)
    if (!isWaiting || this.#closed || this.#retry !== undefined) return
    const { clock, random } = this.#host.runtime
    const pauseMs = waitMsAfter(error, this.#failures++, random)
    this.#retry = clock.schedule(pauseMs, () => this.#again())
  }

  #stream(): ReadStream | undefined {
    const address = this.#host.address()
    const reading = this.#host.reading()
    if (reading?.address === address) return reading
    if (this.#own?.address !== address) this.#leaveOwn()
    if (address !== undefined) this.#own ??= this.#host.open(address)
    return this.#own
  }

  #leaveOwn(): void {
    // What is under way is still answered.
    this.#own?.end()
    this.#own = undefined
  }

  /** Not before one that is under way over another stream: that might come later, and go back. */
  #sendInTurn(commit: Commit, stream: ReadStream): void {
    const { cursor, name, offset } = commit
    for (const other of this.#inFlight.values()) {
      if (other.cursor === cursor && other.stream !== stream) return
    }
    const id = this.#host.nextId()
    commit.stream = stream
    this.#inFlight.set(id, commit)
    const { topic } = this.#host
    stream.send({ kind: 'commit', id, name, topic, queueId: cursor.queueId, offset })
  }

  #lose(stream: ReadStream | undefined, error: CometError): void {
    for (const [id, commit] of this.#inFlight) {
      if (commit.stream !== stream) continue
      this.#inFlight.delete(id)
      commit.stream = undefined
      commit.durable.reject(error)
    }
  }

  #forget(commit: Commit): void {
    if (this.#newest.get(commit.cursor) === commit) this.#newest.delete(commit.cursor)
  }

  #away(cause?: CometError): CometError {
    const why = `${this.#host.brokerName} is away; the position is committed when it is back`
    return new CometError('UNAVAILABLE', why, cause === undefined ? {} : { cause })
  }
}
