import { accept, answer, type Runtime } from '@cometmq/runtime'
import { describe, expect, test } from 'vitest'
import { describeClock } from './contracts/index.ts'
import { chat, echo, type Line, lineOf, type Note } from './contracts/transport-subject.ts'
import { Simulation } from './simulation.ts'

const LIMIT = { limitMs: 60_000 }

describe('the clock of a process', () => {
  describeClock(() => {
    const simulation = new Simulation(1)
    return Promise.resolve({
      port: simulation.machine('a').runtime().clock,
      run: (check) => simulation.runUntil(check(), LIMIT),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    })
  })

  // Offsets between machines are real; code that compares their wall clocks must show in a run.
  test('is wrong in its own way on each machine', () => {
    const simulation = new Simulation(1)
    const [a, b] = ['a', 'b'].map((name) => simulation.machine(name).runtime().clock.nowMs())

    expect(a).not.toBe(b)
    expect(Math.abs((a ?? 0) - (b ?? 0))).toBeLessThanOrEqual(1_000)
  })

  test('jumps for its machine only, and not in elapsed time', () => {
    const simulation = new Simulation(1)
    const [a, b] = ['a', 'b'].map((name) => simulation.machine(name).runtime().clock)
    const before = [a?.nowMs(), b?.nowMs(), a?.elapsedMs()]

    simulation.machine('a').jumpClock(-60_000)

    expect([a?.nowMs(), b?.nowMs(), a?.elapsedMs()]).toEqual([
      (before[0] ?? 0) - 60_000,
      before[1],
      before[2],
    ])
  })
})

describe('a killed process', () => {
  test('does nothing any more', async () => {
    const simulation = new Simulation(1)
    const machine = simulation.machine('a')
    const { clock, files } = machine.runtime()
    const happened: string[] = []
    clock.schedule(10, () => happened.push('timer'))
    void clock.sleep(10).then(() => happened.push('sleep'))
    void files.makeDirectory('/data').then(() => happened.push('file'))

    machine.kill()
    clock.schedule(1, () => happened.push('timer of a dead process'))
    await simulation.advance(1_000)

    expect(happened).toEqual([])
    expect(machine.isUp).toBe(false)
  })

  test('is followed by another one with the same disk', async () => {
    const simulation = new Simulation(1)
    const machine = simulation.machine('a')
    await simulation.runUntil(machine.runtime().files.makeDirectory('/data'), LIMIT)

    machine.kill()
    const names = await simulation.runUntil(machine.runtime().files.list('/'), LIMIT)

    expect(names).toEqual(['data'])
  })

  test('breaks its connections at once', async () => {
    const { simulation, server, line } = await connected(1)
    const startMs = simulation.clock.elapsedMs()

    server.kill()

    await simulation.runUntil(() => line.inbox.outcome !== undefined, LIMIT)
    expect(line.inbox.outcome).toBe('UNAVAILABLE')
    expect(simulation.clock.elapsedMs() - startMs).toBeLessThan(25)
  })

  test('leaves its port to the next one', async () => {
    const { simulation, server, client } = await connected(1)

    server.kill()
    const address = await simulation.runUntil(serve(server.runtime()), LIMIT)
    await simulation.advance(25)
    const call = client.transport.connect(address).call(echo, { text: 'again' })

    expect(await simulation.runUntil(call, LIMIT)).toEqual({ text: 'again' })
  })
})

describe('a power cut', () => {
  // The other end of a connection to a dead machine hears nothing, not even an end.
  test('is noticed by keep-alive only', async () => {
    const { simulation, server, line } = await connected(1)
    const startMs = simulation.clock.elapsedMs()

    server.powerCut()

    await simulation.runUntil(() => line.inbox.outcome !== undefined, LIMIT)
    expect(line.inbox.outcome).toBe('UNAVAILABLE')
    const afterMs = simulation.clock.elapsedMs() - startMs
    expect(afterMs).toBeGreaterThan(3_000)
    expect(afterMs).toBeLessThan(10_000)
  })

  test('lets connecting fail after a while', async () => {
    const { simulation, server, client, address } = await connected(1)
    const startMs = simulation.clock.elapsedMs()
    server.powerCut()

    const call = simulation.machine('other').runtime().transport.connect(address).call(echo, {})

    await expect(simulation.runUntil(call, LIMIT)).rejects.toMatchObject({ code: 'CONNECT_FAILED' })
    expect(simulation.clock.elapsedMs() - startMs).toBeGreaterThan(4_000)
    expect(client.transport).toBeDefined()
  })

  // A machine that boots fast knows nothing of old connections and says so.
  test('is noticed soon when the machine is back', async () => {
    const { simulation, server, line } = await connected(3)
    server.powerCut()
    await simulation.advance(500)
    server.runtime()

    line.stream.send({ text: 'are you there?' })

    await simulation.advance(50)
    expect(line.inbox.outcome).toBe('UNAVAILABLE')
  })
})

