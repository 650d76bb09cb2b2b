import { type CometClient, CometError } from '@cometmq/client'
import type { Simulation } from '@cometmq/simulation'
import { GROUPS } from '../workload.ts'
import type { GroupViolation } from './group-watch.ts'

const EVERY_MS = 300
/** Who does not answer in this time is asked again. */
const TIMEOUT_MS = 500

/**
 * Asks over and over how far the consumer groups are, as an operator's dashboard does, and holds the
 * answers against each other: queues never get shorter, what a group has before it is ready, in flight,
 * or delayed at any moment, and in one reign what is done stays done. The next master does not know of
 * acknowledgements that nobody was told of yet; those that somebody was are for the history to judge.
 */
export class ProgressWatch {
  readonly violations: GroupViolation[] = []
  readonly #simulation: Simulation
  readonly #comet: CometClient
  readonly #furthest = new Map<string, number>()
  #answers = 0
  #isOn = true

  constructor(simulation: Simulation, comet: CometClient) {
    this.#simulation = simulation
    this.#comet = comet
  }

  get answers(): number {
    return this.#answers
  }

  start(): void {
    void this.#run()
  }

  stop(): void {
    this.#isOn = false
  }

  async #run(): Promise<void> {
    while (this.#isOn) {
      for (const group of GROUPS) await this.#ask(group)
      await this.#simulation.clock.sleep(EVERY_MS)
    }
  }

  async #ask(group: string): Promise<void> {
    const options = { timeoutMs: TIMEOUT_MS }
    const { answers } = await this.#comet.admin
      .callEvery('DescribeGroup', { group }, options)
      .catch(unlessWrong)
    for (const { brokerName, answer } of answers) {
      this.#answers++
      for (const queue of answer.queues) {
        const { topic, queueId, ready, inFlight, delayed, backlog } = queue
        const name = `${group} at ${brokerName}/${topic}/${queueId}`
        if (ready + inFlight + delayed !== backlog) {
          const sum = `${ready} + ${inFlight} + ${delayed}`
          this.#broken('H11', `the backlog of ${name} is ${backlog}, and not ${sum}`)
        }
        this.#rises('H10', `the end of ${name}`, queue.maxOffset)
        // In the retry queue what is done has no order.
        if (topic.startsWith('%')) continue
        this.#rises('H9', `in epoch ${answer.epoch} the progress of ${name}`, queue.doneBelow)
      }
    }
  }

  #rises(rule: string, name: string, now: number): void {
    const before = this.#furthest.get(name) ?? 0
    if (now < before) this.#broken(rule, `${name} went from ${before} back to ${now}`)
    else this.#furthest.set(name, now)
  }

  #broken(rule: string, what: string): void {
    if (this.violations.some((known) => known.rule === rule)) return
    this.#simulation.tell(`${rule} is broken: ${what}`)
    this.violations.push({ kind: 'invariant', rule, what })
  }
}

/** Nobody can tell just now. */
function unlessWrong(error: unknown): { readonly answers: [] } {
  if (error instanceof CometError) return { answers: [] }
  throw error
}
