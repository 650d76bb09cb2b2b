import { CometError } from '@cometmq/protocol'
import { SeededRandom, SimulatedDisk, VirtualClock } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import type { AppendRecord } from '../append-group.ts'
import type { MessageStore } from '../message-store.ts'
import { deleteQueuesOf } from '../state/store-tables.ts'
import { agree, bytesOf, copy, openMemberOn } from '../testing/members.ts'
import { batchOf, bodiesOf, put, viewOf } from '../testing/scenario.ts'
import type { LiveBytes } from './live-tail.ts'

const LIMIT = { limitMs: 60_000 }
const SEEDS = 80
const STEPS = 80

/**
 * Two members that are both in sync, of which one leads: what is confirmed is what both have flushed.
 * Whoever leads may end at any moment, and either may lead next.
 */
describe('two members', () => {
  // Same bytes and same state, whatever pieces they came in and whenever who was restarted: that is
  // what makes a slave a replacement.
  test('have one log and one state in the end, with everything that was confirmed', async () => {
    let [cuts, reigns] = [0, 0]
    for (let seed = 1; seed <= SEEDS; seed++) {
      const pair = await Pair.open(seed)
      for (let step = 0; step < STEPS; step++) await pair.step()
      await pair.level()

      const [one, other] = pair.stores
      const label = `seed ${seed}`
      expect(one.log.offsets.confirm, label).toBe(one.log.offsets.max)
      const bytes = await pair.run(Promise.all([bytesOf(one), bytesOf(other)]))
      expect(bytes[0].equals(bytes[1]), label).toBe(true)
      expect(one.log.epochs.entries, label).toEqual(other.log.epochs.entries)
      const views = await pair.run(Promise.all([viewOf(one), viewOf(other)]))
      expect(views[0], label).toEqual(views[1])
      const { bodies } = await pair.run(bodiesOf(one))
      expect(bodies, label).toEqual(expect.arrayContaining(pair.acknowledged))
      expect(new Set(bodies).size, label).toBe(bodies.length)
      cuts += pair.cuts
      reigns += one.log.epochs.entries.length
      for (const store of pair.stores) await pair.run(store.close())
    }
    // Else nothing of interest has happened.
    expect(cuts).toBeGreaterThan(SEEDS / 4)
    expect(reigns).toBeGreaterThan(3 * SEEDS)
  })
})

class Pair {
  readonly clock: VirtualClock
  readonly acknowledged: string[] = []
  cuts = 0
  readonly #random: SeededRandom
  readonly #disks: readonly [SimulatedDisk, SimulatedDisk]
  #stores: readonly [MessageStore, MessageStore]
  /** Which of the two leads. */
  #leads: 0 | 1 = 0
  #epoch = 0
  #sent = 0
  #sequence = 0
  /** What the leader has handed on and the other has not taken, since the tap was opened. */
  #tapped: LiveBytes[] | undefined

  private constructor(
    random: SeededRandom,
    disks: readonly [SimulatedDisk, SimulatedDisk],
    stores: readonly [MessageStore, MessageStore],
    clock: VirtualClock,
  ) {
    this.#random = random
    this.#disks = disks
    this.#stores = stores
    this.clock = clock
  }

  static async open(seed: number): Promise<Pair> {
    const clock = new VirtualClock()
    const random = new SeededRandom(seed)
    const disk = (name: string) => new SimulatedDisk({ clock, random: random.fork(name) })
    const disks = [disk('one'), disk('other')] as const
    const open = (on: SimulatedDisk) => clock.runUntil(openMemberOn(on, clock), LIMIT)
    const stores = [await open(disks[0]), await open(disks[1])] as const
    const pair = new Pair(random, disks, stores, clock)
    await pair.#lead(0)
    return pair
  }

  get stores(): readonly [MessageStore, MessageStore] {
    return this.#stores
  }

  run<T>(work: Promise<T>): Promise<T> {
    return this.clock.runUntil(work, LIMIT)
  }

  async step(): Promise<void> {
    const random = this.#random
    const kind = random.below(20)
    if (kind < 7) this.#append()
    else if (kind < 11) await this.#copyPiece()
    else if (kind < 13) await this.#copyTapped()
    else if (kind < 17) this.#confirm()
    else if (kind < 18) await this.#restart(this.#follows)
    else if (kind < 19) await this.#handOver()
    else await this.clock.advance(random.below(1500))
    if (random.chance(0.5)) await this.clock.advance(random.fraction() * 3)
  }

