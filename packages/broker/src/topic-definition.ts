import {
  type AckLevel,
  CometError,
  checkTopicName,
  limits,
  type TopicDefinition,
  type TopicType,
} from '@cometmq/protocol'

/** What an operator asks for; empty and zero fields take the broker's defaults. */
export interface TopicWish {
  readonly topic: string
  readonly type: string
  readonly queueCount: number
  readonly flush: string
  readonly replicas: string
}

/** What an operator wants changed; empty and zero fields leave it as it is. */
export interface TopicEdit {
  readonly queueCount: number
  readonly flush: string
  readonly replicas: string
  readonly readable: string
  readonly writable: string
}

export interface TopicDefaults {
  readonly queueCount: number
}

/** The definition of a new topic. Throws `ILLEGAL_NAME`, `ILLEGAL_ARGUMENT` or `UNSUPPORTED`. */
export function newTopic(wish: TopicWish, defaults: TopicDefaults, nowMs: number): TopicDefinition {
  checkTopicName(wish.topic)
  const queueCount = wish.queueCount === 0 ? defaults.queueCount : wish.queueCount
  checkQueueCount(queueCount)
  return {
    topic: wish.topic,
    type: parseType(wish.type),
    queueCount,
    readable: true,
    writable: true,
    ackLevel: parseAckLevel(wish, { flush: 'sync', replicas: 'in-sync' }),
    version: 1,
    createdAtMs: nowMs,
  }
}

/** The definition after an edit; the same object if nothing changes. Throws `ILLEGAL_ARGUMENT`. */
export function editedTopic(before: TopicDefinition, edit: TopicEdit): TopicDefinition {
  const queueCount = edit.queueCount === 0 ? before.queueCount : edit.queueCount
  checkQueueCount(queueCount)
  if (queueCount < before.queueCount) {
    throw new CometError(
      'ILLEGAL_ARGUMENT',
      `topic "${before.topic}" has ${before.queueCount} queues; queues are only ever added, or their messages would be lost`,
    )
  }
  const ackLevel = parseAckLevel(edit, before.ackLevel)
  const readable = parseFlag('readable', edit.readable, before.readable)
  const writable = parseFlag('writable', edit.writable, before.writable)
  const same =
    queueCount === before.queueCount &&
    ackLevel.flush === before.ackLevel.flush &&
    ackLevel.replicas === before.ackLevel.replicas &&
    readable === before.readable &&
    writable === before.writable
  if (same) return before
  return { ...before, queueCount, ackLevel, readable, writable, version: before.version + 1 }
}

function checkQueueCount(queueCount: number): void {
  if (
    Number.isSafeInteger(queueCount) &&
    queueCount > 0 &&
    queueCount <= limits.queuesPerTopicMax
  ) {
    return
  }
  throw new CometError(
    'ILLEGAL_ARGUMENT',
    `queueCount is ${queueCount}; give 1 to ${limits.queuesPerTopicMax}`,
  )
}

function parseType(type: string): TopicType {
  switch (type) {
    case '':
    case 'normal':
      return 'normal'
    case 'fifo':
      return 'fifo'
    case 'delay':
    case 'transaction':
      throw new CometError(
        'UNSUPPORTED',
        `topics of type ${type} are not supported yet; create it as normal`,
      )
    default:
      throw new CometError(
        'ILLEGAL_ARGUMENT',
        `there is no topic type "${type}"; say normal or fifo`,
      )
  }
}

function parseAckLevel(
  wish: { readonly flush: string; readonly replicas: string },
  otherwise: AckLevel,
): AckLevel {
  const { flush, replicas } = wish
  if (flush !== '' && flush !== 'sync' && flush !== 'async') {
    throw new CometError('ILLEGAL_ARGUMENT', `flush is "${flush}"; say sync or async`)
  }
  if (replicas !== '' && replicas !== 'in-sync' && replicas !== 'master') {
    throw new CometError('ILLEGAL_ARGUMENT', `replicas is "${replicas}"; say in-sync or master`)
  }
  return {
    flush: flush === '' ? otherwise.flush : flush,
    replicas: replicas === '' ? otherwise.replicas : replicas,
  }
}

function parseFlag(name: string, text: string, otherwise: boolean): boolean {
  if (text === '') return otherwise
  if (text === 'true') return true
  if (text === 'false') return false
  throw new CometError('ILLEGAL_ARGUMENT', `${name} is "${text}"; say true or false`)
}
