import { CometError, type RouteUpdate, type TopicRoute, type WatchRequest } from '@cometmq/protocol'
import type { Clock, MessageStream } from '@cometmq/runtime'
import type { RouteChange, RouteTable } from './route-table.ts'

export interface RouteWatchersOptions {
  readonly cluster: string
  readonly maxWatchers: number
  readonly maxTopicsPerWatcher: number
}

/** Bounds one update, which is one gRPC message; the rest follows in the next. */
const TOPICS_PER_UPDATE = 4_096

/** Connections are served in between when very many clients have to be told. */
const WATCHERS_PER_TURN = 128

/**
 * Tells each client that watches what has changed for it.
 *
 * A watcher that reads slowly costs no memory beyond the names of its topics: what changed is kept
 * as a set, and the routes are looked up when its stream takes the next message.
 */
export class RouteWatchers {
  readonly #table: RouteTable
  readonly #clock: Clock
  readonly #options: RouteWatchersOptions
  readonly #all = new Set<Watcher>()
  /** Those that watch every topic. */
  readonly #ofAnyTopic = new Set<Watcher>()
  readonly #byTopic = new Map<string, Set<Watcher>>()
  readonly #due = new Set<Watcher>()
  #telling = false
  #version = 0

  constructor(table: RouteTable, clock: Clock, options: RouteWatchersOptions) {
    this.#table = table
    this.#clock = clock
    this.#options = options
  }

  get count(): number {
    return this.#all.size
  }

  /** Serves one `Watch` stream until it ends. Throws `OVERLOADED` or `TOO_MANY`. */
  add(
    request: WatchRequest,
    stream: MessageStream<RouteUpdate, WatchRequest>,
    listener: string,
  ): Watcher {
    const { maxWatchers, maxTopicsPerWatcher } = this.#options
    if (this.#all.size >= maxWatchers) {
      throw new CometError('OVERLOADED', `this name server serves ${maxWatchers} watchers`, {
        retryAfterMs: 1_000,
      })
    }
    if (request.topics.length > maxTopicsPerWatcher) {
      throw new CometError(
        'TOO_MANY',
        `a watcher may name ${maxTopicsPerWatcher} topics; watch all topics instead`,
      )
    }
    const topics = request.allTopics ? undefined : new Set(request.topics)
    const changed = new Set<string>()
    const watcher: Watcher = { stream, listener, topics, changed, untold: true, blocked: false }
    this.#all.add(watcher)
    if (topics === undefined) this.#ofAnyTopic.add(watcher)
    for (const topic of topics ?? []) {
      const watchers = this.#byTopic.get(topic)
      if (watchers === undefined) this.#byTopic.set(topic, new Set([watcher]))
      else watchers.add(watcher)
    }
    for (const topic of topics ?? this.#table.topics()) watcher.changed.add(topic)
    this.#tell(watcher)
    return watcher
  }

  remove(watcher: Watcher): void {
    this.#all.delete(watcher)
    this.#ofAnyTopic.delete(watcher)
    this.#due.delete(watcher)
    for (const topic of watcher.topics ?? []) {
      const watchers = this.#byTopic.get(topic)
      watchers?.delete(watcher)
      if (watchers?.size === 0) this.#byTopic.delete(topic)
    }
  }

  announce(change: RouteChange): void {
    if (change.topics.size === 0 && !change.brokers) return
    this.#version++
    for (const topic of change.topics) {
      for (const watcher of this.#byTopic.get(topic) ?? []) this.#mark(watcher, topic)
      for (const watcher of this.#ofAnyTopic) this.#mark(watcher, topic)
    }
    if (!change.brokers) return
    for (const watcher of this.#all) {
      watcher.untold = true
      this.#tell(watcher)
    }
  }

  /** From now on topics without a route are missing. */
  announceReady(): void {
    for (const [topic, watchers] of this.#byTopic) {
      if (this.#table.route(topic) !== undefined) continue
      for (const watcher of watchers) this.#mark(watcher, topic)
    }
  }

  #mark(watcher: Watcher, topic: string): void {
    watcher.changed.add(topic)
    this.#tell(watcher)
  }

  #tell(watcher: Watcher): void {
    if (watcher.blocked) return
    this.#due.add(watcher)
    if (this.#telling) return
    this.#telling = true
    // One update for all that changes in this turn.
    queueMicrotask(() => void this.#tellAll())
  }

  async #tellAll(): Promise<void> {
    let told = 0
    for (const watcher of this.#due) {
      this.#due.delete(watcher)
      this.#send(watcher)
      if (++told % WATCHERS_PER_TURN === 0) await this.#clock.yieldTurn()
    }
    this.#telling = false
  }

  #send(watcher: Watcher): void {
    const topics: TopicRoute[] = []
    const missing: string[] = []
    for (const topic of watcher.changed) {
      if (topics.length + missing.length === TOPICS_PER_UPDATE) break
      watcher.changed.delete(topic)
      const route = this.#table.route(topic)
      if (route !== undefined) topics.push(route)
      else if (this.#table.isReady) missing.push(topic)
    }
    // Before readiness nothing may be left to say.
    if (topics.length === 0 && missing.length === 0 && !watcher.untold) return
    watcher.untold = false
    const writable = watcher.stream.send({
      brokers: this.#table.brokers(watcher.listener),
      topics,
      missing,
      cluster: this.#options.cluster,
      autoCreateTopics: this.#table.autoCreateTopics,
      version: this.#version,
      forgotten: this.#table.forgotten(),
    })
    if (!writable) void this.#waitForWritable(watcher)
    else if (watcher.changed.size > 0) this.#due.add(watcher)
  }

  async #waitForWritable(watcher: Watcher): Promise<void> {
    watcher.blocked = true
    await watcher.stream.writable()
    watcher.blocked = false
    const goneOn = this.#all.has(watcher)
    if (goneOn && (watcher.changed.size > 0 || watcher.untold)) this.#tell(watcher)
  }
}

export interface Watcher {
  readonly stream: MessageStream<RouteUpdate, WatchRequest>
  /** On which it came in: it is told the addresses of that name. */
  readonly listener: string
  /** `undefined`: every topic. */
  readonly topics: ReadonlySet<string> | undefined
  /** Those it has not been told of; never more than it watches. */
  readonly changed: Set<string>
  /** Whether it has to be told of the brokers, or has not heard anything yet. */
  untold: boolean
  /** Its stream takes nothing for now. */
  blocked: boolean
}
