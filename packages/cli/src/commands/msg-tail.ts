import { bytes } from '@cometmq/client'
import type { Start } from '../arguments.ts'
import { type OperatorOptions, withCluster } from '../operator.ts'
import { bodyFields, bodyLine } from '../output.ts'
import { printable } from '../table.ts'
import type { Terminal } from '../terminal.ts'

export interface MsgTailOptions extends OperatorOptions {
  readonly from: Start
  /** Tags, as `a||b`. */
  readonly filter?: string
  readonly sql?: string
  readonly max?: number
}

/** Shows the messages of a topic, each on a line, until the user ends it or `--max` have come. */
export async function msgTail(
  terminal: Terminal,
  topic: string,
  options: MsgTailOptions,
): Promise<void> {
  const { sql } = options
  const filter = sql === undefined ? options.filter : { sql }
  await withCluster(terminal, options, async (_, { comet }) => {
    await using reader = comet.topic(topic, { codec: bytes() }).reader({
      from:
        options.from.kind === 'timestamp' ? new Date(options.from.timestampMs) : options.from.kind,
      signal: terminal.stop,
      ...(filter === undefined ? {} : { filter }),
    })
    let shown = 0
    try {
      for await (const message of reader) {
        terminal.out.write(options.json === true ? jsonLine(message) : textLine(message))
        shown += 1
        if (shown === options.max) return
      }
    } catch (error) {
      // The usual end of a tail.
      if (!terminal.stop.aborted) throw error
    }
  })
}

/** What a tail shows of a message. */
export interface TailedMessage {
  readonly id: string
  readonly topic: string
  readonly brokerName: string
  readonly queueId: number
  readonly queueOffset: number
  readonly storedAt: Date
  readonly tag: string | undefined
  readonly key: string | undefined
  readonly keys: readonly string[]
  readonly properties: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export function jsonLine(message: TailedMessage): string {
  const { tag, key, keys, properties } = message
  return `${JSON.stringify({
    topic: message.topic,
    brokerName: message.brokerName,
    queueId: message.queueId,
    offset: message.queueOffset,
    messageId: message.id,
    ...bodyFields(message.body),
    ...(tag === undefined ? {} : { tag }),
    ...(key === undefined ? {} : { key }),
    ...(keys.length === 0 ? {} : { keys }),
    ...(Object.keys(properties).length === 0 ? {} : { properties }),
    storeTime: message.storedAt.toISOString(),
  })}\n`
}

/** `time  broker/queue/offset  [tag]  key=… property=…  body` */
export function textLine(message: TailedMessage): string {
  const { brokerName, queueId, queueOffset, tag, key, keys, properties } = message
  const fields = [
    message.storedAt.toISOString(),
    `${brokerName}/${queueId}/${queueOffset}`,
    ...(tag === undefined ? [] : [`[${tag}]`]),
    ...(key === undefined ? [] : [`key=${key}`]),
    ...(keys.length === 0 ? [] : [`keys=${keys.join(',')}`]),
    ...Object.entries(properties).map(([name, value]) => `${name}=${value}`),
  ]
  return `${fields.map(printable).join('  ')}  ${bodyLine(message.body)}\n`
}
