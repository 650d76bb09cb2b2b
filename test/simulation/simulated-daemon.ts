import type { Runtime } from '@cometmq/runtime'
import type { SimulatedMachine, Simulation } from '@cometmq/simulation'

/** One process of a daemon, from its start to its end. */
export type RunDaemon<D> = (
  runtime: Runtime,
  parts: {
    /** Asks for an end. */
    readonly stop: AbortSignal
    /** It serves. */
    readonly opened: (daemon: D) => void
  },
) => Promise<void>

/** Runs what is opened once and serves to its end. */
export function serving<D extends { serve(stop: AbortSignal): Promise<unknown> }>(
  open: (runtime: Runtime) => Promise<D>,
): RunDaemon<D> {
  return async (runtime, { stop, opened }) => {
    const daemon = await open(runtime)
    opened(daemon)
    await daemon.serve(stop)
  }
}

/** A daemon on a simulated machine, and whoever starts it again when it has ended. */
export class SimulatedDaemon<D = unknown> {
  readonly machine: SimulatedMachine
  readonly #simulation: Simulation
  readonly #runDaemon: RunDaemon<D>
  #life = 0
  #present: D | undefined
  #stopping = new AbortController()
  #downMs = 0
  readonly #failures: unknown[] = []

  constructor(simulation: Simulation, machine: SimulatedMachine, run: RunDaemon<D>) {
    this.#simulation = simulation
    this.machine = machine
    this.#runDaemon = run
  }

  /** What runs now, as far as it is open. */
  get present(): D | undefined {
    return this.#present
  }

  /** What processes ended by that nobody had asked to. */
  get failures(): readonly unknown[] {
    return this.#failures
  }

  /** Which process of the machine it is. */
  get life(): number {
    return this.#life
  }

  /** Resolves when the daemon serves. */
  start(): Promise<void> {
    const serving = Promise.withResolvers<void>()
    this.#stopping = new AbortController()
    void this.#run(++this.#life, serving.resolve)
    return serving.promise
  }

  /** SIGKILL, or with the power cut, or with all that is on disk; started again after `downMs`. */
  crash(how: 'kill' | 'power-cut' | 'lose-disk', downMs: number): void {
    const life = ++this.#life
    this.#present = undefined
    switch (how) {
      case 'kill':
        this.machine.kill()
        break
      case 'power-cut':
        this.machine.powerCut()
        break
      case 'lose-disk':
        this.machine.loseDisk()
        break
    }
    this.#simulation.clock.schedule(downMs, () => {
      // Unless it has been crashed once more meanwhile.
      if (life === this.#life) void this.start()
    })
  }

  /** SIGTERM; started again `downMs` after it has ended. */
  stop(downMs: number): void {
    this.#downMs = downMs
    const stopping = this.#stopping
    // One that is paused hears of it later.
    if (this.machine.isUp) this.machine.runtime().clock.schedule(0, () => stopping.abort())
  }

  /** For good. */
  end(): void {
    this.#life++
    this.#present = undefined
    this.machine.kill()
  }

  async #run(life: number, serving: () => void): Promise<void> {
    const opened = (daemon: D): void => {
      if (life !== this.#life) return
      this.#present = daemon
      serving()
    }
    try {
      await this.#runDaemon(this.machine.runtime(), { stop: this.#stopping.signal, opened })
      if (life !== this.#life) return
      this.#simulation.story.tell(this.machine.name, 'ended as asked')
      this.crash('kill', this.#downMs)
    } catch (error) {
      if (life !== this.#life) return
      this.#failures.push(error)
      // What a supervisor does: the process has ended, it is started again.
      this.#simulation.story.tell(this.machine.name, 'ended by itself', { error })
      this.crash('kill', 500)
    }
  }
}
