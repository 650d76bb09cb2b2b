import type { SeededRandom, Simulation } from '@cometmq/simulation'
import type { SimulatedCluster } from './simulated-cluster.ts'
import type { SimulatedClient } from './workload.ts'

const HOUR_MS = 3_600_000
const FAULT_MAX_MS = 6_000

export interface Scene {
  readonly simulation: Simulation
  readonly cluster: SimulatedCluster
  readonly clients: readonly SimulatedClient[]
}

type Fault = (scene: Scene, random: SeededRandom) => void

/** What can go wrong. Whatever lasts is undone by itself after a while. */
const faults: readonly (readonly [name: string, weight: number, fault: Fault])[] = [
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
    1,
    ({ cluster }, random) => {
      for (const broker of cluster.brokers) broker.crash('power-cut', pause(random))
    },
  ],
  [
    'a name server is killed',
    2,
    ({ cluster }, random) => random.pick(cluster.nameServers).crash('kill', pause(random)),
  ],
  ['a client is killed', 2, ({ clients }, random) => random.pick(clients).kill(pause(random))],
  [
    'a broker is paused',
    2,
    (scene, random) => {
      const { machine } = brokerOf(scene, random)
      if (!machine.isUp || machine.isPaused) return
      machine.pause()
      scene.simulation.clock.schedule(pause(random) * 2, () => {
        if (machine.isPaused) machine.resume()
      })
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

/** Lets `count` faults happen, at times that chance picks within `withinMs`. */
export async function causeFaults(
  scene: Scene,
  options: { readonly count: number; readonly withinMs: number },
): Promise<void> {
  const random = scene.simulation.random.fork('faults')
  const times = Array.from({ length: options.count }, () => random.between(0, options.withinMs))
  let elapsedMs = 0
  for (const atMs of times.sort((a, b) => a - b)) {
    await scene.simulation.advance(atMs - elapsedMs)
    elapsedMs = atMs
    const [name, , fault] = pickWeighted(random)
    scene.simulation.tell(name)
    fault(scene, random)
  }
  // The longest fault ends in this time.
  await scene.simulation.advance(options.withinMs - elapsedMs + FAULT_MAX_MS)
  scene.simulation.network.healAll()
}

function pickWeighted(random: SeededRandom): (typeof faults)[number] {
  let left = random.below(faults.reduce((sum, [, weight]) => sum + weight, 0))
  return faults.find(([, weight]) => (left -= weight) < 0) ?? (faults[0] as (typeof faults)[number])
}

function brokerOf({ cluster }: Scene, random: SeededRandom) {
  return random.pick(cluster.brokers)
}

/** Two machines that talk to each other. */
function pairOf({ cluster, clients }: Scene, random: SeededRandom): [string, string] {
  const broker = random.pick(cluster.brokers).machine.name
  const others = [
    ...clients.map(({ name }) => name),
    ...cluster.nameServers.map(({ machine }) => machine.name),
  ]
  return [broker, random.pick(others)]
}

function later({ simulation }: Scene, random: SeededRandom, undo: () => void): void {
  simulation.clock.schedule(pause(random) * 3, undo)
}

function pause(random: SeededRandom): number {
  return random.between(20, FAULT_MAX_MS / 3)
}
