import type { SettlementAction } from '@cometmq/protocol'
import { SeededRandom } from '@cometmq/simulation'
import { expect, test } from 'vitest'
import { type Consumer, type MemberId, StaticGroup } from './static-group.ts'

const SEEDS = 12
const MESSAGES = 24
const PHASES_MAX = 4
const SETTLING_MS = 1_500
const LATE_MAX_MS = 20_000

const ACTIONS = {
  acknowledge: { kind: 'acknowledge' },
  retry: { kind: 'retry', delayMs: 0, reason: 'failed' },
  reject: { kind: 'reject', reason: 'no' },
} as const satisfies Record<string, SettlementAction>

/**
 * From the master to one slave, to the other, over kills and power cuts, and back to the master. Whoever
 * was told that a message is done never delivers it again, and in the end nobody does; what nobody has
 * finished is delivered, and what was given up on is a dead letter.
 */
test('nothing that was acknowledged anywhere comes again, and nothing else is missing', async () => {
  const counts = { acknowledged: 0, rejected: 0, handed: 0, kills: 0, cuts: 0 }
  for (let seed = 1; seed <= SEEDS; seed++) {
    const world = await World.start(seed)

    await world.goOnWithoutMaster()
    await world.everybodyBack()

    const { deadLetters, ...outcome } = await world.outcome()
    const asTold = { delivered: world.unfinished, broken: [], failures: [] }
    expect(outcome, `seed ${seed}`).toEqual(asTold)
    expect(deadLetters, `seed ${seed}`).toBe(world.givenUp)
    counts.acknowledged += world.acknowledged.size
    counts.rejected += world.givenUp
    counts.handed += world.unfinished.length
    counts.kills += world.kills
    counts.cuts += world.cuts
  }
  // A world in which nothing happens keeps every promise, too.
  for (const [name, count] of Object.entries(counts)) expect(count, name).toBeGreaterThan(3)
}, 300_000)

/**
 * The same, and one slave comes back when the master has delivered for a while what that slave was told
 * to be done. What one slave rejects and the late one has acknowledged is a dead letter by then: one, at
 * most.
 */
test('what a slave was told counts also when it comes back after its master', async () => {
  const counts = { late: 0, rejected: 0, handed: 0, again: 0 }
  for (let seed = 101; seed <= 100 + SEEDS; seed++) {
    const world = await World.start(seed)

    await world.goOnWithoutMaster()
    const late = await world.masterBackBefore()
    const before = world.again
    await world.serve(1)
    await world.back(late)

    const { deadLetters, ...outcome } = await world.outcome()
    const asTold = { delivered: world.unfinished, broken: [], failures: [] }
    expect(outcome, `seed ${seed}`).toEqual(asTold)
    expect(deadLetters, `seed ${seed}`).toBeGreaterThanOrEqual(world.givenUp)
    expect(deadLetters, `seed ${seed}`).toBeLessThanOrEqual(world.rejected.size)
    counts.late += world.lateOverlays
    counts.rejected += world.givenUp
    counts.handed += world.unfinished.length
    counts.again += world.again - before
  }
  for (const [name, count] of Object.entries(counts)) expect(count, name).toBeGreaterThan(3)
}, 300_000)

class World {
  readonly group: StaticGroup
  readonly random: SeededRandom
  /** By whomever. */
  readonly acknowledged = new Set<string>()
  readonly rejected = new Set<string>()
  /** Deliveries that must not have been. */
  readonly broken: string[] = []
  kills = 0
  cuts = 0
  lateOverlays = 0
  /** How often somebody settled what somebody else had finished. */
  again = 0
  /** What each member was told to be finished. */
  readonly #known = new Map<MemberId, Set<string>>()
  readonly #down = new Set<MemberId>()
  readonly #bodies = Array.from({ length: MESSAGES }, (_, at) => `m${`${at}`.padStart(2, '0')}`)
  #consumers = 0

  private constructor(group: StaticGroup, random: SeededRandom) {
    this.group = group
    this.random = random
  }

  static async start(seed: number): Promise<World> {
    return new World(await StaticGroup.start(seed), new SeededRandom(seed))
  }

  get standIn(): MemberId {
    return this.#down.has(2) ? 3 : 2
  }

  get unfinished(): string[] {
    return this.#bodies.filter((body) => !this.acknowledged.has(body) && !this.rejected.has(body))
  }

  /** Given up on, and not done after all. */
  get givenUp(): number {
    return [...this.rejected].filter((body) => !this.acknowledged.has(body)).length
  }

  /** The master delivers, dies, and is stood in for. */
  async goOnWithoutMaster(): Promise<void> {
    await this.serve(1, { publishes: true })
    await this.copied()
    this.group.kill(1)
    for (let phase = 1 + this.random.below(PHASES_MAX); phase > 0; phase--) {
      await this.serve(this.standIn)
      await this.misfortune()
    }
  }

