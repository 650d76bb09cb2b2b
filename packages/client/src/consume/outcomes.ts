import { limits } from '@cometmq/protocol'
import { type Duration, parseDuration } from '../duration.ts'

/** Thrown by a handler: hand the message out again after `delay` instead of the group's own delay. */
export class RetryLater extends Error {
  override readonly name = 'RetryLater'
  readonly delayMs: number

  constructor(delay: Duration, reason = 'the handler asked for a retry', options?: ErrorOptions) {
    super(reason, options)
    this.delayMs = parseDuration('the delay of RetryLater', delay)
  }
}

/** Thrown by a handler: no attempt will help. The message goes to the group's dead letters with `reason`. */
export class Reject extends Error {
  override readonly name = 'Reject'

  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options)
  }
}

/** As much of a reason as the broker keeps: a stack trace as a message must not fill the wire. */
export function cutReason(reason: string): string {
  return reason.slice(0, limits.reasonMaxBytes)
}
