import {
  CometError,
  type ErrorCode,
  errorTable,
  readMethod,
  type ReadRequest,
  type ReadResponse,
} from '@cometmq/protocol'
import { accept, type MessageStream } from '@cometmq/runtime'
import { Simulation } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import { connect } from '../comet-client.ts'
import { ScriptedNameServer } from '../scripted/scripted-name-server.ts'
import { storedBatch } from '../scripted/scripted-streams.ts'
import { calmNetwork } from '../scripted/scripted-world.ts'

const ORDERS = [{ topic: 'orders', queues: { a: 1 } }]
const LIMIT = { limitMs: 600_000 }
const STEPS = 150

describe('a reader, whoever leads and whoever fails,', () => {
  // It goes from member to member; wherever it comes, it has to go on where it was.
  test.each(Array.from({ length: 40 }, (_, seed) => seed))(
    'reads each message once and in order, and never commits backwards: seed %d',
    async (seed) => {
      const world = await World.open(seed)
      const read: number[] = []
      const reading = world.read((number) => read.push(number))

      for (let step = 0; step < STEPS; step++) await world.step()
      await world.calm()
      await world.sim.runUntil(() => read.length === world.end, LIMIT)
      await world.sim.runUntil(() => world.committed.at(-1) === world.end, LIMIT)
      await world.reader.return()
      await world.sim.runUntil(reading, LIMIT)

      expect(read).toEqual(Array.from({ length: world.end }, (_, number) => number))
      expect(world.committed).toEqual(world.committed.toSorted((x, y) => x - y))
      // Else nothing of interest has happened.
      expect(world.end).toBeGreaterThan(STEPS / 4)
    },
  )
})

/** A broker group of three with one log, whose slaves are a little behind, and a reader of it. */
class World {
  readonly sim: Simulation
  readonly reader: Awaited<ReturnType<typeof readerOf>>
  /** Positions, as masters have taken them. */
  readonly committed: number[] = []
  /** Of the log. */
  end = 0
  readonly #nameServer: ScriptedNameServer
  readonly #members: readonly Member[]
  #epoch = 1
  #master: Member | undefined

  private constructor(
    sim: Simulation,
    parts: {
      readonly nameServer: ScriptedNameServer
      readonly members: readonly Member[]
      readonly reader: Awaited<ReturnType<typeof readerOf>>
    },
  ) {
    this.sim = sim
    this.#nameServer = parts.nameServer
    this.#members = parts.members
    this.reader = parts.reader
  }

  static async open(seed: number): Promise<World> {
    const sim = new Simulation(seed, calmNetwork)
    const open = ScriptedNameServer.open(sim.machine('ns').runtime(), 'ns:9876')
    const nameServer = await sim.runUntil(open, LIMIT)
    let world: World | undefined
    const members = ['m1', 'm2', 'm3'].map(
      (name) => new Member(sim, name, (offset) => world?.committed.push(offset)),
    )
    await sim.advance(10)
    nameServer.set({ a: 'm1:8081' }, ORDERS)
    const reader = await sim.runUntil(readerOf(sim), LIMIT)
    world = new World(sim, { nameServer, members, reader })
    world.#lead(world.#members[0])
    return world
  }

  /** Reads until the reader is closed, and commits now and then. */
  async read(take: (number: number) => void): Promise<void> {
    for await (const { body } of this.reader) {
      take(body)
      // Who may not keep it now is told it again.
      if (body % 3 === 0) void this.reader.commit().catch(() => {})
    }
  }

  async step(): Promise<void> {
    const { random } = this.sim
    if (random.chance(0.5)) this.end += random.below(4)
    for (const member of this.#members) {
      const isLate = member !== this.#master && random.chance(0.5)
      if (!isLate) member.end = this.end
      if (random.chance(0.03)) member.breakStreams()
      if (random.chance(0.02)) member.isDown = true
      else if (random.chance(0.3)) member.isDown = false
      member.serve()
    }
    if (random.chance(0.05)) this.#lead(undefined)
    else if (random.chance(0.08)) this.#lead(this.#members[random.below(3)])
    await this.sim.advance(random.below(200))
  }

