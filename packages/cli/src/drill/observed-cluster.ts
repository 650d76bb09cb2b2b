import { setTimeout as sleep } from 'node:timers/promises'
import { type BrokerAddress, type BrokerDescription, loadServices } from '@cometmq/protocol'
import type { Transport } from '@cometmq/runtime'
import type { DrilledCluster } from './faults.ts'
import { MemberWatch } from './member-watch.ts'
import { RouteWatch } from './route-watch.ts'
import { sharedNowMs } from './shared-clock.ts'
import type { Target } from './target.ts'
import type { Observation } from './timeline.ts'

/** A broker group as it was when the drill began. */
export interface ObservedGroup {
  readonly name: string
  /** Members that name servers knew. */
  readonly members: number
  /** Those that were in sync; 0 where nobody keeps a set. */
  readonly inSync: number
}

const LOOK_MS = 50

/** A cluster that somebody else runs: what its name servers and its members say. */
export class ObservedCluster implements DrilledCluster, Disposable {
  #groups: readonly ObservedGroup[] = []
  readonly #transport: Transport
  readonly #onObservation: (observation: Observation) => void
  readonly #services = loadServices()
  readonly #routes: readonly RouteWatch[]
  /** By address. */
  readonly #members = new Map<string, MemberWatch>()
  /** The latest reign of each group that was told. */
  readonly #epochs = new Map<string, number>()
  readonly #looking: NodeJS.Timeout

  constructor(
    transport: Transport,
    endpoints: readonly string[],
    onObservation: (observation: Observation) => void,
  ) {
    this.#transport = transport
    this.#onObservation = onObservation
    this.#routes = endpoints.map((endpoint) => {
      const connection = transport.connect(endpoint)
      return new RouteWatch({ services: this.#services, connection, onObservation }, endpoint)
    })
    this.#looking = setInterval(() => this.#watchMembers(), LOOK_MS)
  }

  get groups(): readonly ObservedGroup[] {
    return this.#groups
  }

  get hasSlaves(): boolean {
    return this.#groups.some(({ members }) => members > 1)
  }

  /**
   * Takes the cluster as it is now for whole: every name server knows a master of every group, and
   * every member answers. Resolves with what is missing if it does not come to that.
   */
  async learn(signal: AbortSignal): Promise<string | undefined> {
    for (;;) {
      const missing = this.#missing()
      if (missing === undefined) break
      if (signal.aborted) return missing
      await sleep(LOOK_MS)
    }
    this.#groups = this.#masters().map(({ brokerName, address }) => ({
      name: brokerName,
      members: this.#addressesOf(brokerName).length,
      inSync: this.#members.get(address)?.latest?.inSync.length ?? 0,
    }))
    return undefined
  }

  /** Who is what in a group at this moment; undefined while it has no master. */
  targetIn(groupName: string): Target | undefined {
    const master = this.#masterOf(groupName)
    if (master === undefined) return undefined
    const idOf = (address: string | undefined): number | undefined =>
      address === undefined ? undefined : this.#members.get(address)?.latest?.memberId
    const slaveAddress = this.#addressesOf(groupName).find((address) => address !== master.address)
    return {
      brokerName: groupName,
      master: idOf(master.address) ?? 0,
      masterAddress: master.address,
      slave: idOf(slaveAddress),
      slaveAddress,
    }
  }

  epochOf(groupName: string): number {
    return this.#masterOf(groupName)?.epoch ?? 0
  }

  /** Members of a group by their addresses, its master first. */
  addressesOf(groupName: string): readonly string[] {
    const master = this.#masterOf(groupName)?.address
    return this.#addressesOf(groupName).toSorted(
      (a, b) => Number(b === master) - Number(a === master),
    )
  }

  async untilWhole(signal: AbortSignal): Promise<void> {
    while (this.#missing() !== undefined) await sleep(LOOK_MS, undefined, { signal })
  }

  [Symbol.dispose](): void {
    clearInterval(this.#looking)
    for (const watch of [...this.#routes, ...this.#members.values()]) watch[Symbol.dispose]()
  }

  /** A sentence about the first thing that is not there, or not as it was. */
  #missing(): string | undefined {
    for (const watch of this.#routes) {
      if (!watch.isTold) return `the name server ${watch.name} does not answer`
    }
    const masters = this.#masters()
    const names = this.#groups.length > 0 ? this.#groups : masters.map(asGroup)
    if (names.length === 0) return 'no broker is registered'
    for (const { name, members, inSync } of names) {
      const addresses = new Set(this.#routes.map((watch) => watch.masterOf(name)?.address))
      if (addresses.has(undefined)) return `${name} has no master`
      if (addresses.size > 1) return `name servers differ on who is master of ${name}`
      const known = this.#addressesOf(name)
      if (known.length < members) return `${name} has ${known.length} of ${members} members`
      const silent = known.find((address) => this.#members.get(address)?.latest === undefined)
      if (silent !== undefined) return `${silent}, a member of ${name}, does not answer`
      const [master = ''] = addresses
      const now = this.#members.get(master)?.latest?.inSync.length ?? 0
      if (now < inSync) return `in ${name} are ${now} of ${inSync} in sync`
    }
    return undefined
  }

  /** Of each group, by name. */
  #masters(): BrokerAddress[] {
    const names = new Set(this.#brokers().map(({ brokerName }) => brokerName))
    return [...names].toSorted().flatMap((name) => this.#masterOf(name) ?? [])
  }

  /** By the latest that any name server tells. */
  #masterOf(groupName: string): BrokerAddress | undefined {
    const masters = this.#routes.map((watch) => watch.masterOf(groupName))
    return masters
      .filter((master) => master !== undefined)
      .toSorted((a, b) => b.epoch - a.epoch)
      .at(0)
  }

  #addressesOf(groupName: string): string[] {
    const ofGroup = this.#brokers().filter(({ brokerName }) => brokerName === groupName)
    return [...new Set(ofGroup.map(({ address }) => address))].toSorted()
  }

  #brokers(): BrokerAddress[] {
    return this.#routes.flatMap((watch) => watch.brokers)
  }

  /** A member that was moved, or is new, is looked at as soon as a name server knows where it is. */
  #watchMembers(): void {
    for (const { address, brokerName } of this.#brokers()) {
      if (this.#members.has(address)) continue
      const ports = {
        services: this.#services,
        connection: this.#transport.connect(address),
      }
      const onDescription = (description: BrokerDescription): void =>
        this.#noteReign(brokerName, address, description)
      this.#members.set(address, new MemberWatch(ports, onDescription))
    }
  }

  #noteReign(brokerName: string, source: string, description: BrokerDescription): void {
    const { lastChange } = description
    const epoch = lastChange?.epoch ?? 0
    if (epoch <= (this.#epochs.get(brokerName) ?? -1)) return
    this.#epochs.set(brokerName, epoch)
    const { master, reason } = lastChange ?? { master: description.memberId, reason: '' }
    const atMs = sharedNowMs()
    this.#onObservation({ kind: 'state', atMs, source, brokerName, epoch, master, reason })
  }
}

function asGroup({ brokerName }: BrokerAddress): ObservedGroup {
  return { name: brokerName, members: 1, inSync: 0 }
}
