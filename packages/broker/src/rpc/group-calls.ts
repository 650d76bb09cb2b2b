import type {
  DeadLettersMoved,
  GroupDefinition,
  GroupSpec,
  ResetGroupResponse,
  Services,
  StoredMessage,
} from '@cometmq/protocol'
import { answer, type Handler } from '@cometmq/runtime'
import type { DeliveryEngine } from '../deliver/delivery.ts'
import type { Outcome } from '../everywhere.ts'
import type { GroupRegistry } from '../group-registry.ts'
import { storedMessageOf } from '../stored-message.ts'
import { type AdminEdge, brokerOutcomesOf } from './admin-edge.ts'

/** Dead letters in one answer, which is one gRPC message: by number and, about, by bytes. */
const DEAD_LETTERS_DEFAULT = 32
const DEAD_LETTERS_MAX = 1_000
const DEAD_LETTERS_MAX_BYTES = 8 * 1024 * 1024
/** Read at once, so that the bound in bytes is not passed by much. */
const DEAD_LETTERS_STEP = 8

const sparedBy = 'GROUP_NOT_FOUND'

/** Operators' calls about consumer groups and their dead letters. */
export function groupHandlers(
  { admin }: Services,
  edge: AdminEdge,
  parts: {
    readonly groups: GroupRegistry
    /** Of the present reign; throws `NOT_MASTER` where there is none. */
    readonly delivery: () => DeliveryEngine
    /** Also of a slave that stands in: to look at; it refuses to be changed. */
    readonly seen: () => DeliveryEngine
    readonly epoch: () => number
  },
): Handler[] {
  const { brokerName } = edge
  const { groups, delivery, seen, epoch: epochNow } = parts
  return [
    answer(admin.ListGroups, async () => {
      const definitions = [...groups.all()].toSorted((a, b) => (a.group < b.group ? -1 : 1))
      const summaries = []
      for (const definition of definitions) {
        const { group } = definition
        // Deleted while the others were counted.
        if (groups.get(group) === undefined) continue
        summaries.push({
          spec: specOf(definition),
          members: seen().memberCount(group),
          backlog: await seen().backlogOf(group),
          deadLetters: seen().deadLetters.count(group),
        })
      }
      return { groups: summaries }
    }),

    answer(admin.DescribeGroup, async ({ group }) => {
      const engine = seen()
      const epoch = epochNow()
      const { definition, ...report } = await engine.describeGroup(group)
      return { spec: specOf(definition), brokerName, epoch, ...report }
    }),

    answer(admin.CreateGroup, async (request) =>
      edge.change(request.everywhere, {
        here: () => {
          const { ifMissing } = request
          // A slave that stands in makes none, and lets in who comes with one that is there.
          return (ifMissing ? seen() : delivery()).createGroup(request, { ifMissing })
        },
        there: (connection, timeoutMs) =>
          connection.call(admin.CreateGroup, { ...request, everywhere: false }, { timeoutMs }),
        sparedBy: 'GROUP_EXISTS',
      }),
    ),

    answer(admin.EditGroup, async (request) =>
      edge.change(request.everywhere, {
        here: () => delivery().editGroup(request.group, request),
        there: (connection, timeoutMs) =>
          connection.call(admin.EditGroup, { ...request, everywhere: false }, { timeoutMs }),
        sparedBy,
      }),
    ),

    answer(admin.DeleteGroup, async (request) =>
      edge.change(request.everywhere, {
        here: async () => {
          await delivery().deleteGroup(request.group, request)
          return true
        },
        there: (connection, timeoutMs) =>
          connection.call(admin.DeleteGroup, { ...request, everywhere: false }, { timeoutMs }),
        sparedBy,
      }),
    ),

    answer(admin.ResetGroup, async (request) => {
      const outcomes = await edge.run<ResetGroupResponse>(request.everywhere, {
        here: async () => {
          const queues = await delivery().resetGroup(request)
          return { queues: queues.map((queue) => ({ brokerName, ...queue })), brokers: [] }
        },
        there: (connection, timeoutMs) =>
          connection.call(admin.ResetGroup, { ...request, everywhere: false }, { timeoutMs }),
        sparedBy,
      })
      return {
        queues: outcomes.flatMap((outcome) =>
          outcome.kind === 'done' ? outcome.response.queues : [],
        ),
        brokers: brokerOutcomesOf(outcomes),
      }
    }),

    answer(admin.ListDeadLetters, async ({ group, maxMessages, fromOffset }) => {
      const names = group === '' ? [...groups.all()].map((each) => each.group) : [group]
      if (group !== '') groups.need(group)
      const counts = []
      for (const name of names) {
        const messages = seen().deadLetters.count(name)
        const oldestStoreTimeMs = await seen().deadLetters.oldestStoreTimeMs(name)
        counts.push({ group: name, messages, oldestStoreTimeMs })
      }
      const wanted = Math.min(maxMessages || DEAD_LETTERS_DEFAULT, DEAD_LETTERS_MAX)
      const messages =
        group === '' ? [] : await peek(seen(), { group, from: fromOffset, wanted, brokerName })
      return { counts, messages }
    }),

    answer(admin.RedriveDeadLetters, async (request) => {
      const outcomes = await edge.run<DeadLettersMoved>(request.everywhere, {
        here: async () => {
          groups.need(request.group)
          const maxMessages = request.maxMessages || Number.MAX_SAFE_INTEGER
          return {
            messages: await delivery().deadLetters.redrive(request.group, maxMessages),
            brokers: [],
          }
        },
        there: (connection, timeoutMs) =>
          connection.call(
            admin.RedriveDeadLetters,
            { ...request, everywhere: false },
            { timeoutMs },
          ),
        sparedBy,
      })
      return movedBy(outcomes)
    }),

    answer(admin.PurgeDeadLetters, async (request) => {
      const outcomes = await edge.run<DeadLettersMoved>(request.everywhere, {
        here: async () => {
          groups.need(request.group)
          return { messages: await delivery().deadLetters.purge(request.group), brokers: [] }
        },
        there: (connection, timeoutMs) =>
          connection.call(admin.PurgeDeadLetters, { ...request, everywhere: false }, { timeoutMs }),
        sparedBy,
      })
      return movedBy(outcomes)
    }),
  ]
}

