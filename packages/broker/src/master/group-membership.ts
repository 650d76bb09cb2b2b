import { CometError, type ReplicasDescription, type Services } from '@cometmq/protocol'
import {
  carryOut,
  type Elector,
  type Fulfilled,
  GroupMember,
  type GroupView,
  type MemberEnding,
  memberHandlers,
  type MemberStatus,
  type Surveyed,
  surveyGroup,
  type Wish,
} from '@cometmq/replication'
import type { Listener, Runtime } from '@cometmq/runtime'
import type { MessageStore } from '@cometmq/store'
import { advertisedAddress } from '../config.ts'
import type { CopiesAwaited } from '../produce/ack-level.ts'
import type { ReplicationConfig } from '../replication-config.ts'
import { replicasDescription } from './replicas-description.ts'

/** What other members come in by. */
const MEMBERS_LISTENER = 'members'
/** An operator has more time than a candidate. */
const SURVEY_INSPECTS = 3

export interface MembershipOptions {
  readonly cluster: string
  readonly brokerName: string
  readonly directory: string
  readonly replication: ReplicationConfig
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

  private constructor(
    runtime: Runtime,
    options: MembershipOptions,
    parts: {
      readonly member: GroupMember
      readonly elector: Elector
      readonly listener: Listener
      readonly methods: Services['replication']
    },
  ) {
    this.#runtime = runtime
    this.#options = options
    this.#methods = parts.methods
    this.#member = parts.member
    this.#elector = parts.elector
    this.#listener = parts.listener
  }

  /** Listens, and takes its place with `start`. Throws what `GroupMember.open` and listening throw. */
  static async open(
    runtime: Runtime,
    options: MembershipOptions,
    parts: {
      readonly store: MessageStore
      readonly elector: Elector
      readonly services: Services
      readonly role: RoleListener
    },
  ): Promise<GroupMembership> {
    const { replication, directory, cluster, brokerName } = options
    const { store, elector, services, role } = parts
    let member: GroupMember | undefined
    // Its address, which the member announces, is known only once it listens.
    const late = (): GroupMember => {
      if (member === undefined) throw new CometError('NOT_READY', 'this member has just started')
      return member
    }
    const listener = await runtime.transport.listen({
      address: replication.listen,
      name: MEMBERS_LISTENER,
      handlers: memberHandlers(services.replication, late),
    })
    try {
      member = await GroupMember.open(
        { ...runtime, store, elector, methods: services.replication, duties: role },
        {
          cluster,
          brokerName,
          folder: `${directory}/replication`,
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
      const methods = services.replication
      return new GroupMembership(runtime, options, { member, elector, listener, methods })
    } catch (thrown) {
      await listener.close()
      throw thrown
    }
  }

  start(): void {
    this.#member.start()
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

  /** Whom a write waits for, while this member leads. */
  get copies(): CopiesAwaited | undefined {
    return this.#member.copies
  }

  get status(): MemberStatus {
    return this.#member.status
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
  command(wish: Wish, timeoutMs: number): Promise<Fulfilled> {
    const { clock, random } = this.#runtime
    const witnesses = (view: GroupView) => this.#survey(view)
    return carryOut({ clock, random, elector: this.#elector, witnesses }, wish, timeoutMs)
  }

  /** How the member came to its end; see `GroupMember.ended`. */
  get ended(): Promise<MemberEnding> {
    return this.#member.ended
  }

  /** Hands over if this is the master, and leaves; resolves when that is done. */
  async leave(): Promise<void> {
    this.#member.stop()
    await this.#member.ended
  }

  #survey(view: GroupView): Promise<Surveyed[]> {
    const { brokerName, replication } = this.#options
    const { state, inspected: own } = this.#member
    const from = state.member.brokerId ?? 0
    const timeoutMs = SURVEY_INSPECTS * replication.settings.inspectMs
    const question = { view, brokerName, from, own, timeoutMs }
    return surveyGroup(this.#runtime.transport, this.#methods.Inspect, question)
  }

  async close(): Promise<void> {
    await this.#member.close()
    await this.#listener.close()
    await this.#elector[Symbol.asyncDispose]()
  }
}
