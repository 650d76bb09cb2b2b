import assert from 'node:assert/strict'
import type { SettlementAction } from '@cometmq/protocol'
import { SeededRandom, Simulation } from '@cometmq/simulation'
import { expect, onTestFinished, test } from 'vitest'
import {
  ACKNOWLEDGE,
  GROUP,
  REJECT,
  RETRY,
  rangeOf,
  type Received,
  type TestMember,
  World,
} from './testing/delivery-world.ts'

const SEEDS = Array.from({ length: 12 }, (_, index) => index + 1)
const STEPS = 150
const QUEUES = 3

// Whatever members, time and crashes do: what was published is delivered until it is acknowledged,
// or is a dead letter; what was acknowledged is not delivered again; and at each moment the numbers
// add up and nobody holds a message that somebody else holds.
test.each(SEEDS)('a group loses and repeats nothing through anything (seed %i)', async (seed) => {
  const soak = await Soak.start(seed)
  onTestFinished(() => soak.world.stop())

  for (let step = 0; step < STEPS; step++) {
    await soak.step()
    await soak.check()
  }
  await soak.finish()

  expect(await soak.world.backlog()).toEqual({ ready: 0, inFlight: 0, delayed: 0, backlog: 0 })
  expect(await soak.missing()).toEqual([])
})

/** A consumer instance: its session stays, its connections come and go. */
interface Instance {
  readonly sessionId: string
  member: TestMember | undefined
  /** What it has and has not settled. */
  readonly held: Set<Received>
  /** How many of its present member's messages it has looked at. */
  seen: number
}

class Soak {
  readonly world: World
  readonly #random: SeededRandom
  readonly #published = new Set<string>()
  /** Answered without a failure: they must not come again. */
  readonly #acknowledged = new Set<string>()
  #instances: Instance[] = []
  #sessions = 0
  #messages = 0

  private constructor(world: World, seed: number) {
    this.world = world
    this.#random = new SeededRandom(seed)
  }

  static async start(seed: number): Promise<Soak> {
    const options = {
      queueCount: QUEUES,
      delivery: { retryWindow: 16, frameMaxBytes: 2_048, readsMax: 2 },
    }
    const soak = new Soak(await World.start(new Simulation(seed), options), seed)
    await soak.world.createGroup({
      start: 'earliest',
      maxAttempts: 5,
      invisibleMs: 30_000,
      retryDelaysMs: [500, 2_000],
    })
    return soak
  }

  async step(): Promise<void> {
    const random = this.#random
    const kind = random.below(100)
    if (kind < 25) await this.#publish()
    else if (kind < 65) await this.#settleSome(random.below(12))
    else if (kind < 75) await this.world.simulation.advance(random.below(3_000))
    else if (kind < 84) await this.#join()
    else if (kind < 89) this.#lose()
    else if (kind < 92) this.#leave()
    else if (kind < 94)
      this.world.simulation.machine('a').jumpClock(random.between(-60_000, 60_000))
    else if (kind < 97) await this.#restart()
    else await this.world.simulation.advance(35_000)
    this.#look()
  }

  async check(): Promise<void> {
    await this.world.backlog()
    const holders = new Map<string, string>()
    for (const { sessionId, member, held } of this.#instances) {
      if (member === undefined) continue
      for (const message of held) {
        const key = `${message.retry}/${message.queueId}/${message.offset}`
        assert.ok(!holders.has(key), `${holders.get(key)} and ${sessionId} hold ${message.id}`)
        holders.set(key, sessionId)
      }
    }
  }

