import type {
  ChangeInvisibleDurationRequest,
  ChangeInvisibleDurationResponse__Input,
  MessagingMethods,
} from '@cometmq/protocol/rocketmq'
import { times } from '../config.ts'
import type { GatewayContext } from '../context.ts'
import type { UnaryCall } from '../edge.ts'
import { decodeHandle, encodeHandle } from '../handles.ts'
import { checkHandle, outcomeStatus } from '../receipts.ts'
import { groupOf, topicOf } from '../validate/names.ts'
import { changedInvisibleMsOf } from '../validate/times.ts'

/**
 * Moves the end of a lease, which gets a new handle. The answer has a handle in any case: clients
 * keep what they get, also from a call that has failed.
 */
export function changeInvisibleDuration(
  context: GatewayContext,
): UnaryCall<ChangeInvisibleDurationRequest, ChangeInvisibleDurationResponse__Input> {
  const { owners, forwarding, methods, waits } = context
  return {
    async run(request, call, session) {
      const { receiptHandle } = request
      const group = groupOf(request.group)
      const topic = topicOf(request.topic)
      const invisibleMs = changedInvisibleMsOf(request.invisibleDuration)
      const handle = checkHandle(decodeHandle(receiptHandle), { group, topic })
      // A second time the handle would be an old one; the caller learns nothing of the new one then.
      const held = { call, maxMs: times.forwardTimeoutMs, isRepeatable: false }
      return waits.run(held, async () => {
        const owner = owners.named(handle.brokerName, call, 'consume')
        if (owner.kind === 'there') {
          const { brokerName } = owner
          session.ownersAsked.add(brokerName)
          const method: MessagingMethods['ChangeInvisibleDuration'] =
            methods.ChangeInvisibleDuration
          return forwarding.call(method, request, { call, brokerName })
        }
        const outcome = await owner.broker.settle(handle, {
          kind: 'change',
          invisibleMs,
          // Node.js takes the seconds of its backoff for milliseconds.
          atLeastGroupDelay: call.language === 'HTTP',
          suspend: request.suspend === true,
        })
        return {
          status: outcomeStatus(outcome),
          receiptHandle:
            outcome.kind === 'changed'
              ? encodeHandle({ ...handle, generation: outcome.generation })
              : receiptHandle,
        }
      })
    },
    refuse: (status, { receiptHandle }) => ({ status, receiptHandle }),
  }
}
