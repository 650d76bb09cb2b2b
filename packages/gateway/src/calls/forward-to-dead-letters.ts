import type {
  ForwardMessageToDeadLetterQueueRequest,
  MessagingMethods,
  Status__Input,
} from '@cometmq/protocol/rocketmq'
import type { ClientCall } from '../client-call.ts'
import { times } from '../config.ts'
import type { GatewayContext } from '../context.ts'
import type { UnaryCall } from '../edge.ts'
import { decodeHandle } from '../handles.ts'
import type { ReceiptAction } from '../ports.ts'
import { checkHandle } from '../receipts.ts'
import { OK, RefusedCall } from '../status.ts'
import { groupOf, topicOf } from '../validate/names.ts'
import { isBlank } from '../validate/text.ts'

type Response = ReturnType<MessagingMethods['ForwardMessageToDeadLetterQueue']['decodeResponse']>

interface Asked {
  readonly request: ForwardMessageToDeadLetterQueueRequest
  readonly call: ClientCall
  readonly group: string
  readonly topic: string
  readonly action: ReceiptAction
}

/**
 * The consumer gives a message up. Clients repeat it until it is OK; so what is done already, or
 * has been delivered to somebody else since, is OK.
 */
export function forwardToDeadLetters(
  context: GatewayContext,
): UnaryCall<ForwardMessageToDeadLetterQueueRequest, Response> {
  const { owners, forwarding, methods, waits } = context
  return {
    async run(request, call, session) {
      const group = groupOf(request.group)
      const topic = topicOf(request.topic)
      const reason = `its consumer gave it up after ${request.deliveryAttempt} attempts`
      const action = { kind: 'dead-letter', reason } as const
      if (request.receiptHandle === '') {
        return { status: await giveUpById(context, { request, call, group, topic, action }) }
      }
      const handle = checkHandle(decodeHandle(request.receiptHandle), { group, topic })
      const held = { call, maxMs: times.forwardTimeoutMs, isRepeatable: true }
      return waits.run(held, async () => {
        const owner = owners.named(handle.brokerName, call, 'consume')
        if (owner.kind === 'there') {
          const { brokerName } = owner
          session.ownersAsked.add(brokerName)
          const method = methods.ForwardMessageToDeadLetterQueue
          return forwarding.call(method, request, { call, brokerName })
        }
        await owner.broker.settle(handle, action)
        return { status: OK }
      })
    },
    refuse: (status) => ({ status }),
  }
}

/**
 * C++ sends no handle. The message is the one with that id which the client holds, at whichever
 * broker of the topic; if it holds none, there is nothing left to do.
 */
async function giveUpById(context: GatewayContext, asked: Asked): Promise<Status__Input> {
  const { broker, cluster, forwarding, methods, owners } = context
  const { request, call, group, topic, action } = asked
  const { messageId } = request
  if (isBlank(messageId)) {
    throw new RefusedCall(
      'ILLEGAL_MESSAGE_ID',
      'there is neither a receipt handle nor a message id',
    )
  }
  const receipt = await broker?.receiptOf({ clientId: call.clientId, group, topic, messageId })
  if (receipt !== undefined) {
    await broker?.settle(receipt, action)
    return OK
  }
  if (call.isForwarded) return OK
  const { queueGroups } = await owners.route(topic, call)
  const others = queueGroups.filter(
    ({ brokerName }) =>
      brokerName !== broker?.brokerName && cluster.addressOf(brokerName) !== undefined,
  )
  const method = methods.ForwardMessageToDeadLetterQueue
  const answers = await Promise.all(
    others.map(({ brokerName }) => forwarding.call(method, request, { call, brokerName })),
  )
  return answers.find(({ status }) => status?.code !== 'OK')?.status ?? OK
}