  /** One consumer that acknowledges whatever comes. */
  async finish(): Promise<void> {
    for (const instance of this.#instances) instance.member?.handle.lose()
    this.#instances = []
    await this.world.simulation.advance(40_000)
    await this.#join()
    for (let round = 0; round < 200; round++) {
      await this.world.simulation.advance(1_000)
      this.#look()
      await this.#settleSome(10_000, ACKNOWLEDGE)
      if ((await this.world.backlog()).backlog === 0) return
    }
  }

  /** What was neither acknowledged nor given up. */
  async missing(): Promise<string[]> {
    const { world } = this
    const letters = await world.run(
      world.engine.deadLetters.peek(GROUP, { from: 0, maxMessages: 100_000 }),
    )
    const known = new Set([...this.#acknowledged, ...letters.map(({ messageId }) => messageId)])
    return [...this.#published].filter((id) => !known.has(id))
  }

  async #publish(): Promise<void> {
    const count = 1 + this.#random.below(20)
    const first = this.#messages
    const bodies = Array.from({ length: count }, () => `m${this.#messages++}`)
    await this.world.publish(bodies, { queueId: this.#random.below(QUEUES) })
    for (let i = 0; i < count; i++) {
      this.#published.add(`aaaabbbbccccdddd-${(first + i).toString(16)}`)
    }
  }

  async #join(): Promise<void> {
    const away = this.#instances.filter(({ member }) => member === undefined)
    const back = this.#random.chance(0.6)
      ? away[this.#random.below(Math.max(1, away.length))]
      : undefined
    const instance = back ?? {
      sessionId: `s${this.#sessions++}`,
      member: undefined,
      held: new Set<Received>(),
      seen: 0,
    }
    if (back === undefined) this.#instances.push(instance)
    const held = [...instance.held].map(rangeOf)
    const creditBytes = 500 + this.#random.below(20_000)
    const member = await this.world.join({ sessionId: instance.sessionId, held, creditBytes })
    instance.member = member
    instance.seen = 0
    for (const lost of member.handle.lost) {
      for (const message of instance.held) {
        const isIn = message.offset >= lost.from && message.offset < lost.to
        const isOf = message.retry === lost.retry && message.queueId === lost.queueId
        if (isIn && isOf) instance.held.delete(message)
      }
    }
  }

  /** Notes what has come; nothing that was acknowledged may. */
  #look(): void {
    for (const instance of this.#instances) {
      const { member } = instance
      if (member === undefined) continue
      for (const message of member.received.slice(instance.seen)) {
        assert.ok(!this.#acknowledged.has(message.id), `${message.id} came again`)
        instance.held.add(message)
      }
      instance.seen = member.received.length
      member.handle.addCredit(2_000)
    }
  }

  async #settleSome(count: number, only?: SettlementAction): Promise<void> {
    const instance = this.#instances[this.#random.below(Math.max(1, this.#instances.length))]
    const { member } = instance ?? {}
    if (instance === undefined || member === undefined) return
    const messages = [...instance.held].slice(0, count)
    if (messages.length === 0) return
    const actions = messages.map(() => only ?? this.#someAction())
    for (const [index, message] of messages.entries()) {
      if (actions[index]?.kind !== 'extend') instance.held.delete(message)
    }
    const settlements = messages.map((message, index) => ({
      range: rangeOf(message),
      action: actions[index] ?? ACKNOWLEDGE,
    }))
    const failures = await this.world.run(member.handle.settle(settlements))
    const failed = new Set(failures.map(({ index }) => index))
    for (const [index, message] of messages.entries()) {
      if (failed.has(index) || actions[index]?.kind !== 'acknowledge') continue
      this.#acknowledged.add(message.id)
    }
  }

  #someAction(): SettlementAction {
    const kind = this.#random.below(20)
    if (kind < 12) return ACKNOWLEDGE
    if (kind < 16) return RETRY
    if (kind < 17) return REJECT
    if (kind < 19) return { kind: 'release' }
    return { kind: 'extend', delayMs: 30_000 }
  }

  #lose(): void {
    const instance = this.#instances[this.#random.below(Math.max(1, this.#instances.length))]
    instance?.member?.handle.lose()
    if (instance !== undefined) instance.member = undefined
  }

  #leave(): void {
    const instance = this.#instances.shift()
    instance?.member?.handle.leave()
    instance?.member?.handle.end()
  }

  async #restart(): Promise<void> {
    const how = (['clean', 'kill', 'power'] as const)[this.#random.below(3)] ?? 'kill'
    await this.world.restart(how)
    for (const instance of this.#instances) instance.member = undefined
  }
}
