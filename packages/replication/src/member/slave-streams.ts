import {
  CometError,
  type CommitLogOffset,
  type MasterFrame as WireMasterFrame,
  type SlaveFrame as WireSlaveFrame,
} from '@cometmq/protocol'
import type { Logger, MessageStream } from '@cometmq/runtime'
import type { ReplicatedLog } from '@cometmq/store'
import type { Hello, MasterFrame, SlaveFrame } from '../frames.ts'
import type { LogState } from '../log-state.ts'
import { LiveRing } from './live-ring.ts'
import { SlaveFeed } from './slave-feed.ts'
import {
  fromWireSlaveFrame,
  type GroupName,
  type TailSum,
  toWireMasterFrame,
} from './wire-frames.ts'

export type SlaveStream = MessageStream<WireMasterFrame, WireSlaveFrame>

export interface SlaveStreamEvents {
  frame(stream: number, frame: SlaveFrame): void
  ended(stream: number): void
  pushed(stream: number, to: CommitLogOffset): void
}

export interface SlaveStreamsParts {
  readonly log: ReplicatedLog
  readonly logger: Logger
  readonly group: GroupName
  readonly limits: { readonly maxInFlightBytes: number; readonly ringBytes: number }
  /** As decided, which may be ahead of what is done. */
  readonly logState: () => LogState
}

interface OpenStream {
  readonly number: number
  readonly stream: SlaveStream
  hello: Hello | undefined
  /** Set by the welcome: every frame says it. */
  epoch: number
  feed: SlaveFeed | undefined
}

/** The end of both logs that is compared at a welcome. */
const TAIL_BYTES = 64 * 1024
const VERSION = 1

/** All streams of members that follow this one, or try to. */
export class SlaveStreams {
  readonly #parts: SlaveStreamsParts
  readonly #events: SlaveStreamEvents
  readonly #ring: LiveRing
  readonly #streams = new Map<number, OpenStream>()
  #lastNumber = 0

  constructor(parts: SlaveStreamsParts, events: SlaveStreamEvents) {
    this.#parts = parts
    this.#events = events
    this.#ring = new LiveRing(parts.limits.ringBytes)
    parts.log.tap((bytes) => {
      const feeds = [...this.#streams.values()].filter(({ feed }) => feed !== undefined)
      if (feeds.length === 0) return
      this.#ring.add(bytes)
      for (const { feed } of feeds) feed?.pump()
    })
  }

  send(number: number, frame: MasterFrame): void {
    const open = this.#streams.get(number)
    if (open === undefined) return
    const { maxInFlightBytes } = this.#parts.limits
    open.epoch = frame.epoch
    const { message } = frame
    if (message.kind !== 'welcome' || message.cutTo === undefined) {
      open.stream.send(toWireMasterFrame(frame, { maxInFlightBytes }))
      return
    }
    this.#tailBelow(open, message.cutTo).then(
      (tail) => open.stream.send(toWireMasterFrame(frame, { maxInFlightBytes, tail })),
      (error: unknown) => this.#fail(open, error),
    )
  }

  /** Sends the log from there on. */
  push(number: number, from: CommitLogOffset): void {
    const open = this.#streams.get(number)
    if (open === undefined) return
    const { log, limits, logState } = this.#parts
    open.feed = new SlaveFeed(
      {
        log,
        ring: this.#ring,
        maxInFlightBytes: limits.maxInFlightBytes,
        send: (message) => {
          const { confirmOffset, maxOffset } = logState()
          return open.stream.send({ epoch: open.epoch, confirmOffset, maxOffset, message })
        },
        ready: () => open.stream.writable(),
        pushed: (to) => this.#events.pushed(number, to),
        failed: (error) => this.#fail(open, error),
      },
      from,
    )
    open.feed.pump()
  }

  /** Without an event. */
  close(number: number): void {
    const open = this.#streams.get(number)
    if (open === undefined) return
    this.#forget(open)
    open.stream.end()
  }

  closeAll(): void {
    for (const open of this.#streams.values()) {
      this.#forget(open)
      open.stream.cancel()
    }
  }

  /** Serves a stream until it ends. */
  accept(stream: SlaveStream): void {
    const number = ++this.#lastNumber
    const open: OpenStream = { number, stream, hello: undefined, epoch: 0, feed: undefined }
    this.#streams.set(number, open)
    const ended = (): void => {
      if (!this.#streams.has(number)) return
      this.#forget(open)
      this.#events.ended(number)
    }
    stream.receive({
      message: (frame) => {
        if (this.#streams.has(number)) this.#take(open, frame)
      },
      ended: () => {
        stream.end()
        ended()
      },
      failed: ended,
    })
  }

  #take(open: OpenStream, wire: WireSlaveFrame): void {
    try {
      if (wire.kind === 'hello') this.#checkGroup(wire)
      const frame = fromWireSlaveFrame(wire)
      if (frame.kind === 'hello') open.hello = frame
      else if (open.hello === undefined) {
        throw new CometError('MALFORMED_REQUEST', 'a slave says hello first')
      }
      this.#events.frame(open.number, frame)
      if (frame.kind === 'ack') open.feed?.received(frame.received)
    } catch (thrown) {
      if (!(thrown instanceof CometError)) throw thrown
      this.#fail(open, thrown)
    }
  }

  #checkGroup({ cluster, brokerName, version }: WireSlaveFrame & { kind: 'hello' }): void {
    const { group } = this.#parts
    if (cluster !== group.cluster) {
      const why = `this member belongs to cluster "${group.cluster}", and not to "${cluster}"`
      throw new CometError('WRONG_CLUSTER', why)
    }
    if (brokerName !== group.brokerName) {
      const why = `this is a member of "${group.brokerName}", and not of "${brokerName}"`
      throw new CometError('NOT_ALLOWED', why)
    }
    if (version !== VERSION) {
      throw new CometError('UNSUPPORTED', `replication has version ${VERSION} here, not ${version}`)
    }
  }

  async #tailBelow(open: OpenStream, to: number): Promise<TailSum> {
    const { log } = this.#parts
    const from = Math.max(to - TAIL_BYTES, log.offsets.min, open.hello?.minOffset ?? 0)
    return from >= to ? { from: to, checksum: 0 } : { from, checksum: await log.checksum(from, to) }
  }

  #fail(open: OpenStream, thrown: unknown): void {
    if (!this.#streams.has(open.number)) return
    const error = thrown instanceof CometError ? thrown : undefined
    this.#parts.logger.warn({ error: thrown }, 'stream of a slave broken off')
    this.#forget(open)
    open.stream.cancel(error)
    this.#events.ended(open.number)
  }

  #forget(open: OpenStream): void {
    open.feed?.close()
    this.#streams.delete(open.number)
    if (this.#streams.size === 0) this.#ring.clear()
  }
}
