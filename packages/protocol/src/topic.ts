import { CometError } from './errors.ts'
import { limits } from './limits.ts'

/** What a topic promises about the messages in it; official clients insist on the distinction. */
export type TopicType = 'normal' | 'fifo' | 'delay' | 'transaction'

/** When a producer's send is answered. */
export interface AckLevel {
  /** `sync`: after fdatasync. `async`: after the write; a power cut may lose what was not flushed. */
  readonly flush: 'sync' | 'async'
  /** `in-sync`: after every member of the in-sync set has it. `master`: after the master has it. */
  readonly replicas: 'in-sync' | 'master'
}

/** A topic as one broker group holds it. */
export interface TopicDefinition {
  readonly topic: string
  readonly type: TopicType
  /** Queues on this broker group, numbered from 0. */
  readonly queueCount: number
  readonly readable: boolean
  readonly writable: boolean
  readonly ackLevel: AckLevel
  /** Raised by each edit; a definition never replaces one with a higher version. */
  readonly version: number
  readonly createdAtMs: number
}

/** Where a new group starts in a queue it has no position for. */
export type StartPosition =
  | { readonly kind: 'earliest' }
  | { readonly kind: 'latest' }
  | { readonly kind: 'timestamp'; readonly timestampMs: number }

/** A consumer group as one broker group holds it. */
export interface GroupDefinition {
  readonly group: string
  /** Deliveries of one message before it goes to the dead letter topic. */
  readonly maxAttempts: number
  readonly invisibleMs: number
  /** Wait before attempt 2, 3, …; the last value repeats. */
  readonly retryDelaysMs: readonly number[]
  readonly startPosition: StartPosition
  readonly paused: boolean
  /** A FIFO group locks by message group. Reserved: only `false` is accepted until FIFO delivery lands. */
  readonly fifo: boolean
  readonly version: number
  readonly createdAtMs: number
}

const RETRY_PREFIX = '%RETRY%'
const DEAD_LETTER_PREFIX = '%DLQ%'
const NAME = /^[%|a-zA-Z0-9_-]+$/
const RESERVED_TOPICS = new Set([
  'TBW102',
  'SCHEDULE_TOPIC_XXXX',
  'BenchmarkTest',
  'RMQ_SYS_TRANS_HALF_TOPIC',
  'RMQ_SYS_TRACE_TOPIC',
  'RMQ_SYS_TRANS_OP_HALF_TOPIC',
  'TRANS_CHECK_MAX_TIME_TOPIC',
  'SELF_TEST_TOPIC',
  'OFFSET_MOVED_EVENT',
  'CHECKPOINT_TOPIC',
])

/** The topic that holds messages of `group` waiting for another attempt. */
export function retryTopicOf(group: string): string {
  return RETRY_PREFIX + group
}

/** The topic that holds messages `group` gave up on. */
export function deadLetterTopicOf(group: string): string {
  return DEAD_LETTER_PREFIX + group
}

export function isRetryTopic(topic: string): boolean {
  return topic.startsWith(RETRY_PREFIX)
}

export function isDeadLetterTopic(topic: string): boolean {
  return topic.startsWith(DEAD_LETTER_PREFIX)
}

/** Topics the broker makes for itself: no producer writes to them. */
export function isInternalTopic(topic: string): boolean {
  return isRetryTopic(topic) || isDeadLetterTopic(topic)
}

/** Throws `ILLEGAL_NAME` unless users may create a topic of that name. */
export function checkTopicName(topic: string): void {
  checkName('topic', topic, limits.topicNameMaxChars)
  if (isInternalTopic(topic) || RESERVED_TOPICS.has(topic) || topic.startsWith('rmq_sys_')) {
    throw new CometError('ILLEGAL_NAME', `the topic name "${topic}" is reserved; choose another`)
  }
}

/** Throws `ILLEGAL_NAME` unless users may create a consumer group of that name. */
export function checkGroupName(group: string): void {
  checkName('group', group, limits.groupNameMaxChars)
  if (group.startsWith('CID_RMQ_SYS_') || group === 'TOOLS_CONSUMER' || isInternalTopic(group)) {
    throw new CometError('ILLEGAL_NAME', `the group name "${group}" is reserved; choose another`)
  }
}

/** Throws `ILLEGAL_NAME` unless a broker may carry that name. */
export function checkBrokerName(brokerName: string): void {
  checkName('broker', brokerName, limits.brokerNameMaxChars)
}

function checkName(what: string, name: string, maxChars: number): void {
  if (name.length === 0) throw new CometError('ILLEGAL_NAME', `a ${what} name is empty`)
  if (name.length > maxChars) {
    throw new CometError(
      'ILLEGAL_NAME',
      `a ${what} name has ${name.length} characters, ${maxChars} are allowed: "${name.slice(0, 40)}…"`,
    )
  }
  if (!NAME.test(name)) {
    throw new CometError(
      'ILLEGAL_NAME',
      `the ${what} name ${JSON.stringify(name)} has characters other than letters, digits, _ - % |`,
    )
  }
}
