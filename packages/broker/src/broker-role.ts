import { CometError, type ReplicasDescription, type Services } from '@cometmq/protocol'
import type {
  Elector,
  Fulfilled,
  MemberEnding,
  MemberStatus,
  Promoted,
  PromoteWish,
  Wish,
} from '@cometmq/replication'
import type { Runtime } from '@cometmq/runtime'
import type { MessageStore } from '@cometmq/store'
import type { BrokerCounters } from './broker-counters.ts'
import type { BrokerConfig } from './config.ts'
import type { GroupRegistry } from './group-registry.ts'
import { GroupMembership } from './master/group-membership.ts'
import { MasterDuties } from './master/master-duties.ts'
import { Mastership } from './master/mastership.ts'
import type { Presence, PublicRole } from './presence.ts'
import type { CopiesAwaited } from './produce/ack-level.ts'
import type { Standing } from './read/standing.ts'
import { mergeLateOverlays } from './stand-in/late-overlays.ts'
import type { OverlayStore } from './stand-in/overlay-store.ts'
import { StandIn } from './stand-in/stand-in.ts'
import { type Deliverer, type Delivering, StandInDuties } from './stand-in/stand-in-duties.ts'
import { standsIn } from './stand-in/stands-in.ts'
import { takeOverlays } from './stand-in/take-overlays.ts'
import type { TopicRegistry } from './topic-registry.ts'

export interface BrokerRoleParts {
  readonly runtime: Runtime
  readonly config: BrokerConfig
  readonly services: Services
  readonly store: MessageStore
  readonly topics: TopicRegistry
  readonly groups: GroupRegistry
  readonly counters: BrokerCounters
  /** What name servers say, and are told; there is none before the broker listens. */
  readonly presence: () => Presence | undefined
  readonly isServing: () => boolean
  /** The broker cannot go on. */
  readonly failed: (error: unknown) => void
}

/**
 * What a broker is in its broker group, as of now, and what it does as that: master, slave, or a slave
 * that stands in. One that is alone is master from its beginning to its end.
 */
export class BrokerRole {
  readonly #parts: BrokerRoleParts
  readonly #mastership: Mastership
  /** Undefined: the only member of its group. */
  #membership: GroupMembership | undefined
  /** Of a member that may stand in for its master. */
  #standIn: StandIn | undefined
  /** Other members for what they were told without a master; aborted with the reign. */
  #asking = new AbortController()