describe('a paused process', () => {
  test('does later what was due meanwhile, in its order', async () => {
    const simulation = new Simulation(1)
    const machine = simulation.machine('a')
    const { clock } = machine.runtime()
    const happened: string[] = []
    for (const delayMs of [30, 10, 20]) {
      clock.schedule(delayMs, () => happened.push(String(delayMs)))
    }

    machine.pause()
    await simulation.advance(25)
    const meanwhile = [...happened]
    machine.resume()
    await simulation.advance(0)
    const afterwards = [...happened]
    await simulation.advance(100)

    expect(meanwhile).toEqual([])
    expect(afterwards).toEqual(['10', '20'])
    expect(happened).toEqual(['10', '20', '30'])
  })

  test('loses its connections to who notices its silence, and no others', async () => {
    for (const [pausedMs, outcome] of [
      [2_000, undefined],
      [9_000, 'UNAVAILABLE'],
    ] as const) {
      const { simulation, server, line, far } = await connected(5)

      server.pause()
      line.stream.send({ text: 'while it was paused' })
      await simulation.advance(pausedMs)
      server.resume()
      await simulation.advance(1_000)

      expect(line.inbox.outcome).toBe(outcome)
      expect(far().inbox.texts).toContain('while it was paused')
    }
  })
})

describe('a partition', () => {
  test('holds messages up until it heals, and then loses none', async () => {
    const { simulation, line, far } = await connected(1)

    simulation.network.partition('client', 'server')
    for (const text of ['a', 'b', 'c']) line.stream.send({ text })
    await simulation.advance(2_000)
    const meanwhile = far().inbox.texts.length
    simulation.network.heal('client', 'server')
    await simulation.advance(100)

    expect(meanwhile).toBe(1)
    expect(far().inbox.texts).toEqual(['hello', 'a', 'b', 'c'])
    expect(line.inbox.outcome).toBeUndefined()
  })

  test('that lasts breaks the connection for both, in one direction as in two', async () => {
    for (const block of ['both', 'to the server', 'to the client'] as const) {
      const { simulation, line, far } = await connected(1)

      if (block !== 'to the client') simulation.network.block('client', 'server')
      if (block !== 'to the server') simulation.network.block('server', 'client')
      await simulation.advance(10_000)

      expect(line.inbox.outcome).toBe('UNAVAILABLE')
      expect(far().inbox.outcome).toBe('UNAVAILABLE')
    }
  })

  // A broker that is cut off from its clients may still reach the others of its group.
  test('stops one direction only when told so', async () => {
    const { simulation, line, far } = await connected(1)

    simulation.network.block('client', 'server')
    line.stream.send({ text: 'does not arrive' })
    far().stream.send({ text: 'arrives' })
    await simulation.advance(1_000)

    expect(line.inbox.texts).toEqual(['arrives'])
    expect(far().inbox.texts).toEqual(['hello'])
  })

  test('isolates a machine from all others until it rejoins', async () => {
    const { simulation, client, address } = await connected(1)
    simulation.network.isolate('server')
    await simulation.advance(10_000)
    const cut = client.transport.connect(address).call(echo, { text: '' }, { timeoutMs: 1_000 })
    await expect(simulation.runUntil(cut, LIMIT)).rejects.toMatchObject({ code: 'TIMEOUT' })

    simulation.network.rejoin('server')
    await simulation.advance(6_000)

    const call = client.transport.connect(address).call(echo, { text: 'back' })
    expect(await simulation.runUntil(call, LIMIT)).toEqual({ text: 'back' })
  })
})

