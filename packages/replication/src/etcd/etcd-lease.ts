import { CometError } from '@cometmq/protocol'
import { backoffMs, type Clock, type Random } from '@cometmq/runtime'
import type { ElectorLease } from '../elector.ts'
import type { EtcdEndpoints } from './etcd-endpoints.ts'
import type { EtcdMethods } from './etcd-methods.ts'
import { type EtcdTiming, RETRY } from './etcd-timing.ts'

/** What came of one request for the lease. */
type Answer =
  | { readonly kind: 'held'; readonly id: string; readonly ttlMs: number }
  /** etcd knows no such lease any more. */
  | { readonly kind: 'gone' }
  | { readonly kind: 'missed' }

/**
 * Holds a lease, and another one when that was lost.
 *
 * It is valid from the moment when a request was *sent*: etcd counts from when it answered, which
 * is later. A request that is not answered in time is sent to the next endpoint at once, so that a
 * frozen member of etcd costs one deadline and not the lease.
 */
export class EtcdLease implements ElectorLease, AsyncDisposable {
  readonly #clock: Clock
  readonly #random: Random
  readonly #endpoints: EtcdEndpoints
  readonly #methods: EtcdMethods['lease']
  readonly #timing: EtcdTiming
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  #id: string | undefined
  #validUntilMs = 0

  constructor(
    ports: { readonly clock: Clock; readonly random: Random },
    etcd: { readonly endpoints: EtcdEndpoints; readonly methods: EtcdMethods['lease'] },
    timing: EtcdTiming,
  ) {
    this.#clock = ports.clock
    this.#random = ports.random
    this.#endpoints = etcd.endpoints
    this.#methods = etcd.methods
    this.#timing = timing
    this.#running = this.#run()
  }

  id(): string | undefined {
    return this.#id
  }

  validUntilMs(): number {
    return this.#validUntilMs
  }

  /** Whether etcd says that it knows no such lease; `false` also if it says nothing. */
  async isGone(id: string): Promise<boolean> {
    const { kind } = await this.#renew(id)
    if (kind === 'gone') this.#lost(id)
    return kind === 'gone'
  }

  /** Gives the lease back, if etcd answers; else it ends by itself. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
    const id = this.#id
    if (id === undefined) return
    this.#lost(id)
    try {
      await this.#endpoints.ask(
        this.#methods.LeaseRevoke,
        { ID: id },
        { timeoutMs: this.#timing.deadlineMs, repeat: 'always' },
      )
    } catch (error) {
      if (!(error instanceof CometError)) throw error
    }
  }

  async #run(): Promise<void> {
    let missCount = 0
    while (!this.#stop.signal.aborted) {
      const id = this.#id
      const sentMs = this.#clock.elapsedMs()
      const answer = await (id === undefined ? this.#grant() : this.#renew(id))
      switch (answer.kind) {
        case 'held':
          missCount = 0
          // Unless it was found to be gone meanwhile.
          if (this.#id === id) this.#held(answer, sentMs)
          await this.#sleep(sentMs + this.#timing.keepAliveMs - this.#clock.elapsedMs())
          break
        case 'gone':
          if (id !== undefined) this.#lost(id)
          break
        case 'missed':
          missCount += 1
          // Each endpoint is tried at once, all of them again only after a while.
          if (missCount % this.#endpoints.count === 0) {
            const round = missCount / this.#endpoints.count - 1
            await this.#sleep(backoffMs(round, RETRY, this.#random))
          }
          break
      }
    }
  }

  #held({ id, ttlMs }: { readonly id: string; readonly ttlMs: number }, sentMs: number): void {
    this.#id = id
    this.#validUntilMs = sentMs + ttlMs - this.#timing.leaseMarginMs
  }

  #lost(id: string): void {
    if (this.#id !== id) return
    this.#id = undefined
    this.#validUntilMs = 0
  }

  #grant(): Promise<Answer> {
    return this.#request(async () => {
      const { ID, TTL } = await this.#endpoints.askOnce(
        this.#methods.LeaseGrant,
        { TTL: String(this.#timing.leaseTtlSec), ID: '0' },
        { timeoutMs: this.#timing.grantDeadlineMs, signal: this.#stop.signal },
      )
      return { kind: 'held', id: ID, ttlMs: 1_000 * Number(TTL) }
    })
  }

  #renew(id: string): Promise<Answer> {
    return this.#request(async () => {
      const { TTL } = await this.#endpoints.askOnce(
        this.#methods.LeaseKeepAlive,
        { ID: id },
        { timeoutMs: this.#timing.deadlineMs, signal: this.#stop.signal },
      )
      return TTL === '0' ? { kind: 'gone' } : { kind: 'held', id, ttlMs: 1_000 * Number(TTL) }
    })
  }

  async #request(send: () => Promise<Answer>): Promise<Answer> {
    try {
      return await send()
    } catch (error) {
      if (error instanceof CometError) return { kind: 'missed' }
      throw error
    }
  }

  async #sleep(delayMs: number): Promise<void> {
    try {
      await this.#clock.sleep(Math.max(0, delayMs), this.#stop.signal)
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error
    }
  }
}
