import assert from 'node:assert/strict'
import type { MemberWays } from './member-ways.ts'
import { Daemon } from '../../cluster/daemon.ts'
import { sharedMsOf } from '../../../packages/cli/src/drill/shared-clock.ts'
import type { Observation } from '../../../packages/cli/src/drill/timeline.ts'

export interface ProcessPlace {
  readonly name: string
  /** `host:port` that it listens on; the same after each start. */
  readonly address: string
  /** Of `comet`. */
  readonly args: readonly string[]
  readonly logDirectory: string
  readonly onObservation: (observation: Observation) => void
  /** Between it and whoever dials it, or is dialled by it. */
  readonly ways?: MemberWays
  /** In addition to ours. */
  readonly env?: Readonly<Record<string, string>>
}

/** One daemon of a drill through all its starts, on the same data and at the same address. */
export class DrillProcess {
  readonly name: string
  readonly address: string
  readonly #place: ProcessPlace
  #daemon: Daemon | undefined

  constructor(place: ProcessPlace) {
    this.name = place.name
    this.address = place.address
    this.#place = place
  }

  get isRunning(): boolean {
    return this.#daemon?.isRunning === true
  }

  /** Resolves when it says that it is ready. */
  async start(): Promise<void> {
    assert(!this.isRunning, `${this.name} runs already`)
    const { name, args, logDirectory, onObservation, ways, env = {} } = this.#place
    this.#daemon = await Daemon.start({
      name,
      args,
      logDirectory,
      prefix: ways?.prefix ?? [],
      env,
      onLine: ({ time, message, ...fields }) => {
        const atMs = sharedMsOf(String(time))
        onObservation({ kind: 'log', atMs, source: name, message: String(message), fields })
      },
    })
    await ways?.admit()
  }

  /** As a crash. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** As an operator does; resolves when it has drained and ended. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM')
  }

  /** It neither runs nor closes its connections. */
  async freeze(): Promise<void> {
    await this.#daemon?.freeze()
  }

  thaw(): void {
    this.#daemon?.signal('SIGCONT')
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    await this.#daemon?.stop(signal)
    await this.#place.ways?.refuse()
  }
}
