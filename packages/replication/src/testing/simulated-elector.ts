import { CometError } from '@cometmq/protocol'
import type {
  Elector,
  ElectorLease,
  GroupHint,
  GroupView,
  Guard,
  ReadOutcome,
  Revision,
  SwapOutcome,
  Transaction,
  Write,
} from '../elector.ts'
import { nameOfKey, recordOfWrite, viewOfRecords } from '../elector-records.ts'
import type { KeyGuard, KeysAnswer, KeyWrite } from './shared-keys.ts'
import type { ElectorMember, SimulatedElectorServer } from './simulated-elector-server.ts'
import { SimulatedLease } from './simulated-lease.ts'

const DEADLINE_MS = 400

/** The elector as one process of a simulation has it. */
export class SimulatedElector implements Elector {
  readonly #member: ElectorMember
  readonly #server: SimulatedElectorServer
  readonly #lease: SimulatedLease
  readonly #watches = new Set<() => void>()
  /** The highest that was answered. */
  #furthest = 0
  #isOpen = true

  constructor(member: ElectorMember, server: SimulatedElectorServer) {
    this.#member = member
    this.#server = server
    this.#lease = new SimulatedLease(member, server, DEADLINE_MS)
  }

  get lease(): ElectorLease {
    return this.#lease
  }

  async read(): Promise<ReadOutcome> {
    const known = this.#furthest
    const answer = await this.#request((server) => server.keys.read())
    if (answer === undefined) return { kind: 'unreachable' }
    return this.#check(answer.revision, known) ?? { kind: 'read', view: viewOf(answer) }
  }

  async swap(transaction: Transaction): Promise<SwapOutcome> {
    const known = this.#furthest
    const { guards, writes } = transaction
    const answer = await this.#request(({ keys }) =>
      keys.apply(guards.map(keyGuardOf), writes.map(keyWriteOf)),
    )
    if (answer === undefined) return { kind: 'unknown' }
    // What was just written has a revision of its own.
    const wentBack = this.#check(answer.revision, answer.kind === 'won' ? known + 1 : known)
    if (wentBack !== undefined) return wentBack
    switch (answer.kind) {
      case 'won':
        return { kind: 'won', revision: answer.revision }
      case 'lost':
        return { kind: 'lost', view: viewOf(answer) }
    }
  }

  watch(from: Revision, onChange: (hint: GroupHint) => void): AsyncDisposable {
    let told: number = from
    const undo = this.#server.watch(this.#member, () => {
      const { revision } = this.#server.keys
      if (!this.#watches.has(undo) || revision <= told) return
      told = revision
      onChange({ revision })
    })
    this.#watches.add(undo)
    return {
      [Symbol.asyncDispose]: () => {
        undo()
        this.#watches.delete(undo)
        return Promise.resolve()
      },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const undo of this.#watches) undo()
    this.#watches.clear()
    await this.#lease[Symbol.asyncDispose]()
    this.#isOpen = false
  }

  #request<T>(serve: (server: SimulatedElectorServer) => T): Promise<T | undefined> {
    if (!this.#isOpen) throw new CometError('CLOSED', 'the elector was closed')
    return this.#server.request(this.#member, DEADLINE_MS, () => serve(this.#server))
  }

  #check(revision: number, least: number): { kind: 'went-back'; reason: string } | undefined {
    this.#furthest = Math.max(this.#furthest, revision)
    if (revision >= least) return undefined
    return { kind: 'went-back', reason: `the elector is at ${revision} instead of ${least}` }
  }
}

function viewOf({ records, revision, clusterId }: KeysAnswer): GroupView {
  return viewOfRecords(records, { revision, clusterId })
}

function keyGuardOf(guard: Guard): KeyGuard {
  const name = nameOfKey(guard.key)
  switch (guard.kind) {
    case 'unchanged':
      return { name, revision: guard.revision }
    case 'absent':
      return { name, revision: 0 }
  }
}

function keyWriteOf(write: Write): KeyWrite {
  const leaseId = write.kind === 'put-live' ? write.leaseId : undefined
  return { ...recordOfWrite(write), leaseId }
}
