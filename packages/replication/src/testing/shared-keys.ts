import type { Clock, Random, Timer } from '@cometmq/runtime'
import type { Guard, Revision, Transaction } from '../elector.ts'
import { nameOfKey, recordOfWrite, type StoredRecord } from '../elector-records.ts'

/** All keys at one moment. */
export interface KeysAnswer {
  readonly clusterId: string
  readonly revision: Revision
  readonly records: readonly StoredRecord[]
}

export type ApplyAnswer =
  | { readonly kind: 'won'; readonly clusterId: string; readonly revision: Revision }
  | ({ readonly kind: 'lost' } & KeysAnswer)

/** To go back to. */
export interface KeysBackup {
  readonly revision: number
  readonly records: ReadonlyMap<string, LeasedRecord>
  readonly leases: ReadonlyMap<string, number>
}

interface LeasedRecord extends StoredRecord {
  readonly leaseId: string | undefined
}

interface HeldLease {
  readonly ttlMs: number
  readonly timer: Timer
}

/** etcd looks for ended leases twice a second. */
const EXPIRY_LAG_MS = 500

/** Keys, their revisions and leases as etcd keeps them: exact, and at one place. */
export class SharedKeys {
  readonly #clock: Clock
  readonly #random: Random
  readonly #changed: () => void
  readonly #clusterId: string
  #revision = 1
  #records = new Map<string, LeasedRecord>()
  #leases = new Map<string, HeldLease>()

  /** `changed` is called after each write. */
  constructor(ports: { readonly clock: Clock; readonly random: Random }, changed: () => void) {
    this.#clock = ports.clock
    this.#random = ports.random
    this.#changed = changed
    this.#clusterId = ports.random.hex(8)
  }

  get revision(): Revision {
    return this.#revision as Revision
  }

  read(): KeysAnswer {
    return {
      clusterId: this.#clusterId,
      revision: this.revision,
      records: [...this.#records.values()],
    }
  }

  apply(transaction: Transaction): ApplyAnswer {
    if (!this.#isAllowed(transaction)) return { kind: 'lost', ...this.read() }
    this.#revision += 1
    const revision = this.revision
    for (const write of transaction.writes) {
      const { name, text } = recordOfWrite(write)
      const leaseId = write.kind === 'put-live' ? write.leaseId : undefined
      if (text === undefined) this.#records.delete(name)
      else this.#records.set(name, { name, text, revision, leaseId })
    }
    this.#changed()
    return { kind: 'won', clusterId: this.#clusterId, revision }
  }

  grant(ttlMs: number): string {
    const id = this.#random.hex(8)
    this.#hold(id, ttlMs)
    return id
  }

  /** `false`: there is no such lease. */
  renew(id: string): boolean {
    const lease = this.#leases.get(id)
    if (lease === undefined) return false
    lease.timer.cancel()
    this.#hold(id, lease.ttlMs)
    return true
  }

  revoke(id: string): void {
    this.#leases.get(id)?.timer.cancel()
    if (!this.#leases.delete(id)) return
    const leased = [...this.#records.values()].filter(({ leaseId }) => leaseId === id)
    if (leased.length === 0) return
    for (const { name } of leased) this.#records.delete(name)
    this.#revision += 1
    this.#changed()
  }

  backUp(): KeysBackup {
    return {
      revision: this.#revision,
      records: new Map(this.#records),
      leases: new Map([...this.#leases].map(([id, { ttlMs }]) => [id, ttlMs])),
    }
  }

  /** Forgets what was written since. Leases begin anew, as in a restored etcd. */
  restore(backup: KeysBackup): void {
    for (const { timer } of this.#leases.values()) timer.cancel()
    this.#leases = new Map()
    this.#revision = backup.revision
    this.#records = new Map(backup.records)
    for (const [id, ttlMs] of backup.leases) this.#hold(id, ttlMs)
    this.#changed()
  }

  #isAllowed({ guards, writes }: Transaction): boolean {
    return (
      guards.every((guard) => this.#holds(guard)) &&
      writes.every((write) => write.kind !== 'put-live' || this.#leases.has(write.leaseId))
    )
  }

  #holds(guard: Guard): boolean {
    const record = this.#records.get(nameOfKey(guard.key))
    switch (guard.kind) {
      case 'unchanged':
        return record?.revision === guard.revision
      case 'absent':
        return record === undefined
    }
  }

  #hold(id: string, ttlMs: number): void {
    const lagMs = EXPIRY_LAG_MS * this.#random.fraction()
    const timer = this.#clock.schedule(ttlMs + lagMs, () => this.revoke(id))
    this.#leases.set(id, { ttlMs, timer })
  }
}
