import { CometError, type ReplicasDescription, type Services } from '@cometmq/protocol'
import {
  carryOut,
  type Elector,
  type Fulfilled,
  GroupMember,
  type GroupView,
  type MemberEnding,
  type GivenOverlay,
  memberHandlers,
  type MemberStatus,
  type OverlaySource,
  type Promoted,
  type PromoteWish,
  type Surveyed,
  surveyGroup,
  takeOverlay,
  type Wish,
} from '@cometmq/replication'
import type { Listener, Runtime } from '@cometmq/runtime'
import type { MessageStore } from '@cometmq/store'
import { advertisedAddress } from '../config.ts'
import type { CopiesAwaited } from '../produce/ack-level.ts'
import type { ReplicationConfig } from '../replication-config.ts'
import type { OverlayPeer } from '../stand-in/take-overlays.ts'
import { replicasDescription } from './replicas-description.ts'
import { StaticPlace } from './static-place.ts'

/** What other members come in by. */
const MEMBERS_LISTENER = 'members'
/** An operator has more time than a candidate. */
const SURVEY_INSPECTS = 3
/** A master beats five times a second. */
const MASTER_SILENT_MS = 3_000

export interface MembershipOptions {
  readonly cluster: string
  readonly brokerName: string
  readonly directory: string
  readonly replication: ReplicationConfig
}

export interface MembershipParts {
  readonly store: MessageStore
  /** Undefined: roles are configured. */
  readonly elector: Elector | undefined
  readonly services: Services
  readonly nameServers: readonly string[]
  readonly role: RoleListener
  /** Of a broker that may stand in for its master. */
  readonly overlays: OverlaySource | undefined
}

/** What a broker does about its role. */
export interface RoleListener {
  /** It may serve clients as master. */
  readonly begin: () => void
  readonly end: () => void
  readonly roleChanged: () => void
}

/** This broker's part in its broker group: the member, its elector, and the port between members. */
export class GroupMembership {
  readonly #runtime: Runtime
  readonly #options: MembershipOptions
  readonly #methods: Services['replication']
  readonly #member: GroupMember
  readonly #elector: Elector
  readonly #listener: Listener
  readonly #parts: MembershipParts
  /** Of static mode. */
  readonly #static: StaticPlace | undefined
  /** It had to start over before it took its place. */
  readonly #placeless = Promise.withResolvers<MemberEnding>()
  readonly #closing = new AbortController()

  private constructor(
    runtime: Runtime,
    options: MembershipOptions,
    parts: {
      readonly member: GroupMember
      readonly elector: Elector
      readonly listener: Listener
      readonly static: StaticPlace | undefined
    },
    given: MembershipParts,
  ) {
    this.#runtime = runtime
    this.#options = options
    this.#parts = given
    this.#static = parts.static
    this.#methods = given.services.replication
    this.#member = parts.member
    this.#elector = parts.elector
    this.#listener = parts.listener
  }

  /**
   * Listens, and takes its place with `start`. Throws what `GroupMember.open` and listening throw, and
   * `CONFIG_INVALID` without an elector where roles are not configured.
   */
  static async open(
    runtime: Runtime,
    options: MembershipOptions,
    parts: MembershipParts,
  ): Promise<GroupMembership> {
    const { replication, directory, cluster, brokerName } = options
    const { store, services, role, overlays } = parts
    let member: GroupMember | undefined
    const folder = `${directory}/replication`
    const { static: roles } = replication
    const seen = (): number => member?.state.member.lastSeenEpoch ?? 0
    const place =
      roles && (await StaticPlace.open(runtime, services, { ...options, roles, folder, seen }))
    const elector = place?.elector ?? parts.elector
    if (elector === undefined) {
      throw new CometError('CONFIG_INVALID', 'a broker group of several members needs an elector')
    }
    // Its address, which the member announces, is known only once it listens.
    const late = (): GroupMember => {
      if (member === undefined) throw new CometError('NOT_READY', 'this member has just started')
      return member
    }
    const listener = await runtime.transport.listen({
      address: replication.listen,
      name: MEMBERS_LISTENER,
      handlers: memberHandlers(services.replication, late, overlays),
    })
    try {
      member = await GroupMember.open(
        {
          ...runtime,
          store,
          elector,
          methods: services.replication,
          duties: role,
          appointments: place?.elector,
        },
        {
          cluster,
          brokerName,
          folder,
          settings: replication.settings,
          limits: replication.limits,
          rules: replication.rules,
          self: {
            configuredId: replication.memberId,
            host: replication.host,
            bootId: replication.bootId,
            replicationAddress: advertisedAddress(replication, listener.address),
            isObserver: replication.isObserver,
            priority: replication.priority,
          },
        },
      )
      return new GroupMembership(
        runtime,
        options,
        { member, elector, listener, static: place },
        parts,
      )
    } catch (thrown) {
      await listener.close()
      throw thrown
    }
  }

