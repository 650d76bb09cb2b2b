import type {
  Command,
  ElectorKey,
  GroupView,
  Guard,
  LiveRecord,
  MemberRecord,
  Revision,
  SwapOutcome,
  Transaction,
  Versioned,
  Write,
} from '@cometmq/replication'

/** The keys of one group, changed by whole transactions in some order: what the elector promises. */
export class Register {
  #revision = 1
  #state: GroupView['state']
  #nextId: GroupView['nextId']
  #command: GroupView['command']
  readonly #members = new Map<number, Versioned<MemberRecord>>()
  readonly #live = new Map<number, Versioned<LiveRecord>>()
  readonly #leases = new Map<number, string>()

  get state(): GroupView['state'] {
    return this.#state
  }

  view(): GroupView {
    return {
      revision: this.#at(),
      clusterId: 'elector',
      state: this.#state,
      nextId: this.#nextId,
      command: this.#command,
      members: new Map(this.#members),
      live: new Map(this.#live),
    }
  }

  apply({ guards, writes }: Transaction): SwapOutcome {
    if (!guards.every((guard) => this.#holds(guard))) return { kind: 'lost', view: this.view() }
    this.#revision += 1
    for (const write of writes) this.#write(write)
    return { kind: 'won', revision: this.#at() }
  }

  /** An operator asks for something. */
  order(command: Command): void {
    this.#revision += 1
    this.#command = { revision: this.#at(), value: command }
  }

  /** A lease ends, and what was put under it goes. Returns whether there was anything. */
  endLease(leaseId: string): boolean {
    let ended = false
    for (const [brokerId, id] of this.#leases) {
      if (id !== leaseId) continue
      this.#leases.delete(brokerId)
      this.#live.delete(brokerId)
      ended = true
    }
    if (ended) this.#revision += 1
    return ended
  }

  #holds(guard: Guard): boolean {
    const revision = this.#revisionOf(guard.key)
    return guard.kind === 'absent' ? revision === undefined : revision === guard.revision
  }

  #write(write: Write): void {
    const revision = this.#at()
    switch (write.kind) {
      case 'put-state':
        this.#state = { revision, value: write.value }
        return
      case 'put-next-id':
        this.#nextId = { revision, value: write.value }
        return
      case 'put-command':
        this.#command = { revision, value: write.value }
        return
      case 'put-member':
        this.#members.set(write.brokerId, { revision, value: write.value })
        return
      case 'put-live':
        this.#live.set(write.brokerId, { revision, value: write.value })
        this.#leases.set(write.brokerId, write.leaseId)
        return
      case 'delete':
        return this.#delete(write.key)
    }
  }

  #delete(key: ElectorKey): void {
    if (key.kind === 'command') this.#command = undefined
    if (key.kind === 'member') this.#members.delete(key.brokerId)
    if (key.kind !== 'live') return
    this.#live.delete(key.brokerId)
    this.#leases.delete(key.brokerId)
  }

  #revisionOf(key: ElectorKey): Revision | undefined {
    switch (key.kind) {
      case 'state':
        return this.#state?.revision
      case 'next-id':
        return this.#nextId?.revision
      case 'command':
        return this.#command?.revision
      case 'member':
        return this.#members.get(key.brokerId)?.revision
      case 'live':
        return this.#live.get(key.brokerId)?.revision
    }
  }

  #at(): Revision {
    return this.#revision as Revision
  }
}
