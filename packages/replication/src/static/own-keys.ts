import type {
  ElectorKey,
  GroupView,
  Guard,
  Revision,
  Transaction,
  Versioned,
  Write,
} from '../elector.ts'
import type { LiveRecord, MemberRecord } from '../group-records.ts'
import type { GroupState } from '../group-state.ts'

/**
 * The keys of a broker group as one member alone has them, in memory: what it put there itself, and
 * what an operator's appointment makes of the group's state.
 */
export class OwnKeys {
  #revision = 1
  #state: Versioned<GroupState> | undefined
  readonly #members = new Map<number, Versioned<MemberRecord>>()
  readonly #live = new Map<number, Versioned<LiveRecord>>()

  get view(): Omit<GroupView, 'clusterId'> {
    return {
      revision: this.#revision as Revision,
      state: this.#state,
      nextId: undefined,
      command: undefined,
      members: new Map(this.#members),
      live: new Map(this.#live),
    }
  }

  /** All writes, if every guard holds; undefined: nothing. */
  apply({ guards, writes }: Pick<Transaction, 'guards' | 'writes'>): Revision | undefined {
    if (!this.allows({ guards })) return undefined
    const revision = this.#next()
    for (const write of writes) this.#write(write, revision)
    return revision
  }

  /** Whether every guard holds. */
  allows({ guards }: Pick<Transaction, 'guards'>): boolean {
    return guards.every((guard) => this.#holds(guard))
  }

  putState(value: GroupState): void {
    this.#state = { revision: this.#next(), value }
  }

  #holds(guard: Guard): boolean {
    const found = this.#revisionOf(guard.key)
    return guard.kind === 'absent' ? found === undefined : found === guard.revision
  }

  #revisionOf(key: ElectorKey): Revision | undefined {
    switch (key.kind) {
      case 'state':
        return this.#state?.revision
      case 'member':
        return this.#members.get(key.brokerId)?.revision
      case 'live':
        return this.#live.get(key.brokerId)?.revision
      // Ids are configured, and commands go to the member that they are for.
      case 'next-id':
      case 'command':
        return undefined
    }
  }

  #write(write: Write, revision: Revision): void {
    switch (write.kind) {
      case 'put-state':
        this.#state = { revision, value: write.value }
        return
      case 'put-member':
        this.#members.set(write.brokerId, { revision, value: write.value })
        return
      case 'put-live':
        this.#live.set(write.brokerId, { revision, value: write.value })
        return
      case 'delete':
        if (write.key.kind === 'member') this.#members.delete(write.key.brokerId)
        if (write.key.kind === 'live') this.#live.delete(write.key.brokerId)
        return
      case 'put-next-id':
      case 'put-command':
        return
    }
  }

  #next(): Revision {
    this.#revision += 1
    return this.#revision as Revision
  }
}
