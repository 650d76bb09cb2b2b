import type { Code, Message, SystemProperties } from '@cometmq/protocol/rocketmq'
import { bounds } from '../config.ts'
import { RefusedCall } from '../status.ts'
import { hasControl, isBlank } from './text.ts'

/** Property keys that RocketMQ uses itself. */
const RESERVED_KEYS = new Set(
  `TRACE_ON MSG_REGION KEYS TAGS WAIT DELAY RETRY_TOPIC REAL_TOPIC REAL_QID TRAN_MSG PGROUP
  MIN_OFFSET MAX_OFFSET BUYER_ID ORIGIN_MESSAGE_ID TRANSFER_FLAG CORRECTION_FLAG MQ2_FLAG
  RECONSUME_TIME UNIQ_KEY MAX_RECONSUME_TIMES CONSUME_START_TIME POP_CK POP_CK_OFFSET 1ST_POP_TIME
  TRAN_PREPARED_QUEUE_OFFSET DUP_INFO EXTEND_UNIQ_INFO INSTANCE_ID CORRELATION_ID REPLY_TO_CLIENT TTL
  ARRIVE_TIME PUSH_REPLY_TIME CLUSTER MSG_TYPE INNER_MULTI_QUEUE_OFFSET TIMER_DELAY_MS TIMER_DELAY_SEC
  TIMER_DELIVER_MS TIMER_ENQUEUE_MS TIMER_DEQUEUE_MS TIMER_ROLL_TIMES TIMER_OUT_MS TIMER_DEL_UNIQKEY
  TIMER_DELAY_LEVEL __BORNHOST BORN_TIMESTAMP DLQ_ORIGIN_TOPIC DLQ_ORIGIN_MESSAGE_ID __CRC32#`.split(
    /\s+/,
  ),
)

/** A message as it is checked: `system` is there. */
interface Checked {
  readonly message: Message
  readonly system: SystemProperties
}

interface Rule {
  readonly code: Code
  /** Why the message breaks the rule; `undefined` if it does not. */
  readonly breach: (checked: Checked) => string | undefined
}

/** In this order; the first breach is told. */
const rules: readonly Rule[] = [
  {
    code: 'ILLEGAL_MESSAGE_ID',
    breach: ({ system }) => (isBlank(system.messageId) ? 'its id is blank' : undefined),
  },
  {
    code: 'MESSAGE_BODY_EMPTY',
    breach: ({ message }) => (message.body.length === 0 ? 'its body is empty' : undefined),
  },
  {
    code: 'MESSAGE_BODY_TOO_LARGE',
    breach: ({ message: { body } }) =>
      body.length > bounds.bodyMaxBytes
        ? `its body has ${body.length} bytes, ${bounds.bodyMaxBytes} are allowed`
        : undefined,
  },
  { code: 'ILLEGAL_MESSAGE_TAG', breach: ({ system }) => tagBreach(system.tag) },
  { code: 'ILLEGAL_MESSAGE_KEY', breach: ({ system }) => keysBreach(system.keys) },
  { code: 'ILLEGAL_MESSAGE_GROUP', breach: ({ system }) => groupBreach(system) },
  {
    code: 'ILLEGAL_MESSAGE_PROPERTY_KEY',
    breach: ({ message }) => propertiesBreach(message.userProperties),
  },
  { code: 'MESSAGE_PROPERTIES_TOO_LARGE', breach: sizeBreach },
]

/** Throws with the code of the first rule that a message breaks. */
export function checkMessage(message: Message): Checked {
  const system = message.systemProperties
  if (system === null) {
    throw new RefusedCall('MESSAGE_CORRUPTED', 'a message has no system properties')
  }
  const checked = { message, system }
  for (const { code, breach } of rules) {
    const why = breach(checked)
    if (why !== undefined) throw new RefusedCall(code, `a message cannot be stored: ${why}`)
  }
  return checked
}

function tagBreach(tag: string | undefined): string | undefined {
  if (tag === undefined) return undefined
  if (isBlank(tag)) return 'its tag is blank'
  if (tag.includes('|')) return 'its tag contains "|"'
  return hasControl(tag) ? 'its tag contains control characters' : undefined
}

function keysBreach(keys: readonly string[]): string | undefined {
  for (const key of keys) {
    if (isBlank(key)) return 'one of its keys is blank'
    if (hasControl(key)) return 'one of its keys contains control characters'
  }
  return undefined
}

/** An empty group means none where none is needed: a client of C++ writes it so. */
function groupBreach({ messageGroup, messageType }: SystemProperties): string | undefined {
  if (messageGroup === undefined || (messageGroup === '' && messageType !== 'FIFO'))
    return undefined
  if (isBlank(messageGroup)) return 'its message group is blank'
  if (hasControl(messageGroup)) return 'its message group contains control characters'
  const bytes = Buffer.byteLength(messageGroup)
  if (bytes <= bounds.messageGroupMaxBytes) return undefined
  return `its message group has ${bytes} bytes, ${bounds.messageGroupMaxBytes} are allowed`
}

function propertiesBreach(properties: Readonly<Record<string, string>>): string | undefined {
  for (const [key, value] of Object.entries(properties)) {
    if (key === '') return 'a property key is empty'
    if (RESERVED_KEYS.has(key)) return `the property key "${key}" is reserved`
    if (hasControl(key)) return 'a property key contains control characters'
    if (hasControl(value)) return `the property "${key}" contains control characters`
  }
  return undefined
}

function sizeBreach({ message, system }: Checked): string | undefined {
  const entries = Object.entries(message.userProperties)
  if (entries.length > bounds.propertiesMaxCount) {
    return `it has ${entries.length} properties, ${bounds.propertiesMaxCount} are allowed`
  }
  let bytes = Buffer.byteLength(system.tag ?? '')
  for (const key of system.keys) bytes += Buffer.byteLength(key)
  for (const [key, value] of entries) bytes += Buffer.byteLength(key) + Buffer.byteLength(value)
  if (bytes <= bounds.propertiesMaxBytes) return undefined
  return `properties, tag and keys take ${bytes} bytes, ${bounds.propertiesMaxBytes} are allowed`
}
