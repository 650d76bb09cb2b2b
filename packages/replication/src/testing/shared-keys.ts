import type { Clock, Random, Timer } from '@cometmq/runtime'
import type { Revision } from '../elector.ts'
import type { StoredRecord } from '../elector-records.ts'

/** All keys at one moment. */
export interface KeysAnswer {
  readonly clusterId: string
  readonly revision: Revision
  readonly records: readonly LeasedRecord[]
}

export type ApplyAnswer =
  | { readonly kind: 'won'; readonly clusterId: string; readonly revision: Revision }
  | ({ readonly kind: 'lost' } & KeysAnswer)

/** The revision that a key must have; 0: it must not be there. */
export interface KeyGuard {
  readonly name: string
  readonly revision: number
}

export interface KeyWrite {
  readonly name: string
  /** Undefined: the key goes. */
  readonly text: string | undefined
  readonly leaseId: string | undefined
}

/** To go back to. */
export interface KeysBackup {
  readonly revision: number
  readonly records: ReadonlyMap<string, LeasedRecord>
  readonly leases: ReadonlyMap<string, number>
}

export interface LeasedRecord extends StoredRecord {
  readonly leaseId: string | undefined
}

interface HeldLease {
  readonly ttlMs: number
  readonly timer: Timer
}

/** So few that an id is a positive number of 64 bits. */
export const LEASE_ID_BYTES = 7

/** etcd looks for ended leases twice a second. */
const EXPIRY_LAG_MS = 500

/** Keys, their revisions and leases as etcd keeps them: exact, and at one place. */
export class SharedKeys {
  readonly #clock: Clock
  readonly #random: Random
  readonly #changed: (names: readonly string[]) => void
  readonly #clusterId: string
  #revision = 1
  #records = new Map<string, LeasedRecord>()
  #leases = new Map<string, HeldLease>()

  /** `changed` is called after each write, with the keys that it wrote. */
  constructor(
    ports: { readonly clock: Clock; readonly random: Random },
    changed: (names: readonly string[]) => void,
  ) {
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

  /** All writes if every guard holds and every lease is there; else nothing. */
  apply(guards: readonly KeyGuard[], writes: readonly KeyWrite[]): ApplyAnswer {
    if (!this.#isAllowed(guards, writes)) return { kind: 'lost', ...this.read() }
    this.#revision += 1
    const revision = this.revision
    for (const { name, text, leaseId } of writes) {
      if (text === undefined) this.#records.delete(name)
      else this.#records.set(name, { name, text, revision, leaseId })
    }
    this.#changed(writes.map(({ name }) => name))
    return { kind: 'won', clusterId: this.#clusterId, revision }
  }

  grant(ttlMs: number): string {
    const id = this.#random.hex(LEASE_ID_BYTES)
    this.#hold(id, ttlMs)
    return id
  }

  /** How long it lasts from now on; undefined: there is no such lease. */
  renew(id: string): number | undefined {
    const lease = this.#leases.get(id)
    if (lease === undefined) return undefined
    lease.timer.cancel()
    this.#hold(id, lease.ttlMs)
    return lease.ttlMs
  }

  hasLease(id: string): boolean {
    return this.#leases.has(id)
  }

  revoke(id: string): void {
    this.#leases.get(id)?.timer.cancel()
    if (!this.#leases.delete(id)) return
    const leased = [...this.#records.values()].filter(({ leaseId }) => leaseId === id)
    if (leased.length === 0) return
    for (const { name } of leased) this.#records.delete(name)
    this.#revision += 1
    this.#changed(leased.map(({ name }) => name))
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
  }

  #isAllowed(guards: readonly KeyGuard[], writes: readonly KeyWrite[]): boolean {
    return (
      guards.every(({ name, revision }) => this.#revisionOf(name) === revision) &&
      writes.every(({ leaseId }) => leaseId === undefined || this.#leases.has(leaseId))
    )
  }

  #revisionOf(name: string): number {
    return this.#records.get(name)?.revision ?? 0
  }

  #hold(id: string, ttlMs: number): void {
    const lagMs = EXPIRY_LAG_MS * this.#random.fraction()
    const timer = this.#clock.schedule(ttlMs + lagMs, () => this.revoke(id))
    this.#leases.set(id, { ttlMs, timer })
  }
}
