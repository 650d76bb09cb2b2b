import {
  CometError,
  errorCodeOfId,
  type LeasedRange,
  type Settlement,
  type SettlementAction,
  type SettlementFailure,
} from '@cometmq/protocol'
import type { Clock, Logger, Random, Timer } from '@cometmq/runtime'
import { isOfReign, waitMsAfter } from '../waits.ts'
import type { LeasedRun } from './leased-run.ts'
import {
  covers,
  isSameQueue,
  type QueueOfGroup,
  type QueueSettlements,
  SettlementBuffer,
} from './settlement-buffer.ts'

/** Settlements in one request; some 40 bytes each. */
const SETTLEMENTS_MAX = 8_192

/** A broker that cannot settle now, because its disk is full or its store busy, is asked again after that. */
const RETRY_MS = 500

/**
 * Acknowledgements that nobody waits for share one request in that time. Each request costs the
 * broker a flush, for which whatever is being sent to it then waits.
 */
const ACKNOWLEDGE_INTERVAL_MS = 2

export interface SettlerPorts {
  readonly clock: Clock
  readonly log: Logger
  readonly random: Random
  /** Sends a request, if the broker is there to take one; otherwise settlements wait. */
  send(id: number, settlements: readonly Settlement[]): boolean
  /** How long an extension sent now extends. */
  readonly invisibleMs: () => number
  /** A request was answered. */
  answered(): void
}

/** Someone who waits until a settlement is durable. */
interface Waiter {
  readonly range: LeasedRange
  readonly kind: SettlementAction['kind']
  resolve(): void
  reject(error: CometError): void
}

interface SentRequest {
  readonly id: number
  readonly settlements: readonly Settlement[]
  readonly waiters: readonly Waiter[]
  /** Those whose lease it extends, and until when. */
  readonly extended: readonly LeasedRun[]
  readonly leaseEndsMs: number
}

/**
 * Tells a broker what became of messages.
 *
 * One request is under way at a time; what is settled meanwhile collects, so that the busier a
 * consumer is, the fewer requests it sends. What a broken stream has left unanswered is sent again:
 * settling twice does no harm.
 */
export class Settler {
  readonly #ports: SettlerPorts
  readonly #buffer = new SettlementBuffer()
  #sent: SentRequest | undefined
  #waiters: Waiter[] = []
  /** Runs whose extension waits to be sent. */
  #extending: LeasedRun[] = []
  #nextId = 1
  #isFlushQueued = false
  #isFlushDue = false
  #pause: Timer | undefined
  /** Requests in a row of which the broker could not take all, as it has only just become master. */
  #unreadyCount = 0
  #sentAtMs = Number.NEGATIVE_INFINITY

  constructor(ports: SettlerPorts) {
    this.#ports = ports
  }

  /** Whether everything settled is durable. */
  get isFlushed(): boolean {
    return this.#sent === undefined && this.#buffer.isEmpty
  }

  /** Whether a request waits for its answer for so long. */
  isOverdue(nowMs: number, waitMs: number): boolean {
    return this.#sent !== undefined && nowMs - this.#sentAtMs >= waitMs
  }

  /** Where settlements of that queue are added; `flushSoon` sends them. */
  queue(queue: QueueOfGroup): QueueSettlements {
    return this.#buffer.queue(queue)
  }

