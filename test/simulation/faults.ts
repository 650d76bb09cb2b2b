import type { SeededRandom, Simulation } from '@cometmq/simulation'
import type { SimulatedDaemon } from './simulated-daemon.ts'
import type { SimulatedClient } from './workload.ts'

const HOUR_MS = 3_600_000
const FAULT_MAX_MS = 6_000

export interface Scene {
  readonly simulation: Simulation
  readonly nameServers: readonly SimulatedDaemon[]
  readonly brokers: readonly SimulatedDaemon[]
  readonly clients: readonly SimulatedClient[]
}

/** Something that may happen, and how often beside the others. */
export type Fault<S extends Scene = Scene> = readonly [
  name: string,
  weight: number,
  happen: (scene: S, random: SeededRandom) => Happened,
]

/** False: there was nothing to strike. A promise: it waits for its moment. */
export type Happened = void | boolean | Promise<boolean>

/** Of these a process may end by itself. */
export const DISK_FAULTS = ['a disk is full', 'a sync fails', 'a write fails']

/** What can go wrong. Whatever lasts is undone by itself after a while. */
export const faults: readonly Fault[] = [
  [
    'a broker is killed',
    5,
    (scene, random) => brokerOf(scene, random).crash('kill', pause(random)),
  ],
  [
    'the power of a broker is cut',
    5,
    (scene, random) => brokerOf(scene, random).crash('power-cut', pause(random)),
  ],
  [
    'all power is cut',
    2,
    ({ brokers }, random) => {
      for (const broker of brokers) broker.crash('power-cut', pause(random))
    },
  ],
  [
    'a name server is killed',
    2,
    ({ nameServers }, random) => random.pick(nameServers).crash('kill', pause(random)),
  ],
  [
    'all name servers forget everything',
    2,
    ({ nameServers }, random) => {
      for (const nameServer of nameServers) nameServer.crash('kill', pause(random))
    },
  ],
  ['a client is killed', 2, ({ clients }, random) => random.pick(clients).kill(pause(random))],
  [
    'a broker is paused',
    2,
    (scene, random) => {
      const { machine } = brokerOf(scene, random)
      if (!machine.isUp || machine.isPaused) return false
      machine.pause()
      scene.simulation.clock.schedule(pause(random) * 2, () => {
        if (machine.isPaused) machine.resume()
      })
      return true
    },
  ],
  [
    'two machines are parted',
    3,
    (scene, random) => {
      const [one, other] = pairOf(scene, random)
      scene.simulation.network.partition(one, other)
      later(scene, random, () => scene.simulation.network.heal(one, other))
    },
  ],
  [
    'nothing passes in one direction',
    2,
    (scene, random) => {
      const [one, other] = pairOf(scene, random)
      scene.simulation.network.block(one, other)
      later(scene, random, () => scene.simulation.network.heal(one, other))
    },
  ],
  [
    'connections are cut',
    3,
    (scene, random) => scene.simulation.network.cutConnections(...pairOf(scene, random)),
  ],
  [
    'a link is slow',
    2,
    (scene, random) => {
      const [one, other] = pairOf(scene, random)
      scene.simulation.network.slowDown(one, other, random.between(5, 300))
      later(scene, random, () => scene.simulation.network.slowDown(one, other, 0))
    },
  ],
  [
    'a link loses packets',
    2,
    (scene, random) => {
      const [one, other] = pairOf(scene, random)
      scene.simulation.network.lose(one, other, random.between(0.01, 0.3))
      later(scene, random, () => scene.simulation.network.lose(one, other, 0))
    },
  ],
  [
    'a disk is full',
    2,
    (scene, random) => {
      const { disk } = brokerOf(scene, random).machine
      disk.setCapacity(0)
      later(scene, random, () => disk.setCapacity(2 ** 40))
    },
  ],
  [
    'a disk is slow',
    1,
    (scene, random) => {
      const { disk } = brokerOf(scene, random).machine
      disk.slowDown(random.between(5, 100))
      later(scene, random, () => disk.slowDown(1))
    },
  ],
  ['a sync fails', 2, (scene, random) => brokerOf(scene, random).machine.disk.failNextSync()],
  ['a write fails', 1, (scene, random) => brokerOf(scene, random).machine.disk.failNextWrite()],
  [
    'a clock is set',
    1,
    (scene, random) => brokerOf(scene, random).machine.jumpClock(random.between(-HOUR_MS, HOUR_MS)),
  ],
]

/**
 * Lets `count` faults happen, at times that chance picks within `withinMs`; resolves to how often each
 * of them really did.
 */
export async function causeFaults<S extends Scene>(
  scene: S,
  options: {
    readonly faults: readonly Fault<S>[]
    readonly count: number
    readonly withinMs: number
    /** What happened lasts for so long afterwards at least; the longest fault, unless given. */
    readonly restMs?: number
  },
): Promise<ReadonlyMap<string, number>> {
  const happened = new Map<string, number>()
  const random = scene.simulation.random.fork('faults')
  const times = Array.from({ length: options.count }, () => random.between(0, options.withinMs))
  let elapsedMs = 0
  for (const atMs of times.sort((a, b) => a - b)) {
    await scene.simulation.advance(atMs - elapsedMs)
    elapsedMs = atMs
    const [name, , fault] = pickWeighted(options.faults, random)
    scene.simulation.tell(name)
    void Promise.resolve(fault(scene, random)).then((has) => {
      if (has !== false) happened.set(name, (happened.get(name) ?? 0) + 1)
    })
  }
  const restMs = options.restMs ?? FAULT_MAX_MS
  await scene.simulation.advance(options.withinMs - elapsedMs + restMs)
  scene.simulation.network.healAll()
  return happened
}

function pickWeighted<S extends Scene>(faults: readonly Fault<S>[], random: SeededRandom) {
  let left = random.below(faults.reduce((sum, [, weight]) => sum + weight, 0))
  return faults.find(([, weight]) => (left -= weight) < 0) as Fault<S>
}

function brokerOf({ brokers }: Scene, random: SeededRandom): SimulatedDaemon {
  return random.pick(brokers)
}

/** Two machines that talk to each other. */
function pairOf({ brokers, nameServers, clients }: Scene, random: SeededRandom): [string, string] {
  const broker = random.pick(brokers).machine.name
  const others = [
    ...clients.map(({ name }) => name),
    ...nameServers.map(({ machine }) => machine.name),
  ]
  return [broker, random.pick(others)]
}

/** Some time afterwards, and before `causeFaults` resolves. */
export function later({ simulation }: Scene, random: SeededRandom, undo: () => void): void {
  simulation.clock.schedule(pause(random) * 3, undo)
}

export function pause(random: SeededRandom): number {
  return random.between(20, FAULT_MAX_MS / 3)
}
