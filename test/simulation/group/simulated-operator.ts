import { type CometClient, CometError, connect } from '@cometmq/client'
import { type ErrorCode, loadServices } from '@cometmq/protocol'
import { type GroupState, viewOfRecords } from '@cometmq/replication'
import type { SeededRandom, Simulation } from '@cometmq/simulation'
import { FlippedBit } from './flipped-bit.ts'
import type { MemberDaemon, SimulatedGroup } from './group-cluster.ts'
import type { GroupViolation } from './group-watch.ts'
import { masterAmong } from './moments.ts'

const LOOK_MS = 20
/** Nobody writes anything if nothing is written in that time. */
const IDLE_MS = 1_000
/** A command that nobody carries out is given up. */
const COMMAND_MS = 2_000
/** Longer than any election takes. */
const HEADLESS_MS = 10_000
/** All that goes wrong is over by then, and whoever has the bytes was asked again. */
const MENDED_WITHIN_MS = 60_000

const OPERATOR = 'operator'
const UNANSWERED: ReadonlySet<ErrorCode> = new Set([
  'CONNECT_FAILED',
  'UNAVAILABLE',
  'TIMEOUT',
  'CLOSED',
])

interface Promoted {
  readonly oldMasterIsDead: boolean
  readonly without: number[]
}

interface HowFlipped {
  readonly random: SeededRandom
  /** To the member, which mends it. */
  readonly isLeft: boolean
  /** In what was written a moment before, of which little is noted beside the log. */
  readonly isFresh?: boolean
  /** Called when it has flipped. */
  readonly struck?: () => void
}

/** Who looks after broker groups: hands over, promotes, replaces members, and has those forgotten. */
export class SimulatedOperator {
  readonly comet: CometClient
  readonly violations: GroupViolation[] = []
  readonly #simulation: Simulation
  /** One member of a group at a time: whoever replaces two loses what only those had. */
  readonly #replacing = new Map<SimulatedGroup, MemberDaemon>()
  /** Of two promotions at once, one would depose whom the other has just made master. */
  readonly #promoting = new Set<SimulatedGroup>()
  /** Whom the latest promotion was to depose. Where that broke off, nobody has led since. */
  readonly #deposed = new Map<SimulatedGroup, number>()
  /** Numbers of members that are gone for good. */
  readonly #gone: { readonly group: SimulatedGroup; readonly memberId: number }[] = []

  private constructor(simulation: Simulation, comet: CometClient) {
    this.#simulation = simulation
    this.comet = comet
  }

  static async connect(simulation: Simulation, endpoints: string): Promise<SimulatedOperator> {
    const runtime = simulation.machine(OPERATOR).runtime()
    return new SimulatedOperator(simulation, await connect({ endpoints, runtime }))
  }

  /** Resolves to whether the group did it. */
  handOver(group: SimulatedGroup): Promise<boolean> {
    return this.#command(group, 'hand-over', 0)
  }

  /**
   * Where roles are configured. The operator says that a master is dead only if it is, or if with more
   * than one in sync it could acknowledge nothing by itself.
   */
  promote(group: SimulatedGroup, to: number): Promise<boolean> | false {
    if (this.#promoting.has(group)) return false
    this.#promoting.add(group)
    const master = masterAmong(group.members)
    const masterId = master?.present?.status.member?.memberId
    if (masterId !== undefined) this.#deposed.set(group, masterId)
    const oldMasterIsDead = master?.machine.isUp !== true || group.shape.minInSync > 1
    // The latest master has everything; what others may have lost of it does not matter then.
    const without = to === this.#deposed.get(group) ? untrusted(group) : []
    return this.#command(group, 'promote', to, { oldMasterIsDead, without }).finally(() =>
      this.#promoting.delete(group),
    )
  }

  /** Promotions that broke off leave a group without a master; resolves when each has one. */
  async untilLed(groups: readonly SimulatedGroup[]): Promise<void> {
    const { clock } = this.#simulation
    for (const group of groups) {
      for (let to = 1; ; to = 1 + (to % group.members.length)) {
        const untilMs = clock.elapsedMs() + HEADLESS_MS
        const isLed = (): boolean => masterAmong(group.members) !== undefined
        while (!isLed() && clock.elapsedMs() < untilMs) await clock.sleep(LOOK_MS)
        if (isLed()) break
        await this.promote(group, to)
      }
    }
  }

