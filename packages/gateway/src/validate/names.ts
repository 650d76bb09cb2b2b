import { isRetryTopic } from '@cometmq/protocol'
import type { Resource } from '@cometmq/protocol/rocketmq'
import { bounds } from '../config.ts'
import { RefusedCall } from '../status.ts'

const NAME = /^[%|a-zA-Z0-9_-]+$/
const SYSTEM_TOPICS = new Set([
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
const SYSTEM_GROUPS = new Set([
  'TOOLS_CONSUMER',
  'FILTERSRV_CONSUMER',
  '__MONITOR_CONSUMER',
  'SELF_TEST_C_GROUP',
])

/** The topic that a client names. Throws `ILLEGAL_TOPIC`. */
export function topicOf(resource: Resource | null | undefined): string {
  const name = resource?.name ?? ''
  const refuse = (why: string): RefusedCall => new RefusedCall('ILLEGAL_TOPIC', `a topic ${why}`)
  if (name.trim() === '') throw refuse('name is blank')
  if (name.length > bounds.topicMaxChars) {
    throw refuse(`name has ${name.length} characters, ${bounds.topicMaxChars} are allowed`)
  }
  if (!NAME.test(name)) throw refuse('name has characters other than letters, digits, _ - % |')
  if (SYSTEM_TOPICS.has(name) || name.startsWith('rmq_sys_') || isRetryTopic(name)) {
    throw refuse(`"${name}" belongs to the system`)
  }
  return name
}

/** The group that a client names. Throws `ILLEGAL_CONSUMER_GROUP`. */
export function groupOf(resource: Resource | null | undefined): string {
  const name = resource?.name ?? ''
  const refuse = (why: string): RefusedCall =>
    new RefusedCall('ILLEGAL_CONSUMER_GROUP', `a consumer group ${why}`)
  if (name.trim() === '') throw refuse('name is blank')
  if (name.length > bounds.groupMaxChars) {
    throw refuse(`name has ${name.length} characters, ${bounds.groupMaxChars} are allowed`)
  }
  if (!NAME.test(name)) throw refuse('name has characters other than letters, digits, _ - % |')
  if (SYSTEM_GROUPS.has(name) || name.startsWith('CID_RMQ_SYS_') || name.startsWith('%')) {
    throw refuse(`"${name}" belongs to the system`)
  }
  return name
}
