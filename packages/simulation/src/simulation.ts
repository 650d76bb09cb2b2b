import { SeededRandom } from './seeded-random.ts'
import { SimulatedMachine } from './simulated-machine.ts'
import { SimulatedNetwork, type SimulatedNetworkOptions } from './simulated-network.ts'
import { Story } from './story.ts'
import { type RunOptions, VirtualClock } from './virtual-clock.ts'

export interface SimulationOptions {
  readonly network?: Pick<SimulatedNetworkOptions, 'latency' | 'windowBytes'>
  /** Of each machine. */
  readonly diskCapacityBytes?: number
}

/**
 * A world that one seed decides: time, machines with their disks, and the network between them.
 * Equal seeds and equal code give equal runs, to the last line of the story.
 */
export class Simulation {
  readonly seed: number
  readonly clock: VirtualClock
  readonly network: SimulatedNetwork
  /** For what the test itself leaves to chance. */
  readonly random: SeededRandom
  readonly story: Story
  readonly #seeds: SeededRandom
  readonly #options: SimulationOptions
  readonly #machines = new Map<string, SimulatedMachine>()

  constructor(seed: number, options: SimulationOptions = {}) {
    this.seed = seed
    this.#options = options
    this.#seeds = new SeededRandom(seed)
    this.random = this.#seeds.fork('test')
    this.clock = new VirtualClock()
    this.story = new Story(() => this.clock.elapsedMs())
    this.network = new SimulatedNetwork({
      clock: this.clock,
      random: this.#seeds.fork('network'),
      ...options.network,
    })
  }

  /** The machine of that name; it is made when it is first asked for. */
  machine(name: string): SimulatedMachine {
    const known = this.#machines.get(name)
    if (known !== undefined) return known
    const { diskCapacityBytes } = this.#options
    const machine = new SimulatedMachine({
      name,
      clock: this.clock,
      network: this.network,
      random: this.#seeds.fork(`machine ${name}`),
      story: this.story,
      ...(diskCapacityBytes === undefined ? {} : { diskCapacityBytes }),
    })
    this.#machines.set(name, machine)
    return machine
  }

  get machines(): readonly SimulatedMachine[] {
    return [...this.#machines.values()]
  }

  /** Adds a line to the story. */
  tell(sentence: string): void {
    this.story.tell('test', sentence)
  }

  /** Lets so much time pass. */
  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms)
  }

  /** Lets time pass until the promise settles or the condition holds; see `VirtualClock`. */
  async runUntil<T>(goal: Promise<T>, options: RunOptions): Promise<T>
  async runUntil(goal: () => boolean, options: RunOptions): Promise<void>
  async runUntil<T>(goal: Promise<T> | (() => boolean), options: RunOptions): Promise<T | void> {
    return typeof goal === 'function'
      ? this.clock.runUntil(goal, options)
      : this.clock.runUntil(goal, options)
  }
}
