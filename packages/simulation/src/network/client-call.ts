import { CometError } from '@cometmq/protocol'
import type { Timer } from '@cometmq/runtime'
import type { RunningCall, Session } from './session.ts'
import type { Established, SimulatedChannel } from './simulated-channel.ts'

export interface ClientCallOptions<Remote> {
  readonly channel: SimulatedChannel
  /** The call has reached the server: takes it there. `undefined`: it was answered at once. */
  readonly arrive: (established: Established) => Remote | undefined
  readonly failed: (error: CometError) => void
}

/**
 * One call as its client has it: opens when the connection stands, and carries what is to be done
 * to its other end, the `Remote`, in order.
 */
export class ClientCall<Remote> implements RunningCall {
  readonly #options: ClientCallOptions<Remote>
  #session: Session | undefined
  #unsent: ((remote: Remote) => void)[] = []
  #remote: Remote | undefined
  #isOver = false
  /** Undoes what watches over the call. */
  #release: () => void = () => {}

  constructor(options: ClientCallOptions<Remote>) {
    this.#options = options
  }

  /** The other end, once the call has got there. */
  get remote(): Remote | undefined {
    return this.#remote
  }

  /** `release` is called when the call is over. */
  start(release: () => void): void {
    this.#release = release
    this.#options.channel.start({
      begin: (established) => this.#begin(established),
      fail: (error) => this.broken(error),
    })
  }

  /** Does something to the other end, when it has got there. */
  post(action: (remote: Remote) => void): void {
    if (this.#session === undefined) {
      if (!this.#isOver) this.#unsent.push(action)
      return
    }
    this.#session.sendToServer(() => {
      if (this.#remote !== undefined) action(this.#remote)
    })
  }

  /** Returns whether this ended it. */
  finish(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    this.#unsent = []
    this.#session?.client.calls.delete(this)
    this.#release()
    return true
  }

  broken(error: CometError): void {
    if (this.finish()) this.#options.failed(error)
  }

  #begin(established: Established): void {
    if (this.#isOver) return
    const { session } = established
    this.#session = session
    session.client.calls.add(this)
    session.sendToServer(() => {
      this.#remote = this.#options.arrive(established)
    })
    for (const action of this.#unsent.splice(0)) this.post(action)
  }
}

/** Calls `cancel` when the signal is aborted or the time has passed, until it is undone. */
export function watchCall(
  options: {
    readonly signal?: AbortSignal | undefined
    readonly timeoutMs?: number | undefined
    readonly schedule: (delayMs: number, run: () => void) => Timer
  },
  cancel: (error: CometError) => void,
): () => void {
  const { signal, timeoutMs } = options
  const aborted = (): void => {
    cancel(
      new CometError('CANCELLED', 'the caller has cancelled the call', { cause: signal?.reason }),
    )
  }
  signal?.addEventListener('abort', aborted, { once: true })
  const timer =
    timeoutMs === undefined
      ? undefined
      : options.schedule(timeoutMs, () => {
          cancel(new CometError('TIMEOUT', `no answer within ${timeoutMs} ms`))
        })
  return () => {
    signal?.removeEventListener('abort', aborted)
    timer?.cancel()
  }
}
