import { setTimeout as delay } from 'node:timers/promises'
import { CometError } from '@cometmq/protocol'
import { askMember, membersOf } from '../broker-group.ts'
import { confirm } from '../confirm.ts'
import { type RiskyOptions, withCluster } from '../operator.ts'
import { show } from '../output.ts'
import type { Terminal } from '../terminal.ts'

export interface PromoteOptions extends RiskyOptions {
  readonly to: number
  readonly oldMasterIsDead?: boolean
  readonly without?: readonly number[]
}

const LOOK_MS = 100

/** Makes a slave master where roles are configured; waits until it serves. */
export async function brokerPromote(
  terminal: Terminal,
  brokerName: string,
  options: PromoteOptions,
): Promise<void> {
  const { to, timeout, oldMasterIsDead = false, without = [] } = options
  const given = without.length === 0 ? '' : `, and give up what only ${without.join(', ')} have`
  await confirm(terminal, options, `make member ${to} master of ${brokerName}${given}`)
  await withCluster(terminal, options, async (_cluster, connected) => {
    const call = { timeoutMs: timeout, signal: terminal.stop }
    const members = await membersOf(connected, brokerName)
    const before = await askMember(connected, members, 'DescribeReplicas', {}, call)
    const promoted = await askMember(
      connected,
      members,
      'CommandGroup',
      { kind: 'promote', memberId: to, timeoutMs: timeout, oldMasterIsDead, without: [...without] },
      call,
    ).catch((thrown: unknown) => {
      // It may be the one that was promoted, and begins anew: what came of it is seen.
      if (thrown instanceof CometError && thrown.code === 'UNAVAILABLE') return undefined
      throw thrown
    })
    for (let leftMs = timeout; ; leftMs -= LOOK_MS) {
      // Members that begin anew do not answer meanwhile.
      const found = await askMember(connected, members, 'DescribeReplicas', {}, call).catch(
        () => undefined,
      )
      const master = found?.replicas.find(({ memberId }) => memberId === to)
      const isMaster = found?.master === to && master?.role === 'master'
      if (found !== undefined && isMaster && found.epoch > before.epoch) {
        const { epoch } = found
        const { keptTo = 0, confirmedTo = 0 } = promoted ?? {}
        const loss = keptTo === 0 && confirmedTo === 0 ? {} : { keptTo, confirmedTo }
        show(terminal, options, {
          document: { brokerName, command: 'promote', epoch, master: to, ...loss },
          lines: () => [`member ${to} is master of ${brokerName} in epoch ${epoch}`],
        })
        return
      }
      if (leftMs <= 0) {
        throw new CometError(
          'TIMEOUT',
          `member ${to} does not serve as master yet; its log says what it waits for`,
        )
      }
      await delay(LOOK_MS, undefined, { signal: terminal.stop })
    }
  })
}