  /** From now on nothing fails. */
  async calm(): Promise<void> {
    for (const member of this.#members) {
      member.isDown = false
      member.isCalm = true
      member.end = this.end
    }
    this.#lead(this.#members[0])
    // Whom it avoids it may need again.
    for (let waited = 0; waited < 400; waited++) {
      for (const member of this.#members) member.serve()
      await this.sim.advance(100)
    }
    await this.sim.runUntil(this.reader.commit(), LIMIT)
  }

  #lead(master: Member | undefined): void {
    if (this.#master !== undefined) this.#master.isMaster = false
    this.#master = master
    if (master !== undefined) {
      master.isMaster = true
      master.end = this.end
      this.#epoch += 1
    }
    const slaves = this.#members.flatMap((member, index) =>
      member === master ? [] : [{ brokerName: 'a', brokerId: index + 1, address: member.address }],
    )
    const heard = master && { a: { address: master.address, epoch: this.#epoch } }
    this.#nameServer.set(heard ?? {}, ORDERS, {}, slaves)
  }
}

async function readerOf(sim: Simulation) {
  const comet = await connect({ endpoints: 'ns:9876', runtime: sim.machine('client').runtime() })
  return comet.topic<number>('orders').reader({ from: 'earliest', name: 'mine' })
}

type Stream = MessageStream<ReadResponse, ReadRequest>

/** One member: serves the log as far as it has it. */
class Member {
  readonly address: string
  end = 0
  isMaster = false
  isDown = false
  isCalm = false
  readonly #sim: Simulation
  readonly #committed: (offset: number) => void
  readonly #assignments = new Map<Stream, { readonly id: number; next: number } | undefined>()

  constructor(sim: Simulation, name: string, committed: (offset: number) => void) {
    this.address = `${name}:8081`
    this.#sim = sim
    this.#committed = committed
    const handlers = [accept(readMethod, (stream) => this.#accept(stream))]
    void sim.machine(name).runtime().transport.listen({ address: this.address, handlers })
  }

  breakStreams(): void {
    for (const stream of this.#assignments.keys()) {
      stream.cancel(new CometError('UNAVAILABLE', 'broken'))
    }
    this.#assignments.clear()
  }

  /** Sends some of what is new, and whatever advice. */
  serve(): void {
    if (this.isDown) this.breakStreams()
    const { random } = this.#sim
    for (const [stream, assignment] of this.#assignments) {
      if (assignment === undefined || assignment.next >= this.end) continue
      const from = assignment.next
      const next = Math.min(this.end, from + 1 + random.below(4))
      assignment.next = next
      const bodies = Array.from({ length: next - from }, (_, index) => String(from + index))
      const suggests = this.isMaster && random.chance(0.3)
      stream.send({
        kind: 'batches',
        assignmentId: assignment.id,
        from,
        next,
        maxOffset: this.end,
        batches: [storedBatch('orders', from, bodies)],
        ranges: [],
        suggested: suggests ? `m${1 + random.below(3)}:8081` : '',
        nearEnd: !this.isMaster && random.chance(0.2),
      })
    }
  }

  #accept(stream: Stream): void {
    if (this.isDown) return stream.cancel(new CometError('UNAVAILABLE', 'down'))
    this.#assignments.set(stream, undefined)
    stream.receive({
      message: (request) => this.#take(stream, request),
      ended: () => {
        this.#assignments.delete(stream)
        stream.end()
      },
      failed: () => this.#assignments.delete(stream),
    })
  }

  #take(stream: Stream, request: ReadRequest): void {
    if (!this.#assignments.has(stream)) return
    if (request.kind === 'assign') this.#assign(stream, request)
    else if (request.kind === 'commit') this.#commit(stream, request)
  }

  #assign(stream: Stream, { assignmentId: id, start }: ReadRequest & { kind: 'assign' }): void {
    const next = start.kind === 'offset' ? start.offset : 0
    const extent = { minOffset: 0, maxOffset: this.end }
    if (next > this.end) {
      const code: ErrorCode = this.isMaster ? 'OFFSET_OUT_OF_RANGE' : 'NOT_READY'
      const error = errorTable[code].id
      stream.send({ kind: 'problem', assignmentId: id, error, message: code, ...extent })
      return
    }
    this.#assignments.set(stream, { id, next })
    stream.send({ kind: 'assigned', assignmentId: id, from: next, ...extent })
  }

  #commit(stream: Stream, { id, offset }: ReadRequest & { kind: 'commit' }): void {
    if (this.isMaster) this.#committed(offset)
    const error = this.isMaster ? 0 : errorTable.NOT_MASTER.id
    // Stored, and nobody was told.
    if (!this.isCalm && this.#sim.random.chance(0.1)) return this.breakStreams()
    stream.send({ kind: 'committed', id, error, message: '' })
  }
}
