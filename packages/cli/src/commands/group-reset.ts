import type { ResetGroupRequest, ResetQueue } from '@cometmq/protocol'
import type { ResetTarget } from '../arguments.ts'
import { CommandError } from '../command-error.ts'
import { confirm } from '../confirm.ts'
import { exitCodes } from '../exit-codes.ts'
import { type RiskyOptions, withCluster } from '../operator.ts'
import { show, type View } from '../output.ts'
import { tableLines } from '../table.ts'
import type { Terminal } from '../terminal.ts'

export interface GroupResetOptions extends RiskyOptions {
  readonly to: ResetTarget
  readonly topic?: string
  readonly queue?: number
  readonly dryRun?: boolean
}

export async function groupReset(
  terminal: Terminal,
  group: string,
  options: GroupResetOptions,
): Promise<void> {
  const request = requestOf(group, options)
  await withCluster(terminal, options, async (cluster) => {
    const reset = async (dryRun: boolean): Promise<readonly ResetQueue[]> => {
      const { queues } = await cluster.change('ResetGroup', {
        ...request,
        dryRun,
      })
      return queues
    }

    if (options.dryRun === true) {
      show(terminal, options, resetView(group, await reset(true), true))
      return
    }
    if (options.yes !== true) {
      const moved = (await reset(true)).filter(({ before, after }) => before !== after)
      await confirm(terminal, options, `move group ${group} in ${moved.length} queues`)
    }
    show(terminal, options, resetView(group, await reset(false), false))
  })
}

function requestOf(group: string, options: GroupResetOptions): Omit<ResetGroupRequest, 'dryRun'> {
  const { to, topic, queue } = options
  if (queue !== undefined && topic === undefined) {
    throw new CommandError(exitCodes.usage, '--queue needs --topic', 'queues belong to topics')
  }
  if (to.kind === 'offset' && (topic === undefined || queue === undefined)) {
    const hint = 'offsets of one queue mean nothing in another'
    throw new CommandError(exitCodes.usage, 'an offset needs --topic and --queue', hint)
  }
  return {
    group,
    topic: topic ?? '',
    to: to.kind,
    timestampMs: to.kind === 'timestamp' ? to.timestampMs : 0,
    offset: to.kind === 'offset' ? to.offset : 0,
    queueId: queue ?? 0,
    hasQueueId: queue !== undefined,
    everywhere: true,
  }
}

export function resetView(group: string, queues: readonly ResetQueue[], dryRun: boolean): View {
  return {
    document: { group, dryRun, queues },
    lines: (style) =>
      queues.length === 0
        ? ['nothing to move: the group has read none of it']
        : [
            ...tableLines(
              [
                { title: 'TOPIC', value: ({ topic }) => topic, flexible: true },
                {
                  title: 'QUEUE',
                  value: ({ brokerName, queueId }) => `${brokerName}/${queueId}`,
                },
                { title: 'BEFORE', value: ({ before }) => before },
                { title: 'AFTER', value: ({ after }) => after },
              ],
              queues,
              style,
            ),
            ...(dryRun ? ['', 'nothing was moved: --dry-run'] : []),
          ],
  }
}
