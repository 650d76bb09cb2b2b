import type { CutDirection, MemberWays, Neighbours } from './member-ways.ts'
import { Relay } from './relay.ts'

/** Where a member listens, whom it dials, and which ports its relays may take for each. */
export interface WaysPlan {
  readonly clients: Way
  /** Undefined in a group of one. */
  readonly replication: Way | undefined
  readonly etcd: readonly Way[]
  readonly nameServers: readonly Way[]
}

interface Way {
  readonly from: string
  readonly to: string
}

/** Relays on all ways to and from one member of a broker group. They need no rights. */
export class RelayWays implements MemberWays {
  readonly kind = 'relays'
  readonly prefix = []
  /** Others dial it. */
  readonly #members: readonly Relay[]
  readonly #clients: readonly Relay[]
  /** It dials others. */
  readonly #etcd: readonly Relay[]
  readonly #nameServers: readonly Relay[]

  private constructor(relays: {
    readonly members: readonly Relay[]
    readonly clients: readonly Relay[]
    readonly etcd: readonly Relay[]
    readonly nameServers: readonly Relay[]
  }) {
    this.#members = relays.members
    this.#clients = relays.clients
    this.#etcd = relays.etcd
    this.#nameServers = relays.nameServers
  }

  static async open(plan: WaysPlan): Promise<RelayWays> {
    const openAll = (ways: readonly Way[]): Promise<Relay[]> =>
      Promise.all(ways.map((way) => Relay.open(way)))
    return new RelayWays({
      members: await openAll(plan.replication === undefined ? [] : [plan.replication]),
      clients: await openAll([plan.clients]),
      etcd: await openAll(plan.etcd),
      nameServers: await openAll(plan.nameServers),
    })
  }

  cut(neighbours: Neighbours, direction: CutDirection): void {
    const { dialling, dialled } = this.#waysTo(neighbours)
    for (const relay of dialling) relay.cut(direction)
    for (const relay of dialled) relay.cut(opposite(direction))
  }

  heal(): void {
    for (const relay of this.#all) relay.heal()
  }

  async refuse(): Promise<void> {
    await Promise.all([...this.#members, ...this.#clients].map((relay) => relay.refuse()))
  }

  async admit(): Promise<void> {
    await Promise.all([...this.#members, ...this.#clients].map((relay) => relay.admit()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all.map((relay) => relay[Symbol.asyncDispose]()))
  }

  get #all(): readonly Relay[] {
    return [...this.#members, ...this.#clients, ...this.#etcd, ...this.#nameServers]
  }

  #waysTo(neighbours: Neighbours): { dialling: readonly Relay[]; dialled: readonly Relay[] } {
    switch (neighbours) {
      case 'members':
        return { dialling: this.#members, dialled: [] }
      case 'etcd':
        return { dialling: [], dialled: this.#etcd }
      case 'all':
        return {
          dialling: [...this.#members, ...this.#clients],
          dialled: [...this.#etcd, ...this.#nameServers],
        }
    }
  }
}

function opposite(direction: CutDirection): CutDirection {
  switch (direction) {
    case 'there':
      return 'back'
    case 'back':
      return 'there'
    case 'both':
      return 'both'
  }
}
