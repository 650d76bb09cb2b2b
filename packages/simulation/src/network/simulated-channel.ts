import { CometError } from '@cometmq/protocol'
import { backoffMs, type Timer } from '@cometmq/runtime'
import type { ProcessLife } from '../process-life.ts'
import type { NetworkCore } from './network-core.ts'
import { Session, SessionEnd } from './session.ts'
import type { SimulatedListener } from './simulated-listener.ts'

/** These are those of the Node adapter. */
const CONNECT_TIMEOUT_MS = 5_000
const RECONNECT = { baseMs: 50, maxMs: 300 }

/** When TCP asks again after a first packet that got no answer. */
const KNOCKS_AFTER_MS = [0, 1_000, 3_000]

export interface Established {
  readonly session: Session
  readonly listener: SimulatedListener
}

interface Waiting {
  readonly begin: (established: Established) => void
  readonly fail: (error: CometError) => void
}

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'connecting'; readonly waiting: Waiting[]; readonly timers: Timer[] }
  | { readonly kind: 'ready'; readonly established: Established }
  | { readonly kind: 'failed'; readonly error: CometError; readonly untilMs: number }

/** The way from one process to one address: connects when it is used, and again after a break. */
export class SimulatedChannel {
  readonly address: string
  readonly #network: NetworkCore
  readonly #life: ProcessLife
  readonly #from: string
  readonly #to: string
  readonly #port: number
  #state: State = { kind: 'idle' }
  #failureCount = 0

  constructor(options: {
    readonly address: string
    readonly network: NetworkCore
    readonly life: ProcessLife
    readonly from: string
    readonly to: string
    readonly port: number
  }) {
    this.address = options.address
    this.#network = options.network
    this.#life = options.life
    this.#from = options.from
    this.#to = options.to
    this.#port = options.port
  }

  /** Begins a call when the connection stands, or fails it. */
  start(call: Waiting): void {
    if (this.#life.hasEnded) return
    const { clock } = this.#life
    if (this.#state.kind === 'failed' && clock.elapsedMs() >= this.#state.untilMs) {
      this.#state = { kind: 'idle' }
    }
    const state = this.#state.kind === 'idle' ? this.#connect() : this.#state
    switch (state.kind) {
      case 'ready':
        call.begin(state.established)
        return
      case 'connecting':
        state.waiting.push(call)
        return
      case 'failed':
        clock.schedule(0, () => call.fail(state.error))
        return
    }
  }

  close(): void {
    const state = this.#state
    this.#state = { kind: 'idle' }
    if (state.kind === 'ready') {
      const { session } = state.established
      session.closeFrom(session.client, 'properly')
    }
    if (state.kind === 'connecting') for (const timer of state.timers) timer.cancel()
  }

  #connect(): State & { kind: 'connecting' } {
    const { clock } = this.#life
    const state: State & { kind: 'connecting' } = { kind: 'connecting', waiting: [], timers: [] }
    this.#state = state
    const giveUp = clock.schedule(CONNECT_TIMEOUT_MS, () => this.#fail(state, 'does not answer'))
    const knocks = KNOCKS_AFTER_MS.map((afterMs) =>
      clock.schedule(afterMs, () => this.#knock(state)),
    )
    state.timers.push(giveUp, ...knocks)
    return state
  }

  #knock(state: State & { kind: 'connecting' }): void {
    const back = (arrived: () => void): void => {
      this.#travel(this.#to, this.#from, () => {
        this.#life.run(() => {
          if (this.#state === state) arrived()
        })
      })
    }
    const host = this.#network.hosts.get(this.#to)
    if (host === undefined) {
      this.#fail(state, 'is not known by that name')
      return
    }
    this.#travel(this.#from, this.#to, () => {
      const listener = host.listeners.get(this.#port)
      if (listener === undefined) {
        back(() => this.#fail(state, 'refuses connections', true))
        return
      }
      // The system takes the connection, but only a running process speaks on it.
      listener.life.run(() => back(() => this.#establish(state, listener)))
    })
  }

  #establish(state: State & { kind: 'connecting' }, listener: SimulatedListener): void {
    if (listener.life.hasEnded || !listener.takesCalls) {
      this.#fail(state, 'refuses connections', true)
      return
    }
    for (const timer of state.timers) timer.cancel()
    const port = this.#network.nextClientPort()
    const client = new SessionEnd({ host: this.#from, port, life: this.#life })
    const server = new SessionEnd({ host: this.#to, port: this.#port, life: listener.life })
    const session = new Session(this.#network, client, server)
    listener.addSession(session)
    const established = { session, listener }
    this.#state = { kind: 'ready', established }
    this.#failureCount = 0
    client.onBreak = () => {
      if (this.#state.kind === 'ready' && this.#state.established === established) {
        this.#state = { kind: 'idle' }
      }
    }
    for (const call of state.waiting) call.begin(established)
  }

  #fail(state: State & { kind: 'connecting' }, why: string, isRefused = false): void {
    for (const timer of state.timers) timer.cancel()
    const error = new CometError('CONNECT_FAILED', `${this.address} ${why}`, { isRefused })
    const waitMs = backoffMs(this.#failureCount, RECONNECT, this.#network.random)
    this.#failureCount += 1
    this.#state = { kind: 'failed', error, untilMs: this.#life.clock.elapsedMs() + waitMs }
    for (const call of state.waiting) call.fail(error)
  }

  /** A packet outside of any connection: lost where the way is blocked or nobody is there. */
  #travel(from: string, to: string, arrived: () => void): void {
    const { clock, links } = this.#network
    if (links.isBlocked(from, to)) return
    clock.schedule(links.delayMs(from, to), () => {
      if (!links.isBlocked(from, to) && this.#network.isPowered(to)) arrived()
    })
  }
}