  start(): void {
    if (this.#static === undefined) return this.#member.start()
    const failed = (error: unknown): void => {
      if (this.#closing.signal.aborted) return
      this.#runtime.log.error({ error }, 'this member does not find its place in the group')
      this.#placeless.resolve({ kind: 'failed' })
    }
    this.#takePlace(this.#static).catch(failed)
  }

  /** Why clients are not answered as by a master, right now. */
  get refusal(): CometError | undefined {
    if (this.#member.mayServe) return undefined
    const { state, group } = this.#member
    const { kind } = state.role
    const who =
      group === undefined ? 'none is known' : `member ${group.master} of epoch ${group.epoch} is`
    return new CometError(
      'NOT_MASTER',
      `this member of the broker group is no master now (${kind}); ${who}`,
    )
  }

  /** Of an epoch that has not ended yet, as far as is known here. */
  get isMaster(): boolean {
    const { kind } = this.#member.state.role
    return kind === 'master' || kind === 'draining' || kind === 'fenced'
  }

  /** Of whatever master, be it one that is not there. */
  get isSlave(): boolean {
    const { kind } = this.#member.state.role
    return kind === 'joining' || kind === 'following' || kind === 'candidate'
  }

  /** As a slave that is being told that its master is there. */
  get hearsMaster(): boolean {
    const { role } = this.#member.state
    if (role.kind !== 'following' || role.stream === undefined) return false
    const silentMs = this.#runtime.clock.elapsedMs() - (role.heardAtMs ?? 0)
    return role.heardAtMs !== undefined && silentMs <= MASTER_SILENT_MS
  }

  /** The other members, and how each of them gives its overlay. */
  get overlayPeers(): OverlayPeer[] {
    const { state } = this.#member
    const { cluster, brokerName } = this.#options
    const { transport } = this.#runtime
    const peers: OverlayPeer[] = []
    for (const [brokerId, member] of state.elector.view?.members ?? []) {
      if (brokerId === state.member.brokerId) continue
      const from = member.value.replicationAddress
      const take = (signal: AbortSignal): Promise<GivenOverlay | undefined> => {
        const asked = { group: { cluster, brokerName }, from, signal }
        return takeOverlay(transport, this.#methods.TakeOverlay, asked)
      }
      peers.push({ name: from, take })
    }
    return peers
  }

  /** Whom a write waits for, while this member leads. */
  get copies(): CopiesAwaited | undefined {
    return this.#member.copies
  }

  get status(): MemberStatus {
    return this.#member.status
  }

  /** Of a master: the members that have everything confirmed, and are connected; their ids, rising. */
  get slavesInSync(): readonly number[] {
    return this.#member.status.replicas.flatMap(({ memberId, isInSync, lagBytes }) =>
      isInSync && lagBytes !== undefined ? [memberId] : [],
    )
  }

  /** Every member of the group as this one finds it now. Throws `NOT_READY` without a view of it. */
  async describeReplicas(): Promise<ReplicasDescription> {
    const { state } = this.#member
    const { view } = state.elector
    if (view === undefined) {
      throw new CometError('NOT_READY', 'this member has not heard from the elector yet')
    }
    const { brokerName } = this.#options
    const surveyed = await this.#survey(view)
    return replicasDescription({ brokerName, view, surveyed, own: this.#member })
  }

  /** Has the group do it; throws what `carryOut` throws. */
  async command(wish: Wish, timeoutMs: number): Promise<Fulfilled> {
    if (this.#static !== undefined) {
      const why = `the roles of this broker group are configured; there is no "${wish.kind}", use comet broker promote`
      throw new CometError('MEMBER_UNFIT', why)
    }
    const { clock, random } = this.#runtime
    const witnesses = (view: GroupView) => this.#survey(view)
    return carryOut({ clock, random, elector: this.#elector, witnesses }, wish, timeoutMs)
  }

  /** An operator names another master; throws what `promote` throws. */
  async promote(wish: PromoteWish): Promise<Promoted> {
    if (this.#static === undefined) {
      const why = 'this broker group elects its master; use comet broker hand-over, or elect'
      throw new CometError('MEMBER_UNFIT', why)
    }
    return this.#static.promote(this.#member, wish)
  }

  /** How the member came to its end; see `GroupMember.ended`. */
  get ended(): Promise<MemberEnding> {
    return Promise.race([this.#member.ended, this.#placeless.promise])
  }

  /** Hands over if this is the master, and leaves; resolves when that is done. */
  async leave(): Promise<void> {
    this.#closing.abort()
    this.#member.stop()
    await this.#member.ended
  }

  #survey(view: GroupView): Promise<Surveyed[]> {
    const { brokerName, replication } = this.#options
    const { state, inspected } = this.#member
    const own = { ...inspected, standsIn: this.#parts.overlays?.standsIn ?? false }
    const from = state.member.brokerId ?? 0
    const timeoutMs = SURVEY_INSPECTS * replication.settings.inspectMs
    const question = { view, brokerName, from, own, timeoutMs }
    return surveyGroup(this.#runtime.transport, this.#methods.Inspect, question)
  }

  /** Of static mode: makes sure that it may begin as what it is appointed to be. */
  async #takePlace(place: StaticPlace): Promise<void> {
    const { store, nameServers } = this.#parts
    const { signal } = this.#closing
    const found = await place.find(this.#member, store, { nameServers, signal })
    if (found.kind === 'ready') this.#member.start()
    else this.#placeless.resolve(found)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#member.close()
    await this.#listener.close()
    await this.#elector[Symbol.asyncDispose]()
  }
}
