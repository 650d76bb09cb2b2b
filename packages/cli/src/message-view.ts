import type { StoredMessage } from '@cometmq/protocol'
import { bodyFields, bodyLine, textOfBody, type View } from './output.ts'
import { fieldLines } from './table.ts'
import { formatTime } from './units.ts'

/** A message as a JSON document: what it does not have is left out. */
export function messageDocument(message: StoredMessage): Readonly<Record<string, unknown>> {
  const { brokerName, topic, queueId, offset, messageId } = message
  return {
    topic,
    brokerName,
    queueId,
    offset,
    messageId,
    ...bodyFields(message.body),
    ...(message.tag === '' ? {} : { tag: message.tag }),
    ...(message.keys.length === 0 ? {} : { keys: message.keys }),
    ...(Object.keys(message.properties).length === 0 ? {} : { properties: message.properties }),
    ...(message.messageGroup === '' ? {} : { messageGroup: message.messageGroup }),
    bornTime: formatTime(message.bornTimeMs),
    storeTime: formatTime(message.storeTimeMs),
    ...(message.originTopic === ''
      ? {}
      : {
          origin: {
            topic: message.originTopic,
            queueId: message.originQueueId,
            offset: message.originOffset,
            attempts: message.attempts,
            reason: message.reason,
          },
        }),
  }
}

/** One message with all that is known of it, the body last. */
export function messageView(message: StoredMessage): View {
  const text = textOfBody(message.body)
  return {
    document: messageDocument(message),
    lines: () => [
      ...fieldLines([
        ['topic', message.topic],
        ['place', `${message.brokerName}/${message.queueId}/${message.offset}`],
        ['message id', message.messageId],
        ...(message.tag === '' ? [] : [['tag', message.tag] as const]),
        ...(message.keys.length === 0 ? [] : [['keys', message.keys.join(', ')] as const]),
        ...Object.entries(message.properties).map(([key, value]) => [key, value] as const),
        ...(message.messageGroup === '' ? [] : [['message group', message.messageGroup] as const]),
        ['born', formatTime(message.bornTimeMs)],
        ['stored', formatTime(message.storeTimeMs)],
        ...(message.originTopic === ''
          ? []
          : ([
              ['origin', `${message.originTopic} ${message.originQueueId}/${message.originOffset}`],
              ['attempts', message.attempts],
              ['reason', message.reason],
            ] as const)),
        ['body', `${message.body.length} bytes`],
      ]),
      '',
      // Several lines stay several lines here; everything else a terminal would obey is escaped.
      ...(text === undefined ? [bodyLine(message.body)] : text.split('\n').map(lineOfText)),
    ],
  }
}

function lineOfText(line: string): string {
  return bodyLine(Buffer.from(line))
}
