import {
  CometError,
  isInternalTopic,
  type QueueDescription,
  type Services,
  type TopicDefinition,
  type TopicSpec,
} from '@cometmq/protocol'
import { answer, type Handler } from '@cometmq/runtime'
import type { MessageStore } from '@cometmq/store'
import { getMessage } from '../stored-message.ts'
import type { TopicAdmin } from '../topic-admin.ts'
import type { TopicRegistry } from '../topic-registry.ts'
import type { AdminEdge } from './admin-edge.ts'

export interface TopicCallsParts {
  readonly edge: AdminEdge
  readonly store: MessageStore
  readonly topics: TopicRegistry
  /** Of the present reign; throws `NOT_MASTER` where there is none. */
  readonly topicAdmin: () => TopicAdmin
  /** Whether topics are made on first send. */
  readonly autoCreateTopics: boolean
  /** The groups that read a topic. */
  readonly groupsOf: (topic: string) => readonly string[]
}

/** Operators' calls about topics and the messages in them. */
export function topicHandlers({ admin }: Services, parts: TopicCallsParts): Handler[] {
  const { edge, store, topics, topicAdmin } = parts
  const { brokerName } = edge
  return [
    answer(admin.ListTopics, async ({ internal }) => ({
      topics: [...topics.all()]
        .filter(({ topic }) => internal || !isInternalTopic(topic))
        .map(specOf)
        .toSorted((a, b) => (a.topic < b.topic ? -1 : 1)),
    })),

    answer(admin.DescribeTopic, async ({ topic }) => {
      const definition = topics.need(topic)
      return {
        spec: specOf(definition),
        queues: await describeQueues(store, definition),
        groups: parts.groupsOf(topic).toSorted(),
        brokerName,
      }
    }),

    answer(admin.CreateTopic, async (request) => {
      const { everywhere, onFirstSend } = request
      if (onFirstSend && !parts.autoCreateTopics) {
        throw new CometError(
          'NOT_ALLOWED',
          `topics are not made on first send here; create "${request.topic}" first, or set autoCreateTopics`,
        )
      }
      topicAdmin().checkWish(request)
      return edge.change(everywhere, {
        here: () => topicAdmin().create(request, { ifMissing: onFirstSend }),
        there: (connection, timeoutMs) =>
          connection.call(admin.CreateTopic, { ...request, everywhere: false }, { timeoutMs }),
        sparedBy: 'TOPIC_EXISTS',
      })
    }),

    answer(admin.EditTopic, (request) =>
      edge.change(request.everywhere, {
        here: () => topicAdmin().edit(request.topic, request),
        there: (connection, timeoutMs) =>
          connection.call(admin.EditTopic, { ...request, everywhere: false }, { timeoutMs }),
        sparedBy: 'TOPIC_NOT_FOUND',
      }),
    ),

    answer(admin.DeleteTopic, (request) =>
      edge.change(request.everywhere, {
        here: () => topicAdmin().delete(request.topic),
        there: (connection, timeoutMs) =>
          connection.call(admin.DeleteTopic, { ...request, everywhere: false }, { timeoutMs }),
        sparedBy: 'TOPIC_NOT_FOUND',
      }),
    ),

    answer(admin.GetMessage, async ({ topic, queueId, offset }) => {
      topics.needQueue(topic, queueId)
      return getMessage(store, { queue: { topic, queueId }, offset, brokerName })
    }),
  ]
}

function specOf(definition: TopicDefinition): TopicSpec {
  const { ackLevel, ...spec } = definition
  return { ...spec, flush: ackLevel.flush, replicas: ackLevel.replicas }
}

async function describeQueues(
  store: MessageStore,
  { topic, queueCount }: TopicDefinition,
): Promise<QueueDescription[]> {
  const queues: QueueDescription[] = []
  for (let queueId = 0; queueId < queueCount; queueId++) {
    const queue = { topic, queueId }
    const { minOffset, maxOffset } = store.bounds(queue) ?? { minOffset: 0, maxOffset: 0 }
    let lastStoreTimeMs = 0
    if (maxOffset > minOffset) {
      const read = await store.read(queue, { from: maxOffset - 1, maxBytes: 1 })
      // Retention may have taken it meanwhile.
      if (read.kind === 'batches') lastStoreTimeMs = read.batches[0]?.storeTimeMs ?? 0
    }
    queues.push({ queueId, minOffset, maxOffset, lastStoreTimeMs })
  }
  return queues
}
