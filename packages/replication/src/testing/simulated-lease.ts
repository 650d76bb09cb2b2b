import type { ElectorLease } from '../elector.ts'
import type { ElectorMember, SimulatedElectorServer } from './simulated-elector-server.ts'

const TTL_MS = 2_000
const MARGIN_MS = 200
const KEEP_ALIVE_MS = 500
const GRANT_DEADLINE_MS = 800

/** A lease that is kept alive as that of the etcd adapter is. */
export class SimulatedLease implements ElectorLease, AsyncDisposable {
  readonly #member: ElectorMember
  readonly #server: SimulatedElectorServer
  readonly #deadlineMs: number
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  #id: string | undefined
  #validUntilMs = 0

  constructor(member: ElectorMember, server: SimulatedElectorServer, deadlineMs: number) {
    this.#member = member
    this.#server = server
    this.#deadlineMs = deadlineMs
    this.#running = this.#run()
  }

  id(): string | undefined {
    return this.#id
  }

  validUntilMs(): number {
    return this.#validUntilMs
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
    const id = this.#id
    if (id === undefined) return
    this.#id = undefined
    this.#validUntilMs = 0
    await this.#server.request(this.#member, this.#deadlineMs, () => this.#server.keys.revoke(id))
  }

  async #run(): Promise<void> {
    const { clock } = this.#member
    while (!this.#stop.signal.aborted) {
      const sentMs = clock.elapsedMs()
      const answer = await (this.#id === undefined ? this.#grant() : this.#renew(this.#id))
      if (answer?.kind === 'gone') {
        this.#id = undefined
        this.#validUntilMs = 0
        continue
      }
      if (answer?.kind === 'held') {
        this.#id = answer.id
        this.#validUntilMs = sentMs + TTL_MS - MARGIN_MS
      }
      await this.#sleep(sentMs + KEEP_ALIVE_MS - clock.elapsedMs())
    }
  }

  #grant() {
    return this.#server.request(this.#member, GRANT_DEADLINE_MS, () => ({
      kind: 'held' as const,
      id: this.#server.keys.grant(TTL_MS),
    }))
  }

  #renew(id: string) {
    return this.#server.request(this.#member, this.#deadlineMs, () =>
      this.#server.keys.renew(id) !== undefined
        ? { kind: 'held' as const, id }
        : { kind: 'gone' as const },
    )
  }

  async #sleep(delayMs: number): Promise<void> {
    try {
      await this.#member.clock.sleep(Math.max(0, delayMs), this.#stop.signal)
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error
    }
  }
}
