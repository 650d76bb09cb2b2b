import { CometError } from '@cometmq/protocol'
import { backoffMs, type Clock, type Random, type Timer } from '@cometmq/runtime'
import type { GroupHint, Revision } from '../elector.ts'
import type { RangeRequest } from '../generated/etcdserverpb/RangeRequest.ts'
import type { WatchRequest } from '../generated/etcdserverpb/WatchRequest.ts'
import type { WatchResponse } from '../generated/etcdserverpb/WatchResponse.ts'
import type { EtcdEndpoint, EtcdEndpoints } from './etcd-endpoints.ts'
import { revisionOf } from './etcd-keys.ts'
import type { EtcdMethods } from './etcd-methods.ts'
import { type EtcdTiming, RETRY } from './etcd-timing.ts'

export interface EtcdWatchOptions {
  readonly range: RangeRequest
  /** Changes past it are told. */
  readonly from: Revision
  readonly onChange: (hint: GroupHint) => void
}

/** Why a stream ended; `undefined`: nothing is wrong with its endpoint. */
type StreamEnd = CometError | undefined

/**
 * Tells of changes for as long as it is open, over one stream after the other.
 *
 * A member of etcd that lost its quorum, or is frozen, keeps its streams open and says nothing. So
 * each second it is asked for a sign of life, and without one the watch goes on elsewhere.
 */
export class EtcdWatch implements AsyncDisposable {
  readonly #clock: Clock
  readonly #random: Random
  readonly #endpoints: EtcdEndpoints
  readonly #method: EtcdMethods['watch']['Watch']
  readonly #timing: EtcdTiming
  readonly #options: EtcdWatchOptions
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  /** The first revision that is not told yet. */
  #next: number

  constructor(
    ports: { readonly clock: Clock; readonly random: Random },
    etcd: { readonly endpoints: EtcdEndpoints; readonly methods: EtcdMethods['watch'] },
    timing: EtcdTiming,
    options: EtcdWatchOptions,
  ) {
    this.#clock = ports.clock
    this.#random = ports.random
    this.#endpoints = etcd.endpoints
    this.#method = etcd.methods.Watch
    this.#timing = timing
    this.#options = options
    this.#next = options.from + 1
    this.#running = this.#run()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    let failureCount = 0
    while (!this.#stop.signal.aborted) {
      const endpoint = this.#endpoints.take()
      const { end, hasAnswered } = await this.#follow(endpoint)
      if (end !== undefined && !this.#stop.signal.aborted) this.#endpoints.failed(endpoint, end)
      this.#endpoints.release(endpoint)
      if (hasAnswered) failureCount = 0
      await this.#sleep(backoffMs(failureCount, RETRY, this.#random))
      failureCount += 1
    }
  }

  /** Keeps one stream open until it ends, or has to be given up. */
  #follow(endpoint: EtcdEndpoint): Promise<{ end: StreamEnd; hasAnswered: boolean }> {
    return new Promise((resolve) => {
      let hasAnswered = false
      let progress: Timer | undefined
      let silence: Timer | undefined
      const over = (end: StreamEnd): void => {
        progress?.cancel()
        silence?.cancel()
        stream.cancel()
        resolve({ end, hasAnswered })
      }
      const expectAnswer = (): void => {
        silence?.cancel()
        silence = this.#clock.schedule(this.#timing.watchSilenceMs, () => {
          over(new CometError('TIMEOUT', `a watch at ${endpoint.address} says nothing`))
        })
      }
      const askForProgress = (): void => {
        progress = this.#clock.schedule(this.#timing.watchProgressMs, () => {
          stream.send({ progressRequest: {} })
          askForProgress()
        })
      }

      const stream = endpoint.connection.open<WatchRequest, WatchResponse>(this.#method, {
        // Without it a member that has no leader would keep silent and still show progress.
        metadata: { hasleader: 'true' },
        signal: this.#stop.signal,
      })
      stream.receive({
        message: (response) => {
          hasAnswered = true
          this.#endpoints.answered(endpoint)
          expectAnswer()
          if (this.#take(response) === 'over') over(undefined)
        },
        ended: () => {
          over(new CometError('UNAVAILABLE', `${endpoint.address} has ended a watch`))
        },
        failed: over,
      })
      stream.send({ createRequest: this.#create() })
      expectAnswer()
      askForProgress()
    })
  }

  #create(): NonNullable<WatchRequest['createRequest']> {
    return { ...this.#options.range, startRevision: String(this.#next) }
  }

  /**
   * What is told only moves on with events. Signs of life do not move it, though they carry a
   * revision: before 3.4.25 and 3.5.8 etcd sent some ahead of the events that they speak for.
   */
  #take({ events, compactRevision, canceled }: WatchResponse): 'goes-on' | 'over' {
    if (compactRevision !== '0') {
      // What happened in between nobody can tell any more; a read shows what came of it.
      this.#tell(Math.max(this.#next, revisionOf(compactRevision) - 1))
      return 'over'
    }
    const revisions = events.map(({ kv }) => revisionOf(kv?.modRevision ?? '0'))
    if (revisions.length > 0) this.#tell(Math.max(...revisions))
    return canceled ? 'over' : 'goes-on'
  }

  #tell(revision: number): void {
    this.#next = revision + 1
    this.#options.onChange({ revision: revision as Revision })
  }

  async #sleep(delayMs: number): Promise<void> {
    try {
      await this.#clock.sleep(delayMs, this.#stop.signal)
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error
    }
  }
}
