import { type SettlementAction, toCometError } from '@cometmq/protocol'
import { cutReason, Reject, RetryLater } from './outcomes.ts'
import type { TakenMessage } from './subscription-lane.ts'
import type { WorkPorts } from './work.ts'

/** Failures of handlers are told at most that often, with their count. */
const TELL_EVERY_MS = 1_000

/** Settles messages that were not handled, and says so now and then. */
export class FailureLog {
  readonly #ports: Pick<WorkPorts<unknown>, 'runtime' | 'group' | 'topic'>
  #count = 0
  #toldAtMs = Number.NEGATIVE_INFINITY

  constructor(ports: Pick<WorkPorts<unknown>, 'runtime' | 'group' | 'topic'>) {
    this.#ports = ports
  }

  /** The handler has thrown. */
  failed({ lane, run, offset }: TakenMessage, error: unknown): void {
    lane.settle(run, offset, actionFor(error))
    if (!(error instanceof RetryLater || error instanceof Reject)) this.#tell(error)
  }

  /** The body cannot be decoded, or does not fit the schema: nor will it at the next attempt. */
  unfit({ lane, run, offset }: TakenMessage, error: unknown): void {
    const { code, message } = toCometError(error)
    const why = code === 'SCHEMA_MISMATCH' ? message : `the body cannot be decoded: ${message}`
    lane.settle(run, offset, { kind: 'reject', reason: cutReason(`SCHEMA_MISMATCH: ${why}`) })
    this.#tell(error)
  }

  #tell(error: unknown): void {
    this.#count += 1
    const { runtime, group, topic } = this.#ports
    const nowMs = runtime.clock.elapsedMs()
    if (nowMs - this.#toldAtMs < TELL_EVERY_MS) return
    runtime.log.warn({ group, topic, failures: this.#count, error }, 'messages were not handled')
    this.#count = 0
    this.#toldAtMs = nowMs
  }
}

/** What the broker is to do with a message whose handler has thrown that. */
function actionFor(error: unknown): SettlementAction {
  if (error instanceof RetryLater) {
    return { kind: 'retry', delayMs: error.delayMs, reason: cutReason(error.message) }
  }
  if (error instanceof Reject) return { kind: 'reject', reason: cutReason(error.message) }
  const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return { kind: 'retry', delayMs: undefined, reason: cutReason(reason) }
}