  constructor(parts: BrokerRoleParts) {
    this.#parts = parts
    this.#mastership = new Mastership({
      prepare: () => this.#takeOverlays(),
      begin: () => MasterDuties.begin(parts),
      refusal: () => this.#membership?.refusal,
      failed: parts.failed,
    })
    parts.store.beforeDelete((range) => this.#mastership.carryForward(range))
  }

  /** A broker that is alone is master when this resolves; any other one when it is told so. */
  async enter(elector: Elector | undefined): Promise<void> {
    const { runtime, config, services, store } = this.#parts
    const { replication, cluster, brokerName, nameservers } = config
    if (replication === undefined) return this.#mastership.begin()
    // Where masters are elected, there is another one before anybody would stand in.
    if (replication.static !== undefined) await this.#openStandIn()
    const { directory } = config.store
    this.#membership = await GroupMembership.open(
      runtime,
      { cluster, brokerName, directory, replication },
      {
        store,
        elector,
        services,
        nameServers: nameservers,
        overlays: this.#standIn,
        role: {
          // Name servers hear of a master that answers.
          begin: () => void this.#mastership.begin().then(() => this.#announce()),
          end: () => {
            this.#asking.abort()
            void this.#mastership.end(reignOver())
          },
          roleChanged: () => {
            if (!this.#isSettling) this.#announce()
          },
        },
      },
    )
    void this.#membership.ended.then(({ kind }) => {
      if (kind !== 'failed') return
      const why = 'the member of the broker group has failed; start the broker again'
      this.#parts.failed(new CometError('STORE_UNUSABLE', why))
    })
  }

  /** Takes its place in the group, once others can reach this broker. */
  start(): void {
    // A member has something to say when it knows its number in the group.
    if (this.#membership === undefined) this.#parts.presence()?.start()
    else this.#membership.start()
    this.#standIn?.start()
  }

  /** Of a member: how it came to its end. */
  get ended(): Promise<MemberEnding> | undefined {
    return this.#membership?.ended
  }

  get member(): MemberStatus | undefined {
    return this.#membership?.status
  }

  /** What only a master does. */
  get mastership(): Mastership {
    return this.#mastership
  }

  /** For operators' calls; undefined: it is the only member of its group. */
  get operated():
    | {
        describeReplicas(): Promise<ReplicasDescription>
        command(wish: Wish, timeoutMs: number): Promise<Fulfilled>
        promote(wish: PromoteWish): Promise<Promoted>
      }
    | undefined {
    return this.#membership
  }

  /** A slave that stands in, or else a master. */
  get delivering(): Delivering {
    const standIn = (): Deliverer | undefined => this.#standIn?.present
    const mastership = this.#mastership
    return {
      get present() {
        return standIn() ?? mastership.present
      },
      need: () => standIn() ?? mastership.need(),
    }
  }

  /** Where a slave that stands in keeps what it is told. */
  get overlay(): OverlayStore | undefined {
    return this.#standIn?.present?.store
  }

  get isSlave(): boolean {
    return this.#membership?.isMaster === false
  }

  get slavesInSync(): readonly number[] {
    return this.#membership?.slavesInSync ?? []
  }

  /** Whom a write waits for; undefined: this broker is alone, or does not lead. */
  get copies(): CopiesAwaited | undefined {
    return this.#membership?.copies
  }

  get standing(): Standing {
    if (this.#mastership.refusal === undefined) return 'master'
    return this.isSlave ? 'slave' : 'settling'
  }

  get public(): PublicRole {
    const membership = this.#membership
    if (membership === undefined) {
      const { epoch } = this.#parts.store.status
      return { isMaster: true, memberId: 0, epoch, standsIn: false }
    }
    const { memberId, epoch } = membership.status
    const isStandIn = this.#standIn?.present !== undefined
    return { isMaster: membership.isMaster, memberId, epoch, standsIn: isStandIn }
  }

  /** Hands over if this is the master, and leaves the group; resolves when that is done. */
  async leave(): Promise<void> {
    await this.#membership?.leave()
  }

  async close(): Promise<void> {
    this.#asking.abort()
    await this.#mastership.end(new CometError('CLOSED', 'the broker has stopped'))
    await this.#standIn?.close()
    await this.#membership?.close()
  }

  get #isSettling(): boolean {
    return this.#membership?.isMaster === true && this.#mastership.present === undefined
  }

  #announce(): void {
    this.#parts.presence()?.again()
  }

  async #openStandIn(): Promise<void> {
    const { runtime, store, config, failed } = this.#parts
    this.#standIn = await StandIn.open(
      { ...runtime, store },
      {
        folder: `${config.store.directory}/replication`,
        isCalledFor: () => this.#isStandInCalledFor,
        begin: (overlay) => StandInDuties.begin(this.#parts, overlay),
        changed: () => this.#announce(),
        failed,
      },
    )
  }

  get #isStandInCalledFor(): boolean {
    const { isServing, config, presence } = this.#parts
    const membership = this.#membership
    if (membership === undefined || !membership.isSlave || !isServing()) return false
    const answers = (presence()?.heardOfGroup ?? []).map(({ masterPresent, brokers, ageMs }) => {
      const slaves = brokers.filter(
        ({ brokerName, brokerId }) => brokerName === config.brokerName && brokerId > 0,
      )
      return { masterPresent, memberIds: slaves.map(({ brokerId }) => brokerId), ageMs }
    })
    const me = membership.status.memberId
    return me > 0 && standsIn({ streamUp: membership.hearsMaster, answers, me })
  }

  /** What slaves were told in the absence of a master, and what this one was told as a slave. */
  async #takeOverlays(): Promise<void> {
    const [standIn, membership] = [this.#standIn, this.#membership]
    if (standIn === undefined || membership === undefined) return
    const { runtime, store, topics, groups, failed } = this.#parts
    const { clock, log } = runtime
    const ports = { clock, log, store, topics, groups }
    const own = { name: 'itself', take: () => standIn.giveOverlay() }
    this.#asking.abort()
    this.#asking = new AbortController()
    const { signal } = this.#asking
    const peers = await takeOverlays(ports, [own, ...membership.overlayPeers], signal)
    const aside = async (merge: () => Promise<void>): Promise<void> => {
      await this.#mastership.renew(merge)
      // What has changed meanwhile nobody was told.
      this.#announce()
    }
    mergeLateOverlays(ports, { peers, signal, aside }).catch(failed)
  }
}

function reignOver(): CometError {
  return new CometError('NOT_MASTER', 'this broker is master no longer; ask the next one')
}
