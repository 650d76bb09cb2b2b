import type { GroupView, SwapOutcome, Transaction } from '@cometmq/replication'
import type { SeededRandom } from '@cometmq/simulation'
import type { MemberProcess } from './member-process.ts'
import { Register } from './register.ts'

interface Call {
  readonly process: MemberProcess
  readonly request:
    | { readonly kind: 'read' }
    | { readonly kind: 'swap'; readonly number: number; readonly transaction: Transaction }
  answer: { readonly view: GroupView } | { readonly outcome: SwapOutcome } | undefined
  /** The caller has given up, or is gone. The call itself may still take effect. */
  isForgotten: boolean
}

/** Calls of forgotten callers that may still take effect, at most. */
const MAX_CALLS = 60

/** The elector and the way to it: calls take effect late, out of order, or after their caller died. */
export class ElectorCalls {
  readonly register = new Register()
  readonly #random: SeededRandom
  readonly #applied: (process: MemberProcess, transaction: Transaction, before: GroupView) => void
  #calls: Call[] = []
  /** Members whose calls do not arrive, and those that hear no answers. */
  readonly #deaf = new Set<number>()
  readonly #mute = new Set<number>()

  constructor(
    random: SeededRandom,
    applied: (process: MemberProcess, transaction: Transaction, before: GroupView) => void,
  ) {
    this.#random = random
    this.#applied = applied
  }

  read(process: MemberProcess): void {
    this.#add({ process, request: { kind: 'read' }, answer: undefined, isForgotten: false })
  }

  swap(process: MemberProcess, number: number, transaction: Transaction): void {
    const request = { kind: 'swap', number, transaction } as const
    this.#add({ process, request, answer: undefined, isForgotten: false })
  }

  /** One call takes effect or is answered; false if none can. */
  advance(): boolean {
    const ready = this.#calls.filter(({ process, answer }) =>
      answer === undefined ? !this.#mute.has(process.brokerId) : !this.#deaf.has(process.brokerId),
    )
    if (ready.length === 0) return false
    const call = this.#random.pick(ready)
    if (call.answer === undefined) this.#apply(call)
    else this.#reply(call)
    return true
  }

  /** A caller stops waiting: whether it happened is not known. */
  giveUp(): void {
    const waited = this.#calls.filter(({ isForgotten }) => !isForgotten)
    if (waited.length === 0) return
    const call = this.#random.pick(waited)
    call.isForgotten = true
    const { process, request } = call
    if (request.kind === 'read') process.happen({ kind: 'not-viewed', reason: 'unreachable' })
    else {
      process.happen({
        kind: 'swap-answered',
        number: request.number,
        outcome: { kind: 'unknown' },
      })
    }
  }

  block(brokerId: number): void {
    if (this.#random.chance(0.5)) this.#deaf.add(brokerId)
    if (this.#random.chance(0.5)) this.#mute.add(brokerId)
  }

  heal(): void {
    this.#deaf.clear()
    this.#mute.clear()
  }

  died(process: MemberProcess): void {
    for (const call of this.#calls) if (call.process === process) call.isForgotten = true
  }

  #add(call: Call): void {
    this.#calls.push(call)
    const forgotten = this.#calls.findIndex(({ isForgotten }) => isForgotten)
    if (this.#calls.length > MAX_CALLS && forgotten >= 0) this.#calls.splice(forgotten, 1)
  }

  #apply(call: Call): void {
    const { process, request } = call
    if (request.kind === 'read') {
      call.answer = { view: this.register.view() }
      return
    }
    const before = this.register.view()
    const outcome = this.register.apply(request.transaction)
    call.answer = { outcome }
    if (outcome.kind === 'won') this.#applied(process, request.transaction, before)
  }

  #reply(call: Call): void {
    this.#calls = this.#calls.filter((each) => each !== call)
    const { process, request, answer, isForgotten } = call
    if (isForgotten || answer === undefined) return
    if ('view' in answer) process.happen({ kind: 'viewed', view: answer.view })
    else if (request.kind === 'swap') {
      const { number } = request
      process.happen({ kind: 'swap-answered', number, outcome: answer.outcome })
    }
  }
}
