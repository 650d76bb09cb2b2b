import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { type GroupState, parseGroupState } from '@cometmq/replication'
import type { ComposeCluster } from './engine.ts'
import { CLUSTER, ETCD, MEMBERS, serviceOf } from './layout.ts'

const PATIENCE_MS = 60_000

/** What members of broker groups have agreed on, as etcd has it. */
export class ComposeRecords {
  readonly #cluster: ComposeCluster

  constructor(cluster: ComposeCluster) {
    this.#cluster = cluster
  }

  /** The service whose member is the master of that group. */
  async masterOf(group: string): Promise<string> {
    const state = await this.#stateOf(group)
    assert(state !== undefined, `${group} has no master`)
    return serviceOf(group, state.master)
  }

  /** Resolves when every member of that group is in sync, each since its latest start. */
  async untilInSync(group: string): Promise<void> {
    const deadline = AbortSignal.timeout(PATIENCE_MS)
    while (!(await this.#isInSync(group))) {
      assert(!deadline.aborted, `${group} is not in sync after ${PATIENCE_MS} ms`)
      await sleep(50)
    }
  }

  async #isInSync(group: string): Promise<boolean> {
    const state = await this.#stateOf(group)
    if (state === undefined || state.inSync.size < MEMBERS) return false
    for (const [brokerId, incarnation] of state.inSync) {
      const text = await this.#get(`${group}/members/${brokerId}`)
      const { lastIncarnation } = JSON.parse(text || '{}') as { lastIncarnation?: number }
      if (lastIncarnation !== incarnation) return false
    }
    return true
  }

  async #stateOf(group: string): Promise<GroupState | undefined> {
    const text = await this.#get(`${group}/state`)
    return text === '' ? undefined : parseGroupState(text)
  }

  /** From whichever member of etcd answers; empty: nobody has written it. */
  async #get(key: string): Promise<string> {
    const get = ['etcdctl', 'get', '--print-value-only', `/cometmq/v1/${CLUSTER}/${key}`]
    const errors: unknown[] = []
    for (const container of await this.#cluster.containersOf(...ETCD)) {
      try {
        return (await this.#cluster.docker('exec', container, ...get)).trim()
      } catch (error) {
        errors.push(error)
      }
    }
    throw new AggregateError(errors, 'no member of etcd answers')
  }
}
