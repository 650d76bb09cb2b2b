import type { SettlementAction } from '@cometmq/protocol'
import { SeededRandom } from '@cometmq/simulation'
import { expect, test } from 'vitest'
import { type Consumer, type MemberId, StaticGroup } from './static-group.ts'

const SEEDS = 12
const MESSAGES = 24
const PHASES_MAX = 4
const SETTLING_MS = 1_500

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

    await world.serve(1)
    await world.copied()
    world.group.kill(1)
    for (let phase = 1 + world.random.below(PHASES_MAX); phase > 0; phase--) {
      await world.serve(world.standIn)
      await world.misfortune()
    }
    await world.everybodyBack()

    const label = `seed ${seed}`
    const last = await world.group.join(1, 'last')
    await world.group.simulation.advance(5_000)
    expect(bodiesOf(last), label).toEqual(world.unfinished)
    expect(await world.group.deadLetters(1), label).toBe(world.givenUp)
    expect(world.broken, label).toEqual([])
    expect(world.group.failures, label).toEqual([])
    counts.acknowledged += world.acknowledged.size
    counts.rejected += world.givenUp
    counts.handed += world.unfinished.length
    counts.kills += world.kills
    counts.cuts += world.cuts
  }
  // A world in which nothing happens keeps every promise, too.
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

  /** A consumer at that member gets what there is, and settles some of it. */
  async serve(by: MemberId): Promise<void> {
    const consumer = await this.group.join(by, `consumer-${++this.#consumers}`)
    if (by === 1) await this.#publish()
    await this.group.simulation.advance(SETTLING_MS)
    const known = this.#knownTo(by)
    for (const body of bodiesOf(consumer)) {
      if (known.has(body)) this.broken.push(`${body} came again at ${by}`)
    }
    await this.#settleSome(by, consumer)
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
      const action = chance < 3 ? 'acknowledge' : chance < 4 ? 'retry' : 'reject'
      if (chance > 4) continue
      answers.push(consumer.settle(body, ACTIONS[action]))
      if (action === 'acknowledge') this.acknowledged.add(body)
      if (action === 'reject') this.rejected.add(body)
      if (action !== 'retry') this.#knownTo(by).add(body)
    }
    await this.group.until(() => answers.every((isAnswered) => isAnswered()))
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