  /** Resolves when the settlement of that kind, which is about to be added, is durable. */
  durable(range: LeasedRange, kind: SettlementAction['kind']): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ range, kind, resolve, reject })
    })
  }

  extend(ranges: readonly LeasedRange[], delayMs: number): void {
    for (const range of ranges) {
      this.#buffer.queue(range).add(range.from, range.to, { kind: 'extend', delayMs })
    }
    this.flushSoon()
  }

  /** Extends the lease of a run for once more; it counts when the broker has confirmed it. */
  extendRun(run: LeasedRun): void {
    if (run.isExtending) return
    run.isExtending = true
    this.#extending.push(run)
    this.extend(run.toExtend(), this.#ports.invisibleMs())
  }

  /** What is settled, and not yet known to be durable. */
  unanswered(): LeasedRange[] {
    const settlements = this.#buffer.take(Number.POSITIVE_INFINITY)
    this.#buffer.putBack(settlements)
    return settlements.filter(({ action }) => action.kind !== 'extend').map(({ range }) => range)
  }

  /** What is settled within one turn goes out together. */
  flushSoon(): void {
    if (this.#isFlushQueued) return
    this.#isFlushQueued = true
    queueMicrotask(() => {
      this.#isFlushQueued = false
      this.flush()
    })
  }

  /** Sends what nobody waits for, at once if it is the first for a while. */
  flushInTime(): void {
    if (this.#isFlushDue) return
    const { clock } = this.#ports
    const waitMs = this.#sentAtMs + ACKNOWLEDGE_INTERVAL_MS - clock.elapsedMs()
    if (waitMs <= 0) {
      this.flushSoon()
      return
    }
    this.#isFlushDue = true
    clock.schedule(waitMs, () => {
      this.#isFlushDue = false
      this.flush()
    })
  }

  flush(): void {
    if (this.#sent !== undefined || this.#pause !== undefined || this.#buffer.isEmpty) return
    const settlements = this.#buffer.take(SETTLEMENTS_MAX)
    const id = this.#nextId++
    if (!this.#ports.send(id, settlements)) {
      this.#buffer.putBack(settlements)
      return
    }
    // Those whose settlement did not fit in wait for the next request.
    const isIn = (waiter: Waiter): boolean => settlements.some((each) => isOf(each, waiter))
    const waiters = this.#waiters.filter(isIn)
    if (waiters.length > 0) this.#waiters = this.#waiters.filter((waiter) => !isIn(waiter))
    const leaseEndsMs = this.#ports.clock.elapsedMs() + this.#ports.invisibleMs()
    this.#sentAtMs = this.#ports.clock.elapsedMs()
    this.#sent = { id, settlements, waiters, extended: this.#extending, leaseEndsMs }
    this.#extending = []
  }

  /** The answer to a request. */
  take(id: number, answers: readonly SettlementFailure[]): void {
    const sent = this.#sent
    if (sent === undefined || sent.id !== id) return
    this.#sent = undefined
    const failures = answers.flatMap(({ index, error, message }) => {
      const settlement = sent.settlements[index]
      if (settlement === undefined) return []
      return [{ settlement, error: new CometError(errorCodeOfId(error), message) }]
    })
    confirmExtensions(
      sent,
      failures.map(({ settlement }) => settlement.range),
    )
    const again = failures.filter(({ error }) => error.retry !== 'never')
    if (again.length > 0) this.#tryAgain(again)
    else this.#unreadyCount = 0
    for (const waiter of sent.waiters) {
      const failure = failures.find(({ settlement }) => isOf(settlement, waiter))
      if (failure === undefined) waiter.resolve()
      else if (failure.error.retry === 'never') waiter.reject(failure.error)
      else this.#waiters.push(waiter)
    }
    for (const { settlement, error } of failures) {
      this.#ports.log.debug({ range: settlement.range, error }, 'a settlement failed')
    }
    if (this.#waiters.length > 0) this.flush()
    else this.flushInTime()
    this.#ports.answered()
  }

  /** The stream broke: what it left unanswered waits for the next one. */
  streamLost(): void {
    const sent = this.#sent
    this.#sent = undefined
    this.#unreadyCount = 0
    this.#pause?.cancel()
    this.#pause = undefined
    for (const run of [...(sent?.extended ?? []), ...this.#extending]) run.isExtending = false
    this.#extending = []
    if (sent === undefined) return
    this.#buffer.putBack(sent.settlements)
    this.#waiters = [...sent.waiters, ...this.#waiters]
  }

  /** Nobody needs to wait any longer. */
  close(error: CometError): void {
    for (const waiter of [...(this.#sent?.waiters ?? []), ...this.#waiters]) waiter.reject(error)
    this.#waiters = []
  }

  #tryAgain(failures: readonly { readonly settlement: Settlement; readonly error: CometError }[]) {
    this.#buffer.putBack(failures.map(({ settlement }) => settlement))
    this.#pause?.cancel()
    const { clock, random } = this.#ports
    const unready = failures.find(({ error }) => isOfReign(error))
    this.#unreadyCount = unready === undefined ? 0 : this.#unreadyCount + 1
    const pauseMs =
      unready === undefined ? RETRY_MS : waitMsAfter(unready.error, this.#unreadyCount - 1, random)
    this.#pause = clock.schedule(pauseMs, () => {
      this.#pause = undefined
      this.flush()
    })
  }
}

/** Only what the broker has confirmed counts as extended. */
function confirmExtensions(sent: SentRequest, failed: readonly LeasedRange[]): void {
  for (const run of sent.extended) {
    run.isExtending = false
    const isLost = failed.some(
      (range) => isSameQueue(range, run.queue) && range.from < run.to && run.from < range.to,
    )
    if (!isLost) run.leaseEndsMs = sent.leaseEndsMs
  }
}

function isOf({ action, range }: Settlement, waiter: Waiter): boolean {
  return action.kind === waiter.kind && covers(range, waiter.range)
}