  /** Gives the member an empty disk, as soon as another one has everything. */
  replace(group: SimulatedGroup, member: MemberDaemon): Promise<boolean> | false {
    if (!this.#begin(group, member)) return false
    return this.#replace(group, member)
  }

  /**
   * Turns a bit in the log of a member, and leaves it to the member to mend it, or replaces the member a
   * while later. Only where somebody else has to be in sync with it: a group that confirms alone has its
   * bytes in one place.
   */
  flip(group: SimulatedGroup, member: MemberDaemon, how: HowFlipped): Promise<boolean> | false {
    if (group.shape.minInSync < 2 || !this.#begin(group, member)) return false
    return this.#flip(group, member, how)
  }

  /** Nothing is left to replace, and no reign ends for a promotion that is answered late. */
  get isDone(): boolean {
    return this.#replacing.size === 0 && this.#promoting.size === 0
  }

  /** Resolves when the groups have forgotten all members that were replaced. */
  async forgetReplaced(): Promise<void> {
    for (const { group, memberId } of this.#gone) {
      // Not before its lease is over.
      while (!(await this.#command(group, 'forget', memberId))) {
        await this.#simulation.clock.sleep(COMMAND_MS)
      }
    }
  }

  #begin(group: SimulatedGroup, member: MemberDaemon): boolean {
    if (this.#replacing.has(group) || member.present === undefined) return false
    this.#replacing.set(group, member)
    return true
  }

  async #flip(
    group: SimulatedGroup,
    member: MemberDaemon,
    { random, isLeft, isFresh = false, struck }: HowFlipped,
  ): Promise<boolean> {
    const { clock, story } = this.#simulation
    const from = await this.#nextConfirmed(member, 0)
    const to = await this.#nextConfirmed(member, from)
    // A start takes the very last record for one that a crash has torn: docs/adr/0002.
    const last = await this.#nextConfirmed(member, to)
    // Replaced is no master, which would have to go first; and left alone none that has everything alone.
    const isFit = isLeft
      ? isSpare(group, member)
      : member.present?.status.member?.role === 'following'
    const range = { from: isFresh ? from : 0, to }
    const isSome = from < to && to < last
    const flipped = isSome && isFit ? FlippedBit.within(range, member.machine, random) : undefined
    if (flipped === undefined) {
      this.#replacing.delete(group)
      return false
    }
    const { at } = flipped
    story.tell(member.machine.name, 'a bit of the log is another', { at, isLeft })
    struck?.()
    if (isLeft) return this.#untilMended(group, member, flipped)
    await clock.sleep(random.between(0, 2_000))
    return this.#replace(group, member)
  }

  /** What the member knows to be confirmed, as soon as that is more; the same if it is nothing for long. */
  async #nextConfirmed(member: MemberDaemon, before: number): Promise<number> {
    const { clock } = this.#simulation
    const untilMs = clock.elapsedMs() + IDLE_MS
    const confirmed = (): number => member.present?.status.store.confirmOffset ?? 0
    while (confirmed() <= before && clock.elapsedMs() < untilMs) await clock.sleep(1)
    return confirmed()
  }

  /** A start may come across the damage before it was mended, and refuses it. */
  async #untilMended(
    group: SimulatedGroup,
    member: MemberDaemon,
    flipped: FlippedBit,
  ): Promise<boolean> {
    const { clock, story } = this.#simulation
    const { name } = member.machine
    const untilMs = clock.elapsedMs() + MENDED_WITHIN_MS
    const failuresBefore = member.failures.length
    while (flipped.isThere) {
      if (member.failures.slice(failuresBefore).some(isCorruptStore)) {
        return this.#replace(group, member)
      }
      if (clock.elapsedMs() >= untilMs) {
        const what = `${name} did not mend its log at ${flipped.at}`
        this.violations.push({ kind: 'invariant', rule: 'mending', what })
        break
      }
      await clock.sleep(LOOK_MS)
    }
    story.tell(name, 'the bit is as it was', { at: flipped.at })
    this.#replacing.delete(group)
    return true
  }

