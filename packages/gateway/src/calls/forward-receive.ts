import type {
  MessagingMethods,
  ReceiveMessageRequest,
  ReceiveMessageResponse__Input,
} from '@cometmq/protocol/rocketmq'
import type { MessageStream } from '@cometmq/runtime'
import type { ClientCall } from '../client-call.ts'
import { times } from '../config.ts'
import type { GatewayContext } from '../context.ts'
import { durationOf } from '../durations.ts'
import { statusOf } from '../status.ts'

export type ReceiveAnswer = MessageStream<ReceiveMessageResponse__Input, ReceiveMessageRequest>

interface Forwarded {
  readonly stream: ReceiveAnswer
  readonly request: ReceiveMessageRequest
  readonly call: ClientCall
  readonly brokerName: string
}

/**
 * Lets the owner answer a receive. For the owner its messages are delivered when they have come
 * here; so those that the client has not taken from here are given back.
 *
 * Rejects if the owner has failed before it said anything: the client has heard nothing then.
 */
export async function forwardReceive(context: GatewayContext, forwarded: Forwarded): Promise<void> {
  const { stream, request, call, brokerName } = forwarded
  const { forwarding, log } = context
  const method: MessagingMethods['ReceiveMessage'] = context.methods.ReceiveMessage
  const handles: string[] = []
  let hasAnswered = false
  const { promise: over, resolve, reject } = Promise.withResolvers<void>()
  const owned = forwarding.open(method, { call, brokerName })
  owned.receive({
    message: (answer) => {
      hasAnswered = true
      const handle = answer.message?.systemProperties?.receiptHandle
      if (handle !== undefined) handles.push(handle)
      if (stream.send(answer)) return
      owned.pause()
      void stream.writable().then(() => owned.resume())
    },
    ended: () => {
      void stream.flushed().then(() => {
        if (call.signal.aborted) giveBack(context, forwarded, handles)
        else stream.end()
        resolve()
      })
    },
    failed: (error) => {
      if (!hasAnswered && !call.signal.aborted) {
        reject(error)
        return
      }
      if (call.signal.aborted) giveBack(context, forwarded, handles)
      else {
        stream.send({ status: statusOf(error, log) })
        stream.end()
      }
      resolve()
    },
  })
  owned.send(request)
  owned.end()
  await over
}

/** Ready at once, without another attempt. What the owner has taken back by itself, it has. */
function giveBack(
  { forwarding, methods, log }: GatewayContext,
  { request, call, brokerName }: Forwarded,
  handles: readonly string[],
): void {
  const { group, messageQueue } = request
  const method: MessagingMethods['ChangeInvisibleDuration'] = methods.ChangeInvisibleDuration
  for (const receiptHandle of handles) {
    const change = {
      group,
      topic: messageQueue?.topic ?? null,
      receiptHandle,
      invisibleDuration: durationOf(0),
      suspend: true,
    }
    const { forwardTimeoutMs: timeoutMs } = times
    forwarding
      .call(method, change, { call, brokerName, timeoutMs, outlivesCall: true })
      // Its lease ends.
      .catch((error: unknown) => log.debug({ brokerName, error }, 'a message is not given back'))
  }
}
