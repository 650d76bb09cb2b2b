import { setTimeout as sleep } from 'node:timers/promises'
import { sharedNowMs } from './shared-clock.ts'
import type { Fault } from './timeline.ts'

/** Far beyond every goal: a cluster that is not back by then will not come back by itself. */
const RECOVERY_MS = 90_000
/** Between two faults, so that each meets a cluster that is calm. */
const CALM_MS = 500

/** What has to be known of a cluster to break something of it, whoever runs it. */
export interface DrilledCluster {
  /** All broker groups, by name. */
  readonly groups: readonly { readonly name: string }[]
  /** Whether somebody could take over. */
  readonly hasSlaves: boolean
  /** The reign of which name servers have heard; 0 before the first. */
  epochOf(groupName: string): number
  /** Resolves when nothing of it is missing. */
  untilWhole(signal: AbortSignal): Promise<void>
}

/** One that is still being told. */
type OpenFault = Omit<Fault, 'notes' | 'wholeAtMs' | 'saidDoneAtMs'> & {
  saidDoneAtMs?: number
  readonly notes: { what: string; atMs: number }[]
  wholeAtMs: number | undefined
}

export interface FaultOptions {
  /** Broker groups that may stand still for it; all unless given. */
  readonly groups?: readonly string[]
  /** Whether a group may get another master for it. */
  readonly elects: boolean
  /** For how long groups with slaves may be away; that of the scenario unless given. */
  readonly goalMs?: number | 'none'
  /** A person does it, who takes his time and says when it is done. */
  readonly isManual?: boolean
}

/** The faults of a drill: when each began and was mended, and whether the cluster bore it. */
export class Faults {
  /** What was not as the scenario wants it. */
  readonly complaints: string[] = []
  readonly #cluster: DrilledCluster
  /** Sends so far, by broker name. */
  readonly #acknowledged: () => Readonly<Record<string, number>>
  readonly #goals: FaultGoals
  readonly #say: (line: string) => void
  readonly #faults: OpenFault[] = []
  /** Of each group, before a fault that must elect nobody. */
  #epochsToKeep: { readonly what: string; readonly epochs: ReadonlyMap<string, number> } | undefined

  constructor(parts: {
    readonly cluster: DrilledCluster
    readonly acknowledged: () => Readonly<Record<string, number>>
    readonly goals: FaultGoals
    readonly say: (line: string) => void
  }) {
    this.#cluster = parts.cluster
    this.#acknowledged = parts.acknowledged
    this.#goals = parts.goals
    this.#say = parts.say
  }

  get all(): readonly Fault[] {
    return this.#faults
  }

  /** Breaks something, under load. */
  async begin(what: string, options: FaultOptions, act: () => Promise<unknown>): Promise<void> {
    const { groups = this.#groups, elects } = options
    this.#say(what)
    const epochs = new Map(groups.map((group) => [group, this.#cluster.epochOf(group)]))
    this.#epochsToKeep = elects ? undefined : { what, epochs }
    const atMs = sharedNowMs()
    const goalMs = this.#goalOf(options)
    const fault: OpenFault = { what, atMs, groups, goalMs, notes: [], wholeAtMs: undefined }
    this.#faults.push(fault)
    if (options.isManual !== true) return await inTime(act(), `${what}: was not done`)
    await act()
    fault.saidDoneAtMs = sharedNowMs()
  }

  /** Puts something right that the latest fault has broken. */
  async mend(what: string, act: () => Promise<unknown> | void): Promise<void> {
    this.#say(`  ${what}`)
    await inTime(act(), `${what}: was not done`)
    this.#faults.at(-1)?.notes.push({ what, atMs: sharedNowMs() })
  }

  /** Resolves when every group acknowledges sends again, and nothing of the cluster is missing. */
  async untilRecovered(): Promise<void> {
    const deadline = AbortSignal.timeout(RECOVERY_MS)
    await this.#untilServing(deadline)
    await inTime(this.#cluster.untilWhole(deadline), 'the cluster is not whole', deadline)
    const latest = this.#faults.at(-1)
    if (latest !== undefined) latest.wholeAtMs = sharedNowMs()
    this.#checkEpochs()
    await sleep(CALM_MS)
  }

  /** As `untilRecovered`, where what was broken stays so: nobody is waited for who cannot come. */
  async untilServing(): Promise<void> {
    await this.#untilServing(AbortSignal.timeout(RECOVERY_MS))
    this.#checkEpochs()
    await sleep(CALM_MS)
  }

  get #groups(): string[] {
    return this.#cluster.groups.map(({ name }) => name)
  }

  async #untilServing(deadline: AbortSignal): Promise<void> {
    // Whatever was on its way before is no proof.
    await sleep(100)
    const before = { ...this.#acknowledged() }
    const isServing = (group: string): boolean =>
      (this.#acknowledged()[group] ?? 0) > (before[group] ?? 0)
    for (;;) {
      const waiting = this.#groups.filter((group) => !isServing(group))
      if (waiting.length === 0) return
      if (deadline.aborted) throw new Error(`${waiting.join(', ')} takes no writes`)
      await sleep(20)
    }
  }

  #goalOf({ goalMs: own = this.#goals.ofScenario }: FaultOptions): number | undefined {
    const { given } = this.#goals
    if (typeof given === 'number') return given
    return given === 'none' || own === 'none' || !this.#cluster.hasSlaves ? undefined : own
  }

  #checkEpochs(): void {
    if (this.#epochsToKeep === undefined) return
    const { what, epochs } = this.#epochsToKeep
    for (const [group, epoch] of epochs) {
      const now = this.#cluster.epochOf(group)
      if (now === epoch || !this.#cluster.hasSlaves) continue
      this.complaints.push(`${what}: ${group} went from epoch ${epoch} to ${now} for nothing`)
    }
  }
}

export interface FaultGoals {
  readonly ofScenario: number | 'none'
  /** How long a group may be away: in place of what the faults say; `none`: that is not judged. */
  readonly given: number | 'own' | 'none'
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
