import type { Runtime } from '@cometmq/runtime'
import type { MessagePorts } from './received-message.ts'
import type { Subscription } from './subscription.ts'

/** Takes messages from a subscription, and knows what to do with them. */
export interface Work {
  /** Starts on the next messages. Undefined: there were none; a promise: they are being handled. */
  next(subscription: Subscription, nowMs: number, ports: MessagePorts): Started
}

export type Started =
  /** Nothing lies ready. */
  | undefined
  /** So many messages were handled already. */
  | number
  | Promise<void>

/** What work needs besides the messages. */
export interface WorkPorts<T> {
  readonly runtime: Runtime
  readonly group: string
  readonly topic: string
  /** The value of a body; throws or rejects with what makes the message unfit. */
  decode(body: Buffer): T | Promise<T>
}