  /** Whatever the next consumer is given, and what else has come of it all. */
  async outcome() {
    const last = await this.group.join(1, 'last')
    await this.group.simulation.advance(5_000)
    const deadLetters = await this.group.deadLetters(1)
    const { broken } = this
    return { delivered: bodiesOf(last), deadLetters, broken, failures: this.group.failures }
  }

  /** A consumer at that member gets what there is, and settles some of it. */
  async serve(by: MemberId, { publishes = false } = {}): Promise<void> {
    const consumer = await this.group.join(by, `consumer-${++this.#consumers}`)
    // A group reads what is sent after it has come.
    if (publishes) await this.#publish()
    await this.group.simulation.advance(SETTLING_MS)
    const known = this.#knownTo(by)
    for (const body of bodiesOf(consumer)) {
      if (known.has(body)) this.broken.push(`${body} came again at ${by}`)
    }
    await this.#settleSome(by, consumer)
    consumer.leave()
  }

  /** The slaves know what the master knows. */
  async copied(): Promise<void> {
    await this.group.untilCopied()
    for (const id of [2, 3] as const) this.#known.set(id, new Set(this.#knownTo(1)))
  }

  async misfortune(): Promise<void> {
    const id = this.standIn
    const chance = this.random.below(4)
    if (chance === 0) {
      this.cuts++
      this.group.cutPower(id)
    } else if (chance === 1 && this.#down.size === 0) {
      this.kills++
      this.#down.add(id)
      this.group.kill(id)
    } else if (chance === 2) await this.#slavesBack()
  }

  async everybodyBack(): Promise<void> {
    await this.#slavesBack()
    // One whose power was cut starts again by itself.
    await this.group.until(() => this.group.member(2) !== undefined)
    await this.group.startAgain(1)
  }

  /** The master and one slave are back. Answers who is not. */
  async masterBackBefore(): Promise<MemberId> {
    await this.#slavesBack()
    await this.group.until(() => this.group.member(2) !== undefined)
    await this.group.until(() => this.group.member(3) !== undefined)
    const late = this.random.pick([2, 3] as const)
    this.group.kill(late)
    if ((await this.group.overlayOf(late)) !== undefined) this.lateOverlays++
    await this.group.startAgain(1)
    return late
  }

  /** And the master has what it was told. */
  async back(id: MemberId): Promise<void> {
    await this.group.startAgain(id)
    for (let waitedMs = 0; waitedMs < LATE_MAX_MS; waitedMs += 100) {
      if ((await this.group.overlayOf(id)) === undefined) return
      await this.group.simulation.advance(100)
    }
    this.broken.push(`the overlay of member ${id} is not merged`)
  }

  async #slavesBack(): Promise<void> {
    for (const id of this.#down) await this.group.startAgain(id)
    this.#down.clear()
  }

  async #publish(): Promise<void> {
    for (let at = 0; at < MESSAGES; ) {
      const to = at + 1 + this.random.below(6)
      await this.group.publish(1, ...this.#bodies.slice(at, to))
      at = to
    }
  }

  async #settleSome(by: MemberId, consumer: Consumer): Promise<void> {
    const answers: (() => boolean)[] = []
    for (const body of bodiesOf(consumer)) {
      const chance = this.random.below(10)
      if (chance > 4) continue
      const action = this.#actionFor(body, chance)
      if (this.#isFinished(body)) this.again++
      answers.push(consumer.settle(body, ACTIONS[action]))
      if (action === 'acknowledge') this.acknowledged.add(body)
      if (action === 'reject') this.rejected.add(body)
      if (action !== 'retry') this.#knownTo(by).add(body)
    }
    await this.group.until(() => answers.every((isAnswered) => isAnswered()))
  }

  /**
   * Whoever has a message again that is done elsewhere may do what he likes with it, but a retry or a
   * dead letter of it is another message.
   */
  #actionFor(body: string, chance: number): keyof typeof ACTIONS {
    if (chance < 3 || this.acknowledged.has(body)) return 'acknowledge'
    return chance < 4 && !this.rejected.has(body) ? 'retry' : 'reject'
  }

  #isFinished(body: string): boolean {
    return this.acknowledged.has(body) || this.rejected.has(body)
  }

  #knownTo(id: MemberId): Set<string> {
    const known = this.#known.get(id) ?? new Set()
    this.#known.set(id, known)
    return known
  }
}

/** Each once, in order. */
function bodiesOf({ received }: Consumer): string[] {
  return [...new Set(received.map((each) => each.split(' ')[0] ?? ''))].toSorted()
}
