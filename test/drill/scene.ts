import { setTimeout as sleep } from 'node:timers/promises'
import type { SeededRandom } from '@cometmq/simulation'
import type { DrillCluster } from './cluster/drill-cluster.ts'
import type { DrillProcess } from './cluster/drill-process.ts'
import type { DrillLoad } from './load/load.ts'
import { sharedNowMs } from './shared-clock.ts'
import type { Fault } from './timeline.ts'

/** Far beyond every goal: a cluster that is not back by then will not come back by itself. */
const RECOVERY_MS = 90_000

export interface SceneSettings {
  /** In place of the scenario's own: how long something is away, one after the other. */
  readonly timesMs: readonly number[] | undefined
  /** Of scenarios that go on for as long as one likes. */
  readonly durationMs: number
  /** How long a group may be away: in place of what the faults say; `none`: that is not judged. */
  readonly goalMs: number | 'own' | 'none'
}

/** One that is still being told. */
type OpenFault = Omit<Fault, 'notes' | 'wholeAtMs'> & {
  readonly notes: { what: string; atMs: number }[]
  wholeAtMs: number | undefined
}

interface FaultOptions {
  /** Broker groups that may stand still for it; all unless given. */
  readonly groups?: readonly string[]
  /** Whether a group may get another master for it. */
  readonly elects: boolean
  /** For how long groups with slaves may be away; that of the scenario unless given. */
  readonly goalMs?: number | 'none'
}

/** The cluster under load, and what a scenario does to it. */
export class Scene {
  readonly cluster: DrillCluster
  readonly random: SeededRandom
  readonly settings: SceneSettings
  /** What was not as the scenario wants it. */
  readonly complaints: string[] = []
  readonly #load: DrillLoad
  readonly #goalMs: number | 'none'
  readonly #say: (line: string) => void
  readonly #faults: OpenFault[] = []
  /** Of each group, before a fault that must elect nobody. */
  #epochsToKeep: { readonly what: string; readonly epochs: ReadonlyMap<string, number> } | undefined

  constructor(parts: {
    readonly cluster: DrillCluster
    readonly load: DrillLoad
    readonly random: SeededRandom
    readonly settings: SceneSettings
    /** Of the scenario. */
    readonly goalMs: number | 'none'
    readonly say: (line: string) => void
  }) {
    this.cluster = parts.cluster
    this.random = parts.random
    this.settings = parts.settings
    this.#load = parts.load
    this.#goalMs = parts.goalMs
    this.#say = parts.say
  }

  get faults(): readonly Fault[] {
    return this.#faults
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
    return this.cluster.shape.members > 1
  }

  timesMs(usual: readonly number[]): readonly number[] {
    return this.settings.timesMs ?? usual
  }

  /** Breaks something, under load. */
  async fault(what: string, options: FaultOptions, act: () => Promise<unknown>): Promise<void> {
    const { groups = this.groups, elects } = options
    this.#say(what)
    const epochs = new Map(groups.map((group) => [group, this.cluster.epochOf(group)]))
    this.#epochsToKeep = elects ? undefined : { what, epochs }
    const goalMs = this.#goalOf(options)
    this.#faults.push({
      what,
      atMs: sharedNowMs(),
      groups,
      goalMs,
      notes: [],
      wholeAtMs: undefined,
    })
    await inTime(act(), `${what}: was not done`)
  }

  /** Puts something right that the latest fault has broken. */
  async mend(what: string, act: () => Promise<unknown> | void): Promise<void> {
    this.#say(`  ${what}`)
    await inTime(act(), `${what}: was not done`)
    this.#faults.at(-1)?.notes.push({ what, atMs: sharedNowMs() })
  }

  pause(ms: number): Promise<void> {
    return sleep(ms)
  }

  /** Resolves when another member is the master of the group that this one belongs to. */
  async untilElsewhere(before: DrillProcess): Promise<void> {
    const deadline = AbortSignal.timeout(RECOVERY_MS)
    for (;;) {
      const now = this.cluster.masterNow(this.group)
      if (now !== undefined && now !== before) return
      if (deadline.aborted) throw new Error(`nobody took over from ${before.name}`)
      await sleep(5)
    }
  }

  /** Resolves when every group acknowledges sends again, and nothing of the cluster is missing. */
  async untilRecovered(): Promise<void> {
    const deadline = AbortSignal.timeout(RECOVERY_MS)
    await this.#untilServing(deadline)
    await inTime(this.cluster.untilWhole(deadline), 'the cluster is not whole', deadline)
    const latest = this.#faults.at(-1)
    if (latest !== undefined) latest.wholeAtMs = sharedNowMs()
    this.#checkEpochs()
    // So that the next fault meets a cluster that is calm.
    await sleep(500)
  }

  async #untilServing(deadline: AbortSignal): Promise<void> {
    // Whatever was on its way before is no proof.
    await sleep(100)
    const before = this.#load.progress.acknowledged
    const isServing = (group: string): boolean => {
      const now = this.#load.progress.acknowledged[group] ?? 0
      return now > (before[group] ?? 0)
    }
    for (;;) {
      const waiting = this.groups.filter((group) => !isServing(group))
      if (waiting.length === 0) return
      if (deadline.aborted) throw new Error(`${waiting.join(', ')} takes no writes`)
      await sleep(20)
    }
  }

  #goalOf({ goalMs: own = this.#goalMs }: FaultOptions): number | undefined {
    const { goalMs: given } = this.settings
    if (typeof given === 'number') return given
    return given === 'none' || own === 'none' || !this.hasSlaves ? undefined : own
  }

  #checkEpochs(): void {
    if (this.#epochsToKeep === undefined) return
    const { what, epochs } = this.#epochsToKeep
    for (const [group, epoch] of epochs) {
      const now = this.cluster.epochOf(group)
      if (now === epoch || !this.hasSlaves) continue
      this.complaints.push(`${what}: ${group} went from epoch ${epoch} to ${now} for nothing`)
    }
  }
}

async function inTime(
  work: Promise<unknown> | void,
  otherwise: string,
  deadline = AbortSignal.timeout(RECOVERY_MS),
): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(new Error(`${otherwise} in time`))
  deadline.addEventListener('abort', onAbort)
  await Promise.race([work, late]).finally(() => deadline.removeEventListener('abort', onAbort))
}
