import type {
  ForwardMessageToDeadLetterQueueRequest,
  MessagingMethods,
} from '@cometmq/protocol/rocketmq'
import type { GatewayContext } from '../context.ts'
import type { UnaryCall } from '../edge.ts'
import { decodeHandle } from '../handles.ts'
import { checkHandle } from '../receipts.ts'
import { OK } from '../status.ts'
import { groupOf, topicOf } from '../validate/names.ts'

type Response = ReturnType<MessagingMethods['ForwardMessageToDeadLetterQueue']['decodeResponse']>

/**
 * The consumer gives a message up. Clients repeat it until it is OK; so what is done already, or
 * has been delivered to somebody else since, is OK.
 */
export function forwardToDeadLetters(
  context: GatewayContext,
): UnaryCall<ForwardMessageToDeadLetterQueueRequest, Response> {
  const { owners, forwarding, methods } = context
  return {
    async run(request, call, session) {
      const group = groupOf(request.group)
      const topic = topicOf(request.topic)
      const handle = checkHandle(decodeHandle(request.receiptHandle), { group, topic })
      const owner = owners.named(handle.brokerName, call)
      if (owner.kind === 'there') {
        const { brokerName } = owner
        session.ownersAsked.add(brokerName)
        const method = methods.ForwardMessageToDeadLetterQueue
        return forwarding.call(method, request, { call, brokerName })
      }
      const reason = `its consumer gave it up after ${request.deliveryAttempt} attempts`
      await owner.broker.settle(handle, { kind: 'dead-letter', reason })
      return { status: OK }
    },
    refuse: (status) => ({ status }),
  }
}
