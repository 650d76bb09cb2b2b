import type { CommandGroupResponse } from '@cometmq/protocol'
import { askMember, membersOf } from '../broker-group.ts'
import { confirm } from '../confirm.ts'
import { type OperatorOptions, type RiskyOptions, withCluster } from '../operator.ts'
import { show } from '../output.ts'
import type { Terminal } from '../terminal.ts'

export interface HandOverOptions extends OperatorOptions {
  readonly to?: number
}

export interface BrokerForgetOptions extends RiskyOptions {
  readonly id: number
}

export interface ElectOptions extends OperatorOptions {
  readonly to: number
}

/** The group takes the command back at its time-out, and says so a little later. */
const ANSWER_MS = 2_000

/** The master gives its epoch to a slave that is in sync. */
export async function brokerHandOver(
  terminal: Terminal,
  brokerName: string,
  options: HandOverOptions,
): Promise<void> {
  await command(terminal, options, {
    brokerName,
    kind: 'hand-over',
    memberId: options.to ?? 0,
    done: ({ master, epoch, tookMs }) =>
      `member ${master} is master of ${brokerName} in epoch ${epoch}, after ${tookMs} ms`,
  })
}

/** Takes a member that will not come back out of the group's records. */
export async function brokerForget(
  terminal: Terminal,
  brokerName: string,
  options: BrokerForgetOptions,
): Promise<void> {
  const { id: memberId } = options
  await confirm(terminal, options, `forget member ${memberId} of ${brokerName} for good`)
  await command(terminal, options, {
    brokerName,
    kind: 'forget',
    memberId,
    done: () => `forgot member ${memberId} of ${brokerName}`,
  })
}

/** Makes a member master that may lack acknowledged messages. */
export async function brokerElect(
  terminal: Terminal,
  brokerName: string,
  options: ElectOptions,
): Promise<void> {
  await command(terminal, options, {
    brokerName,
    kind: 'elect',
    memberId: options.to,
    done: ({ master, epoch, keptTo, confirmedTo }) =>
      `member ${master} is master of ${brokerName} in epoch ${epoch}; its log was kept to ${keptTo}, the highest offset known to be confirmed was ${confirmedTo}`,
  })
}

async function command(
  terminal: Terminal,
  options: OperatorOptions,
  wish: {
    readonly brokerName: string
    readonly kind: 'hand-over' | 'forget' | 'elect'
    readonly memberId: number
    readonly done: (response: CommandGroupResponse) => string
  },
): Promise<void> {
  const { brokerName, kind, memberId, done } = wish
  const { timeout } = options
  await withCluster(terminal, options, async (_cluster, connected) => {
    const members = await membersOf(connected, brokerName)
    const response = await askMember(
      connected,
      members,
      'CommandGroup',
      { kind, memberId, timeoutMs: timeout },
      { timeoutMs: timeout + ANSWER_MS, signal: terminal.stop },
    )
    const { keptTo, confirmedTo, ...rest } = response
    const loss = kind === 'elect' ? { keptTo, confirmedTo } : {}
    show(terminal, options, {
      document: { brokerName, command: kind, ...rest, ...loss },
      lines: () => [done(response)],
    })
  })
}
