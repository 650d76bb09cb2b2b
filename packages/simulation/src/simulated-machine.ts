import assert from 'node:assert/strict'
import type { Runtime } from '@cometmq/runtime'
import { ProcessLife } from './process-life.ts'
import type { SeededRandom } from './seeded-random.ts'
import { SimulatedDisk } from './simulated-disk.ts'
import type { SimulatedNetwork } from './simulated-network.ts'
import type { Story } from './story.ts'
import type { VirtualClock } from './virtual-clock.ts'

export interface SimulatedMachineOptions {
  /** Also its address. */
  readonly name: string
  readonly clock: VirtualClock
  readonly network: SimulatedNetwork
  readonly random: SeededRandom
  readonly story: Story
  readonly diskCapacityBytes?: number
}

/** A wall clock is at most so wrong, either way. */
const SKEW_MAX_MS = 500

/**
 * A host with a disk and one process at a time.
 *
 * `runtime()` gives the ports of the process that runs now. After its end nothing of it happens any
 * more, and the next call starts another one on the same disk.
 */
export class SimulatedMachine {
  readonly name: string
  readonly disk: SimulatedDisk
  readonly #clock: VirtualClock
  readonly #network: SimulatedNetwork
  readonly #random: SeededRandom
  readonly #story: Story
  #skewMs: number
  #lifeCount = 0
  #bootCount = 1
  #current: { readonly life: ProcessLife; readonly runtime: Runtime } | undefined

  constructor(options: SimulatedMachineOptions) {
    this.name = options.name
    this.#clock = options.clock
    this.#network = options.network
    this.#random = options.random
    this.#story = options.story
    this.#skewMs = options.random.fork('skew').below(2 * SKEW_MAX_MS) - SKEW_MAX_MS
    this.disk = new SimulatedDisk({
      clock: options.clock,
      random: options.random.fork('disk'),
      ...(options.diskCapacityBytes === undefined
        ? {}
        : { capacityBytes: options.diskCapacityBytes }),
    })
  }

  /** Whether a process runs, paused or not. */
  get isUp(): boolean {
    return this.#current !== undefined
  }

  /** Whether a process is there that `resume` would let go on. */
  get isPaused(): boolean {
    return this.#current !== undefined && !this.#current.life.isRunning
  }

  /** How often it was switched on. */
  get bootCount(): number {
    return this.#bootCount
  }

  /** The ports of the present process; starts one if there is none. */
  runtime(): Runtime {
    this.#current ??= this.#start()
    return this.#current.runtime
  }

  /** Ends the process, as SIGKILL does: what it had written stays, its connections are closed. */
  kill(): void {
    if (this.#end('process killed')) this.#network.processEnded(this.name)
    this.disk.crash()
  }

  /** Ends all at once: of what was not synced chance decides, and the network only falls silent. */
  powerCut(): void {
    this.#end('power cut')
    this.#bootCount++
    this.#network.powerLost(this.name)
    this.disk.powerCut()
  }

  /** Ends the process, and with it goes all that the machine had on disk. */
  loseDisk(): void {
    this.kill()
    this.disk.replace()
  }

  /** Stops the process where it is, as SIGSTOP does. Its peers notice by its silence. */
  pause(): void {
    assert(this.#current !== undefined, `${this.name} runs no process`)
    this.#story.tell(this.name, 'paused')
    this.#current.life.pause()
    this.#network.processPausedOrResumed()
  }

  /** What was due meanwhile happens now. */
  resume(): void {
    assert(this.#current !== undefined, `${this.name} runs no process`)
    this.#story.tell(this.name, 'resumed')
    this.#current.life.resume()
    this.#network.processPausedOrResumed()
  }

  /** Sets the wall clock of this machine forth, or back. */
  jumpClock(byMs: number): void {
    this.#story.tell(this.name, 'clock set', { byMs })
    this.#skewMs += byMs
  }

  #start(): { readonly life: ProcessLife; readonly runtime: Runtime } {
    this.#lifeCount += 1
    this.#story.tell(this.name, `process ${this.#lifeCount} started`)
    const random = this.#random.fork(`process ${this.#lifeCount}`)
    const life = new ProcessLife({
      clock: this.#clock,
      skewMs: () => this.#skewMs,
      originMs: random.fork('origin').below(1_000_000),
    })
    const log = this.#story.logger(this.name)
    const { files, keyValueStores } = this.disk.startProcess(life.clock)
    const transport = this.#network.openProcess(this.name, life, log)
    return {
      life,
      runtime: { clock: life.clock, random, files, keyValueStores, transport, log },
    }
  }

  #end(how: string): boolean {
    if (this.#current === undefined) return false
    this.#story.tell(this.name, how)
    this.#current.life.end()
    this.#current = undefined
    return true
  }
}