  /** Lets both have everything, confirmed. */
  async level(): Promise<void> {
    await this.clock.advance(100)
    await this.run(copy(this.#leader, this.#follower))
    this.#confirm()
  }

  get #leader(): MessageStore {
    return this.#stores[this.#leads]
  }

  get #follows(): 0 | 1 {
    return this.#leads === 0 ? 1 : 0
  }

  get #follower(): MessageStore {
    return this.#stores[this.#follows]
  }

  #append(): void {
    const random = this.#random
    const records: AppendRecord[] = []
    const bodies: string[] = []
    for (let left = 1 + random.below(3); left > 0; left--) {
      const kind = random.below(8)
      if (kind === 0) {
        records.push({
          kind: 'change',
          changes: [put('progress', `${random.below(9)}`, `${this.#sent}`)],
        })
      } else if (kind === 1) {
        const topic = random.chance(0.5) ? 'passing' : 'rare'
        records.push({ kind: 'change', changes: [deleteQueuesOf(topic)] })
      } else if (kind < 4) {
        const topic = random.chance(0.5) ? 'passing' : 'rare'
        records.push({ kind: 'batch', batch: batchOf({ topic, bodies: ['x'] }), idempotent: true })
      } else {
        // A producer of its own for each: a sequence that was cut off would hold up the next ones.
        const producerId = (++this.#sequence).toString(16).padStart(16, '0')
        const body = `${++this.#sent} ${'.'.repeat(random.below(300))}`
        bodies.push(body)
        records.push({
          kind: 'batch',
          batch: batchOf({ bodies: [body], producerId }),
          idempotent: true,
        })
      }
    }
    const level = random.chance(0.7) ? 'confirmed' : 'written'
    this.#leader.append({ records }, level).then(
      () => {
        if (level === 'confirmed') this.acknowledged.push(...bodies)
      },
      () => {},
    )
  }

  async #copyPiece(): Promise<void> {
    const { log } = this.#follower
    const range = await this.run(
      this.#leader.log.readRange(log.offsets.max, 1 + this.#random.below(3000)),
    )
    if (range === undefined) return
    const taken = log.appendRaw(range.from, range.bytes, range).catch(unlessGap)
    // What is under way when a member ends is never answered.
    if (this.#random.chance(0.7)) await this.run(taken)
    else await this.run(Promise.race([taken, this.clock.sleep(0.01)]))
  }

  /** As a live stream does, from where the follower stands. */
  async #copyTapped(): Promise<void> {
    const { log } = this.#follower
    for (const { from, buffers, epoch, epochStart } of this.#tapped?.splice(0) ?? []) {
      if (from !== log.offsets.max) continue
      const bytes = Buffer.concat(buffers)
      await this.run(log.appendRaw(from, bytes, { epoch, epochStart }).catch(unlessGap))
    }
  }

  #confirm(): void {
    const flushed = this.#stores.map(({ log }) => log.offsets.flushed)
    for (const { log } of this.#stores) log.confirm(Math.min(...flushed))
  }

  async #restart(which: 0 | 1): Promise<void> {
    const disk = this.#disks[which]
    const kind = this.#random.below(3)
    if (kind === 0) await this.run(this.#stores[which].close())
    else if (kind === 1) disk.crash()
    else disk.powerCut()
    const store = await this.run(openMemberOn(disk, this.clock))
    this.#stores = which === 0 ? [store, this.#stores[1]] : [this.#stores[0], store]
  }

  /** Somebody begins a reign, after the leader has ended or given up; the other follows. */
  async #handOver(): Promise<void> {
    if (this.#random.chance(0.7)) await this.#restart(this.#leads)
    else await this.run(this.#leader.log.follow())
    await this.#lead(this.#random.chance(0.7) ? this.#follows : this.#leads)
    const before = this.#follower.log.offsets.max
    await this.run(agree(this.#leader, this.#follower))
    if (this.#follower.log.offsets.max < before) this.cuts++
  }

  async #lead(which: 0 | 1): Promise<void> {
    this.#leads = which
    this.#epoch += 1 + this.#random.below(2)
    await this.run(this.#leader.log.lead({ epoch: this.#epoch }))
    const tapped: LiveBytes[] = []
    this.#tapped = tapped
    this.#leader.log.tap((bytes) => tapped.push(bytes))
  }
}

/** The piece before was under way, and came first. */
function unlessGap(error: unknown): void {
  if (!(error instanceof CometError) || error.code !== 'OFFSET_OUT_OF_RANGE') throw error
}
