import { encodeCommand, type GroupState, parseGroupState } from '@cometmq/replication'
import { setTimeout as sleep } from 'node:timers/promises'
import type { EtcdMember, LocalEtcd } from '../../etcd/local-etcd.ts'

/** What the members of broker groups keep in etcd, read and written past them. */
export class GroupRecords {
  readonly #etcd: LocalEtcd
  readonly #prefix: string
  #commands = 0

  constructor(etcd: LocalEtcd, cluster: string) {
    this.#etcd = etcd
    this.#prefix = `/cometmq/v1/${cluster}/`
  }

  async stateOf(brokerName: string): Promise<GroupState | undefined> {
    const text = await this.#get(`${brokerName}/state`)
    return text === undefined ? undefined : parseGroupState(text)
  }

  /** Whether so many are in sync, each since its latest start. */
  async isInSync(brokerName: string, members: number): Promise<boolean> {
    const state = await this.stateOf(brokerName)
    if (state === undefined || state.inSync.size < members) return false
    for (const [brokerId, incarnation] of state.inSync) {
      const text = await this.#get(`${brokerName}/members/${brokerId}`)
      const { lastIncarnation } = JSON.parse(text ?? '{}') as { lastIncarnation?: number }
      if (lastIncarnation !== incarnation) return false
    }
    return true
  }

  /** Asks the master to give its epoch to whichever slave is best. */
  async askForHandOver(brokerName: string): Promise<void> {
    const id = `drill-${++this.#commands}`
    const command = encodeCommand({ id, kind: 'hand-over', to: undefined })
    const member = await this.#etcd.leader()
    await member.put(`${this.#prefix}${brokerName}/command`, command)
  }

  /** Tells every state that is written, as often as members of etcd tell it; until aborted. */
  watchStates(
    onState: (told: { by: EtcdMember; brokerName: string; state: GroupState }) => void,
    signal: AbortSignal,
  ): void {
    for (const by of this.#etcd.members) void this.#watchStatesBy(by, onState, signal)
  }

  async #watchStatesBy(
    by: EtcdMember,
    onState: (told: { by: EtcdMember; brokerName: string; state: GroupState }) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const onPut = (key: string, value: string): void => {
      const [brokerName = '', name] = key.slice(this.#prefix.length).split('/')
      if (name === 'state') onState({ by, brokerName, state: parseGroupState(value) })
    }
    while (!signal.aborted) {
      // It is away for a while, or for good.
      await by.watch(this.#prefix, onPut, signal).catch(() => {})
      await sleep(50)
    }
  }

  /** From whichever member of etcd answers. */
  async #get(key: string): Promise<string | undefined> {
    for (const member of this.#etcd.members.filter(({ isRunning }) => isRunning)) {
      const text = await member.get(this.#prefix + key).catch(() => undefined)
      if (text !== undefined) return text
    }
    return undefined
  }
}