function specOf(definition: GroupDefinition): GroupSpec {
  const { startPosition, retryDelaysMs, ...spec } = definition
  return {
    ...spec,
    retryDelaysMs: [...retryDelaysMs],
    start: startPosition.kind,
    startTimestampMs: startPosition.kind === 'timestamp' ? startPosition.timestampMs : 0,
  }
}

function movedBy(outcomes: readonly Outcome<DeadLettersMoved>[]): DeadLettersMoved {
  let messages = 0
  for (const outcome of outcomes) {
    if (outcome.kind === 'done') messages += outcome.response.messages
  }
  return { messages, brokers: brokerOutcomesOf(outcomes) }
}

async function peek(
  delivery: DeliveryEngine,
  wish: {
    readonly group: string
    readonly from: number
    readonly wanted: number
    readonly brokerName: string
  },
): Promise<StoredMessage[]> {
  const messages: StoredMessage[] = []
  let { from } = wish
  let bytes = 0
  while (messages.length < wish.wanted && bytes < DEAD_LETTERS_MAX_BYTES) {
    const maxMessages = Math.min(DEAD_LETTERS_STEP, wish.wanted - messages.length)
    const letters = await delivery.deadLetters.peek(wish.group, { from, maxMessages })
    for (const { batch, offset, message } of letters) {
      if (messages.length > 0 && bytes + message.body.length > DEAD_LETTERS_MAX_BYTES) {
        return messages
      }
      messages.push(storedMessageOf(batch, offset - batch.baseQueueOffset, wish.brokerName))
      bytes += message.body.length
      from = offset + 1
    }
    if (letters.length < maxMessages) break
  }
  return messages
}
