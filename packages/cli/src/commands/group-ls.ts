import type { GroupSummary } from '@cometmq/protocol'
import type { BrokerAnswer } from '../cluster.ts'
import { type WatchedOptions, withCluster } from '../operator.ts'
import type { View } from '../output.ts'
import { oneOrAll, specOf, sum } from '../spec-of.ts'
import { tableLines } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import { showOrWatch } from '../watch.ts'

export async function groupLs(terminal: Terminal, options: WatchedOptions): Promise<void> {
  await withCluster(terminal, options, async (cluster) => {
    await showOrWatch(terminal, options, async () => {
      const answers = await cluster.askAll('ListGroups', {})
      return groupsView(
        answers.map(({ brokerName, answer }) => ({ brokerName, answer: answer.groups })),
      )
    })
  })
}

/** Groups by name. Every member is connected to every broker, so members are not added up. */
export function groupsView(answers: readonly BrokerAnswer<readonly GroupSummary[]>[]): View {
  const summaries = answers.flatMap(({ brokerName, answer }) =>
    answer.map(({ spec, ...counts }) => ({ brokerName, ...specOf({ spec }), ...counts })),
  )
  const groups = [...Map.groupBy(summaries, ({ group }) => group)]
    .map(([group, brokers]) => ({
      group,
      members: Math.max(...brokers.map(({ members }) => members)),
      backlog: sum(brokers.map(({ backlog }) => backlog)),
      deadLetters: sum(brokers.map(({ deadLetters }) => deadLetters)),
      brokers,
    }))
    .toSorted((a, b) => (a.group < b.group ? -1 : 1))
  return {
    document: { groups },
    lines: (style) =>
      groups.length === 0
        ? ['no groups; a consumer makes its group when it subscribes']
        : tableLines(
            [
              { title: 'GROUP', value: ({ group }) => group, flexible: true },
              { title: 'MEMBERS', value: ({ members }) => members },
              { title: 'BACKLOG', value: ({ backlog }) => backlog },
              { title: 'DEAD LETTERS', value: ({ deadLetters }) => deadLetters },
              { title: 'STATE', value: ({ brokers }) => oneOrAll(brokers.map(stateOf)) },
            ],
            groups,
            style,
          ),
  }
}

export function stateOf({ paused }: { readonly paused: boolean }): string {
  return paused ? 'paused' : 'running'
}
