import { setTimeout as sleep } from 'node:timers/promises'
import type { SeededRandom } from '@cometmq/simulation'
import type { FaultOptions, Faults } from '../../packages/cli/src/drill/faults.ts'
import type { DrillCluster } from './cluster/drill-cluster.ts'
import type { DrillProcess } from './cluster/drill-process.ts'

/** Far beyond every goal. */
const ELECTION_MS = 90_000

export interface SceneSettings {
  /** In place of the scenario's own: how long something is away, one after the other. */
  readonly timesMs: readonly number[] | undefined
  /** Of scenarios that do the same again and again. */
  readonly count: number
  /** Of scenarios that go on for as long as one likes. */
  readonly durationMs: number
  /** How long a group may be away: in place of what the faults say; `none`: that is not judged. */
  readonly goalMs: number | 'own' | 'none'
}

/** The cluster under load, and what a scenario does to it. */
export class Scene {
  readonly cluster: DrillCluster
  readonly random: SeededRandom
  readonly settings: SceneSettings
  readonly #faults: Faults

  constructor(parts: {
    readonly cluster: DrillCluster
    readonly faults: Faults
    readonly random: SeededRandom
    readonly settings: SceneSettings
  }) {
    this.cluster = parts.cluster
    this.random = parts.random
    this.settings = parts.settings
    this.#faults = parts.faults
  }

  /** All broker groups. */
  get groups(): string[] {
    return this.cluster.groups.map(({ name }) => name)
  }

  /** The one that a scenario is about. */
  get group(): string {
    const [first = ''] = this.groups
    return first
  }

  get hasSlaves(): boolean {
    return this.cluster.hasSlaves
  }

  timesMs(usual: readonly number[]): readonly number[] {
    return this.settings.timesMs ?? usual
  }

  /** Breaks something, under load. */
  fault(what: string, options: FaultOptions, act: () => Promise<unknown>): Promise<void> {
    return this.#faults.begin(what, options, act)
  }

  /** Puts something right that the latest fault has broken. */
  mend(what: string, act: () => Promise<unknown> | void): Promise<void> {
    return this.#faults.mend(what, act)
  }

  /** Resolves when every group acknowledges sends again, and nothing of the cluster is missing. */
  untilRecovered(): Promise<void> {
    return this.#faults.untilRecovered()
  }

  /** As `untilRecovered`, where members cannot be in sync as before. */
  untilServing(): Promise<void> {
    return this.#faults.untilServing()
  }

  /** Something was not as the scenario wants it. */
  complain(complaint: string): void {
    this.#faults.complaints.push(complaint)
  }

  pause(ms: number): Promise<void> {
    return sleep(ms)
  }

  /** Resolves when another member is the master of the group that this one belongs to. */
  async untilElsewhere(before: DrillProcess): Promise<void> {
    const deadline = AbortSignal.timeout(ELECTION_MS)
    for (;;) {
      const now = this.cluster.masterNow(this.group)
      if (now !== undefined && now !== before) return
      if (deadline.aborted) throw new Error(`nobody took over from ${before.name}`)
      await sleep(5)
    }
  }
}