  async #replace(group: SimulatedGroup, member: MemberDaemon): Promise<boolean> {
    const { clock, story } = this.#simulation
    // What it has asked of the elector may take the others out of the set, and nobody would be left.
    const isFree = (): boolean => !group.elector.isOnTheWay(member.machine.name)
    while (!isSpare(group, member) || !isFree()) await clock.sleep(LOOK_MS)
    const memberId = member.present?.status.member?.memberId ?? 0
    story.tell(member.machine.name, 'is replaced', { memberId })
    member.crash('lose-disk', 100)
    if (memberId > 0) this.#gone.push({ group, memberId })
    let masterAtMs = clock.elapsedMs()
    // The next one may be replaced when this one is back.
    while (!isInSync(group, member)) {
      // It contradicted one that is gone.
      for (const other of group.members) if (isQuarantined(other)) other.crash('kill', 100)
      if (masterAmong(group.members) !== undefined) masterAtMs = clock.elapsedMs()
      else if (clock.elapsedMs() - masterAtMs > HEADLESS_MS) await this.#electBest(group)
      await clock.sleep(LOOK_MS)
    }
    this.#replacing.delete(group)
    return true
  }

  /**
   * The one that was replaced cannot be asked any more, and the rest is not trusted. One that is away
   * comes back and may have more than all others: nobody is elected at a loss before all were asked.
   */
  async #electBest(group: SimulatedGroup): Promise<void> {
    if (group.members.some(({ present }) => present === undefined)) return
    const best = group.members
      .flatMap(({ present }) => present?.status ?? [])
      .toSorted(({ store: a }, { store: b }) => b.epoch - a.epoch || b.maxOffset - a.maxOffset)[0]
    const memberId = best?.member?.memberId
    if (memberId !== undefined) await this.#command(group, 'elect', memberId)
    await this.#simulation.clock.sleep(COMMAND_MS)
  }

  /** Asks one member after the other, until one does not only fail to answer. */
  async #command(
    group: SimulatedGroup,
    kind: string,
    memberId: number,
    said: Promoted = { oldMasterIsDead: false, without: [] },
  ): Promise<boolean> {
    const { brokerName } = group.shape
    const { transport } = this.#simulation.machine(OPERATOR).runtime()
    const { CommandGroup } = loadServices().admin
    const request = { kind, memberId, timeoutMs: COMMAND_MS, ...said }
    for (const { machine } of group.members) {
      const connection = transport.connect(`${machine.name}:8081`)
      try {
        await connection.call(CommandGroup, request, { timeoutMs: 2 * COMMAND_MS })
        this.#simulation.tell(`${kind} ${memberId} at ${brokerName}: done`)
        return true
      } catch (error) {
        if (!(error instanceof CometError)) throw error
        this.#simulation.tell(`${kind} ${memberId} at ${brokerName}: ${error.message}`)
        // One whose answer was lost has done it.
        if (kind === 'forget' && error.code === 'BROKER_NOT_FOUND') return true
        if (!UNANSWERED.has(error.code)) return false
      } finally {
        connection.close()
      }
    }
    return false
  }
}

function untrusted({ members }: SimulatedGroup): number[] {
  const told = members.flatMap(({ present }) => present?.status.member ?? [])
  return told
    .filter(({ alarms }) => alarms.includes('member_untrusted'))
    .map(({ memberId }) => memberId)
}

/** Another member is there and has all that was acknowledged. */
function isSpare(group: SimulatedGroup, member: MemberDaemon): boolean {
  return group.members.some((other) => other !== member && isInSync(group, other))
}

function isInSync(group: SimulatedGroup, { present, machine }: MemberDaemon): boolean {
  const status = present?.status.member
  if (status === undefined || machine.isPaused) return false
  const inSync = stateOf(group)?.inSync
  return inSync?.has(status.memberId) === true && !status.alarms.includes('member_untrusted')
}

function isCorruptStore(error: unknown): boolean {
  return error instanceof CometError && error.code === 'STORE_CORRUPT'
}

function isQuarantined({ present }: MemberDaemon): boolean {
  return present?.status.member?.role === 'quarantined'
}

/** What the elector has of the group. */
function stateOf({ elector }: SimulatedGroup): GroupState | undefined {
  const { records, clusterId, revision } = elector.keys.read()
  return viewOfRecords(records, { revision, clusterId }).state?.value
}
