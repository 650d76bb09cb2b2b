import { CometError, type ErrorCode } from '@cometmq/protocol'
import { backoffMs, type Clock } from '@cometmq/runtime'
import type { ClientCall } from './client-call.ts'
import { times } from './config.ts'
import type { GatewayPorts } from './ports.ts'

/** A call that may be made again. */
export interface HeldCall {
  readonly call: ClientCall
  /** It is held no longer, whatever its caller would wait. */
  readonly maxMs: number
  /** Whether a second time does no harm, so that it is made again also if it may have been done. */
  readonly isRepeatable: boolean
}

/** Surely nothing was done, and whoever is master in a moment will do it. */
const notDone: ReadonlySet<ErrorCode> = new Set([
  'NOT_MASTER',
  'NOT_READY',
  'DRAINING',
  'CONNECT_FAILED',
  // Over when a member has joined; until then another broker group may take it.
  'IN_SYNC_SET_TOO_SMALL',
])

/** It may have been done, by one who was master then. */
const maybeDone: ReadonlySet<ErrorCode> = new Set(['NOT_CONFIRMED', 'UNAVAILABLE', 'CLOSED'])

/** For what passes without a change of the routes: a master that has just begun its reign. */
const AGAIN = { baseMs: 40, maxMs: 400 } as const

/**
 * Holds the calls of official clients while a broker group changes its master. Those clients would
 * fail them to their users, or ask for the routes again half a minute later.
 */
export class MasterWaits {
  readonly #clock: Clock
  readonly #random: GatewayPorts['random']
  readonly #stopListening: () => void
  readonly #waiting = new Set<() => void>()
  /** Of the cluster, since the start. */
  #changes = 0
  #isClosed = false

  constructor({ clock, random, cluster }: Pick<GatewayPorts, 'clock' | 'random' | 'cluster'>) {
    this.#clock = clock
    this.#random = random
    this.#stopListening = cluster.onChange(() => this.#changed())
  }

  /**
   * Makes the call, and makes it again at each change of the cluster as long as it fails for want of
   * a master and its caller waits. Throws what the last attempt has thrown.
   */
  async run<T>(held: HeldCall, attempt: () => Promise<T>): Promise<T> {
    const { call } = held
    // The process that has forwarded it knows better where to try next.
    if (call.isForwarded) return attempt()
    const untilMs = this.#untilMs(held)
    for (let failures = 0; ; failures++) {
      const changes = this.#changes
      try {
        return await attempt()
      } catch (thrown) {
        const leftMs = untilMs - this.#clock.elapsedMs()
        if (leftMs <= 0 || !isPassing(thrown, held.isRepeatable)) throw thrown
        // What changed during the attempt may be what it needed.
        if (changes === this.#changes) {
          const pauseMs = backoffMs(failures, AGAIN, this.#random)
          await this.#change(Math.min(leftMs, pauseMs), call.signal)
        }
        if (call.signal.aborted || this.#isClosed) throw thrown
      }
    }
  }

  /** Resolves when it holds, when the time of the call is up, or when its caller has gone. */
  async until(held: Omit<HeldCall, 'isRepeatable'>, holds: () => boolean): Promise<void> {
    const { signal, isForwarded } = held.call
    if (isForwarded) return
    const untilMs = this.#untilMs(held)
    while (!holds() && !signal.aborted && !this.#isClosed) {
      const leftMs = untilMs - this.#clock.elapsedMs()
      if (leftMs <= 0) return
      await this.#change(leftMs, signal)
    }
  }

  close(): void {
    this.#isClosed = true
    this.#stopListening()
    this.#changed()
  }

  #untilMs({ call, maxMs }: Pick<HeldCall, 'call' | 'maxMs'>): number {
    return this.#clock.elapsedMs() + Math.min(maxMs, call.remainingMs - times.forwardMarginMs)
  }

  #changed(): void {
    this.#changes += 1
    for (const wake of this.#waiting) wake()
  }

  #change(maxMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        timer.cancel()
        signal.removeEventListener('abort', wake)
        this.#waiting.delete(wake)
        resolve()
      }
      const timer = this.#clock.schedule(maxMs, wake)
      signal.addEventListener('abort', wake, { once: true })
      this.#waiting.add(wake)
    })
  }
}

/** Nobody may do it now, and somebody will. */
export function noMaster(brokerName: string): CometError {
  return new CometError('NOT_MASTER', `broker group "${brokerName}" has no master now; try again`)
}

/**
 * Whether an error is over when the broker group has a master that is ready. `mayBeDone`: also one
 * after which the outcome is not known.
 */
export function isPassing(thrown: unknown, mayBeDone: boolean): thrown is CometError {
  if (!(thrown instanceof CometError)) return false
  return notDone.has(thrown.code) || (mayBeDone && maybeDone.has(thrown.code))
}
