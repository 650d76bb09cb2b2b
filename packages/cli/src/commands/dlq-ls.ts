import type { DeadLetterCount } from '@cometmq/protocol'
import { type WatchedOptions, withCluster } from '../operator.ts'
import type { View } from '../output.ts'
import { sum } from '../spec-of.ts'
import { tableLines } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import { formatTime } from '../units.ts'
import { showOrWatch } from '../watch.ts'

export async function dlqLs(terminal: Terminal, options: WatchedOptions): Promise<void> {
  await withCluster(terminal, options, async (cluster) => {
    await showOrWatch(terminal, options, async () => {
      const answers = await cluster.askAll('ListDeadLetters', { group: '' })
      return deadLettersView(answers.flatMap(({ answer }) => answer.counts))
    })
  })
}

/** Groups with dead letters, added up over the brokers. */
export function deadLettersView(counts: readonly DeadLetterCount[]): View {
  const groups = [...Map.groupBy(counts, ({ group }) => group)]
    .map(([group, ofGroup]) => ({
      group,
      messages: sum(ofGroup.map(({ messages }) => messages)),
      oldestStoreTimeMs: Math.min(
        ...ofGroup.filter(({ messages }) => messages > 0).map((count) => count.oldestStoreTimeMs),
      ),
    }))
    .filter(({ messages }) => messages > 0)
    .toSorted((a, b) => (a.group < b.group ? -1 : 1))
  return {
    document: { groups },
    lines: (style) =>
      groups.length === 0
        ? ['no dead letters']
        : tableLines(
            [
              { title: 'GROUP', value: ({ group }) => group, flexible: true },
              { title: 'MESSAGES', value: ({ messages }) => messages },
              { title: 'OLDEST', value: ({ oldestStoreTimeMs: ms }) => formatTime(ms) },
            ],
            groups,
            style,
          ),
  }
}