describe('a network fault', () => {
  test('cuts the connections there are, and not later ones', async () => {
    const { simulation, client, address, line, far } = await connected(1)

    simulation.network.cutConnections('client', 'server')
    await simulation.advance(0)

    expect(line.inbox.outcome).toBe('UNAVAILABLE')
    expect(far().inbox.outcome).toBe('UNAVAILABLE')
    const call = client.transport.connect(address).call(echo, { text: 'again' })
    expect(await simulation.runUntil(call, LIMIT)).toEqual({ text: 'again' })
  })

  test('slows a way down', async () => {
    const { simulation, client, address } = await connected(1)
    simulation.network.slowDown('client', 'server', 100)
    const startMs = simulation.clock.elapsedMs()

    const call = client.transport.connect(address).call(echo, { text: '' })
    await simulation.runUntil(call, LIMIT)

    expect(simulation.clock.elapsedMs() - startMs).toBeGreaterThan(200)
  })
})

describe('a run', () => {
  // What makes a failing seed worth keeping.
  test('is the same again for the same seed, and another one for another', async () => {
    const first = await eventfulRun(7)
    const again = await eventfulRun(7)
    const other = await eventfulRun(8)

    expect(again).toEqual(first)
    expect(other).not.toEqual(first)
    expect(first.length).toBeGreaterThan(100)
  })
})

/** A client with an open stream to a server that echoes. */
async function connected(seed: number) {
  const simulation = new Simulation(seed)
  const server = simulation.machine('server')
  const client = simulation.machine('client').runtime()
  const accepted: Line[] = []
  const address = await simulation.runUntil(serve(server.runtime(), accepted), LIMIT)
  const line = lineOf(client.transport.connect(address).open(chat))
  line.stream.send({ text: 'hello' })
  await simulation.runUntil(() => accepted[0]?.inbox.texts.length === 1, LIMIT)
  const far = (): Line => {
    const [first] = accepted
    if (first === undefined) throw new Error('the stream was not taken')
    return first
  }
  return { simulation, server, client, address, line, far }
}

async function serve(runtime: Runtime, accepted: Line[] = []): Promise<string> {
  const listener = await runtime.transport.listen({
    address: '0.0.0.0:8081',
    handlers: [
      answer(echo, (note: Note) => Promise.resolve(note)),
      accept(chat, (stream) => accepted.push(lineOf(stream))),
    ],
  })
  return listener.address.replace('0.0.0.0', 'server')
}

/** Two machines that write and talk, with crashes and partitions; returns its story. */
async function eventfulRun(seed: number): Promise<readonly string[]> {
  const simulation = new Simulation(seed)
  const { random, story } = simulation
  const server = simulation.machine('server')
  const client = simulation.machine('client')

  const runServer = async (): Promise<void> => {
    const runtime = server.runtime()
    const { files, clock, log } = runtime
    await files.makeDirectory('/data')
    const file = await files.openFile('/data/log', { create: true })
    await files.syncDirectory('/data')
    log.info({ sizeBytes: await file.size() }, 'opened')
    await runtime.transport.listen({
      address: 'server:8081',
      handlers: [
        answer(echo, async (note: Note) => {
          const at = await file.size()
          await file.writeAt([Buffer.from(note.text)], at)
          await file.sync()
          return { text: `${at} ${clock.nowMs()}` }
        }),
      ],
    })
  }
  const runClient = async (): Promise<void> => {
    const { transport, clock, log, random: chance } = client.runtime()
    const connection = transport.connect('server:8081')
    for (;;) {
      const text = chance.hex(8)
      const outcome = await connection
        .call(echo, { text }, { timeoutMs: 500 })
        .then((note) => note.text)
        .catch((error: { code: string }) => error.code)
      log.info({ text, outcome }, 'called')
      await clock.sleep(50 * chance.fraction())
    }
  }
  void runServer()
  void runClient()
  for (let round = 0; round < 8; round += 1) {
    await simulation.advance(random.between(100, 2_000))
    const fault = random.pick(['kill', 'powerCut', 'partition'] as const)
    simulation.tell(fault)
    if (fault === 'partition') {
      simulation.network.partition('client', 'server')
      await simulation.advance(random.between(100, 1_000))
      simulation.network.healAll()
    } else {
      server[fault]()
      void runServer()
    }
  }
  return story.lines
}
