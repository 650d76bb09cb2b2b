import type { StoredMessage } from '@cometmq/protocol'
import { messageDocument } from '../message-view.ts'
import { type OperatorOptions, withCluster } from '../operator.ts'
import { bodyLine, show, type View } from '../output.ts'
import { tableLines } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import { formatTime } from '../units.ts'

export interface DlqPeekOptions extends OperatorOptions {
  readonly max: number
  readonly from?: number
}

export async function dlqPeek(
  terminal: Terminal,
  group: string,
  options: DlqPeekOptions,
): Promise<void> {
  await withCluster(terminal, options, async (cluster) => {
    const answers = await cluster.askAll(
      'ListDeadLetters',
      { group, maxMessages: options.max, fromOffset: options.from ?? 0 },
      'GROUP_NOT_FOUND',
    )
    const messages = answers
      .flatMap(({ answer }) => answer.messages)
      .toSorted((a, b) => a.storeTimeMs - b.storeTimeMs)
      .slice(0, options.max)
    show(terminal, options, peekView(group, messages))
  })
}

export function peekView(group: string, messages: readonly StoredMessage[]): View {
  return {
    document: { group, messages: messages.map(messageDocument) },
    lines: (style) =>
      messages.length === 0
        ? [`no dead letters of ${group}`]
        : tableLines(
            [
              { title: 'GIVEN UP', value: ({ storeTimeMs }) => formatTime(storeTimeMs) },
              {
                title: 'PLACE',
                value: ({ brokerName, queueId, offset }) => `${brokerName}/${queueId}/${offset}`,
              },
              { title: 'TOPIC', value: ({ originTopic }) => originTopic, flexible: true },
              { title: 'ATTEMPTS', value: ({ attempts }) => attempts },
              { title: 'REASON', value: ({ reason }) => reason || '-', flexible: true },
              { title: 'BODY', value: ({ body }) => bodyLine(body), flexible: true },
            ],
            messages,
            style,
          ),
  }
}
